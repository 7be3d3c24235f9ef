"""Drawing a data set by command: what it writes, what it refuses, and how it is stopped."""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

SMALL = ("--classes", 6, "--images", 40, "--size", "48-64", "--fonts", "none")


@pytest.fixture(scope="module")
def drawn(warm, place):
    """40 photos of 6 classes, 4 of them filed wrongly, and what the command said."""
    folder = place / "画 drawn"
    words = ("--label-errors", 0.1, "--error-kinds", "random=0.5,foreign=0.5", "--glare", 0.9, "--set", "family_size=2")
    return folder, warm("generate", *SMALL, *words, "--out", folder)


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "truth.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_writes_photos_truth_and_settings(drawn):
    folder, outcome = drawn
    assert outcome.status == 0, outcome.stderr
    assert str(folder / "truth.csv") in outcome.stderr
    rows = _rows(folder)
    assert sorted(row["path"] for row in rows) == sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.jpg")
    )
    assert len(rows) == 40
    assert sorted(row["error"] for row in rows if row["error"]) == ["foreign", "foreign", "random", "random"]
    record = json.loads((folder / "generation.json").read_text())
    assert record["settings"]["glare"] == 0.9
    assert record["settings"]["family_size"] == 2
    assert record["settings"]["long_side"] == [48, 64]
    assert record["fonts"] == {"latin": [], "chinese": "drawn strokes"}


def test_the_same_seed_gives_the_same_bytes_in_another_process(drawn, cold, tmp_path):
    folder, _ = drawn
    words = ("--label-errors", 0.1, "--error-kinds", "random=0.5,foreign=0.5", "--glare", 0.9, "--set", "family_size=2")
    outcome = cold("generate", *SMALL, *words, "--out", tmp_path / "again", "--workers", 1)
    assert outcome.status == 0, outcome.stderr
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert (tmp_path / "again" / path.relative_to(folder)).read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--classes", 1], "--classes must be at least 2, got 1"),
        (["--classes", 50, "--images", 30], "30 images are too few for 50 classes"),
        (["--classes", "many"], "--classes"),
        (["--images", -5], "images"),
        (["--label-errors", 1.5], "--label-errors must be at most 0.9"),
        (["--error-kinds", "sibbling"], "did you mean sibling"),
        (["--label-errors", 0.2, "--error-kinds", "sibling", "--set", "family_size=1"], "kind 'sibling'"),
        (["--glare", 2], "glare"),
        (["--difficulty", -1], "difficulty"),
        (["--size", "huge"], "--size must be pixels such as 224"),
        (["--size", "400-150"], "--size must"),
        (["--fonts", "/no/such/font.ttf"], "no such font file or folder: /no/such/font.ttf"),
        (["--fonts", __file__], "is not a font"),
        (["--set", "glarre=0.1"], "did you mean glare"),
        (["--set", "glare"], "--set must have the form KEY=VALUE"),
        (["--workers", 0], "--workers must be at least 1"),
        (["--set", "family_size=0"], "--set family_size must be at least 1"),
    ],
)
def test_what_cannot_be_drawn_is_one_line_and_leaves_nothing(words, said, warm, tmp_path):
    error = warm("generate", *words, "--out", tmp_path / "set").error
    assert said in error
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_empty_is_left_alone(warm, tmp_path):
    (tmp_path / "mine.txt").write_text("kept")
    assert "not an empty folder" in warm("generate", *SMALL, "--out", tmp_path).error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_out_is_asked_for(warm):
    assert "--out" in warm("generate").error


def test_ctrl_c_ends_all_processes_and_leaves_nothing(command, environment, place, tmp_path):
    words = [command, "generate", "--classes", "20", "--images", "100000", "--workers", "2", "--out", "set"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".set.*.tmp-*/all/train/*/*.jpg")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.splitlines()[-1] == "shelfmind: stopped"
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
    while _running(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _running(group: int) -> list[str]:
    """The processes of a group that still run; ended ones that nobody asked about do not count."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        found += [path.parent.name] * (int(its_group) == group and state != "Z")
    return found


@pytest.mark.parametrize(("images", "workers"), [(20, 1), (200, 2)])
def test_a_full_disk_is_one_line(images, workers, cold, tmp_path):
    def fill_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    words = ("--classes", 4, "--images", images, "--size", 400, "--fonts", "none", "--workers", workers)
    assert "no space left" in cold("generate", *words, "--out", tmp_path / "set", preexec_fn=fill_disk).error
    assert list(tmp_path.iterdir()) == []
