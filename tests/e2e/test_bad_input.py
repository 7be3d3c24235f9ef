"""Bad files are counted, listed and passed over; any other mistake is refused in one line before anything is done."""

from __future__ import annotations

import csv
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from shelfmind.records import Predictions


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def listed(path):
    return {row["path"]: row["reason"] for row in rows(path)}


def put(files, folder):
    """Put the files into the folder, and say which file is now where."""
    for file in files:
        if file.name == "pipe.jpg":
            os.mkfifo(folder / file.name)
        elif file.name == "locked.jpg":
            (folder / file.name).touch(0)
        else:
            shutil.copy2(file, folder / file.name, follow_symlinks=False)
    return [folder / file.name for file in files]


@pytest.fixture(scope="module")
def mixed(place, data, odd, bad):
    """The data with odd images and bad files in train and test, and one bad file in val."""
    root = place / "mixed"
    shutil.copytree(data, root)
    for split in ("train", "test"):
        first, second, *_ = sorted((root / split).iterdir())
        put(odd.values(), first)
        put(bad, second)
    put([path for path in bad if path.name == "text.jpg"], sorted((root / "val").iterdir())[0])
    return root


@pytest.fixture(scope="module")
def reasons(mixed, bad):
    """The reason of each bad file of a split."""
    by_name = {path.name: reason for path, reason in bad.items()}

    def of(split):
        files = [path for path in (mixed / split).glob("*/*") if path.name in by_name]
        return {str(path): by_name[path.name] for path in files}

    return of


# Data sets with bad files


def test_too_many_bad_files_stop_training_with_their_list_and_the_same_command_works_when_more_are_allowed(
    mixed, reasons, odd, settings, warm, tmp_path
):
    run = tmp_path / "run"
    words = ("train", mixed, "--out", run, *settings("train.epochs=1"))
    error = warm(*words).error
    assert str(run / "bad_files.csv") in error
    assert "--max-bad-fraction" in error
    assert listed(run / "bad_files.csv") == reasons("train") | reasons("val")
    assert [path.name for path in run.iterdir()] == ["bad_files.csv"]
    outcome = warm(*words, "--max-bad-fraction", "0.5")
    assert outcome.status == 0, outcome.stderr
    assert f" on {26 + len(odd)} images, batch size 4, 3 images for validation" in outcome.stderr
    assert listed(run / "bad_files.csv") == reasons("train") | reasons("val")
    figures = json.loads((run / "metrics.json").read_text())
    assert (figures["split"], figures["images"], figures["bad_files"]) == ("val", 3, 1)


def test_evaluation_counts_the_bad_files_and_measures_the_rest(mixed, reasons, odd, copied_run, warm, tmp_path):
    figures = tmp_path / "figures.json"
    outcome = warm("evaluate", copied_run, mixed, "--json", figures, "--max-bad-fraction", "0.5")
    assert outcome.status == 0, outcome.stderr
    said = json.loads(figures.read_text())
    assert (said["images"], said["bad_files"]) == (7 + len(odd), len(reasons("test")))
    assert listed(copied_run / "evaluation" / "test" / "bad_files.csv") == reasons("test")


def test_too_many_bad_files_stop_evaluation_with_their_list(mixed, reasons, copied_run, warm):
    before = (copied_run / "metrics.json").read_bytes()
    found = copied_run / "evaluation" / "test" / "bad_files.csv"
    assert str(found) in warm("evaluate", copied_run, mixed).error
    assert listed(found) == reasons("test")
    assert (copied_run / "metrics.json").read_bytes() == before


