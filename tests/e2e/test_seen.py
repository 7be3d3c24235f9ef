"""What a run has seen is never judged as test by mistake: not in copies, not under other names, not in ensembles."""

from __future__ import annotations

import csv
import json
import shutil

import pytest
from PIL import Image

from shelfmind import generate


def figures(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows(run):
    with open(run / "split.csv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def folder(place):
    """60 photos of three products in class folders, without a split of their own; the last 8 came later."""
    drawn, root = place / "drawn for seen", place / "照片"
    generate(drawn, classes=3, images=60, layout="folder", others_share=0, tail=0.1, long_side=(96, 120), seed=4)
    for photo in sorted(drawn.rglob("*.jpg")):
        target = root / photo.parent.name / f"{photo.parent.parent.name} {photo.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(photo, target)
    later = sorted(root.rglob("*.jpg"))[::8][:8]
    for photo in later:
        target = place / "later" / photo.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(photo, target)
    return root


@pytest.fixture(scope="module")
def run(place, folder, warm, settings):
    """A run on it; tests must not change it."""
    target = place / "seen" / "first"
    outcome = warm("train", folder, "--out", target, *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    return target


@pytest.fixture(scope="module")
def grown(place, folder, run):
    """A copy elsewhere, under other file names, with 8 photos more."""
    root = place / "别处" / "copy"
    shutil.copytree(folder, root)
    shutil.copytree(place / "later", root, dirs_exist_ok=True)
    for number, photo in enumerate(sorted(root.rglob("*.jpg"), reverse=True)):
        photo.rename(photo.with_name(f"改名 {number}.jpg"))
    return root


def test_a_grown_and_renamed_copy_is_judged_by_what_the_run_never_saw(run, folder, grown, warm, tmp_path):
    own = warm("evaluate", run, folder, "--json", tmp_path / "own.json")
    assert own.status == 0, own.stderr
    outcome = warm("evaluate", run, grown, "--json", tmp_path / "grown.json")
    assert outcome.status == 0, outcome.stderr
    one, two = figures(tmp_path / "own.json"), figures(tmp_path / "grown.json")
    tested = [row for row in rows(run) if row["split"] == "test"]
    assert one["images"] == two["images"] == len(tested)
    assert {key: one[key] for key in ("top1", "top1_ci95", "ece", "split")} == {
        key: two[key] for key in ("top1", "top1_ci95", "ece", "split")
    }
    assert (two["seen"]["trained"], two["seen"]["validated"]) == (0, 0)
    assert "8 images are new to" in outcome.stderr
    assert "--split new" in outcome.stderr


def test_new_photos_are_a_group_of_their_own_and_join_test_if_asked(run, grown, warm, tmp_path):
    new = warm("evaluate", run, grown, "--split", "new", "--json", tmp_path / "new.json")
    both = warm("evaluate", run, grown, "--split", "test,new", "--json", tmp_path / "both.json")
    assert (new.status, both.status) == (0, 0), new.stderr + both.stderr
    tested = sum(row["split"] == "test" for row in rows(run))
    assert (figures(tmp_path / "new.json")["images"], figures(tmp_path / "new.json")["split"]) == (8, "new")
    assert "52 images are known to the run" in new.stderr
    assert (figures(tmp_path / "both.json")["images"], figures(tmp_path / "both.json")["split"]) == (
        tested + 8,
        "test,new",
    )
    assert figures(run / "evaluation" / "new" / "metrics.json")["images"] == 8
    assert "did you mean new" in warm("evaluate", run, grown, "--split", "test,nwe").error


@pytest.fixture(scope="module")
def outside(place, run, folder, grown):
    """A CSV list that calls two training photos, one validation photo and all later ones test."""
    place = place / "lists"
    place.mkdir()
    by_split = {name: [row for row in rows(run) if row["split"] == name] for name in ("train", "val")}
    chosen = [folder / row["path"] for row in (*by_split["train"][:2], by_split["val"][0])]
    chosen += sorted((place.parent / "later").rglob("*.jpg"))
    with open(place / "test.csv", "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "label", "split"))
        for number, photo in enumerate(chosen):
            shutil.copy(photo, place / f"{number}.jpg")
            writer.writerow((f"{number}.jpg", photo.parent.name, "test"))
    return place / "test.csv"


def test_a_test_list_with_training_photos_is_refused_unless_asked_for(run, outside, warm, tmp_path):
    error = warm("evaluate", run, outside).error
    assert "of 11 images 2 were trained on and 1 was validated on" in error
    assert "0.jpg" in error
    assert "--allow-seen" in error
    listed = (run / "evaluation" / "test" / "seen.csv").read_text(encoding="utf-8").splitlines()
    assert [line.rsplit(",", 2)[1] for line in listed[1:]] == ["train", "train", "val"]
    outcome = warm("evaluate", run, outside, "--allow-seen", "--json", tmp_path / "seen.json")
    assert outcome.status == 0, outcome.stderr
    seen = figures(tmp_path / "seen.json")["seen"]
    assert (seen["trained"], seen["validated"]) == (2, 1)
    assert figures(run / "metrics.json")["seen"] == seen
    assert "2 trained on" in outcome.stdout
    assert "seen in training (2 trained on, 1 validated on), so the metrics are optimistic" in outcome.stderr


def test_near_copies_of_training_photos_are_counted(run, folder, grown, warm, tmp_path):
    row = next(row for row in rows(run) if row["split"] == "train")
    new = tmp_path / "more" / "x.jpg"
    for photo in grown.rglob("*.jpg"):
        (tmp_path / "more" / photo.parent.name).mkdir(parents=True, exist_ok=True)
    source = folder / row["path"]
    target = new.parent / source.parent.name / "again.jpg"
    with Image.open(source) as photo:
        photo.resize((photo.width * 9 // 10, photo.height * 9 // 10)).save(target, quality=80)
    for photo in (folder.parent / "later").rglob("*.jpg"):
        shutil.copy(photo, tmp_path / "more" / photo.parent.name)
    outcome = warm("evaluate", run, tmp_path / "more", "--json", tmp_path / "more.json")
    assert outcome.status == 0, outcome.stderr
    content = figures(tmp_path / "more.json")
    assert (content["split"], content["images"]) == ("new", 9)
    assert content["seen"] == {"trained": 0, "validated": 0, "near_copies": 1}
    assert "again.jpg" in outcome.stderr
    assert "1 near-duplicate" in (run / "report.html").read_text(encoding="utf-8")


def test_a_run_from_before_hashes_takes_them_from_its_own_data_or_says_so(run, folder, grown, warm, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(run, old)
    for name in ("seen.npy", "checksums.json"):
        (old / name).unlink()
    listed = rows(run)
    with open(old / "split.csv", "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("path", "label", "split"))
        writer.writerows((row["path"], row["label"], row["split"]) for row in listed)
    lost = tmp_path / "lost"
    shutil.copytree(old, lost)
    provenance = (lost / "provenance.json").read_text(encoding="utf-8")
    (lost / "provenance.json").write_text(provenance.replace(str(folder), str(tmp_path / "gone")), encoding="utf-8")
    outcome = warm("evaluate", old, grown, "--json", tmp_path / "old.json")
    assert outcome.status == 0, outcome.stderr
    assert figures(tmp_path / "old.json")["images"] == sum(row["split"] == "test" for row in listed)
    assert rows(old) == listed
    assert "are unknown" in warm("evaluate", lost, grown).error
    outcome = warm("evaluate", lost, grown, "--allow-seen", "--split", "new", "--json", tmp_path / "lost.json")
    assert outcome.status == 0, outcome.stderr
    assert figures(tmp_path / "lost.json")["seen"] is None
    assert "are unknown" in outcome.stderr


def test_runs_share_only_what_none_has_seen(run, folder, warm, settings, tmp_path):
    outcome = warm("train", folder, "--seed", "5", "--out", tmp_path / "s5", *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    error = warm("evaluate", run, tmp_path / "s5", folder, "--out", tmp_path / "x").error
    assert f"--split-of {run}" in error
    words = ("--split-of", run, "--seed", "5", "--out", tmp_path / "shared", *settings("train.epochs=1"))
    outcome = warm("train", folder, *words)
    assert outcome.status == 0, outcome.stderr
    key = ("path", "split", "sha256")
    assert [[row[name] for name in key] for row in rows(tmp_path / "shared")] == [
        [row[name] for name in key] for row in rows(run)
    ]
    assert figures(tmp_path / "shared" / "provenance.json")["command"]["split_of"] == str(run)
    together = ("evaluate", run, tmp_path / "shared", folder, "--out", tmp_path / "both")
    outcome = warm(*together, "--json", tmp_path / "both.json")
    assert outcome.status == 0, outcome.stderr
    content = figures(tmp_path / "both.json")
    assert content["images"] == sum(row["split"] == "test" for row in rows(run))
    assert (content["seen"]["trained"], content["seen"]["validated"]) == (0, 0)


def test_what_the_first_weights_were_trained_on_is_no_test_of_a_run(run, folder, warm, settings, tmp_path):
    words = ("--seed", "5", "--weights", run, "--out", tmp_path / "tuned", *settings("train.epochs=1"))
    outcome = warm("train", folder, *words)
    assert outcome.status == 0, outcome.stderr
    warning = outcome.stderr.splitlines()[-2]
    assert warning.startswith(f"warning: the initial weights of this run are those of {run}")
    fact = warning.removeprefix("warning: ").split(". ")[0]  # what to do is named in the command's words
    assert [each.split(". ")[0] for each in figures(tmp_path / "tuned" / "metrics.json")["warnings"]] == [fact]
    assert figures(tmp_path / "tuned" / "metrics.json")["seen"]["trained"] > 0
    assert f"--split-of {run}" in warm("evaluate", tmp_path / "tuned", folder).error
    outcome = warm("evaluate", tmp_path / "tuned", folder, "--allow-seen", "--json", tmp_path / "seen.json")
    assert outcome.status == 0, outcome.stderr
    assert figures(tmp_path / "seen.json")["seen"]["trained"] > 0
    assert "so the metrics are optimistic" in outcome.stderr


def test_a_run_is_no_judge_of_copies_of_its_training_photos(run, folder, warm, tmp_path):
    listed = rows(run)
    for row in listed:
        target = tmp_path / "again" / row["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((folder / row["path"]).read_bytes() + b"metadata")
    outcome = warm("audit", tmp_path / "again", "--run", run, "--out", tmp_path / "audit")
    assert outcome.status == 0, outcome.stderr
    audit = figures(tmp_path / "audit" / "audit.json")
    assert audit["checked_images"] in (0, len(listed))
    unseen = sum(row["split"] != "train" for row in listed)
    assert [judge["images"] for judge in audit["networks"]] == [unseen]


def test_a_training_goes_on_where_photos_were_moved_within_the_data(run, folder, warm, tmp_path):
    moved, own = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folder, moved)
    shutil.copytree(run, own)
    provenance = (own / "provenance.json").read_text(encoding="utf-8")
    (own / "provenance.json").write_text(provenance.replace(str(folder), str(moved)), encoding="utf-8")
    for number, photo in enumerate(sorted(moved.rglob("*.jpg"), reverse=True)):
        photo.rename(photo.with_name(f"{number}.jpg"))
    for name in ("state.ckpt", "last.ckpt", "best.ckpt", "weights.ckpt", "log.jsonl"):
        (own / name).unlink()
    outcome = warm("train", "--resume", own)
    assert outcome.status == 0, outcome.stderr
    assert (own / "last.ckpt").read_bytes() == (run / "last.ckpt").read_bytes()


def test_a_temperature_is_not_fitted_to_training_photos(run, outside, folder, warm, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    assert "were trained on" in warm("calibrate", tmp_path / "run", folder, "--split", "train").error
    assert warm("calibrate", tmp_path / "run", folder, "--split", "train", "--allow-seen").status == 0
    assert "invalidate test results" in warm("calibrate", tmp_path / "run", outside, "--split", "val,test").error
