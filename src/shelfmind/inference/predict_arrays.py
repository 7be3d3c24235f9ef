"""Predict any number of squares into arrays that may exceed the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Bools, new_array
from shelfmind.errors import UserError
from shelfmind.images.squares import Squares
from shelfmind.inference.predictor import Predictor
from shelfmind.progress import Progress
from shelfmind.top_probabilities import KEPT, Probabilities, TopProbabilities

MOST_MAPPED = 2**31
"""The greatest number of probabilities that are kept in full in a mapped file: 8 GiB."""
_ALL, _TOP_CLASSES, _TOP = "probabilities.npy", "top_classes.npy", "top_probabilities.npy"


def predict_into(
    predictor: Predictor,
    squares: Squares,
    *,
    probabilities: Probabilities,
    embeddings: Path,
    wanted: Bools | None = None,
    progress: Progress | None = None,
) -> None:
    """Predict N squares in order: rows of `probabilities` where `wanted` (N,) is true, and all rows of embeddings.

    `probabilities` has shape (M, C) and includes the last wanted row. `embeddings` becomes a ``.npy`` of 16-bit values,
    shape (N, D). Only a few batches are in memory. Raises `UserError` if the disk is full.
    """
    total, start = len(squares), 0
    rows: npt.NDArray[np.float16] | None = None
    for batch in predictor.of_squares(squares):
        if rows is None:
            rows = open_array(embeddings, (total, batch.embeddings.shape[1]), np.float16)
        stop = start + len(batch.probabilities)
        chosen = np.ones(stop - start, np.bool_) if wanted is None else wanted[start:stop]
        probabilities[start + np.flatnonzero(chosen)] = batch.probabilities[chosen]
        rows[start:stop] = np.clip(batch.embeddings, -65504, 65504)  # the largest 16-bit value; only directions matter
        if progress is not None:
            progress(stop - start)
        start = stop
    for array in (rows, probabilities):
        if isinstance(array, np.memmap | TopProbabilities):
            array.flush()


def open_array(path: Path, shape: tuple[int, ...], dtype: Any) -> Any:
    """Open a memory-mapped ``.npy`` of this shape and type, created with zeros if it does not exist.

    Raises `UserError` if it cannot be created.
    """
    try:
        there = np.load(path, mmap_mode="r+", allow_pickle=False)
        if there.shape == shape and there.dtype == np.dtype(dtype):
            return there
    except Exception:  # missing, truncated or invalid: the header's parser raises various errors
        pass
    try:
        return new_array(path, dtype, shape)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}") from error


def open_probabilities(folder: Path, images: int, classes: int) -> Probabilities:
    """Open mapped files in `folder` for the probabilities of N images, created with zeros if they do not exist.

    Beyond `MOST_MAPPED` values, they keep the most probable classes of each image, unless an earlier version started a
    file of all.

    Raises `UserError` if they cannot be created.
    """
    if images * classes <= MOST_MAPPED or (folder / _ALL).exists():
        whole: npt.NDArray[np.float32] = open_array(folder / _ALL, (images, classes), np.float32)
        return whole
    shape = (images, min(KEPT, classes))
    ids, values = open_array(folder / _TOP_CLASSES, shape, np.int32), open_array(folder / _TOP, shape, np.float32)
    return TopProbabilities(ids, values, classes)


def read_probabilities(folder: Path, classes: int) -> Probabilities:
    """Map the files of `open_probabilities` for reading."""
    if (folder / _TOP).exists():
        ids, values = (np.load(folder / name, mmap_mode="r") for name in (_TOP_CLASSES, _TOP))
        return TopProbabilities(ids, values, classes)
    whole: npt.NDArray[np.float32] = np.load(folder / _ALL, mmap_mode="r")
    return whole
