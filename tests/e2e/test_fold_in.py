"""`shelfmind fold-in` by command: products of a gallery become classes; what was begun goes on; what is refused."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))


@pytest.fixture(scope="module")
def enrolled(trained, data, place, warm):
    """A gallery of two new products, of five photos and one, and a photo more of a trained one."""
    from shelfmind import generate

    drawn = place / "new products"
    generate(drawn, classes=2, images=16, seed=9, layout="folder", others_share=0, tail=0, long_side=(96, 128))
    first, second = sorted(drawn.glob("train/*"))
    folder, run = place / "enrolled", ("--run", trained.run)
    assert warm("gallery", "create", folder, *run).status == 0
    assert warm("gallery", "add", folder, *sorted(first.iterdir())[:5], "--sku", "新品/500").status == 0
    assert warm("gallery", "add", folder, next(second.iterdir()), "--sku", "one photo").status == 0
    known = sorted(data.glob("train/*"))[0]
    known_photo = next((drawn / "test").rglob("*.jpg"))
    held_out = next((data / "val").rglob("*.jpg"))
    assert warm("gallery", "add", folder, known_photo, held_out, "--sku", known.name).status == 0
    return folder


def words(trained, enrolled, out, *more):
    return "fold-in", trained.run, "--gallery", enrolled, "--epochs", "1", "--out", out, *more


@pytest.fixture(scope="module")
def killed(trained, enrolled, place, cold):
    """The run that is to have the new products, killed in the middle of its fine-tuning, and what the command said."""
    out = place / "folded"
    outcome = cold("state.ckpt:2:after", *words(trained, enrolled, out), program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert not (out / "fold_in.json").exists()
    return out, outcome


@pytest.fixture(scope="module")
def folded(killed, trained, enrolled, warm):
    """The run with the new products, gone on with after the kill, and what the command said."""
    out = killed[0]
    other = warm("fold-in", trained.run, "--gallery", enrolled, "--epochs", "2", "--out", out)
    assert "was started with another --epochs" in other.error
    return out, warm(*words(trained, enrolled, out))


def figures(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows_of(run):
    with open(run / "split.csv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_new_products_come_after_old_classes_and_all_photos_are_kept(folded, trained, enrolled):
    run, outcome = folded
    assert outcome.status == 0, outcome.stderr
    old, new = figures(trained.run / "classes.json"), figures(run / "classes.json")
    assert new["names"] == [*old["names"], "one photo", "新品/500"]
    assert new["train_images"][-2:] == [1, 4]
    assert sum(new["train_images"][:3]) == sum(old["train_images"]) + 1
    before, after = rows_of(trained.run), rows_of(run)
    known = [(row["label"], row["split"], row["sha256"]) for row in before]
    assert [(row["label"], row["split"], row["sha256"]) for row in after[: len(before)]] == known
    assert sorted((row["label"], row["split"]) for row in after[len(before) :]) == sorted(
        [("one photo", "train"), *[("新品/500", "train")] * 4, ("新品/500", "val"), (old["names"][0], "train")]
    )
    for row in after[len(before) :]:
        assert row["path"].startswith(f"enrolled/{row['sha256']}")
        assert (run / row["path"]).is_file()


def test_what_was_forgotten_is_measured_and_said(killed, folded, trained):
    run, outcome = folded
    found = figures(run / "fold_in.json")
    assert (found["old_classes"], found["enrolled"], found["held_out"]) == (3, 6, 1)
    val = sum(row["split"] == "val" for row in rows_of(trained.run))
    assert found["old"]["images"] == val
    assert found["new"]["images"] == 1
    assert "2 new classes added to 3 old ones, trained on 6 enrolled photos" in outcome.stderr
    assert "1 enrolled photo is in val or test of the run and not trained on" in killed[1].stderr
    assert "too few" in outcome.stdout


def test_the_record_names_the_run_and_the_version_of_the_gallery(folded, trained, enrolled, warm):
    record = figures(folded[0] / "provenance.json")
    changes = json.loads(warm("gallery", "history", enrolled, "--json", "-").stdout)
    begun = record["fold_in"]
    assert (begun["run"], begun["gallery"]) == (str(trained.run), str(enrolled))
    assert begun["gallery_version"] == changes[-1]["version"]
    assert record["weights"]["origin"] == "run"
    assert record["data"]["path"] == str(folded[0] / "split.csv")


COMPARE = """
from pathlib import Path
from shelfmind.machine.device import start_mindspore
start_mindspore()
from shelfmind.models.checkpoint import load_checkpoint
one, other = (load_checkpoint(Path(path)).arrays for path in ({old!r}, {new!r}))
answer = [
    name for name, array in other.items() if array[: len(one[name])].tobytes() != one[name].tobytes()
], [name for name in other if other[name].shape != one[name].shape]
"""


def test_what_was_trained_is_in_the_imprinted_weights_to_the_bit(folded, trained, warm):
    paths = {"old": str(trained.run / "weights.ckpt"), "new": str(folded[0] / "imprinted" / "weights.ckpt")}
    different, wider = warm.python(COMPARE.format(**paths))
    assert different == []
    assert sorted(wider) == ["head.classifier.bias", "head.classifier.weight"]


def test_the_new_run_is_like_any_other(folded, data, photos, warm, tmp_path):
    run = folded[0]
    predicted = warm("predict", run, photos[0], "--top", "5", "--out", tmp_path / "p.jsonl")
    assert predicted.status == 0, predicted.stderr
    guesses = json.loads((tmp_path / "p.jsonl").read_text(encoding="utf-8"))["predictions"]
    assert {guess["class"] for guess in guesses} == set(figures(run / "classes.json")["names"])
    evaluated = warm("evaluate", run, data, "--json", tmp_path / "figures.json")
    assert evaluated.status == 0, evaluated.stderr
    assert figures(tmp_path / "figures.json")["split"] == "test"
    assert figures(tmp_path / "figures.json")["images"] == len(photos)
    own = warm("evaluate", run, run / "split.csv", "--split", "val", "--json", tmp_path / "own.json")
    assert own.status == 0, own.stderr
    assert warm("gallery", "create", tmp_path / "next", "--run", run).status == 0
    again = warm("train", "--resume", run)
    assert again.status == 0, again.stderr


def test_what_cannot_be_folded_in_is_one_clear_line(trained, enrolled, data, folded, copied_run, warm, tmp_path):
    out = tmp_path / "out"
    assert warm("gallery", "create", tmp_path / "empty", "--run", trained.run).status == 0
    assert "has no products; enrol some: " in warm(*words(trained, tmp_path / "empty", out)).error
    assert "of another network" in warm("fold-in", folded[0], "--gallery", enrolled, "--out", out).error
    assert "there is no gallery at" in warm(*words(trained, tmp_path / "none", out)).error
    assert "finished run; choose another --out" in warm(*words(trained, enrolled, folded[0])).error
    assert (
        "--epochs and --max-minutes cannot be combined"
        in warm(*words(trained, enrolled, out, "--max-minutes", "1")).error
    )
    (out / "x").mkdir(parents=True)
    assert "is not an empty folder" in warm(*words(trained, enrolled, out)).error
    record = figures(copied_run / "provenance.json")
    record["data"]["path"] = str(tmp_path / "gone")
    (copied_run / "provenance.json").write_text(json.dumps(record))
    lost = ("fold-in", copied_run, "--gallery", enrolled, "--epochs", "1", "--out", tmp_path / "second")
    assert f"no longer at {tmp_path / 'gone'}: give their new location with --data" in warm(*lost).error
    shutil.copytree(data / "val", tmp_path / "part" / "val")
    assert "was trained on are no longer in" in warm(*lost, "--data", tmp_path / "part").error
    assert not (tmp_path / "second").exists()
