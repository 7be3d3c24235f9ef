"""Row-wise operations on large arrays: chunks of bounded memory, unit rows, checks of probabilities."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats, Wide
from shelfmind.errors import UserError

_SUM_TOLERANCE = 1e-2  # wide enough for probabilities that were once stored in half precision


def row_chunks(rows: int, width: int, most_values: int) -> Iterator[slice]:
    """Yield slices of consecutive rows with at most `most_values` values (`width` per row), but at least one row."""
    step = max(1, most_values // max(1, width))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def unit_rows(values: npt.NDArray[np.floating[Any]]) -> Floats:
    """Return the rows of an array (N, D) scaled to length 1 in single precision. Zero rows are unchanged."""
    rows = np.array(values, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=rows, where=lengths > 0)


def log_sum_exp(values: Floats | Wide) -> Wide:
    """Return the log-sum-exp of each row of (N, K), (N,), without overflow."""
    greatest = values.max(axis=1, keepdims=True).astype(np.float64)
    return np.asarray(np.log(np.exp(values - greatest).sum(axis=1)) + greatest[:, 0])


def require_distributions(values: Floats, start: int, name: Callable[[int], str]) -> None:
    """Raise `UserError` with the name of the first row of `values` (N, C) that is not a probability distribution.

    `values` are the rows from `start` on of a larger array. `name` returns the name of a row of that array.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        sums = values.sum(axis=1, dtype=np.float64)
    infinite = np.flatnonzero(~np.isfinite(sums))
    if len(infinite):
        where = name(start + int(infinite[0]))
        raise UserError(
            f"the probabilities of {where} are not finite; training has probably diverged: "
            "train again with a lower learning rate"
        )
    wrong = np.flatnonzero((np.abs(sums - 1.0) > _SUM_TOLERANCE) | (values.min(axis=1) < 0))
    if len(wrong):
        where = name(start + int(wrong[0]))
        raise UserError(f"the probabilities of {where} must be at least 0 and sum to 1")
