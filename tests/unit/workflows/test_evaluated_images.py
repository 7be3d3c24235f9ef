"""Which images judge runs: what is said of those that do not, and when too few are left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from shelfmind.data.splits import SplitRow
from shelfmind.errors import UserError
from shelfmind.evaluation.overlap import Overlap
from shelfmind.records import Catalog, Sample
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import History
from shelfmind.runs.known_data import KnownData, chosen_split, grouped_by_content
from shelfmind.workflows.evaluated_images import notes_on, notes_on_overlap, refuse_too_few


def history(title: str, uses: Mapping[int, str], before: tuple[History, ...] = ()) -> History:
    """What a run knows: photos by their numbers."""
    rows = (SplitRow(f"{number}.jpg", "a", use, bytes([number])) for number, use in uses.items())
    return History(RunFolder(Path(title)), tuple(rows), before, title)


def known(*histories: History, photos: int, declared: tuple[int, ...] = ()) -> KnownData:
    """A data set of so many photos of two classes, of which it calls some test itself."""
    samples = tuple(
        Sample(Path(f"{number}.jpg"), number % 2, "test" if number in declared else "train") for number in range(photos)
    )
    named = frozenset({"test"} if declared else ())
    catalog = Catalog(samples, ("a", "b"), Path("photos"), "folder", (), named)
    digests = tuple(bytes([number]) for number in range(photos))
    return KnownData(grouped_by_content(catalog, digests, histories), catalog, digests, histories)


def test_photos_that_a_run_knows_do_not_vanish_from_what_is_new() -> None:
    data = known(history("run", {0: "train", 1: "train", 2: "val"}), photos=15)
    assert chosen_split(data.catalog, None) == "new"
    assert notes_on(data, "new") == (
        "3 images are known to the run (2 train, 1 val): not evaluated, only new images are",
    )
    assert not any("known to" in note for note in notes_on(data, "train"))


def test_photos_that_are_new_are_said_to_be_left_out() -> None:
    both = known(history("one", {0: "test"}), history("two", {0: "test"}), photos=3)
    (note,) = notes_on(both, "test")
    assert note.startswith("2 images are new to the runs: not evaluated")
    assert notes_on(both, "test,new") == ()


def test_where_only_trained_photos_are_left_it_says_so() -> None:
    data = known(history("run", dict.fromkeys(range(3), "train")), photos=3)
    with pytest.raises(UserError, match="all 3 images of photos were trained on"):
        chosen_split(data.catalog, None)


def test_too_few_that_several_runs_have_not_seen_are_refused() -> None:
    one = history("one", dict.fromkeys(range(20), "test"))
    two = history("two", {**dict.fromkeys(range(9), "test"), **dict.fromkeys(range(9, 20), "train")})
    with pytest.raises(UserError, match=r"^9 images of test are unseen by all of these runs, .* 11 more .* by one of"):
        refuse_too_few(known(one, two, photos=20), None)
    enough = history("two", {number: "test" if number < 10 else "train" for number in range(20)})
    refuse_too_few(known(one, enough, photos=20), None)
    assert notes_on(known(one, enough, photos=20), "test") == (
        "10 images are test for one run, but trained or validated on by another: not evaluated",
    )


def test_too_few_that_the_first_weights_have_not_seen_are_refused() -> None:
    first = history("first", dict.fromkeys(range(1, 20), "train"))
    tuned = history("tuned", dict.fromkeys(range(20), "test"), (first,))
    message = (
        r"^1 image of test is unseen by tuned or its initial weights, of first, .*split_of='first'.*of the run's own"
    )
    with pytest.raises(UserError, match=message):
        refuse_too_few(known(tuned, photos=20), "test")
    alone = known(tuned, photos=20).for_first_run()
    assert len(alone.catalog.split("test")) == 20
    refuse_too_few(alone, "test")
    few = known(history("alone", {0: "test"}), photos=1)  # few, but none was lost to anybody
    refuse_too_few(few, None)


def test_what_was_trained_on_among_validation_images_is_warned_of() -> None:
    """The same bytes in train and val: the evaluation at the end of a training has them."""
    (warning,) = notes_on_overlap(Overlap(3, 19, 0), "val")
    assert warning == "warning: evaluated images were seen in training (3 trained on), so the metrics are optimistic"
    assert notes_on_overlap(Overlap(0, 22, 0), "val") == ()
    assert notes_on_overlap(Overlap(3, 0, 0), "train") == notes_on_overlap(None, "test") == ()
    (warning,) = notes_on_overlap(Overlap(1, 2, 0), "test,new")
    assert "1 trained on, 2 validated on" in warning
    (note,) = notes_on_overlap(Overlap(0, 0, None), "test")
    assert "near-duplicates of these cannot be detected" in note
    (warning,) = notes_on_overlap(Overlap(0, 0, 1, ("x.jpg", "y.jpg")), "new")
    assert "1 image is a near-duplicate" in warning
    assert "x.jpg" in warning
    assert "y.jpg" in warning
