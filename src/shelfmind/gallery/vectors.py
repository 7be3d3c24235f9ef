"""Files of embeddings: unit vectors in single precision, named by the checksum of their content."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.gallery.changes import DamagedFileError, MissingFileError, checksum, vectors_name
from shelfmind.gallery.storage import Files


def write_vectors(files: Files, vectors: Floats) -> str:
    """Keep vectors (N, D); returns the checksum that names their file."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(vectors, np.float32), allow_pickle=False)
    content = stream.getvalue()
    digest = checksum(content)
    files.create(vectors_name(digest), content)
    return digest


def read_vectors(files: Files, digest: str) -> Floats:
    """The vectors of a file. Raises `DamagedFileError` for one that holds something else, or is gone."""
    name = vectors_name(digest)
    try:
        content = files.read(name)
    except FileNotFoundError:
        raise MissingFileError(name) from None
    if checksum(content) != digest:
        raise DamagedFileError(name, "its checksum is another")
    vectors: Floats = np.load(io.BytesIO(content), allow_pickle=False)
    return vectors


def gathered(files: Files, wanted: Sequence[tuple[str, int]], width: int) -> Floats:
    """The vectors that are wanted, each by its file's checksum and its row, in order: (N, D)."""
    found = np.empty((len(wanted), width), np.float32)
    for digest in dict.fromkeys(file for file, _ in wanted):
        rows = [(index, row) for index, (file, row) in enumerate(wanted) if file == digest]
        indices, sources = (np.array(column) for column in zip(*rows, strict=True))
        found[indices] = read_vectors(files, digest)[sources]
    return found
