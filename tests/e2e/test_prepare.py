"""A preparation by command: the clean data set trains, the same input gives the same bytes, mistakes leave nothing."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import sys

import pytest

from shelfmind.analysis.decisions import append_decision, decide
from shelfmind.analysis.suspects import read_suspects
from shelfmind.data import open_catalog
from shelfmind.machine.checksum_lists import checksums_in

AT_LINK = """
import os, sys
link, left, number = os.link, 5, int(sys.argv.pop(1))
def counted(source, target):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), number)
    link(source, target)
os.link = counted
from shelfmind.cli import main
main()
"""


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def decisions(data, place):
    """Three decisions on training images: another class, dropped, kept."""
    first, second = sorted(path.name for path in (data / "train").iterdir())[:2]
    images = sorted((data / "train" / first).iterdir())
    log = place / "review.jsonl"
    for image, (decision, label) in zip(images, [("relabel", second), ("drop", None), ("keep", None)], strict=False):
        append_decision(log, decide("王", image.relative_to(data).as_posix(), first, decision, label))
    return log


def test_a_clean_data_set_trains_and_comes_out_the_same_again(data, decisions, warm, settings, tmp_path):
    before = contents(data)
    for name in ("clean", "again"):
        outcome = warm("prepare", data, "--decisions", decisions, "--jpeg", "--out", tmp_path / name)
        assert outcome.status == 0, outcome.stderr
        assert f"report: {tmp_path / name / 'report.html'}" in outcome.stderr
    assert "relabelled" in outcome.stdout
    assert contents(tmp_path / "clean") == contents(tmp_path / "again")
    assert contents(data) == before
    catalog = open_catalog(tmp_path / "clean")
    original = open_catalog(data)
    assert (catalog.format, len(catalog.samples)) == ("folder", len(original.samples) - 1)
    assert catalog.class_names == original.class_names
    outcome = warm("train", tmp_path / "clean", "--out", tmp_path / "run", *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    assert "training images" not in outcome.stderr


def test_mindrecord_is_written_with_its_digests_and_the_same_again(data, warm, tmp_path):
    for name in ("clean", "again"):
        words = ["--mindrecord", "--image-size", 32, "--link", "copy", "--out", tmp_path / name]
        outcome = warm("prepare", data, *words)
        assert outcome.status == 0, outcome.stderr
    assert contents(tmp_path / "clean") == contents(tmp_path / "again")
    folder = tmp_path / "clean" / "mindrecord"
    facts = json.loads((tmp_path / "clean" / "prepare.json").read_text(encoding="utf-8"))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.mindrecord*")}
    assert found == facts["mindrecord_sha256"]
    assert len(found) == 6
    assert "mindspore" in facts["versions"]
    classes = json.loads((folder / "classes.json").read_text(encoding="utf-8"))
    assert tuple(classes["names"]) == open_catalog(tmp_path / "clean").class_names
    assert checksums_in(folder).keys() == {*found, "classes.json"}
    assert warm("verify", folder).stdout == "all files are intact\n"
    code = f"""
