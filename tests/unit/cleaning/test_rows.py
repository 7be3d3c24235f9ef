"""Each step on the way to a clean data set: decisions, repetitions, samples, caps, splits."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.analysis.decisions import Decision
from shelfmind.cleaning import rows as rows_module
from shelfmind.cleaning.names import clean_name
from shelfmind.cleaning.rows import (
    Row,
    apply_decisions,
    cap_classes,
    drop_rows,
    find_repeats,
    join_splits,
    others_class,
    sample_fraction,
    split_again,
)
from shelfmind.errors import UserError


def row(source: str, name: str = "可乐", split: str = "train") -> Row:
    return Row(source, name, split, name, split)


def decided(path: str, decision: str, label: str | None = None, given: str = "可乐") -> dict[str, Decision]:
    return {path: Decision("t", "王", path, given, decision, label, path)}


ROWS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["train", "val", "test"])), min_size=1, max_size=120
).map(lambda pairs: [row(f"{place}.jpg", name, split) for place, (name, split) in enumerate(pairs)])


def counts(rows: list[Row]) -> Counter[tuple[str, str]]:
    return Counter((each.new_split, each.class_name) for each in rows if each.kept)


# Decisions


def test_decisions_move_drop_and_protect():
    rows = [row("1.jpg"), row("2.jpg"), row("3.jpg"), row("4.jpg"), row("5.jpg", "others"), row("6.jpg", "雪碧")]
    decisions = (
        decided("1.jpg", "relabel", "雪碧")
        | decided("2.jpg", "drop")
        | decided("3.jpg", "keep")
        | decided("4.jpg", "others")
    )
    after, skipped_decisions = apply_decisions(rows, decisions)
    assert skipped_decisions == 0
    assert [each.class_name for each in after] == ["雪碧", "可乐", "可乐", "others", "others", "雪碧"]
    assert [each.kept for each in after] == [True, False, True, True, True, True]
    assert after[1].dropped == "dropped in the review: by 王"
    assert [each.protected for each in after] == [False, False, True, False, False, False]
    assert after[0].decided == "relabel by 王"


def test_the_class_of_others_is_looked_for_once_and_only_if_needed(monkeypatch):
    cleaned: list[str] = []
    monkeypatch.setattr(rows_module, "clean_name", lambda name: cleaned.append(name) or clean_name(name))
    rows = [*(row(f"{number}.jpg", f"类 {number}") for number in range(10)), row("10.jpg", "others")]
    for decision, passes in (("drop", 1), ("others", 2)):
        cleaned.clear()
        decisions = {k: v for each in rows[:5] for k, v in decided(each.source, decision, given=each.given).items()}
        apply_decisions(rows, decisions)
        assert len(cleaned) == passes * 11


def test_a_decision_on_an_image_that_is_gone_is_refused_or_passed_over():
    with pytest.raises(
        UserError, match=r"1 of 1 decision cannot be applied because the image is not in the data set: gone\.jpg"
    ):
        apply_decisions([row("1.jpg")], decided("gone.jpg", "drop"))
    rows, skipped_decisions = apply_decisions([row("1.jpg")], decided("gone.jpg", "drop"), ignore_missing=True)
    assert (rows, skipped_decisions) == ([row("1.jpg")], 1)


def test_a_decision_about_another_label_is_refused_or_passed_over():
    decisions = decided("1.jpg", "drop", given="雪碧")
    with pytest.raises(UserError, match="was '雪碧' and is now '可乐'"):
        apply_decisions([row("1.jpg")], decisions)
    rows, skipped_decisions = apply_decisions([row("1.jpg")], decisions, ignore_missing=True)
    assert (rows[0].kept, skipped_decisions) == (True, 1)


def test_a_new_class_must_be_asked_for():
    rows = [row("1.jpg"), row("2.jpg", "雪碧")]
    with pytest.raises(
        UserError,
        match=r"王 relabelled 1\.jpg: unknown class '雪碧 1L'; did you mean 雪碧\?.*new_classes=\['雪碧 ",
    ):
        apply_decisions(rows, decided("1.jpg", "relabel", "雪碧 1L"))
    after, _ = apply_decisions(rows, decided("1.jpg", "relabel", "雪碧 1L"), new_classes=["雪碧 1L"])
    assert after[0].class_name == "雪碧 1L"


def test_a_label_that_only_looks_different_is_the_class():
    after, _ = apply_decisions([row("1.jpg"), row("2.jpg", "雪碧（1L）")], decided("1.jpg", "relabel", "雪碧(1L)"))
    assert after[0].class_name == "雪碧（1L）"


@pytest.mark.parametrize("name", ["others", "Other", "其他", "其它"])
def test_the_class_of_others_is_found_by_its_name(name):
    assert others_class(["可乐", name], None) == name


def test_others_without_such_a_class_or_with_two_must_be_named():
    with pytest.raises(UserError, match="no class has such a name; choose the class with others=NAME"):
        others_class(["可乐", "雪碧"], None)
    with pytest.raises(UserError, match=r"more than one class has such a name \(others, 其他\)"):
        others_class(["其他", "others"], None)
    assert others_class(["其他", "others"], "其他") == "其他"
    with pytest.raises(UserError, match="did you mean 可乐"):
        others_class(["可乐", "雪碧"], "可乐1")


# Repetitions


def test_leaks_leave_test_first_then_val():
    rows = [row("a", split="test"), row("b", split="train"), row("c", split="val"), row("d", split="val"), row("e")]
    reasons, unsettled = find_repeats(rows, [("a", "b"), ("b", "c"), ("d", "e")], duplicates=False, leaks=True)
    assert reasons == {"b": "leak: also in test", "c": "leak: also in test", "e": "leak: also in val"}
    assert unsettled == []


def test_of_duplicates_in_a_split_and_class_the_first_or_the_protected_one_stays():
    rows = [row("a"), row("b"), row("c"), row("d", split="val")]
    pairs = [("a", "b"), ("b", "c"), ("c", "d")]
    assert find_repeats(rows, pairs, duplicates=True, leaks=False)[0] == {
        "b": "duplicate: of a",
        "c": "duplicate: of a",
    }
    rows, _ = apply_decisions(rows, decided("b", "keep"))
    assert find_repeats(rows, pairs, duplicates=True, leaks=False)[0] == {
        "a": "duplicate: of b",
        "c": "duplicate: of b",
    }


def test_one_picture_in_two_classes_is_left_for_a_person():
    rows = [row("a"), row("b", "雪碧"), row("c")]
    reasons, unsettled = find_repeats(rows, [("a", "b"), ("b", "c")], duplicates=True, leaks=True)
    assert reasons == {"c": "duplicate: of a"}
    assert unsettled == [("a", "b")]
    dropped = drop_rows(rows, {"b": "dropped in the review: by 王"})
    assert find_repeats(dropped, [("a", "b")], duplicates=True, leaks=True) == ({}, [])


@pytest.mark.parametrize("pairs", [[("a", "b"), ("a", "c"), ("a", "d")], [("b", "a"), ("a", "c"), ("c", "d")]])
def test_an_image_that_was_dropped_still_connects_its_copies(pairs):
    rows = drop_rows([row("a"), row("b"), row("c"), row("d", split="test")], {"a": "dropped in the review: by 王"})
    assert find_repeats(rows, pairs, duplicates=True, leaks=False)[0] == {"c": "duplicate: of b"}
    assert find_repeats(rows, pairs, duplicates=False, leaks=True)[0] == dict.fromkeys("bc", "leak: also in test")


@settings(deadline=None)
@given(ROWS, st.data())
def test_no_leak_and_no_duplicate_is_left(rows, data):
    names = [each.source for each in rows]
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=30))
    reasons, unsettled = find_repeats(rows, pairs, duplicates=True, leaks=True)
    left = drop_rows(rows, reasons)
    at = {each.source: each for each in left}
    settled = set(at) - {name for group in unsettled for name in group}
    for one, other in pairs:
        if one != other and at[one].kept and at[other].kept and {one, other} <= settled:
            raise AssertionError(f"{one} and {other} are the same picture and both kept")
    groups = {name: {name} for name in names}
    for one, other in pairs:
        joined = groups[one] | groups[other]
        for name in joined:
            groups[name] = joined
    for name in reasons:
        assert any(at[other].kept for other in groups[name])  # of every picture one stays
    test_images = {each.source for each in rows if each.new_split == "test"}
    assert not [name for name, why in reasons.items() if name in test_images and why.startswith("leak")]


# Samples, caps and splits


@settings(deadline=None)
@given(ROWS, st.floats(0.01, 1), st.integers(0, 3))
def test_a_sample_keeps_its_share_of_each_class_and_split_and_at_least_one(rows, fraction, seed):
    before, after = counts(rows), counts(sample_fraction(rows, fraction, seed))
    assert before.keys() == after.keys()
    for key, number in before.items():
        assert after[key] == max(1, int(number * fraction + 0.5))


@settings(deadline=None)
@given(ROWS, st.integers(0, 3))
def test_a_sample_is_the_same_in_any_order_and_another_for_another_seed(rows, seed):
    names = {each.source for each in sample_fraction(rows, 0.5, seed) if each.kept}
    assert {each.source for each in sample_fraction(rows[::-1], 0.5, seed) if each.kept} == names


def test_another_seed_takes_another_sample():
    rows = [row(f"{number}.jpg") for number in range(100)]
    first, second = ({each.source for each in sample_fraction(rows, 0.3, seed) if each.kept} for seed in (0, 1))
    assert len(first) == len(second) == 30
    assert first != second


def test_a_smaller_sample_lies_in_a_larger_one():
    rows = [row(f"{number}.jpg") for number in range(100)]
    small, large = ({each.source for each in sample_fraction(rows, share, 0) if each.kept} for share in (0.2, 0.4))
    assert small < large


@settings(deadline=None)
@given(ROWS, st.integers(1, 20), st.one_of(st.none(), st.integers(1, 20)))
def test_caps_bound_training_images_and_nothing_else(rows, limit, cap_all):
    before, after = counts(rows), counts(cap_classes(rows, {"a": limit}, cap_all, 0))
    for (split, name), number in before.items():
        bound = limit if name == "a" else cap_all
        assert after[split, name] == (number if split != "train" or bound is None else min(number, bound))


@settings(deadline=None)
@given(ROWS, st.floats(0, 0.4), st.floats(0, 0.4), st.integers(0, 3))
def test_a_new_split_keeps_one_of_each_class_in_train_and_the_floor_elsewhere(rows, val, test, floor):
    after = counts(split_again(rows, val, test, floor, 0))
    before = Counter(each.class_name for each in rows)
    for name, number in before.items():
        assert after["train", name] >= 1
        assert sum(after[split, name] for split in ("train", "val", "test")) == number
        assert after["test", name] >= (min(floor, number - 1) if test > 0 else 0)
        assert after["val", name] >= (min(floor, number - 1 - after["test", name]) if val > 0 else 0)
        assert test > 0 or after["test", name] == 0
        assert val > 0 or after["val", name] == 0


@settings(deadline=None)
@given(ROWS, st.floats(0, 0.9))
def test_test_stays_where_no_share_is_asked_for_it(rows, val):
    after = split_again(rows, val, None, 0, 0)
    assert [each.source for each in after if each.new_split == "test"] == [
        each.source for each in rows if each.split == "test"
    ]


def test_dropped_rows_are_not_split():
    rows = drop_rows([row(f"{number}.jpg") for number in range(20)], {"3.jpg": "unusable: truncated"})
    assert split_again(rows, 0.3, 0.3, 1, 0)[3] == rows[3]


def test_a_new_split_without_near_duplicates_is_the_one_of_earlier_versions():
    rows = [row(f"{number}.jpg", "abc"[7 * number % 3], ("train", "val", "test")[number % 3]) for number in range(60)]
    rows = drop_rows(rows, {f"{number}.jpg": "over the cap" for number in range(0, 60, 11)})
    for test, floor, expected in (
        (0.25, 1, "-..t...tv.v-..v....tt.-..t.v.ttvt-.v..ttv.v.-.t.t.....v-t.vv"),
        (None, 2, "-.t.vt..t.v-v.tv.t.vt.-t..t.vt..t-.t..t..t..-v.t..t..tv-t..t"),
    ):
        after = split_again(rows, 0.2, test, floor, seed=5)
        letters = {"train": ".", "val": "v", "test": "t"}
        assert "".join(letters[each.new_split] if each.kept else "-" for each in after) == expected


@settings(deadline=None)
@given(ROWS, st.data(), st.one_of(st.none(), st.floats(0, 0.5)), st.integers(0, 2))
def test_near_duplicates_stay_together_in_a_new_split(rows, data, test, seed):
    names = [each.source for each in rows]
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=60))
    rows = drop_rows(rows, dict.fromkeys(names[::5], "dropped in the review: by 王"))
    joined = join_splits(rows, with_test=test is not None)
    rows = drop_rows(rows, find_repeats(joined, pairs, duplicates=False, leaks=True)[0])
    after = split_again(rows, 0.4, test, 1, seed, pairs)
    assert find_repeats(after, pairs, duplicates=False, leaks=True)[0] == {}
    for name in {each.class_name for each in after if each.kept and (test is not None or each.new_split != "test")}:
        assert counts(after)["train", name] >= 1
