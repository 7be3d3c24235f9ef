"""An image far from everything stands out by its class's own scale, in classes of any size."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.analysis.label_errors.outliers import outlier_scores


def scattered(middle: float, spread: float, count: int) -> np.ndarray:
    return middle + spread * np.random.default_rng(0).standard_normal(count)


def test_the_scale_is_the_nearest_classs_own() -> None:
    near = np.concatenate([scattered(0.9, 0.01, 200), scattered(0.5, 0.1, 200), [0.7], [0.4]]).astype(np.float32)
    own = [*np.repeat([0, 1], 200).tolist(), 0, 1]
    scores = outlier_scores(np.array(own)[:, None], near[:, None])
    assert np.median(scores[:400]) == pytest.approx(0, abs=0.1)
    assert (scores[:400] > 4).mean() < 0.01
    assert scores[400] > 4  # 0.2 below the middle of a tight class
    assert scores[401] < 2  # 0.1 below that of a wide one


def test_near_to_another_class_is_no_outlier() -> None:
    near = np.full((21, 2), 0.2, np.float32)
    near[:, 0] = scattered(0.9, 0.01, 21)
    near[20] = [0.2, 0.9]  # filed wrong, but at home in class 1
    asked = np.tile([0, 1], (21, 1))
    asked[10:20] = [1, 0]
    scores = outlier_scores(asked, near)
    assert scores[20] < 1
    assert outlier_scores(asked[:, :1], near[:, :1])[20] > 4


def test_small_and_uniform_classes_do_not_make_everything_an_outlier() -> None:
    near = np.concatenate([scattered(0.8, 0.05, 100), [0.78, 0.8], np.full(9, 0.99), [0.97]]).astype(np.float32)
    own = np.array([0] * 100 + [1] * 2 + [2] * 10)
    scores = outlier_scores(own[:, None], near[:, None])
    assert (scores[100:102] < 2).all()
    assert scores[-1] < 2


def test_what_cannot_be_compared_is_not_a_number() -> None:
    scores = outlier_scores(np.array([[0, 1], [1, 0]]), np.array([[np.nan, np.nan], [0.5, np.nan]], np.float32))
    assert np.isnan(scores[0])
    assert np.isfinite(scores[1])
