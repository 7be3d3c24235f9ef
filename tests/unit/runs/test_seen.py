"""A run knows photos by their content: copied, renamed, moved ones keep their group, all others are new."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.data import open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError
from shelfmind.files import write_json, write_text
from shelfmind.progress import count_silently
from shelfmind.recipe import load_recipe
from shelfmind.records import Sample
from shelfmind.runs import overlaps
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import History, UnknownHistoryError, read_history, write_history
from shelfmind.runs.initial_weights import labels_not_trained_on, seen_by_initial_weights, store_earlier_histories
from shelfmind.runs.known_data import (
    KnownData,
    chosen_split,
    dropped_from_catalog,
    open_known,
    samples_of,
    with_split_of,
)
from shelfmind.runs.overlaps import overlap_of, refuse_seen
from shelfmind.workflows.evaluated_images import notes_on

CLASSES = ("可乐", "茶")


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))


def save_photo(path: Path, seed: int) -> None:
    """A photo that no other seed gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 9, 3), np.uint8)
    Image.fromarray(coarse).resize((60, 50), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """40 photos of two classes, without a split of their own."""
    for seed in range(40):
        save_photo(tmp_path / "photos" / CLASSES[seed % 2] / f"{seed}.png", seed)
    return tmp_path / "photos"


def run_on(data: Path, root: Path, seed: int = 0) -> RunFolder:
    """What a training leaves of its data."""
    run = RunFolder(root)
    root.mkdir()
    catalog = open_catalog(data, seed=seed)
    origin = {"path": str(data), "format": catalog.format, "digest": data_digest(catalog)}
    write_json(run.provenance, {"seed": seed, "data": origin})
    write_history(run, catalog, count_silently)
    run.write_classes(catalog.class_names, [1] * len(catalog.class_names))
    return run


def opened(run: RunFolder | list[RunFolder], data: Path, **more: bool) -> KnownData:
    return open_known([run] if isinstance(run, RunFolder) else run, data, None, count_silently, **more)


def groups(known: KnownData, of: Path | None = None) -> dict[str, list[str]]:
    """The contents of each group, by the name that each has in `of`."""
    names = {path.read_bytes(): path.name for path in (of or known.catalog.root).rglob("*.png")}
    found = {split: known.catalog.split(split) for split in ("train", "val", "test", "new")}
    return {
        split: [names.get(each.path.read_bytes(), each.path.name) for each in samples]
        for split, samples in found.items()
    }


def own_groups(run: RunFolder) -> dict[str, list[str]]:
    rows = read_history(run, count_silently).rows
    found = {split: [Path(row.name).name for row in rows if row.split == split] for split in ("train", "val", "test")}
    return {**found, "new": []}


def test_its_own_data_has_the_split_it_was_trained_with(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run", seed=3)
    write_json(run.provenance, {"seed": 9})  # whatever split would be made up today
    assert groups(opened(run, photos)) == own_groups(run)


@pytest.mark.parametrize("change", ["copied", "renamed", "grown", "moved away", "list"])
def test_where_photos_lie_and_what_they_are_called_does_not_matter(change: str, photos: Path, tmp_path: Path) -> None:
    run, other = run_on(photos, tmp_path / "run"), tmp_path / "别处"
    before = tmp_path / "before"
    shutil.copytree(photos, before)
    shutil.copytree(photos, other)
    expected = own_groups(run)
    if change == "renamed":
        for number, path in enumerate(sorted(other.rglob("*.png"))):
            path.rename(path.with_name(f"新 {97 * number % 41}.png"))
    if change == "grown":
        for seed in (100, 101, 102):
            save_photo(other / CLASSES[seed % 2] / f"{seed}.png", seed)
        expected["new"] = ["100.png", "102.png", "101.png"]
    if change == "moved away":
        shutil.rmtree(photos)
    if change == "list":
        with open(tmp_path / "list.csv", "w", encoding="utf-8", newline="") as file:
            rows = [(path, path.parent.name, "val") for path in sorted(other.rglob("*.png"), reverse=True)]
            csv.writer(file).writerows([("path", "label", "split"), *rows])
        other = tmp_path / "list.csv"
    assert groups(opened(run, other), before) == expected


def test_a_changed_photo_is_new_and_found_by_its_looks(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    name = read_history(run, count_silently).training_rows[0].name
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    (other / name).write_bytes((photos / name).read_bytes() + b"metadata")
    known = opened(run, other)
    (changed,) = known.catalog.split("new")
    assert changed.path == other / name
    overlap = overlap_of(samples_of(known.catalog, "test,new"), known.histories, count_silently)
    assert overlap.to_json() == {"trained": 0, "validated": 0, "near_copies": 1}
    assert overlap.example == (str(changed.path), name)
    again = overlap_of(samples_of(known.catalog, "test,new"), known.histories, pytest.fail)  # nothing is compared twice
    assert again == overlap


def declared(root: Path, seeds: Mapping[str, tuple[int, ...]]) -> Path:
    for split, numbers in seeds.items():
        for seed in numbers:
            save_photo(root / split / CLASSES[seed % 2] / f"{seed}.png", seed)
    return root


def test_what_the_data_calls_test_is_test_known_or_not(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    own = own_groups(run)
    trained, tested = int(Path(own["train"][0]).stem), int(Path(own["test"][0]).stem)
    data = declared(tmp_path / "data", {"train": (tested, 200), "val": (201,), "test": (trained, 202, 203)})
    known = opened(run, data)
    found = {split: sorted(names) for split, names in groups(known).items()}
    assert found == {
        "train": [],
        "val": [],
        "test": sorted([f"{trained}.png", f"{tested}.png", "202.png", "203.png"]),
        "new": ["200.png", "201.png"],
    }
    with pytest.raises(UserError, match=r"1 was trained on by .*allow_seen"):
        refuse_seen(known.catalog.split("test"), known.histories, "so", tmp_path / "seen.csv")
    assert f"{trained}.png" in (tmp_path / "seen.csv").read_text(encoding="utf-8")
    assert overlap_of(known.catalog.split("test"), known.histories, count_silently).trained == 1
    refuse_seen(known.catalog.split("new"), known.histories, "so", tmp_path / "seen.csv")


def test_photos_of_an_object_store_are_listed_by_their_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample(Path("s3://商店/test/茶/1.jpg"), 0, "test")
    monkeypatch.setattr(overlaps, "seen_before", lambda *_: [(sample, "train", "茶/7.jpg")])
    monkeypatch.setattr(overlaps, "check_files", lambda *_, **__: [])
    with pytest.raises(UserError, match=r"s3://商店/test/茶/1\.jpg"):
        refuse_seen([sample], [], "so", tmp_path / "seen.csv")
    assert "\ns3://商店/test/茶/1.jpg,train,茶/7.jpg\n" in (tmp_path / "seen.csv").read_text(encoding="utf-8")


def test_test_data_of_some_classes_is_test_all_the_same(photos: Path, tmp_path: Path) -> None:
    for seed in (60, 61):
        save_photo(photos / "水" / f"{seed}.png", seed)
    run = run_on(photos, tmp_path / "run")
    trained = int(Path(own_groups(run)["train"][0]).stem)
    known = opened(run, declared(tmp_path / "data", {"test": (trained, 202, 203)}), some_classes=True)
    assert len(known.catalog.class_names) == 3
    assert len(known.catalog.split("test")) == 3
    with pytest.raises(UserError, match="1 was trained on"):
        refuse_seen(known.catalog.split("test"), known.histories, "so", tmp_path / "seen.csv")


def test_photos_of_one_product_can_be_judged_but_not_trained_on(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    save_photo(tmp_path / "one" / CLASSES[1] / "x.png", 71)
    known = opened(run, tmp_path / "one", some_classes=True)
    assert [(each.path.name, each.label, each.split) for each in known.catalog.samples] == [("x.png", 1, "new")]
    with pytest.raises(UserError, match="only one class"):
        opened(run, tmp_path / "one")
    with pytest.raises(UserError, match="only one class"):
        open_catalog(tmp_path / "one")


def test_files_that_cannot_be_used_were_not_trained_on(photos: Path, tmp_path: Path) -> None:
    (photos / CLASSES[0] / "empty.png").touch()
    run = run_on(photos, tmp_path / "run")
    rows = (tmp_path / "run" / "split.csv").read_text(encoding="utf-8").splitlines()
    text = "\n".join(row.replace(",test,", ",train,") if "empty" in row else row for row in rows)
    (tmp_path / "run" / "split.csv").write_text(text + "\n", encoding="utf-8")
    data = declared(tmp_path / "data", {"test": (300, 301)})
    (data / "test" / CLASSES[0] / "nothing.png").touch()
    known = opened(run, data)
    refuse_seen(known.catalog.split("test"), known.histories, "so", tmp_path / "seen.csv")


def test_of_the_same_bytes_in_two_splits_training_counts(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    lines = run.split.read_text(encoding="utf-8").splitlines()
    of = {split: [n for n, line in enumerate(lines) if f",{split}," in line] for split in ("train", "val", "test")}
    for same, other in ((of["train"][0], of["test"][0]), (of["val"][0], of["test"][1]), (of["train"][1], of["val"][1])):
        lines[other] = f"{lines[other].rsplit(',', 1)[0]},{lines[same].rsplit(',', 1)[1]}"
    run.split.write_text("\n".join(lines) + "\n", encoding="utf-8")
    history = read_history(run, count_silently)
    uses = {split: [history.use(history.rows[n - 1].sha256) for n in of[split][:2]] for split in of}
    assert uses == {"train": ["train", "train"], "val": ["val", "train"], "test": ["train", "val"]}


def test_what_the_run_tested_and_trained_on_is_left_out_of_test_aloud(photos: Path, tmp_path: Path) -> None:
    copies = [photos / CLASSES[0] / f"copy {number}.png" for number in range(12)]
    for copy in copies:
        shutil.copyfile(photos / CLASSES[0] / "0.png", copy)
    run = run_on(photos, tmp_path / "run", seed=1)
    tested, validated = (
        sum(name.startswith(("copy", "0.")) for name in own_groups(run)[split]) for split in ("test", "val")
    )
    assert tested  # the same bytes lie in train and in test
    assert validated  # and in val
    known = opened(run, photos)
    assert {sample.split for sample in known.catalog.samples if sample.path in copies} == {"train"}
    for split, count in (("test", tested), ("val", validated), ("test,val", tested + validated)):
        (note,) = notes_on(known, split)
        assert note.startswith(f"{count} image")
        assert "identical" in note
    assert notes_on(known, "train") == ()


def test_splits_are_asked_for_by_name(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    save_photo(photos / CLASSES[0] / "later.png", 500)
    catalog = opened(run, photos).catalog
    assert chosen_split(catalog, None) == "test"
    assert chosen_split(catalog, "new, test,new") == "new,test"
    assert len(samples_of(catalog, "test, new")) == len(catalog.split("test")) + 1
    assert chosen_split(opened(run, declared(tmp_path / "x", {"train": (600, 601)})).catalog, None) == "new"
    with pytest.raises(UserError, match="did you mean"):
        chosen_split(catalog, "test,nwe")
    with pytest.raises(UserError, match="it has: test"):
        chosen_split(opened(run, declared(tmp_path / "y", {"test": (600, 601)})).catalog, "val")


def forget_digests(run: RunFolder) -> list[str]:
    """Make the run one of before digests were kept; its list as it was."""
    lines = run.split.read_text(encoding="utf-8").splitlines()
    run.split.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines) + "\n", encoding="utf-8")
    run.seen.unlink()
    return lines


def test_a_run_without_digests_takes_them_from_its_own_data_once(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run", seed=2)
    fingerprints = run.seen.read_bytes()
    lines = forget_digests(run)
    save_photo(photos / CLASSES[1] / "later.png", 700)  # the split that would be made now is another
    shutil.copytree(photos, tmp_path / "copy")
    assert len(opened(run, tmp_path / "copy").catalog.split("new")) == 1
    assert run.split.read_text(encoding="utf-8").splitlines() == lines
    assert run.seen.read_bytes() == fingerprints
    shutil.rmtree(photos)
    assert len(opened(run, tmp_path / "copy").catalog.split("new")) == 1


@pytest.mark.parametrize("change", ["a file is gone", "a file is larger", "all is gone", "no list"])
def test_a_run_without_digests_whose_data_changed_cannot_tell(change: str, photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    forget_digests(run)
    shutil.copytree(photos, tmp_path / "copy")
    first = sorted(photos.rglob("*.png"))[0]
    if change == "a file is gone":
        first.unlink()
    elif change == "a file is larger":
        first.write_bytes(first.read_bytes() + b"more")
    elif change == "all is gone":
        shutil.rmtree(photos)
    else:
        run.split.unlink()
    with pytest.raises(UnknownHistoryError, match=r"are unknown.*allow_seen"):
        opened(run, tmp_path / "copy", allow_seen=False)
    with pytest.raises(UnknownHistoryError, match=r"are unknown((?!allow_seen).)*$"):  # where there is no such argument
        opened(run, tmp_path / "copy")
    known = opened(run, tmp_path / "copy", allow_seen=True)
    assert "are unknown" in notes_on(known, "test")[0]
    # by their names; without a list all is new, not a split that was made up today
    assert {each.split for each in known.catalog.samples} == (
        {"new"} if change == "no list" else {"train", "val", "test"}
    )


def test_of_several_runs_those_that_can_tell_are_known_by_content(photos: Path, tmp_path: Path) -> None:
    told, untold = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    shutil.copytree(photos, tmp_path / "copy")
    forget_digests(untold)
    shutil.rmtree(photos)
    for number, path in enumerate(sorted((tmp_path / "copy").rglob("*.png"))):
        path.rename(path.with_name(f"新 {number}.png"))
    known = opened([told, untold], tmp_path / "copy", allow_seen=True)
    assert len(known.without_history) == 1
    assert len(known.catalog.split("train")) == len(own_groups(told)["train"])


def test_several_runs_leave_what_none_has_seen(photos: Path, tmp_path: Path) -> None:
    runs = [run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5)]
    known = opened(runs, photos)
    uses = [{name: split for split, names in own_groups(run).items() for name in names} for run in runs]
    for sample in known.catalog.samples:
        own = {use[sample.path.name] for use in uses}
        assert sample.split == ("train" if "train" in own else "val" if "val" in own else "test")
    lost = dropped_from_catalog(known, "test")
    alone = {name for run in runs for name in own_groups(run)["test"]}
    assert lost == len(alone) - len(known.catalog.split("test")) > 0
    assert dropped_from_catalog(opened(runs[0], photos), "test") == 0


def test_a_split_is_taken_over_by_content(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    history: History = read_history(run, count_silently)
    other = tmp_path / "copy"
    shutil.copytree(photos, other)
    save_photo(other / CLASSES[0] / "later.png", 800)
    taken, added = with_split_of(open_catalog(other, seed=7), history, count_silently)
    assert added == 1
    found = {split: [sample.path.name for sample in taken.split(split)] for split in ("train", "val", "test")}
    own = own_groups(run)
    assert (found["val"], found["test"]) == (own["val"], own["test"])
    assert sorted(found["train"]) == sorted([*own["train"], "later.png"])
    assert not any("stratified" in note for note in taken.notes)


def test_a_run_may_go_on_with_nothing_but_its_own_photos(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    save_photo(photos / CLASSES[0] / "later.png", 800)
    history = read_history(run, count_silently)
    taken, left_out = with_split_of(open_catalog(photos, seed=7), history, count_silently, new_photos=False)
    assert left_out == 1
    own = own_groups(run)
    assert {split: [sample.path.name for sample in taken.split(split)] for split in ("train", "val", "test")} == {
        split: own[split] for split in ("train", "val", "test")
    }


def test_a_split_that_is_taken_over_keeps_the_datas_own_test(photos: Path, tmp_path: Path) -> None:
    history = read_history(run_on(photos, tmp_path / "run"), count_silently)
    data = declared(tmp_path / "data", {"train": (900, 901), "val": (902,), "test": (903,)})
    with pytest.raises(UserError, match=r"none of the photos in .* is known to"):
        with_split_of(open_catalog(data), history, count_silently)
    known = history.training_rows[0].name
    shutil.copy(photos / known, data / "train" / CLASSES[0] / "1000.png")
    taken, added = with_split_of(open_catalog(data), history, count_silently)
    assert added == 2
    found = [(sample.path.stem, sample.split) for sample in taken.samples]
    assert sorted(found) == [("1000", "train"), ("900", "train"), ("901", "train"), ("902", "val"), ("903", "test")]


def test_a_run_without_fingerprints_says_so(photos: Path, tmp_path: Path) -> None:
    run = run_on(photos, tmp_path / "run")
    run.seen.unlink()
    known = opened(run, photos)
    overlap = overlap_of(known.catalog.split("val"), known.histories, count_silently)
    assert overlap.near_copies is None
    assert (overlap.trained, overlap.validated) == (0, len(known.catalog.split("val")))
    run.seen.write_text("no array")
    with pytest.raises(UserError, match=r"seen\.npy"):
        overlap_of([Sample(photos, 0, "val")], opened(run, photos).histories, count_silently)


def begun_with(run: RunFolder, parent: RunFolder) -> History:
    """What `run` has seen if it began with the weights of `parent`."""
    (parent.root / "weights.ckpt").touch()
    store_earlier_histories(run, parent.weights, count_silently)
    return read_history(run, count_silently)


def test_what_the_first_weights_were_trained_on_is_never_test(photos: Path, tmp_path: Path) -> None:
    parent, run = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    history = begun_with(run, parent)
    shutil.rmtree(parent.root)  # it is known without it
    known = opened(run, photos)
    before, own = own_uses(history.before[0]), own_uses(history)
    for sample in known.catalog.samples:
        uses = {before[sample.path.name], own[sample.path.name]}
        assert sample.split == ("train" if "train" in uses else "val" if "val" in uses else "test")
    lost = dropped_from_catalog(known, "test")
    assert lost == sum(use == "test" and before[name] != "test" for name, use in own.items()) > 0
    assert any(f"{lost} image" in note and "initial weights" in note for note in notes_on(known, "test"))
    spoilt = [Sample(photos / row.name, 0, "test") for row in history.rows if row.split == "test"]
    assert overlap_of(spoilt, [history], count_silently).trained > 0
    with pytest.raises(UserError, match=rf"by {run.root} or its initial weights, of {parent.root}, so"):
        refuse_seen(spoilt, [history], "so", tmp_path / "seen.csv")


def own_uses(history: History) -> dict[str, str]:
    return {Path(row.name).name: row.split for row in history.rows}


def test_photos_that_the_first_weights_only_tested_are_new(photos: Path, tmp_path: Path) -> None:
    parent = run_on(photos, tmp_path / "parent")
    tested = own_groups(parent)["test"]
    others = declared(tmp_path / "others", {"train": (300, 301), "val": (302, 303)})
    begun_with(run := run_on(others, tmp_path / "run"), parent)
    assert {each.split for each in opened(run, photos).catalog.samples} == {"train", "val", "new"}
    assert len(opened(run, photos).catalog.split("new")) == len(tested)


def test_copies_of_what_the_first_weights_were_trained_on_are_found(photos: Path, tmp_path: Path) -> None:
    parent = run_on(photos, tmp_path / "parent")
    others = declared(tmp_path / "others", {"train": (300, 301), "val": (302, 303)})
    history = begun_with(run_on(others, tmp_path / "run"), parent)
    name = history.before[0].training_rows[0].name
    again = tmp_path / "again.png"
    again.write_bytes((photos / name).read_bytes() + b"metadata")
    overlap = overlap_of([Sample(again, 0, "new")], [history], count_silently)
    assert (overlap.trained, overlap.near_copies, overlap.example) == (0, 1, (str(again), name))


def test_the_first_weights_of_first_weights_count(photos: Path, tmp_path: Path) -> None:
    runs = [run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5, 9)]
    begun_with(runs[1], runs[0])
    (runs[1].root / "snapshots").mkdir()
    (runs[1].root / "snapshots" / "epoch-0001.ckpt").touch()
    store_earlier_histories(runs[2], runs[1].root / "snapshots" / "epoch-0001.ckpt", count_silently)
    history = read_history(runs[2], count_silently)
    assert [each.title for each in history.before] == [str(runs[1].root), str(runs[0].root)]


def test_a_run_from_before_that_was_kept_asks_the_run_whose_weights_it_began_with(photos: Path, tmp_path: Path) -> None:
    parent, run = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    kept = begun_with(run, parent)
    shutil.rmtree(run.before)
    origin = json.loads(run.provenance.read_text(encoding="utf-8"))
    write_json(run.provenance, {**origin, "weights": {"origin": "run", "path": str(parent.weights)}})
    assert [each.rows for each in read_history(run, count_silently).before] == [each.rows for each in kept.before]
    shutil.rmtree(parent.root)
    with pytest.raises(UnknownHistoryError, match=f"those of its initial weights, of {parent.root}"):
        opened(run, photos)
    write_json(run.provenance, {**origin, "weights": {"origin": "official", "path": str(parent.weights)}})
    assert read_history(run, count_silently).before == ()


def test_weights_of_a_run_that_cannot_tell_what_it_saw(photos: Path, tmp_path: Path) -> None:
    parent, run = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    parent.split.unlink()
    with pytest.raises(UnknownHistoryError, match=rf"{run.root} .* weights, of {parent.root}"):
        begun_with(run, parent)
    known = opened(run, photos, allow_seen=True)
    assert len(known.catalog.split("test")) == len(own_groups_of(run)["test"])
    assert len(known.without_history) == 1


def own_groups_of(run: RunFolder) -> dict[str, list[str]]:
    shutil.rmtree(run.before)
    return own_groups(run)


def test_a_training_on_the_split_of_its_first_weights_is_judged_by_what_neither_saw(
    photos: Path, tmp_path: Path
) -> None:
    parent, other = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    same = run_on(photos, tmp_path / "same")
    assert seen_by_initial_weights(begun_with(same, parent)) is None
    said = seen_by_initial_weights(begun_with(other, parent))
    assert said is not None
    before = own_uses(read_history(parent, count_silently))
    tested = own_groups_of(other)["test"]
    seen = sum(before[name] != "test" for name in tested)
    assert f"{seen} of {len(tested)} test images" in said
    assert str(parent.root) in said
    store_earlier_histories(same, tmp_path / "downloaded.ckpt", count_silently)  # from no run


def test_what_teachers_have_seen_counts(photos: Path, tmp_path: Path) -> None:
    first, teacher, student = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5, 9))
    exported = tmp_path / "elsewhere.onnx"
    for root in (first, teacher, student):
        root.weights.touch()
    store_earlier_histories(student, first.weights, count_silently, [teacher.weights])
    history = read_history(student, count_silently)
    assert [(each.title, each.teacher) for each in history.before] == [
        (str(first.root), False),
        (str(teacher.root), True),
    ]
    assert str(history) == f"{student.root} or its initial weights, of {first.root} or its teachers, {teacher.root}"
    said = seen_by_initial_weights(history)
    assert said is not None
    assert "a teacher of this run, saw" in said
    store_earlier_histories(student, None, count_silently, [exported])  # of no run
    with pytest.raises(UnknownHistoryError, match=f"those of its teacher {exported} are not recorded"):
        read_history(student, count_silently)


def test_labels_that_weights_learnt_are_told_from_photos_that_they_saw(photos: Path, tmp_path: Path) -> None:
    parent, run = (run_on(photos, tmp_path / str(seed), seed) for seed in (0, 5))
    before, own = (set(own_groups(each)["train"]) for each in (parent, run))
    paths = sorted(photos.rglob("*.png"))
    begun_with(run, parent)
    found = labels_not_trained_on(run.weights, paths, count_silently)
    assert found.tolist() == [path.name not in before | own for path in paths]
    assert 0 < found.sum() < len(paths)
    write_text(run.recipe, load_recipe("pretrain").dump())  # it learnt no label itself
    found = labels_not_trained_on(run.weights, paths, count_silently)
    assert found.tolist() == [path.name not in before for path in paths]
    assert labels_not_trained_on(tmp_path / "downloaded.ckpt", paths, count_silently).all()
