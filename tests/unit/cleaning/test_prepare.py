"""A whole preparation: what goes where, what is recorded, and the same bytes again."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.decisions import append_decision, decide
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.tables import write_table
from shelfmind.workflows.prepare import prepare

COUNTS = {"train/可乐": 6, "train/雪碧": 5, "train/others": 9, "test/可乐": 2, "test/雪碧": 2, "test/others": 2}


def rows_of(folder):
    with open(folder / "prepare.csv", encoding="utf-8", newline="") as file:
        return {row["source"]: row for row in csv.DictReader(file)}


def facts_of(folder):
    return json.loads((folder / "prepare.json").read_text(encoding="utf-8"))


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def log(place, *decisions, reviewer="王"):
    path = place / f"{reviewer}.jsonl"
    for image, given, decision, *label in decisions:
        append_decision(path, decide(reviewer, image, given, decision, *label))
    return path


def test_a_data_set_comes_out_whole_and_is_recorded(make, tmp_path):
    root = make(COUNTS)
    before = contents(root)
    (root / "train/可乐/cut.jpg").write_bytes((root / "train/可乐/0.jpg").read_bytes()[:200])
    decisions = log(
        tmp_path,
        ("train/可乐/0.jpg", "可乐", "relabel", "雪碧"),
        ("train/可乐/1.jpg", "可乐", "drop"),
        ("test/雪碧/0.jpg", "雪碧", "others"),
    )
    prepared = prepare(root, tmp_path / "clean", decisions=(decisions,))
    rows = rows_of(tmp_path / "clean")
    assert rows["train/可乐/0.jpg"]["target"] == "train/雪碧/0_2.jpg"  # there is an older 0.jpg
    assert (rows["train/可乐/0.jpg"]["outcome"], rows["train/可乐/0.jpg"]["decided"]) == ("relabelled", "relabel by 王")
    assert (rows["train/可乐/1.jpg"]["outcome"], rows["train/可乐/1.jpg"]["target"]) == ("dropped", "")
    assert rows["train/可乐/cut.jpg"]["reason"].startswith("unusable: ")
    assert rows["test/雪碧/0.jpg"]["class"] == "others"
    assert len(rows) == 27
    for source, row in rows.items():
        if row["target"]:
            assert (tmp_path / "clean" / row["target"]).read_bytes() == (root / source).read_bytes()
    targets = {row["target"] for row in rows.values() if row["target"]}
    images = {path.relative_to(tmp_path / "clean").as_posix() for path in (tmp_path / "clean").rglob("*.jpg")}
    assert images == targets
    assert (root / "train/可乐/cut.jpg").exists()
    (root / "train/可乐/cut.jpg").unlink()
    assert contents(root) == before
    figures = facts_of(tmp_path / "clean")["figures"]
    assert (figures["images"], figures["kept"], figures["relabelled"]) == (27, 25, 2)
    assert figures["dropped"] == {"dropped in the review": 1, "unusable": 1}
    assert prepared.figures.kept == 25
    catalog = open_catalog(tmp_path / "clean")
    assert (catalog.format, catalog.class_names, len(catalog.samples)) == ("folder", ("others", "可乐", "雪碧"), 25)


def test_the_same_input_and_seed_give_the_same_bytes_and_another_seed_others(make, tmp_path):
    root = make(COUNTS)
    Image.effect_noise((30, 20), 50).convert("RGB").save(root / "train/可乐/n.png")
    decisions = log(tmp_path, ("train/可乐/0.jpg", "可乐", "drop"))
    settings = {"decisions": (decisions,), "fraction": 0.5, "val_fraction": 0.3, "jpeg": True, "caps": {"others": 2}}
    for name, seed, link in (("a", 0, "auto"), ("b", 0, "auto"), ("c", 1, "auto"), ("d", 0, "copy")):
        prepare(root, tmp_path / name, **settings, seed=seed, link=link)
    first = contents(tmp_path / "a")
    assert first == contents(tmp_path / "b")
    images = {path: content for path, content in first.items() if path.suffix == ".jpg"}
    assert len(images) > 5
    assert images != {path: content for path, content in contents(tmp_path / "c").items() if path.suffix == ".jpg"}
    assert images == {path: content for path, content in contents(tmp_path / "d").items() if path.suffix == ".jpg"}


def test_names_are_normalised_with_a_map_back(make, tmp_path):
    root = make({"可乐（1L）": 10, "雪 碧・大": 10, "·": 3})
    prepare(root, tmp_path / "clean")
    with open(tmp_path / "clean" / "class_names.csv", encoding="utf-8", newline="") as file:
        back = {row["class"]: row["source_class"] for row in csv.DictReader(file)}
    assert back == {"可乐(1L)": "可乐（1L）", "雪 碧·大": "雪 碧・大", "·": "·"}
    catalog = open_catalog(tmp_path / "clean")
    assert set(catalog.class_names) == set(back)
    for source, row in rows_of(tmp_path / "clean").items():
        assert back[row["class"]] == source.split("/")[0]


def test_two_spellings_of_a_class_are_refused_or_merged(make, tmp_path):
    root = make({"train/可乐（1L）": 3, "train/可乐(1L)": 3, "train/雪碧": 3, "test/雪碧": 1})
    with pytest.raises(UserError, match="merge_same_names=True"):
        prepare(root, tmp_path / "clean")
    assert not (tmp_path / "clean").exists()
    prepare(root, tmp_path / "clean", merge_same_names=True)
    assert len(list((tmp_path / "clean/train/可乐(1L)").iterdir())) == 6
    assert {row["outcome"] for row in rows_of(tmp_path / "clean").values()} == {"kept"}


def test_duplicates_and_leaks_of_an_audit_are_dropped(make, tmp_path):
    root = make(COUNTS)
    columns = ("path", "split", "class", "kind", "score", "suggested", "related", "detail")
    pairs = [("train/可乐/0.jpg", "train/可乐/1.jpg"), ("train/可乐/2.jpg", "test/可乐/0.jpg")]
    (tmp_path / "audit").mkdir()
    write_table(
        tmp_path / "audit" / "issues.csv", columns, [(one, "", "", "duplicate", "", "", two, "") for one, two in pairs]
    )
    prepared = prepare(root, tmp_path / "clean", audit=tmp_path / "audit", drop_duplicates=True, drop_leaks=True)
    assert prepared.figures.dropped == {"duplicate": 1, "leak": 1}
    rows = rows_of(tmp_path / "clean")
    assert rows["train/可乐/1.jpg"]["reason"] == "duplicate: of train/可乐/0.jpg"
    assert rows["train/可乐/2.jpg"]["reason"] == "leak: also in test"
    assert facts_of(tmp_path / "clean")["settings"]["audit"] == str(tmp_path / "audit")


def test_a_new_split_makes_no_leaks_and_the_one_it_replaces_is_not_noted(make, tmp_path):
    root = make({"可乐": 20, "雪碧": 20})
    columns = ("path", "split", "class", "kind", "score", "suggested", "related", "detail")
    copies = [
        [f"{name}/{number}.jpg" for number in range(first, 20, 4)] for name in ("可乐", "雪碧") for first in (0, 1)
    ]
    (tmp_path / "audit").mkdir()
    stars = [(group[0], "", "", "leak", "", "", "|".join(group[1:]), "") for group in copies]
    write_table(tmp_path / "audit" / "issues.csv", columns, stars)
    settings = {"audit": tmp_path / "audit", "drop_leaks": True, "val_fraction": 0.2}
    prepared = prepare(root, tmp_path / "clean", **settings, test_fraction=0.2)
    rows = rows_of(tmp_path / "clean")
    assert prepared.figures.dropped == {}
    assert [len({rows[name]["split"] for name in group}) for group in copies] == [1] * 4
    for name in ("可乐", "雪碧"):
        assert {row["split"] for row in rows.values() if row["class"] == name} == {"train", "val", "test"}
    assert (prepared.notes, facts_of(tmp_path / "clean")["notes"]) == ((), [])
    assert "stratified" not in (tmp_path / "clean" / "report.html").read_text(encoding="utf-8")
    kept_test = prepare(root, tmp_path / "val only", **settings)
    assert [note.split(":")[0] for note in kept_test.notes] == ["the data comes without a split"]
    assert set(kept_test.figures.dropped) <= {"leak"}


def test_an_audit_of_another_data_set_is_refused(make, tmp_path):
    columns = ("path", "split", "class", "kind", "score", "suggested", "related", "detail")
    write_table(tmp_path / "issues.csv", columns, [("x.jpg", "", "", "leak", "", "", "y.jpg", "")])
    with pytest.raises(UserError, match="is the audit of another data set"):
        prepare(make(COUNTS), tmp_path / "clean", audit=tmp_path, drop_leaks=True)


def test_without_an_audit_copies_are_looked_for(make, tmp_path):
    root = make({"train/雪碧": 2, "test/雪碧": 1})
    generator = np.random.default_rng(0)
    for split, name in (("train", "a"), ("train", "b"), ("train", "c"), ("test", "d")):
        blocks = generator.integers(0, 256, (12, 9, 3)).astype(np.uint8)
        (root / split / "可乐").mkdir(parents=True, exist_ok=True)
        Image.fromarray(blocks).resize((90, 120), Image.Resampling.BICUBIC).save(root / split / "可乐" / f"{name}.png")
    shutil.copy(root / "train/可乐/a.png", root / "train/可乐/a again.png")
    Image.open(root / "test/可乐/d.png").save(root / "train/可乐/d.jpg", quality=80)
    (root / "train/可乐/cut.jpg").write_bytes(b"no image")
    prepare(root, tmp_path / "clean", drop_duplicates=True, drop_leaks=True)
    rows = rows_of(tmp_path / "clean")
    reasons = {source.split("/")[-1]: row["reason"] for source, row in rows.items() if row["reason"]}
    assert reasons.pop("cut.jpg").startswith("unusable: ")
    assert reasons == {"a.png": "duplicate: of train/可乐/a again.png", "d.jpg": "leak: also in test"}
    assert prepare(root, tmp_path / "whole").figures.kept == 9


def test_a_cap_takes_either_name_of_a_class(make, tmp_path):
    root = make({"train/其它（杂）": 9, "train/可乐": 3, "test/可乐": 2, "test/其它（杂）": 5})
    for place, name in enumerate(("其它（杂）", "其它(杂)")):
        prepare(root, tmp_path / str(place), caps={name: 4})
        assert len(list((tmp_path / str(place) / "train/其它(杂)").iterdir())) == 4
        assert len(list((tmp_path / str(place) / "test/其它(杂)").iterdir())) == 5


def test_a_new_split_has_its_floor(make, tmp_path):
    root = make({f"class {number}": 3 for number in range(6)})
    prepare(root, tmp_path / "clean", val_fraction=0.1, test_fraction=0.1)
    for split in ("train", "val", "test"):
        assert sorted(len(list(path.iterdir())) for path in (tmp_path / "clean" / split).iterdir()) == [1] * 6


def test_a_fraction_of_0_makes_no_split(make, tmp_path):
    root = make({f"train/class {number}": 3 for number in range(6)} | {"test/class 0": 2})
    prepare(root, tmp_path / "clean", val_fraction=0)
    counts = {path.name: len(list(path.rglob("*.jpg"))) for path in (tmp_path / "clean").iterdir() if path.is_dir()}
    assert counts == {"train": 18, "test": 2}


def test_odd_file_names_survive(make, tmp_path):
    root = make(COUNTS)
    shutil.copy(root / "train/可乐/0.jpg", root / "train/可乐/b\udce9\n<.jpg")
    prepare(root, tmp_path / "clean")
    with open(tmp_path / "clean" / "prepare.csv", encoding="utf-8", errors="surrogateescape", newline="") as file:
        targets = {row["source"]: row["target"] for row in csv.DictReader(file)}
    assert targets["train/可乐/b\udce9\n<.jpg"] == "train/可乐/b%e9 _.jpg"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"link": "softly"}, "link must be auto, hard, symbolic or copy, got 'softly'; did you mean"),
        ({"fraction": 0}, "fraction must be greater than 0, got 0"),
        ({"fraction": 1.1}, "fraction must be at most 1, got 1.1"),
        ({"val_fraction": 0.6, "test_fraction": 0.4}, "val_fraction and test_fraction must sum to less than 1, got 1"),
        ({"val_fraction": -0.1}, "val_fraction must be at least 0, got -0.1"),
        ({"caps": {"others": 0}}, "caps of 'others' must be at least 1, got 0"),
        ({"cap_all": 0}, "cap_all must be at least 1, got 0"),
        ({"caps": {"othrs": 3}}, "unknown class in caps: 'othrs'; did you mean others"),
        ({"split_flor": 2}, "unknown argument 'split_flor'; did you mean split_floor"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, tmp_path, settings, said):
    root = make(COUNTS)
    with pytest.raises(UserError, match=said):
        prepare(root, tmp_path / "clean", **settings)
    assert not (tmp_path / "clean").exists()


def test_a_data_set_of_which_one_class_would_be_left_is_refused(make, tmp_path):
    root = make({"train/可乐": 3, "train/雪碧": 1, "test/可乐": 1})
    decisions = log(tmp_path, ("train/雪碧/0.jpg", "雪碧", "drop"))
    with pytest.raises(UserError, match="only 1 of 2 classes would remain"):
        prepare(root, tmp_path / "clean", decisions=(decisions,))


def test_the_output_may_not_lie_in_the_data(make, tmp_path):
    root = make(COUNTS)
    link = tmp_path / "link"
    link.symlink_to(root)
    for out in (root / "clean", root, link / "clean"):
        with pytest.raises(UserError, match="is inside the data set"):
            prepare(root, out)


def test_bad_files_alone_are_refused_and_a_limit_holds(make, tmp_path):
    root = make({"train/可乐": 2, "train/雪碧": 2, "test/可乐": 1})
    for path in sorted(root.rglob("*.jpg"))[:3]:
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match="3 of 5 images are unusable"):
        prepare(root, tmp_path / "clean", max_bad_fraction=0.5)
    for path in root.rglob("*.jpg"):
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match="5 of 5 images are unusable"):
        prepare(root, tmp_path / "clean")


def test_several_logs_are_joined_and_contradictions_settled(make, tmp_path):
    root = make(COUNTS)
    logs = (
        log(tmp_path, ("train/可乐/0.jpg", "可乐", "drop")),
        log(tmp_path, ("train/可乐/0.jpg", "可乐", "keep"), reviewer="李"),
    )
    with pytest.raises(UserError, match="王 says drop, 李 says keep"):
        prepare(root, tmp_path / "clean", decisions=logs)
    assert prepare(root, tmp_path / "a", decisions=logs, prefer=("王",)).figures.kept == 25
    assert prepare(root, tmp_path / "b", decisions=logs, prefer_latest=True).figures.kept == 26


def test_corrections_of_a_single_class_all_go_to_training(make, tmp_path):
    from shelfmind.runs.folder import RUN_FILE

    root = make({"红茶": 24})
    run = tmp_path / "run"
    run.mkdir()
    (run / RUN_FILE).write_text("{}", encoding="utf-8")
    classes = {"names": ["红茶", "绿茶"], "train_images": [24, 2]}
    (run / "classes.json").write_text(json.dumps(classes), encoding="utf-8")
    rows = [(f"红茶/{number}.jpg", "红茶", "train") for number in range(24)]
    write_table(root / "list.csv", ("path", "label", "split"), rows)
    decisions = log(tmp_path, *((row[0], "红茶", "relabel", "绿茶") for row in rows))
    more = {"decisions": [decisions], "val_fraction": 0, "test_fraction": 0, "split_floor": 0}
    with pytest.raises(UserError, match="only one class"):
        prepare(data=root / "list.csv", out=tmp_path / "out", new_classes=["绿茶"], **more)
    prepare(data=root / "list.csv", out=tmp_path / "out", classes_of=run, **more)
    assert len(list((tmp_path / "out" / "train" / "绿茶").iterdir())) == 24
    assert {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()} == {"train"}


def test_a_photo_that_is_listed_twice_is_prepared_once(make, tmp_path):
    root = make({"photos": 6})
    (root / "classes.csv").write_text("Class Name (str),Class ID (int)\n可乐,0\n雪碧,1\n", encoding="utf-8")
    lines = "".join(f"photos/{number}.jpg, {number % 2}, 0\n" for number in range(6))
    (root / "train.txt").write_text(lines + lines)
    prepared = prepare(root, tmp_path / "clean")
    assert prepared.figures.kept == 6
    assert "6 lines of train.txt repeat an earlier one" in prepared.notes
