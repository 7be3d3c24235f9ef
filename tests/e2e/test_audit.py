"""The audit by its command: what it writes, what it refuses in one line, and that stopping it leaves nothing."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

OUTPUTS = ["audit.json", "issues.csv", "report.html", "suspects.jsonl"]


@pytest.fixture(scope="module")
def faulty(place, data, odd, bad) -> Path:
    """The shared data with a leak, a conflict, odd images and bad files."""
    root = place / "faulty"
    shutil.copytree(data, root)
    first, second, *_ = sorted((root / "train").iterdir())
    photo, other = sorted(first.iterdir())[:2]
    with Image.open(photo) as image:
        width, height = image.size
        image.crop((2, 2, width - 3, height - 1)).save(root / "test" / first.name / "leaked.jpg", quality=80)
    shutil.copy(other, second / "wrong.jpg")
    for path in odd.values():
        shutil.copy(path, first)
    for path in bad:
        if path.name != "pipe.jpg":
            shutil.copy2(path, second, follow_symlinks=False)
    return root


def test_an_audit_tells_of_every_fault(faulty, bad, warm, tmp_path) -> None:
    out = tmp_path / "审计"
    outcome = warm("audit", faulty, "--out", out)
    assert outcome.status == 0, outcome.stderr
    assert sorted(os.listdir(out)) == OUTPUTS
    assert f"report: {out / 'report.html'}" in outcome.stderr
    with open(out / "issues.csv", encoding="utf-8", newline="") as file:
        found = {(row["path"].rsplit("/", 1)[-1], row["kind"]): row for row in csv.DictReader(file)}
    assert {("leaked.jpg", "leak"), ("wrong.jpg", "conflict")} <= set(found)
    unreadable = {name: row["detail"] for (name, kind), row in found.items() if kind == "unreadable"}
    assert unreadable == {path.name: reason for path, reason in bad.items() if path.name != "pipe.jpg"}
    assert {name for name, kind in found if kind == "odd_file"} >= {"cmyk.jpg", "pixel.png", "grey16.png"}
    figures = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert figures["root"] == str(faulty)
    assert "unreadable" in outcome.stdout
    again = warm("audit", faulty, "--out", out)
    assert "--overwrite" in again.error
    assert warm("audit", faulty, "--out", out, "--overwrite").status == 0


def test_an_audit_needs_no_mindspore(data, cold, tmp_path) -> None:
    code = (
        "import sys, shelfmind; from pathlib import Path;"
        f"shelfmind.audit(Path({str(data)!r}), Path({str(tmp_path / 'out')!r}));"
        "print('mindspore' in sys.modules)"
    )
    outcome = cold("-c", code, program=(sys.executable,))
    assert (outcome.status, outcome.stdout) == (0, "False\n"), outcome


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: None, "no such file or folder"),
        (lambda root: root.mkdir(), "no data set in"),
        (lambda root: (root / "only").mkdir(parents=True) or Image.new("RGB", (9, 9)).save(root / "only" / "a.png"),
         "only one class ('only')"),
        (lambda root: [(root / name).mkdir(parents=True) or (root / name / "a.jpg").write_text("x") for name in "ab"],
         "none of the 2 images"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_audited_is_refused_in_one_line(make, said, warm, tmp_path) -> None:
    make(tmp_path / "data")
    assert said in warm("audit", tmp_path / "data", "--out", tmp_path / "out").error
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be_written_are_refused_before_any_work(data, warm, tmp_path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "mine.txt").touch()
    assert "not an empty folder" in warm("audit", data, "--out", full).error
    assert "mine.txt" in warm("audit", data, "--out", full, "--overwrite").error
    assert "is a file" in warm("audit", data, "--out", full / "mine.txt").error
    assert "cannot be" in warm("audit", data, "--out", full / "mine.txt" / "below").error
    assert os.listdir(full) == ["mine.txt"]


def test_ctrl_c_leaves_nothing(place, environment, command, tmp_path) -> None:
    root = tmp_path / "many"
    picture = tmp_path / "one.png"
    Image.effect_noise((900, 700), 60).convert("RGB").save(picture)
    for name in ("a", "b"):
        (root / name).mkdir(parents=True)
        for number in range(400):
            os.link(picture, root / name / f"{number}.png")
    process = subprocess.Popen(
        [command, "audit", str(root), "--out", str(tmp_path / "out")],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    waited = time.monotonic() + 60
    while not any(path.name.startswith(".out.") for path in tmp_path.iterdir()):  # the work has begun
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < waited
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.decode().splitlines()[-1] == "shelfmind: stopped"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["many", "one.png"]


def test_a_full_disk_is_told_in_one_line(data, command, environment, tmp_path) -> None:
    """A limit on the size of files stands for a disk without space: the system call fails in the same way."""
    limited = f"ulimit -f 1; trap '' XFSZ; exec '{command}' audit '{data}' --out '{tmp_path / 'out'}'"
    done = subprocess.run(
        ["bash", "-c", limited],
        env={**environment, "SHELFMIND_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr.decode().splitlines()[-1]
    assert not (tmp_path / "out").exists()
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]