def test_a_file_that_becomes_readable_is_read(data, photos, copied_run, warm, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(data, other)
    locked = other / photos[0].relative_to(data)
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("root may read everything")
    outcome = warm("evaluate", copied_run, other, "--max-bad-fraction", "0.5")
    assert outcome.status == 0, outcome.stderr
    locked.chmod(0o644)
    outcome = warm("evaluate", copied_run, other)
    assert outcome.status == 0, outcome.stderr
    assert warm("predict", copied_run, locked, "--out", tmp_path / "p.npz").status == 0
    measured = Predictions.load(copied_run / "evaluation" / "test" / "predictions.npz")
    (expected,) = Predictions.load(tmp_path / "p.npz").probabilities
    np.testing.assert_allclose(measured.probabilities[measured.paths.index(str(locked))], expected, atol=1e-5)


# Prediction of bad files


@pytest.fixture
def given(photos, bad, odd):
    """Good and bad files and folders, and all their files in the order in which they must come out."""
    folders = [next(iter(files)).parent for files in (bad, odd.values())]
    words = [photos[1], folders[0], photos[0], folders[1]]
    return words, [str(path) for path in (photos[1], *bad, photos[0], *odd.values())]


def test_predict_keeps_the_order_and_gives_each_bad_file_its_reason(trained, given, bad, warm, tmp_path):
    words, expected = given
    reasons = {str(path): reason for path, reason in bad.items()}
    for name in ("p.csv", "p.jsonl"):
        outcome = warm("predict", trained.run, *words, "--out", tmp_path / name)
        assert outcome.status == 0, outcome.stderr
        assert f"{len(bad)} of {len(expected)} files" in outcome.stderr
        assert listed(tmp_path / f"{name}.bad_files.csv") == reasons
    table = rows(tmp_path / "p.csv")
    assert [row["path"] for row in table] == expected
    assert {row["path"]: row["error"] for row in table if row["error"]} == reasons
    assert [row["path"] for row in table if not row["class_1"]] == list(reasons)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["path"] for line in lines] == expected
    assert {line["path"]: line["error"] for line in lines if "predictions" not in line} == reasons


def test_predicted_arrays_hold_the_good_files_only(trained, given, bad, warm, tmp_path):
    words, expected = given
    outcome = warm("predict", trained.run, *words, "--out", tmp_path / "p.npz")
    assert outcome.status == 0, outcome.stderr
    bad_names = [str(path) for path in bad]
    assert list(Predictions.load(tmp_path / "p.npz").paths) == [path for path in expected if path not in bad_names]
    assert list(listed(tmp_path / "p.npz.bad_files.csv")) == bad_names


def test_more_bad_files_than_allowed_are_status_2_and_the_predictions_are_kept(trained, given, warm, tmp_path):
    words, expected = given
    outcome = warm("predict", trained.run, *words, "--out", tmp_path / "p.csv", "--max-bad-fraction", "0.1")
    assert outcome.status == 2
    assert str(tmp_path / "p.csv.bad_files.csv") in outcome.stderr
    assert len(rows(tmp_path / "p.csv")) == len(expected)


@pytest.mark.parametrize("name", [None, "p.csv", "p.jsonl", "p.npz"])
def test_bad_files_alone_are_status_2(name, trained, bad, warm, tmp_path):
    outcome = warm("predict", trained.run, *bad, *(["--out", tmp_path / name] if name else []))
    assert outcome.status == 2, outcome.stderr
    assert f"{len(bad)} of {len(bad)} files cannot be used" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    if name:
        assert len(listed(tmp_path / f"{name}.bad_files.csv")) == len(bad)
    if name == "p.npz":
        assert len(Predictions.load(tmp_path / name)) == 0


def test_an_image_turned_by_exif_predicts_as_its_upright_pixels(trained, photos, warm, tmp_path):
    upright = Image.open(photos[0]).convert("RGB").crop((0, 0, 100, 60))
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    upright.save(tmp_path / "a.png")
    stored.save(tmp_path / "b.png", exif=exif)
    stored.save(tmp_path / "c.tiff", exif=exif)
    stored.save(tmp_path / "d.png")
    outcome = warm("predict", trained.run, tmp_path, "--out", tmp_path / "p.jsonl")
    assert outcome.status == 0, outcome.stderr
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    plain, *turned, unturned = [line["predictions"] for line in lines]
    assert turned == [plain, plain]
    assert unturned != plain


# Mistakes in the command


@pytest.fixture(scope="module")
def own_run(trained, place):
    """A copy of the run for commands that must not touch it."""
    copy = place / "own"
    shutil.copytree(trained.run, copy)
    return copy


