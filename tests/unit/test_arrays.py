"""Rows grouped by label."""

from __future__ import annotations

import numpy as np

from shelfmind.arrays import rows_by_label


def test_each_label_has_its_rows_in_order_and_negative_ones_are_skipped():
    labels = np.array([3, -1, 0, 3, 0, -2, 7])
    assert [(label, rows.tolist()) for label, rows in rows_by_label(labels)] == [(0, [2, 4]), (3, [0, 3]), (7, [6])]
    assert list(rows_by_label(np.array([-1, -1]))) == []
    assert list(rows_by_label(np.zeros(0, np.int64))) == []
