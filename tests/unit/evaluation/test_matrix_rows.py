"""Chunks cover every row once, directions have length 1, and what is no distribution is named."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import require_distributions, row_chunks, unit_rows


@pytest.mark.parametrize(
    ("rows", "width", "most", "chunks"), [(10, 3, 9, 4), (10, 3, 1, 10), (0, 3, 9, 0), (2, 0, 9, 1)]
)
def test_chunks_cover_every_row_once(rows: int, width: int, most: int, chunks: int) -> None:
    parts = list(row_chunks(rows, width, most))
    assert len(parts) == chunks
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(rows))


def test_directions_have_length_1_and_nothing_has_none() -> None:
    given = np.array([[3, 4], [0, 0], [1e-15, 0]])
    found = unit_rows(given)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert given[0].tolist() == [3, 4]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([np.nan, 1], "of row 101 are not finite"),
        ([np.inf, 0], "not finite"),
        ([0.5, 0.6], "row 101 must be at least 0"),
        ([-1, 2], "row 101 must be"),
    ],
)
def test_the_first_row_that_is_no_distribution_is_named(row: list[float], said: str) -> None:
    values = np.array([[0.5, 0.5], row, row], np.float32)
    with pytest.raises(UserError, match=said):
        require_distributions(values, 100, "row {}".format)
    require_distributions(values[:1], 100, "row {}".format)
