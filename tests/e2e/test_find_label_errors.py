"""`shelfmind find-label-errors` finds swapped labels, goes on after a kill, and says one line about a mistake."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.analysis.suspects import read_suspects

pytestmark = pytest.mark.slow

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))
FOLDS = ("--folds", 2)


@pytest.fixture(scope="module")
def quick(settings):
    """Options of a fold of two epochs."""
    return [*settings("train.epochs=2", "augment=[]"), *FOLDS]


@pytest.fixture(scope="module")
def coloured(place) -> Path:
    """Three classes of plain colours, with a photo of one filed under another, and one whose name is no UTF-8."""
    folder = place / "coloured"
    rng = np.random.default_rng(0)
    for name, colour in (("红", (200, 30, 30)), ("<green>", (30, 200, 30)), ("blue", (30, 30, 200))):
        (folder / name).mkdir(parents=True)
        for number in range(14):
            shade = np.clip(np.array(colour) + rng.normal(0, 12, (24, 24, 3)), 0, 255)
            Image.fromarray(shade.astype(np.uint8)).save(folder / name / f"{number}.png")
    (folder / "one photo only").mkdir()  # cannot be checked: every fold would miss it
    shutil.copy(folder / "blue" / "3.png", folder / "one photo only" / "0.png")
    shutil.copy(folder / "blue" / "5.png", folder / "红" / "swapped.png")
    (folder / "blue" / "5.png").unlink()
    with open(os.path.join(os.fsencode(folder / "blue"), b"\xff.png"), "wb") as stream:
        stream.write((folder / "blue" / "6.png").read_bytes())
    return folder


def table(out: Path) -> list[dict[str, str]]:
    with open(out / "label_errors.csv", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def checked(place, coloured, warm, settings):
    """An undisturbed check of the coloured photos, long enough to learn colours."""
    out = place / "checked"
    model = "model.arguments={widths: [8, 16], depths: [1, 1]}"
    options = settings("train.epochs=12", "augment=[]", "train.lr=0.05", model)
    return out, warm("find-label-errors", coloured, "--out", out, *options, *FOLDS)


def test_a_swapped_label_is_found_and_its_class_suggested(checked, coloured):
    out, outcome = checked
    assert outcome.status == 0, outcome.stderr
    assert "43 labels checked by 2 networks" in outcome.stdout
    assert f"shelfmind review {out}" in outcome.stderr
    rows = table(out)
    assert rows[0]["path"] == "红/swapped.png"
    assert (rows[0]["given"], rows[0]["suggested"], rows[0]["flagged"]) == ("红", "blue", "yes")
    assert len(rows) == 44
    assert [row["path"] for row in rows if not row["fold"]] == ["one photo only/0.png"]
    assert "blue/\udcff.png" in {row["path"] for row in rows}


def test_the_folder_is_what_review_opens(checked, coloured):
    out, _ = checked
    audit = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    assert audit["root"] == str(coloured)
    assert audit["format"] == "folder"
    assert audit["class_names"] == sorted(["红", "<green>", "blue", "one photo only"])
    assert audit["figures"]["checked"] == 43
    suspect = read_suspects(out / "suspects.jsonl")[0]
    assert (suspect.path, suspect.given, suspect.suggested, suspect.kind) == ("红/swapped.png", "红", "blue", "label")
    assert all((coloured / path).exists() for path in (*suspect.neighbours, *suspect.given_neighbours))
    assert "swapped.png" in (out / "report.html").read_text(encoding="utf-8")
    probabilities = np.load(out / "probabilities.npy")
    assert probabilities.shape == (43, 4)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(43), abs=1e-4)
    assert np.load(out / "folds" / "0" / "embeddings.npy", mmap_mode="r").shape[0] == 44
    assert json.loads((out / "provenance.json").read_text())["versions"]["shelfmind"]


def test_the_command_counts_what_its_files_count(checked):
    out, outcome = checked
    rows, suspects = table(out), read_suspects(out / "suspects.jsonl")
    audit = json.loads((out / "audit.json").read_text(encoding="utf-8"))
    labels, outliers = (sum(each.kind == kind for each in suspects) for kind in ("label", "outlier"))
    assert labels > 0
    fit = "image fits" if outliers == 1 else "images fit"
    said = f"{labels} suspicious, {outliers} {fit} no class, {len(suspects)} to review in total"
    assert said in outcome.stdout
    assert sum(row["flagged"] == "yes" for row in rows) == labels
    assert sum(row["flagged"] == "outlier" for row in rows) == outliers
    assert (audit["figures"]["flagged"], audit["figures"]["outliers"]) == (labels, outliers)
    assert (audit["suspected_labels"], audit["outliers"]) == (labels, outliers)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert f"{labels} {'label is' if labels == 1 else 'labels are'} suspicious" in page
    assert audit["doubt"] is None


def test_networks_at_chance_judge_nothing_and_the_command_says_so(data, settings, warm, tmp_path):
    out = tmp_path / "check"
    unlearnt = settings("train.epochs=1", "augment=[]", "train.lr=1e-9")
    outcome = warm("find-label-errors", data, "--out", out, *unlearnt, *FOLDS)
    assert outcome.stdout == "no labels were checked\n"
    assert "warning: none of 2 networks clearly beats guessing" in outcome.stderr.splitlines()[-1]
    assert "shelfmind review" not in outcome.stderr
    assert {row["flagged"] for row in table(out)} == {"not checked"}
    assert read_suspects(out / "suspects.jsonl") == []
    audited = warm("audit", data, "--run", out, "--out", tmp_path / "audited by chance")
    assert audited.status == 0, audited.stderr
    assert "none of 2 networks clearly beats guessing" in audited.stderr.splitlines()[-2]


def test_nobody_is_judged_by_a_network_that_was_trained_on_it(checked):
    out, _ = checked
    with open(out / "images.csv", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        images = list(csv.DictReader(stream))
    fold_of = {row["path"]: row["fold"] for row in images}
    assert fold_of["blue/\udcff.png"] == fold_of["blue/6.png"]  # copies of one photo
    for fold in (0, 1):
        with open(out / "folds" / str(fold) / "run" / "split.csv", encoding="utf-8", newline="") as stream:
            trained = {Path(row["path"]).name for row in csv.DictReader(stream) if row["split"] == "train"}
        split = {row["path"]: row["fold"] for row in images}
        held_out = {path for path, own in split.items() if own == str(fold)}
        assert trained
        assert len(trained) <= len(images) - len(held_out)
        with open(out / "folds" / str(fold) / "images.csv", encoding="utf-8", newline="") as stream:
            listed = {row["path"]: row["split"] for row in csv.DictReader(stream)}
        for path, state in listed.items():
            real = os.path.realpath(path)
            name = "/".join(Path(real).parts[-2:])
            assert (name in held_out) == (state == "val"), name


MOMENTS = {"state.ckpt:1:after": 0, "done.json:1:before": 0, "done.json:1:after": 1, "audit.json:1:before": 2}
"""When it is killed, one after the other, and how many folds are finished then."""
FEW = [moment for moment in MOMENTS if moment != "done.json:1:before"]
"""Within a fold, between two, and after the last; how a training goes on that was at its end, `test_killed` tells."""


@pytest.mark.parametrize("moments", [FEW, pytest.param([*MOMENTS], marks=pytest.mark.thorough)], ids=["few", "all"])
def test_a_check_killed_again_and_again_ends_like_an_undisturbed_one(
    moments, data, quick, cold, warm, tmp_path, undisturbed
):
    out = tmp_path / "out"
    for moment in moments:
        finished = MOMENTS[moment]
        outcome = cold(moment, "find-label-errors", data, "--out", out, *quick, program=KILLED)
        assert outcome.status == -signal.SIGKILL, outcome.stderr
        assert not (out / "audit.json").exists()
        assert len(list(out.glob("folds/*/done.json"))) == finished, moment
        assert outcome.stderr.count("fold ") == 1, moment  # the one that it was killed in
    outcome = warm("find-label-errors", data, "--out", out, *quick)
    assert outcome.status == 0, outcome.stderr
    assert "fold " not in outcome.stderr
    assert (out / "label_errors.csv").read_bytes() == (undisturbed / "label_errors.csv").read_bytes()
    assert (out / "suspects.jsonl").read_bytes() == (undisturbed / "suspects.jsonl").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(place, data, quick, warm) -> Path:
    """A check that nobody stopped."""
    out = place / "undisturbed"
    outcome = warm("find-label-errors", data, "--out", out, *quick)
    assert outcome.status == 0, outcome.stderr
    return out


def test_a_finished_check_is_only_scored_again(undisturbed, data, quick, warm):
    before = (undisturbed / "label_errors.csv").read_bytes()
    outcome = warm("find-label-errors", data, "--out", undisturbed, *quick)
    assert outcome.status == 0, outcome.stderr
    assert "fold " not in outcome.stderr
    assert (undisturbed / "label_errors.csv").read_bytes() == before


def test_other_settings_or_other_images_do_not_go_on(undisturbed, data, quick, warm, tmp_path):
    changed = warm("find-label-errors", data, "--out", undisturbed, *quick, "--seed", 1)
    assert "started with other settings (seed" in changed.error
    copy, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(data, copy)
    shutil.copytree(undisturbed, out)
    plan = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps({**plan, "data": str(copy)}))
    next(copy.rglob("*.jpg")).unlink()
    assert "have changed since" in warm("find-label-errors", copy, "--out", out, *quick).error


def test_mistakes_are_one_line(data, quick, warm, tmp_path):
    out = tmp_path / "out"
    assert "nowhere" in warm("find-label-errors", tmp_path / "nowhere", "--out", out).error
    assert "folds" in warm("find-label-errors", data, "--out", out, "--folds", 1).error
    assert "--epochs must be at least 1" in warm("find-label-errors", data, "--out", out, "--epochs", 0).error
    assert "max-minutes" in warm("find-label-errors", data, "--out", out, "--max-minutes", 0).error
    assert "unknown recipe" in warm("find-label-errors", data, "--out", out, "--recipe", "none").error
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").touch()
    assert "is not empty" in warm("find-label-errors", data, "--out", out, *quick).error


def test_one_class_or_one_image_a_class_is_one_line(data, quick, warm, tmp_path):
    source = sorted((data / "all" / "train").iterdir() if (data / "all").exists() else (data / "train").iterdir())
    one = tmp_path / "one"
    shutil.copytree(source[0], one / source[0].name)
    assert "needs at least two" in warm("find-label-errors", one, "--out", tmp_path / "out", *quick).error
    single = tmp_path / "single"
    for folder in source[:2]:
        (single / folder.name).mkdir(parents=True)
        shutil.copy(next(folder.iterdir()), single / folder.name)
    assert "no class has two images" in warm("find-label-errors", single, "--out", tmp_path / "out", *quick).error


def test_a_budget_of_minutes_is_for_all_folds_together(data, quick, warm, tmp_path):
    out = tmp_path / "out"
    outcome = warm("find-label-errors", data, "--out", out, *quick, "--max-minutes", 0.06)
    assert outcome.status == 0, outcome.stderr
    minutes = []
    for fold in (0, 1):
        provenance = json.loads((out / "folds" / str(fold) / "run" / "provenance.json").read_text())
        minutes.append(provenance["command"]["max_minutes"])
    used = json.loads((out / "folds" / "0" / "done.json").read_text())["seconds"] / 60
    assert 0 < minutes[0] <= 0.03 * 0.95
    assert 0 < minutes[1] <= max(0.06 - used, 1 / 60)  # what the first fold did not take
