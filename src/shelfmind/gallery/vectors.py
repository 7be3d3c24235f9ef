"""Files of embeddings: single-precision unit vectors, named by the checksum of their content."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import DamagedFileError, MissingFileError, checksum, vectors_name
from shelfmind.gallery.storage import Files


def write_vectors(files: Files, vectors: Floats) -> str:
    """Store vectors (N, D). Returns the checksum that names their file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    content = stream.getvalue()
    digest = checksum(content)
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
    """Return the requested vectors (N, D) in order, each given by its file's checksum and its row."""
    found = np.empty((len(wanted), width), np.float32)
    for digest in dict.fromkeys(file for file, _ in wanted):
        rows = [(index, row) for index, (file, row) in enumerate(wanted) if file == digest]
        indices, sources = (np.array(column) for column in zip(*rows, strict=True))
        found[indices] = read_vectors(files, digest)[sources]
    return found