def contents(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


@pytest.fixture
def refused(own_run, trained, data, photos, warm, tmp_path):
    """Run a command (`more` behind its verb) that must fail with one line and change nothing; returns that line."""
    (tmp_path / "empty").mkdir()
    places = {"tmp": tmp_path, "run": own_run, "first": trained.run, "data": data, "photo": photos[0]}

    def run(words, *more):
        before = contents(tmp_path) | contents(own_run)
        verb, *others = (word.format(**places) for word in words.split())
        error = warm(verb, *more, *others).error
        assert contents(tmp_path) | contents(own_run) == before
        return error, places

    return run


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("train {tmp}/missing --out {tmp}/run", "{tmp}/missing"),
        ("train {tmp}/empty --out {tmp}/run", "{tmp}/empty"),
        ("train {photo} --out {tmp}/run", "{photo}"),
        ("train {data}", "--out"),
        ("train --out {tmp}/run", "DATA"),
        ("train {data} --out {run}", "{run}"),
        ("train {data} --out {photo}", "{photo}"),
        ("train {data} --out {photo}/run", "{photo}"),
        ("train --resume {tmp}/missing", "{tmp}/missing"),
        ("train --resume {data}", "recipe.yaml"),
        ("evaluate {tmp}/missing {data}", "{tmp}/missing"),
        ("evaluate {data} {data}", "recipe.yaml"),
        ("evaluate {run} {tmp}/missing", "{tmp}/missing"),
        ("evaluate {run} {tmp}/empty", "{tmp}/empty"),
        ("evaluate {run} {data} --split tset", "test"),
        ("evaluate {run} {data} --tta flop", "flip"),
        ("evaluate {run} {data} --format foldr", "folder"),
        ("evaluate {run} {data} --max-bad-fraction 2", "--max-bad-fraction"),
        ("evaluate {run} {data} --json {tmp}/none/figures.json", "{tmp}/none"),
        ("evaluate {run} {data} --json {tmp}/empty", "{tmp}/empty"),
        ("evaluate {run}", "DATA"),
        ("predict {tmp}/missing {photo}", "{tmp}/missing"),
        ("predict {data} {photo}", "recipe.yaml"),
        ("predict {run}", "PATH"),
        ("predict {run} {tmp}/missing.jpg", "{tmp}/missing.jpg"),
        ("predict {run} {photo} {tmp}/missing.jpg --out {tmp}/p.csv", "{tmp}/missing.jpg"),
        ("predict {run} {tmp}/*.jpg", "{tmp}/*.jpg"),
        ("predict {run} {tmp}/empty", "{tmp}/empty"),
        ("predict {run} {tmp}/empty --out {tmp}/p.csv", "{tmp}/empty"),
        ("predict {run} {tmp}/empty --out {tmp}/p.npz", "{tmp}/empty"),
        ("predict {run} {photo} --out {tmp}/p.txt", ".csv"),
        ("predict {run} {photo} --out {tmp}/none/p.csv", "{tmp}/none"),
        ("predict {run} {photo} --out {tmp}/empty", "{tmp}/empty"),
        ("predict {run} {photo} --top 0", "--top"),
        ("predict {run} {photo} --tta flop", "flip"),
        ("evaluate {run} {first} {data} --out {photo}/x", "{photo} is a file"),
        ("evaluate {run} {first} {data} --out /proc/x", "/proc/x"),
        ("evaluate {run} {data} --json /proc/x.json", "/proc/x.json"),
        ("predict {run} {photo} --out /proc/p.csv", "/proc/p.csv"),
        ("explain {run} {photo} --out {photo}/x", "{photo} is a file"),
        ("explain {run} {photo} --out /proc/x", "/proc/x"),
        ("audit {data} --out {photo}/x", "{photo} is a file"),
        ("prepare {data} --out {run}/recipe.yaml/x", "recipe.yaml is a file"),
        ("prepare {data} --out /proc/x", "/proc/x"),
        ("generate --out {photo}/x --classes 3 --images 6", "{photo}"),
        ("pretrain {data} --out {photo}/x", "{photo} is a file"),
        ("find-label-errors {data} --out {photo}/x", "{photo} is a file"),
        ("fixres {run} --resolutions 32 --out {photo}/x", "{photo} is a file"),
        ("train {data} --out {tmp}/run --epochs 1 --max-minutes 1", "--epochs and --max-minutes cannot be combined"),
        ("pretrain {data} --out {tmp}/run --epochs 1 --max-minutes 1", "--epochs and --max-minutes cannot be combined"),
        (
            "find-label-errors {data} --out {tmp}/l --epochs 1 --max-minutes 1",
            "--epochs and --max-minutes cannot be combined",
        ),
        ("tune {data} --out {tmp}/search --epochs 1 --max-minutes 1", "--epochs and --max-minutes cannot be combined"),
        ("tune {data} --out {photo}/x", "{photo} is a file"),
        ("tune {data} --out /proc/self", "/proc/self cannot be written"),
        (
            "fixres {run} --out {tmp}/f --resolutions 32 --epochs 1 --max-minutes 1",
            "--epochs and --max-minutes cannot be combined",
        ),
        ("recipes defualt", "default"),
        ("doctor --json {tmp}/none/facts.json", "{tmp}/none"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_nothing_is_written(words, named, refused):
    error, places = refused(words)
    assert named.format(**places).lower() in error.lower()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--recipe defualt", "did you mean default"),
        ("--recipe {tmp}/mine.yaml", "mine.yaml"),
        ("--format foldr", "did you mean folder"),
        ("--set train.epohcs=3", "did you mean epochs"),
        ("--set trian.epochs=3", "did you mean train"),
        ("--set train.epochs", "KEY=VALUE"),
        ("--set train.epochs=three", "train.epochs"),
        ("--set train.optimizer=sdg", "did you mean sgd?"),
        ("--set data.image_size.x=3", "image_size"),
        ("--set model.name=resnet81", "resnet18"),
        ('--set model.arguments={{"widht":3}}', "widht"),
        ("--set loss.name=cross_entropi", "did you mean cross_entropy"),
        ("--set augment=[horizontal_flop]", "did you mean horizontal_flip"),
        ('--set augment=[{{"cutout":{{"lenght":3}}}}]', "lenght"),
        ("--set evaluation.tta=[flop]", "did you mean flip"),
        ("--epochs 0", "--epochs"),
        ("--epochs three", "--epochs"),
        ("--epoch 3", "--epochs"),
        ("--max-minutes 0", "--max-minutes"),
        ("--max-minutes -1", "--max-minutes"),
        ("--max-minutes nan", "--max-minutes"),
        ("--seed -1", "--seed"),
        ("--max-bad-fraction 2", "--max-bad-fraction"),
    ],
)
def test_a_mistake_in_an_option_of_train_leaves_no_run_folder(options, named, refused, settings):
    error, _ = refused(f"train {{data}} --out {{tmp}}/run {options}", *settings("train.epochs=1"))
    assert named in error