from shelfmind.machine.device import start_mindspore
mindspore = start_mindspore()
rows = mindspore.dataset.MindDataset({str(folder / "train-00000.mindrecord")!r}).create_dict_iterator(output_numpy=True)
answer = sorted((str(row["path"]), int(row["label"])) for row in rows)
"""
    rows = warm.python(code)
    images = sorted(
        path.relative_to(tmp_path / "clean").as_posix() for path in (tmp_path / "clean/train").rglob("*.jpg")
    )
    assert [path for path, _ in rows] == images
    assert all(classes["names"][label] == path.split("/")[1] for path, label in rows)


def test_from_audit_over_review_to_a_clean_data_set(data, warm, tmp_path):
    root = tmp_path / "data"
    shutil.copytree(data, root)
    image = sorted((root / "test").rglob("*.jpg"))[0]
    leak = root / "train" / image.parent.name / "leaked.jpg"
    shutil.copy(image, leak)
    outcome = warm("audit", root, "--out", tmp_path / "audit")
    assert outcome.status == 0, outcome.stderr
    suspects = read_suspects(tmp_path / "audit" / "suspects.jsonl")
    (suspect,) = [each for each in suspects if each.path.endswith(leak.name)]
    assert suspect.path == leak.relative_to(root).as_posix()
    rows = {}
    for name, options in (("audited", ["--audit", tmp_path / "audit"]), ("looked", [])):
        outcome = warm("prepare", root, "--drop-leaks", *options, "--out", tmp_path / name)
        assert outcome.status == 0, outcome.stderr
        rows[name] = (tmp_path / name / "prepare.csv").read_bytes()
    assert rows["audited"] == rows["looked"]
    assert f"{suspect.path},train,{suspect.given},dropped,leak: also in test".encode() in rows["looked"]
    log = tmp_path / "review.jsonl"
    append_decision(log, decide("王", suspect.path, suspect.given, "keep"))
    outcome = warm("prepare", root, "--drop-leaks", "--decisions", log, "--out", tmp_path / "kept")
    assert outcome.status == 0, outcome.stderr
    assert len(open_catalog(tmp_path / "kept").samples) == len(open_catalog(root).samples)


@pytest.fixture
def refused(data, warm, tmp_path):
    """Run a preparation that must fail with one line and leave nothing; returns that line."""

    def run(words, source=data):
        before = contents(tmp_path)
        error = warm("prepare", source, "--out", tmp_path / "clean", *words).error
        assert contents(tmp_path) == before
        assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
        return error

    return run


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ("--decisions {tmp}/none.jsonl", "there are no decisions at {tmp}/none.jsonl; write them"),
        ("--fraction 0", "--fraction"),
        ("--fraction 2", "--fraction"),
        ("--cap others", "CLASS=N"),
        ("--cap others=many", "CLASS=N"),
        ("--cap others=5", "unknown class in --cap: 'others'"),
        ("--cap-all 0", "--cap-all must be at least 1, got 0"),
        ("--link soft", "--link must be auto, hard, symbolic or copy, got 'soft'"),
        ("--val-fraction 0.5 --test-fraction 0.5", "--val-fraction and --test-fraction must sum to less than 1, got 1"),
        ("--split-floor -1", "--split-floor"),
        ("--image-size 3", "--image-size"),
        ("--drop-leaks --audit {tmp}", "is not an audit"),
        ("--prefer Zhao", "the reviewer 'Zhao' has made no decisions"),
        ("--seed -1", "--seed"),
        ("--format foldr", "did you mean folder"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(options, named, refused, tmp_path):
    words = [word.format(tmp=tmp_path) for word in options.split()]
    assert named.format(tmp=tmp_path) in refused(words)


def test_data_that_cannot_be_prepared_is_one_line(data, refused, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty folder" in refused([], tmp_path / "empty")
    assert "no such file or folder" in refused([], tmp_path / "missing")
    first = sorted((data / "train").iterdir())[0]
    shutil.copytree(first, tmp_path / "one" / first.name)
    assert f"only one class ('{first.name}')" in refused([], tmp_path / "one")


def test_decisions_that_do_not_fit_are_one_line(data, decisions, refused, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(data, other)
    gone = json.loads(decisions.read_text(encoding="utf-8").splitlines()[0])["path"]
    (other / gone).unlink()
    error = refused(["--decisions", decisions], other)
    assert f"1 of 3 decisions cannot be applied because the image is not in the data set: {gone}" in error
    log = tmp_path / "li.jsonl"
    append_decision(log, decide("李", gone, gone.split("/")[1], "drop"))
    error = refused(["--decisions", decisions, "--decisions", log])
    assert "reviewers disagree" in error
    assert "王 says" in error
    assert "李 says drop" in error


def test_an_output_that_is_there_is_never_touched(data, warm, tmp_path):
    (tmp_path / "clean").mkdir()
    (tmp_path / "clean" / "mine.txt").write_text("mine")
    assert "is not an empty folder" in warm("prepare", data, "--out", tmp_path / "clean").error
    assert "is inside the data set" in warm("prepare", data, "--out", data / "clean").error
    assert contents(tmp_path / "clean") == {
        path.relative_to(tmp_path / "clean"): b"mine" for path in (tmp_path / "clean").iterdir()
    }


@pytest.mark.parametrize("options", [["--link", "copy"], ["--mindrecord"]])
def test_a_full_disk_is_one_line_and_leaves_nothing(data, cold, tmp_path, options):
    largest = max(path.stat().st_size for path in data.rglob("*.jpg"))
    limit = largest - 1 if "copy" in options else 200_000

    def fill_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    outcome = cold("prepare", data, "--out", tmp_path / "clean", *options, preexec_fn=fill_disk)
    assert outcome.status == 2, outcome.stderr
    last = outcome.stderr.splitlines()[-1]
    assert last.startswith("shelfmind: ")
    assert "cannot be written: " in last
    assert "space left" in last
    assert "Traceback" not in outcome.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(2, 130), (9, -9)])
def test_a_preparation_that_is_stopped_leaves_no_data_set_and_the_next_one_is_whole(
    data, cold, warm, tmp_path, number, status
):
    program = (sys.executable, "-c", AT_LINK, str(number))
    outcome = cold("prepare", data, "--link", "hard", "--out", tmp_path / "clean", program=program)
    assert outcome.status == status, outcome.stderr
    assert not (tmp_path / "clean").exists()
    left = list(tmp_path.iterdir())
    assert len(left) == (number == 9)  # after kill -9 a hidden folder, which the next attempt removes
    assert warm("prepare", data, "--out", tmp_path / "clean").status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["clean"]
    assert len(open_catalog(tmp_path / "clean").samples) == 36
