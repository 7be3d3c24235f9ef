"""Files of embeddings: single-precision unit vectors, named by the checksum of their content."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import DamagedFileError, MissingFileError, checksum, vectors_name
from shelfmind.gallery.storage import Files

_CHUNK_ROWS = 1 << 16
"""Vectors copied at once, as each copy is made twice."""


def write_vectors(files: Files, vectors: Floats) -> str:
    """Store vectors (N, D). Returns the checksum that names their file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    content = stream.getvalue()
    digest = checksum(content)
    if not files.has(vectors_name(digest)):
        files.create(vectors_name(digest), content)
    return digest


def read_vectors(files: Files, digest: str) -> Floats:
    """Return the vectors of a file. Raises `DamagedFileError` if it is damaged or missing."""
    name = vectors_name(digest)
    try:
        content = files.read(name)
    except FileNotFoundError:
        raise MissingFileError(name) from None
    if checksum(content) != digest:
        raise DamagedFileError(name, "its checksum does not match")
    try:
        vectors: Floats = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception as error:  # the header is Python text, whose parser can raise anything
        raise DamagedFileError(name, f"its checksum is right, but it has no vectors ({error})") from error
    return vectors


def gathered(files: Files, wanted: Sequence[tuple[str, int]], width: int) -> Floats:
    """Return the requested vectors (N, D) in order, each given by its file's checksum and its row.

    Raises `DamagedFileError` if a file is damaged, missing, or has vectors of another length than `width`.
    """
    found = np.empty((len(wanted), width), np.float32)
    rows_of: dict[str, tuple[list[int], list[int]]] = {}
    for index, (digest, row) in enumerate(wanted):  # one pass: each enrolment has its own file
        indices, rows = rows_of.setdefault(digest, ([], []))
        indices.append(index)
        rows.append(row)
    for digest, (indices, rows) in rows_of.items():
        vectors = read_vectors(files, digest)
        if vectors.shape[1:] != (width,):
            shape = " x ".join(map(str, vectors.shape))
            raise DamagedFileError(vectors_name(digest), f"it has {shape} values instead of vectors of length {width}")
        for start in range(0, len(rows), _CHUNK_ROWS):
            part = slice(start, start + _CHUNK_ROWS)
            found[indices[part]] = vectors[rows[part]]
    return found