@pytest.mark.parametrize(
    "option",
    [
        *("{data}", "--out {tmp}/run", "--set train.epochs=3", "--epochs 3", "--seed 0", "--recipe default"),
        *("--max-minutes 1", "--format folder", "--max-bad-fraction 0.01"),
    ],
)
def test_resume_takes_no_other_option(option, refused):
    error, _ = refused(f"train --resume {{run}} {option}")
    assert "--resume" in error
    assert ("DATA" if option == "{data}" else option.split()[0]) in error


def test_a_cache_that_cannot_be_made_leaves_no_run_folder(data, photos, settings, cold, tmp_path):
    variables = {"SHELFMIND_CACHE": str(photos[0] / "cache")}
    error = cold("train", data, "--out", tmp_path / "run", *settings(), variables=variables).error
    assert "SHELFMIND_CACHE" in error
    assert list(tmp_path.iterdir()) == []


def test_predicting_nothing_leaves_the_old_predictions(refused, tmp_path):
    (tmp_path / "p.csv").write_text("old")
    refused("predict {run} {tmp}/empty --out {tmp}/p.csv")
    assert (tmp_path / "p.csv").read_text() == "old"


# Classes


def test_evaluation_names_the_classes_that_differ(data, own_run, warm, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(data, other)
    name = sorted(path.name for path in (data / "train").iterdir())[0]
    for split in other.iterdir():
        if split.is_dir():
            (split / name).rename(split / "新商品")
    error = warm("evaluate", own_run, other).error
    assert f"1 unknown to the run (新商品); 1 missing in the data ({name})" in error


def test_resuming_on_data_whose_classes_changed_is_refused(data, copied_run, warm, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(data, other)
    last = sorted(path.name for path in (data / "train").iterdir())[-1]
    for split in ("train", "val", "test"):
        (other / split / last).rename(other / split / "0 new")  # sorts before the others: every id would move
    provenance = copied_run / "provenance.json"
    provenance.write_text(provenance.read_text(encoding="utf-8").replace(str(data), str(other)), encoding="utf-8")
    error = warm("train", "--resume", copied_run).error
    assert "0 new" in error
    assert last in error


def test_resuming_without_the_data_names_where_they_were(data, copied_run, warm, tmp_path):
    provenance = copied_run / "provenance.json"
    gone = str(tmp_path / "gone")
    provenance.write_text(provenance.read_text(encoding="utf-8").replace(str(data), gone), encoding="utf-8")
    assert gone in warm("train", "--resume", copied_run).error


def test_empty_classes_and_classes_with_one_image_are_classes(data, photos, settings, warm, tmp_path):
    root, run = tmp_path / "data", tmp_path / "run"
    for photo in data.rglob("*.jpg"):
        (root / photo.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, root / photo.parent.name / f"{photo.parent.parent.name} {photo.name}")
    for name in ("empty", "single"):
        (root / name).mkdir()
    shutil.copy(photos[0], root / "single")
    outcome = warm("train", root, "--out", run, *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    classes = json.loads((run / "classes.json").read_text(encoding="utf-8"))
    counts = dict(zip(classes["names"], classes["train_images"], strict=True))
    assert (len(counts), counts["empty"], counts["single"]) == (5, 0, 1)
    outcome = warm("evaluate", run, root)
    assert outcome.status == 0, outcome.stderr
    outcome = warm("predict", run, root / "single")
    assert outcome.status == 0, outcome.stderr


def test_classes_that_are_the_same_after_normalising_are_refused_by_name(data, settings, warm, tmp_path):
    root, run = tmp_path / "data", tmp_path / "run"
    names = ["可乐（500ml）", "可乐(500ml)"]
    for name in names:
        shutil.copytree(sorted((data / "train").iterdir())[0], root / name)
    error = warm("train", root, "--out", run, *settings()).error
    assert all(f"'{name}'" in error for name in names)
    assert not run.exists()


# Damaged run folders

SAVE_ANOTHER = """
from pathlib import Path
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
path = Path({path!r})
save_checkpoint(path, Checkpoint(load_checkpoint(path).arrays, "resnet18() with 7 classes"))
"""


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES = {
    "flipped": flip,
    "cut": cut,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("a: b: c"),
    "bytes": lambda path: path.write_bytes(b"\xff\xfe\x00\x80"),
    "list": lambda path: path.write_text("[]"),
    "mapping": lambda path: path.write_text("{}"),
    "missing": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "text", "missing"])
def test_damaged_weights_are_one_line(damage, copied_run, photos, warm):
    DAMAGES[damage](copied_run / "weights.ckpt")
    assert str(copied_run / "weights.ckpt") in warm("predict", copied_run, photos[0]).error


def test_weights_of_another_model_are_one_line(copied_run, photos, warm):
    weights = copied_run / "weights.ckpt"
    warm.python(SAVE_ANOTHER.format(path=str(weights)))
    error = warm("predict", copied_run, photos[0]).error
    assert str(weights) in error
    assert "weights of resnet18() with 7 classes" in error


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("recipe.yaml", damage) for damage in ("empty", "text", "bytes", "list", "missing")),
        *(("classes.json", damage) for damage in ("cut", "empty", "text", "bytes", "list", "mapping", "missing")),
    ],
)
def test_a_damaged_run_folder_is_one_line_that_names_the_file(name, damage, copied_run, photos, warm):
    DAMAGES[damage](copied_run / name)
    assert name in warm("predict", copied_run, photos[0]).error


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *(("state.ckpt", damage) for damage in ("flipped", "cut", "empty")),
        *(("provenance.json", damage) for damage in ("cut", "bytes", "mapping", "missing")),
        *(("split.csv", damage) for damage in ("text", "empty", "missing")),
    ],
)
def test_resuming_a_damaged_run_is_one_line_that_names_the_file(name, damage, copied_run, warm):
    DAMAGES[damage](copied_run / name)
    before = (copied_run / "weights.ckpt").read_bytes()
    assert name in warm("train", "--resume", copied_run).error
    assert (copied_run / "weights.ckpt").read_bytes() == before


