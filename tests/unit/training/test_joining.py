"""Which classes and photos a gallery adds to a run: names as readers see them, photos by their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data.splits import SplitRow
from shelfmind.errors import UserError
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import History
from shelfmind.training.joining import Joined, joined

NAMES = ("可乐（330ml）", "tea")


def photo(sku: str, number: int) -> Entry:
    """A photo whose content is its number."""
    return Entry(sku, checksum(str(number).encode()), f"{number}.jpg")


def join(*entries: Entry, known: dict[int, tuple[str, str]] | None = None, held_out: float = 0.2) -> Joined:
    """Joined with a run that knows these photos: number to label and split."""
    rows = [
        SplitRow(f"{number}.jpg", label, split, bytes.fromhex(photo("", number).sha256))
        for number, (label, split) in (known or {}).items()
    ]
    return joined(entries, NAMES, History(RunFolder(Path("run")), tuple(rows)), held_out, 0, "products")


def test_new_classes_come_after_the_old_ones_and_one_photo_will_do() -> None:
    found = join(photo("z", 1), photo("a", 2))
    assert (found.class_names, found.old) == ((*NAMES, "a", "z"), 2)
    assert found.trained == ((photo("z", 1), 3), (photo("a", 2), 2))
    assert found.held_out == ()
    assert found.imprinting == {photo("", 1).sha256: 3, photo("", 2).sha256: 2}


def test_a_product_with_the_name_of_a_class_adds_photos_to_it() -> None:
    found = join(photo("可乐(330ml)", 1), photo("new", 2))
    assert found.class_names == (*NAMES, "new")
    assert found.trained == ((photo("可乐(330ml)", 1), 0), (photo("new", 2), 2))
    assert set(found.imprinting.values()) == {2}


def test_a_share_is_held_out_of_new_products_with_enough_photos() -> None:
    many = [photo("many", number) for number in range(10)]
    few = [photo("few", number) for number in range(10, 14)]
    old = [photo("tea", number) for number in range(20, 30)]
    found = join(*many, *few, *old)
    assert [entry.sku for entry, _ in found.held_out] == ["many", "many"]
    assert len(found.trained) == 22
    assert {entry.sha256 for entry, _ in found.held_out}.isdisjoint(found.imprinting)
    assert join(*many, *few, *old).held_out == found.held_out
    assert join(*many, held_out=0).held_out == ()


def test_what_the_run_holds_out_stays_held_out() -> None:
    known = {1: ("tea", "val"), 2: ("tea", "test"), 3: ("tea", "train")}
    found = join(*(photo("tea", number) for number in (1, 2, 3, 4)), known=known)
    assert (found.kept_out, found.known) == (2, 1)
    assert [entry for entry, _ in found.trained] == [photo("tea", 4)]


def test_a_training_photo_goes_where_the_gallery_files_it() -> None:
    found = join(photo("green tea", 1), known={1: ("tea", "train")})
    assert found.relabelled == {bytes.fromhex(photo("", 1).sha256): 2}
    assert found.imprinting == {photo("", 1).sha256: 2}
    assert found.trained == ()


def test_what_cannot_be_folded_in_is_refused() -> None:
    with pytest.raises(UserError, match="no products; enrol some"):
        join()
    with pytest.raises(UserError, match="nothing to fold in"):
        join(photo("tea", 1), known={1: ("tea", "train")})
    with pytest.raises(UserError, match=r"1\.jpg is filed under both a and b"):
        join(photo("a", 1), photo("b", 1))
    with pytest.raises(UserError, match="'ＣＯＬＡ' and 'COLA' look the same"):
        join(photo("ＣＯＬＡ", 1), photo("COLA", 2))
    with pytest.raises(UserError, match=r"all photos of 1 product \(new\) are held out"):
        join(photo("new", 1), photo("other", 2), known={1: ("tea", "val")})
