"""Wrong labels: how many, of which kind, and what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.errors import UserError
from shelfmind.shelf_generator.label_errors import FOREIGN, error_numbers
from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.settings import ERROR_KINDS, make_settings


def planned(**values: Any) -> DataSetPlan:
    return make_plan(make_settings({"classes": 40, "images": 1000, **values}))


def count(plan: DataSetPlan, kind: str) -> int:
    return int((plan.error == ERROR_KINDS.index(kind)).sum())


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(0, 0.5), seed=st.integers(0, 1000))
def test_the_rate_is_exact(rate: float, seed: int) -> None:
    plan = planned(label_errors=rate, seed=seed)
    assert (plan.error >= 0).sum() == round(rate * 1000)
    assert ((plan.true != plan.given) == (plan.error >= 0)).all()


def test_the_kinds_have_their_shares() -> None:
    plan = planned(label_errors=0.1, error_kinds={"random": 0.5, "sibling": 0.3, "foreign": 0.2})
    assert [count(plan, kind) for kind in ("random", "sibling", "foreign")] == [50, 30, 20]
    only = planned(label_errors=0.05, error_kinds={"sibling": 1})
    assert [count(only, kind) for kind in ERROR_KINDS] == [0, 50, 0]


@given(rate=st.floats(0, 0.9), shares=st.lists(st.floats(0.01, 5), min_size=3, max_size=3), photos=st.integers(1, 9999))
def test_kinds_add_up_and_are_within_one_of_their_share(rate: float, shares: list[float], photos: int) -> None:
    made = make_settings({"label_errors": rate, "error_kinds": dict(zip(ERROR_KINDS, shares, strict=True))})
    numbers = error_numbers(made, photos)
    assert sum(numbers.values()) == round(rate * photos)
    for kind, share in zip(ERROR_KINDS, shares, strict=True):
        assert abs(numbers[kind] - share / sum(shares) * round(rate * photos)) < 1


def test_each_kind_shows_what_it_says(large_plan: DataSetPlan) -> None:
    plan = large_plan
    lines = np.array([*(design.line for design in plan.products), -1])
    sibling, foreign, random = (plan.error == ERROR_KINDS.index(kind) for kind in ("sibling", "foreign", "random"))
    assert (lines[plan.true[sibling]] == lines[plan.given[sibling]]).all()
    assert (lines[plan.given[sibling]] >= 0).all()
    assert (plan.true[foreign] == FOREIGN).all()
    assert (plan.true[random] >= 0).all()
    assert (lines[plan.true[random]] != lines[plan.given[random]]).mean() > 0.9


def test_random_errors_show_large_classes_more_often(large_plan: DataSetPlan) -> None:
    random = large_plan.error == ERROR_KINDS.index("random")
    sizes = np.bincount(large_plan.given)
    large = sizes >= np.sort(sizes)[-30]
    assert large[large_plan.true[random]].mean() == pytest.approx(sizes[large].sum() / sizes.sum(), abs=0.06)


def test_errors_can_be_kept_out_of_the_test_split() -> None:
    plan = planned(label_errors=0.2, error_splits=("train",))
    train = plan.split == "train"
    assert (plan.error[~train] < 0).all()
    assert (plan.error >= 0).sum() == round(0.2 * train.sum())


def test_siblings_without_siblings_are_refused() -> None:
    with pytest.raises(UserError, match=r"of kind 'sibling' requested, but only 0 photos can have one"):
        planned(label_errors=0.1, family_size=1)


def test_near_copies_show_their_originals_product(large_plan: DataSetPlan) -> None:
    plan = large_plan
    copies = np.flatnonzero(plan.source != np.arange(plan.photos))
    assert len(copies) == round(0.05 * plan.photos)
    originals = plan.source[copies]
    assert (plan.source[originals] == originals).all()
    assert (plan.true[copies] == plan.true[originals]).all()
    assert (plan.subject[copies] == plan.subject[originals]).all()
    assert (plan.true[copies] >= 0).all()
    across = (plan.split[copies] == "test") & (plan.split[originals] == "train")
    assert across.any()  # leaks from train to test
    assert (plan.given[copies] != plan.given[originals]).any()  # the same photo under two labels


def test_too_many_near_copies_are_refused() -> None:
    with pytest.raises(UserError, match=r"duplicates=0\.5"):
        make_plan(
            make_settings(
                {"classes": 12, "images": 24, "duplicates": 0.5, "label_errors": 0.9, "error_kinds": {"foreign": 1}}
            )
        )
