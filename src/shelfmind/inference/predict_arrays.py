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


def predict_into(
    predictor: Predictor,
    squares: Squares,
    *,
    probabilities: npt.NDArray[np.floating[Any]],
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
    if isinstance(rows, np.memmap):
        rows.flush()


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
