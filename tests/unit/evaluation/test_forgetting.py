"""What old classes lose is measured on the same images, and on none nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.evaluation.bootstrap import hits_interval, paired_interval
from shelfmind.evaluation.forgetting import new_classes, old_classes


def hits(right: int, images: int = 100) -> np.ndarray:
    return (np.arange(images) < right).astype(np.float64)


def test_old_classes_are_compared_image_by_image() -> None:
    found = old_classes(hits(80), hits(70), hits(85))
    assert found is not None
    assert (found.images, found.before, found.too_few_images) == (100, 0.8, False)
    assert (found.imprinted.top1, found.imprinted.change) == pytest.approx((0.7, -0.1))
    assert found.imprinted.change_ci95 == paired_interval(hits(70) - hits(80))
    assert found.imprinted.change_ci95.high < 0 < found.tuned.change
    assert found.before_ci95 == hits_interval(hits(80))


def test_new_classes_have_no_before() -> None:
    found = new_classes(hits(3, 9), hits(6, 9))
    assert found is not None
    assert (found.images, found.too_few_images) == (9, True)
    assert found.tuned == pytest.approx(2 / 3)
    assert found.tuned_ci95.low < 2 / 3 < found.tuned_ci95.high


def test_without_images_nothing_is_said() -> None:
    nothing = np.zeros(0)
    assert old_classes(nothing, nothing, nothing) is None
    assert new_classes(nothing, nothing) is None