def test_evaluation_on_some_of_the_run_s_classes_says_so(data, copied_run, warm, tmp_path):
    whole = tmp_path / "whole.json"
    assert warm("evaluate", copied_run, data, "--json", whole).status == 0
    before = Predictions.load(copied_run / "evaluation" / "test" / "predictions.npz")
    some = tmp_path / "some"
    shutil.copytree(data, some)
    name = sorted(path.name for path in (data / "train").iterdir())[0]
    for split in ("train", "val", "test"):
        shutil.rmtree(some / split / name)
    outcome = warm("evaluate", copied_run, some, "--json", tmp_path / "some.json")
    assert outcome.status == 0, outcome.stderr
    assert "2 of 3 classes" in outcome.stdout
    figures = json.loads((tmp_path / "some.json").read_text())
    assert (figures["classes"], figures["classes_with_images"]) == (3, 2)
    after = Predictions.load(copied_run / "evaluation" / "test" / "predictions.npz")
    kept = before.labels != before.class_names.index(name)
    assert after.labels.tolist() == before.labels[kept].tolist()
    recalls = [
        np.mean(before.probabilities[before.labels == i].argmax(1) == i) for i in {*before.labels[kept].tolist()}
    ]
    assert figures["macro_top1"] == pytest.approx(np.mean(recalls))
    page = (copied_run / "report.html").read_text(encoding="utf-8")
    assert "2 of 3 with images" in page.replace("&#39;", "'")
    assert "differ from the run's" in warm("calibrate", copied_run, some).error
