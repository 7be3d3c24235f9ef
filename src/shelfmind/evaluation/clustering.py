"""Agreement of clusters with the true products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from shelfmind.arrays import Ints


@dataclass(frozen=True)
class Agreement:
    """`accuracy` is the share of N photos in the correct group for the best one-to-one assignment of groups to
    products (Hungarian method). `adjusted_rand` (Hubert and Arabie 1985) is 0 for chance and 1 for identical groups.
    `groups` and `products` are the numbers of groups and of true products.
    """

    accuracy: float
    adjusted_rand: float
    groups: int
    products: int


def agreement(found: Ints, true: Ints) -> Agreement:
    """Compare the group of each photo (N,) with its product (N,); N is at least 1."""
    _, rows = np.unique(found, return_inverse=True)
    _, columns = np.unique(true, return_inverse=True)
    table = np.zeros((rows.max() + 1, columns.max() + 1), np.int64)
    np.add.at(table, (rows, columns), 1)
    matched = table[linear_sum_assignment(table, maximize=True)].sum()
    return Agreement(float(matched / len(rows)), _adjusted_rand(table), *table.shape)


def _adjusted_rand(table: Ints) -> float:
    together = _pairs(table).sum()
    in_group, in_product = _pairs(table.sum(1)).sum(), _pairs(table.sum(0)).sum()
    expected = in_group * in_product / max(_pairs(table.sum()), 1)
    most = (in_group + in_product) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))


def _pairs(counts: Ints) -> Ints:
    return counts * (counts - 1) // 2
