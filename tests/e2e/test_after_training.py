"""What follows a training: FixRes, soups, calibration, ensembles, logit adjustment; and pretraining before one."""

from __future__ import annotations

import json
import math
import signal
import sys
from pathlib import Path

import pytest

from shelfmind.recipe import load_recipe, recipe_names

pytestmark = pytest.mark.slow

KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))


@pytest.fixture(scope="module")
def run(place, data, warm, settings):
    """A run of three epochs with two snapshots."""
    folder = place / "with_snapshots"
    outcome = warm("train", data, "--out", folder, *settings("train.epochs=3", "train.snapshots=2"))
    assert outcome.status == 0, outcome.stderr
    assert sorted(path.name for path in (folder / "snapshots").iterdir()) == ["epoch-0001.ckpt", "epoch-0002.ckpt"]
    return folder


def tiny(**more):
    """The tiny network's arguments and more of them, as one setting."""
    arguments = {"widths": [8], "depths": [1], "attention": "none", **more}
    return f"model.arguments={json.dumps(arguments)}"


def figures(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_predictions_are_computed_once(run, data, warm, tmp_path):
    first = warm("evaluate", run, data, "--json", tmp_path / "first.json")
    kept = sorted((run / "evaluation" / "kept").iterdir())
    times = [path.stat().st_ino for path in kept]
    again = warm("evaluate", run, data, "--json", tmp_path / "again.json")
    assert (first.status, again.status) == (0, 0), again.stderr
    assert sorted((run / "evaluation" / "kept").iterdir()) == kept
    assert [path.stat().st_ino for path in kept] == times
    one, two = figures(tmp_path / "first.json"), figures(tmp_path / "again.json")
    assert {key: one[key] for key in ("top1", "ece", "images")} == {key: two[key] for key in ("top1", "ece", "images")}


def test_logit_adjustment_says_what_other_strengths_would_give(run, data, warm, tmp_path):
    plain = warm("evaluate", run, data, "--json", tmp_path / "plain.json")
    adjusted = warm("evaluate", run, data, "--logit-adjust", "1", "--json", tmp_path / "adjusted.json")
    assert (plain.status, adjusted.status) == (0, 0), adjusted.stderr
    rows = figures(run / "evaluation" / "test" / "logit_adjustment.json")
    assert rows[0]["tau"] == 0
    assert rows[0]["top1"] == pytest.approx(figures(tmp_path / "plain.json")["top1"])
    assert rows[4]["top1"] == pytest.approx(figures(tmp_path / "adjusted.json")["top1"])
    assert "at least 0" in warm("evaluate", run, data, "--logit-adjust", "-1").error


def test_a_kept_temperature_is_used_and_taken_away_where_it_does_not_help(copied_run, data, warm, tmp_path):
    before = warm("evaluate", copied_run, data, "--json", tmp_path / "before.json")
    outcome = warm("calibrate", copied_run, data)
    assert (before.status, outcome.status) == (0, 0), outcome.stderr
    assert "kept temperature 1: " in outcome.stdout
    assert "images are too few" in outcome.stdout  # three photos of val
    content = figures(copied_run / "calibration.json")
    assert (content["temperature"], content["kept"]) == (1.0, False)
    (copied_run / "calibration.json").write_text(json.dumps({**content, "temperature": 3.0, "kept": True}))
    after = warm("evaluate", copied_run, data, "--json", tmp_path / "after.json")
    one, two = figures(tmp_path / "before.json"), figures(tmp_path / "after.json")
    assert after.status == 0, after.stderr
    assert one["top1"] == two["top1"]
    assert one["ece"] != two["ece"]
    assert "kept temperature 1 instead of the previous 3.000: " in warm("calibrate", copied_run, data).stdout
    assert figures(copied_run / "calibration.json")["temperature"] == 1.0
    assert "invalidate test results" in warm("calibrate", copied_run, data, "--split", "test").error


FEWER = """
import shelfmind
from shelfmind.workflows import ensemble
before, ensemble.too_few_images = ensemble.too_few_images, lambda images: images < 3
try:
    outcome = shelfmind.evaluate({runs!r}, {data!r}, out={out!r})
finally:
    ensemble.too_few_images = before
answer = [outcome.weighted_on, sum(member.weight for member in outcome.members)]
"""


def test_weights_of_runs_are_found_on_validation_images(run, copied_run, data, warm, tmp_path):
    code = FEWER.format(runs=[str(run), str(copied_run)], data=str(data), out=str(tmp_path / "together"))
    assert warm.python(code) == ["val", pytest.approx(1)]


def test_runs_together(run, copied_run, data, warm, tmp_path):
    outcome = warm("evaluate", run, copied_run, data, "--out", tmp_path / "together", "--json", tmp_path / "both.json")
    assert outcome.status == 0, outcome.stderr
    content = figures(tmp_path / "together" / "evaluation" / "test" / "ensemble.json")
    assert content["weighted_on"] == "equal"
    assert "all runs have equal weights: only 3 validation images that no run was trained on" in outcome.stderr
    assert [member["weight"] for member in content["members"]] == [0.5, 0.5]
    assert [member["name"] for member in content["members"]] == [str(run), str(copied_run)]
    assert "gain in top-1" in outcome.stdout
    assert (tmp_path / "together" / "report.html").stat().st_size > 10_000
    told = figures(tmp_path / "both.json")["difficulties"]
    assert {"light", "unfamiliar"} <= {each["difficulty"] for each in told["slices"]}
    assert told["not_measured"] == {}
    table = (tmp_path / "together" / "evaluation" / "test" / "slices.csv").read_text(encoding="utf-8-sig")
    assert len(table.splitlines()) == len(told["slices"]) + 1
    assert 'id="difficulties-table"' in (tmp_path / "together" / "report.html").read_text(encoding="utf-8")
    assert "several runs need --out" in warm("evaluate", run, copied_run, data).error
    assert "at least two different runs" in warm("evaluate", run, run, data, "--out", tmp_path / "x").error


@pytest.mark.parametrize("kind", ["greedy", "uniform"])
def test_soups(kind, run, data, warm, tmp_path):
    outcome = warm("soup", run, "--kind", kind, "--out", tmp_path / "soup")
    assert outcome.status == 0, outcome.stderr
    content = figures(tmp_path / "soup" / "soup.json")
    assert set(content["epochs"]) <= {1, 2}
    assert kind == "greedy" or content["epochs"] == [1, 2]
    evaluated = warm("evaluate", tmp_path / "soup", data, "--split", "val", "--json", tmp_path / "soup.json")
    assert evaluated.status == 0, evaluated.stderr
    assert figures(tmp_path / "soup.json")["top1"] == pytest.approx(content["top1"])


@pytest.mark.thorough
def test_a_killed_soup_leaves_nothing_and_a_finished_one_is_not_trained(run, cold, warm, tmp_path):
    soup = tmp_path / "soup"
    outcome = cold("weights.ckpt:1:after", "soup", run, "--out", soup, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert not soup.exists()
    outcome = warm("soup", run, "--out", soup)
    assert outcome.status == 0, outcome.stderr
    assert list(tmp_path.iterdir()) == [soup]
    assert "not an empty folder" in warm("soup", run, "--out", soup).error
    weights = (soup / "weights.ckpt").read_bytes()
    for verb in ("train", "pretrain"):
        assert "by soup, so there is nothing to resume" in warm(verb, "--resume", soup).error
    assert (soup / "weights.ckpt").read_bytes() == weights


def test_a_soup_needs_snapshots(trained, warm, tmp_path):
    assert "train.snapshots=5" in warm("soup", trained.run, "--out", tmp_path / "soup").error
    assert "did you mean greedy" in warm("soup", trained.run, "--kind", "gredy", "--out", tmp_path / "soup").error


def test_fixres_keeps_a_run_only_if_it_is_better(run, warm, tmp_path):
    outcome = warm("fixres", run, "--resolutions", "48", "--epochs", "1", "--out", tmp_path / "fixed")
    assert outcome.status == 0, outcome.stderr
    assert "48 px" in outcome.stdout
    kept = (tmp_path / "fixed" / "fixres.json").exists()
    assert kept == ("kept: 48 px" in outcome.stderr)
    assert kept != ("no size is better" in outcome.stderr)
    assert not (tmp_path / "fixed.candidates").exists()
    if kept:
        content = figures(tmp_path / "fixed" / "fixres.json")
        assert content["resolutions"][0]["gain"] > 0
    assert (
        "--resolutions must be at least the"
        in warm("fixres", run, "--resolutions", "16", "--out", tmp_path / "x").error
    )
    assert "must be sizes such as" in warm("fixres", run, "--resolutions", "big", "--out", tmp_path / "x").error


@pytest.mark.thorough
def test_fixres_resumes_only_the_candidates_of_the_same_run_and_settings(run, copied_run, cold, warm, tmp_path):
    out = ("--out", tmp_path / "fixed")
    words = ("--resolutions", "48", "--epochs", "2", *out)
    outcome = cold("log.jsonl:1:after", "fixres", run, *words, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    assert "was started with other settings (run" in warm("fixres", copied_run, *words).error
    assert "other settings (epochs)" in warm("fixres", run, "--resolutions", "48", "--epochs", "1", *out).error
    budget = ("--max-minutes", "1", *out)
    assert "(epochs, max minutes)" in warm("fixres", run, "--resolutions", "48", *budget).error
    outcome = warm("fixres", run, "--resolutions", "48,64", "--epochs", "2", *out)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.count("resuming after epoch 1") == 1
    assert {path.name for path in tmp_path.iterdir()} <= {"copied", "fixed"}


def test_pretraining_is_read_out_and_started_from(data, warm, settings, tmp_path):
    words = settings("train.epochs=2", "train.task=simsiam")
    outcome = warm("pretrain", data, "--out", tmp_path / "pretrained", *words)
    assert outcome.status == 0, outcome.stderr
    assert "nearest neighbours: top-1" in outcome.stdout
    content = figures(tmp_path / "pretrained" / "readout.json")
    assert 0 <= content["knn_top1"] <= 1
    assert 0 <= content["linear_top1"] <= 1
    assert (content["linear_train_images"], content["linear_note"]) == (content["train_images"], None)
    fine = warm(
        "train", data, "--init", tmp_path / "pretrained", "--out", tmp_path / "fine", *settings("train.epochs=1")
    )
    assert fine.status == 0, fine.stderr
    assert "initial weights: " in fine.stderr
    origin = figures(tmp_path / "fine" / "provenance.json")["weights"]
    assert origin["path"].startswith(str(tmp_path / "pretrained"))


@pytest.mark.thorough
def test_broader_classes_are_learnt_resumed_and_started_from(data, warm, settings, tmp_path):
    names = sorted(path.name for path in (data / "train").iterdir())
    table = tmp_path / "品牌.csv"
    table.write_text("class,broader\n" + "".join(f"{n},{n == names[0]}\n" for n in names), encoding="utf-8")
    run = tmp_path / "coarse"
    outcome = warm("pretrain", data, "--broader", table, "--out", run, *settings("train.epochs=1"))
    assert outcome.status == 0, outcome.stderr
    assert "linear probe: top-1" in outcome.stdout
    assert figures(run / "classes.json")["names"] == ["False", "True"]
    assert figures(run / "provenance.json")["data"]["classes"] == len(names)
    table.unlink()
    assert warm("pretrain", "--resume", run).status == 0
    evaluated = warm("evaluate", run, data, "--json", tmp_path / "coarse.json")
    assert evaluated.status == 0, evaluated.stderr
    assert figures(tmp_path / "coarse.json")["classes"] == 2
    words = ("--init", run, "--rules", "contest", *settings("train.epochs=1"))
    fine = warm("train", data, "--out", tmp_path / "fine", *words)
    assert fine.status == 0, fine.stderr
    assert figures(tmp_path / "fine" / "classes.json")["names"] == names


def test_broader_classes_that_do_not_fit_are_refused_before_training(data, warm, tmp_path):
    table = tmp_path / "b.csv"
    table.write_text("class,broader\nother,x\n", encoding="utf-8")
    words = ("pretrain", data, "--out", tmp_path / "run", "--broader")
    assert "has no broader class for 3 classes of the data" in warm(*words, table).error
    assert "uses none" in warm(*words, table, "--recipe", "pretrain").error
    assert "no such file or folder" in warm(*words, tmp_path / "gone.csv").error
    assert "excludes --broader" in warm("pretrain", "--resume", tmp_path / "run", "--broader", table).error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["loss.name=supervised_contrastive"],
            "compares images of the same class within a batch; add --set train.images",
        ),
        (
            ["loss.name=supervised_contrastive", "train.images_per_class=2", "train.micro_batch_size=2"],
            "excludes train.micro_batch_size",
        ),
        (
            ["loss.name=arcface"],
            "needs the logits of a cosine or sub_centres classifier, but the model has a linear one",
        ),
        (["loss.name=proxy_anchor", tiny(classifier="cosine")], "does not support label smoothing; add"),
        (["loss.name=ldam", tiny(classifier="cosine"), "mixing.mixup=0.5"], "Mixup and CutMix give two"),
        (["train.trainable=classifier"], "provide them with --weights"),
        (["train.task=simsiam", "mixing.cutmix=0.5"], "excludes Mixup"),
        (["train.micro_batch_size=5"], "micro_batch_size must divide batch_size 4, got 5"),
        (["augment=[random_erasing, horizontal_flip]"], "random_erasing after them"),
        (["loss.name=focal", "loss.arguments={gama: 1}"], "loss focal"),
    ],
)
def test_contradictions_are_refused_before_training(words, said, data, warm, settings, tmp_path):
    outcome = warm("train", data, "--out", tmp_path / "run", *settings(*words))
    assert said in outcome.error
    assert not (tmp_path / "run").exists()


ALIKE = {
    "arcface": "embedding_arcface",
    "auto_augment": "strong",
    "balanced_softmax": "ldam_drw",
    "class_balanced": "ldam_drw",
    "class_sampling": "test_a_classifier_is_trained_again_alone",
    "crt": "test_a_classifier_is_trained_again_alone",
    "embedding_proxy_anchor": "embedding_arcface",
    "embedding_softmax": "mixup_cutmix",
    "embedding_subcenter_arcface": "embedding_arcface",
    "focal": "ldam_drw",
    "noisy_labels": "ldam_drw",
    "rand_augment": "strong",
    "random_erasing": "strong",
    "repeat_factor": "test_a_classifier_is_trained_again_alone",
    "small_batch": "large_batch",
    "trivial_augment": "strong",
}
"""What trains in the same way and always runs; the contracts compute each augmentation, loss and head,
and build all that each recipe names."""
METHODS = [
    pytest.param(name, marks=pytest.mark.thorough) if name.removeprefix("methods/") in ALIKE else name
    for name in recipe_names()
    if name.startswith("methods/")
]
SHAPE = ("model.arguments.widths=[8]", "model.arguments.depths=[1]", "model.arguments.attention=none")
SIZES = ("data.image_size=32", "data.resize_to=32", "data.evaluation_size=32")


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_end_to_end_through_its_recipe(name, run, data, warm, tmp_path):
    recipe = load_recipe(name).train
    part = recipe.micro_batch_size and "train.micro_batch_size=2"
    number = len(recipe.stages) if name == "methods/progressive" else 0
    stages = [{"image_size": 32 + 16 * place, "share": 1 / number} for place in range(number)]
    values = (
        *SHAPE,
        *SIZES,
        *([f"data.image_size={stages[-1]['image_size']}"] if stages else []),
        f"train.epochs={max(1, number)}",
        "train.batch_size=4",
        f"train.stages={json.dumps(stages)}",
        part,
    )
    words = [word for value in values if value for word in ("--set", value)]
    start = ("--weights", run) if recipe.trainable != "all" else ()
    outcome = warm("train", data, "--recipe", name, *start, "--out", tmp_path / "run", *words)
    assert outcome.status == 0, outcome.stderr
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    trained = list(dict.fromkeys(entry["image_size"] for entry in log))
    assert trained == ([each["image_size"] for each in stages] or [32])
    assert all(math.isfinite(entry["train_loss"]) for entry in log)
    assert figures(tmp_path / "run" / "metrics.json")["images"] > 0


def test_a_classifier_is_trained_again_alone(run, data, warm, settings, tmp_path):
    """cRT: the rest of the network stays as it was, to the bit."""
    words = settings("train.trainable=classifier", "train.sampling=class", "train.epochs=1")
    outcome = warm("train", data, "--weights", run, "--out", tmp_path / "crt", *words)
    assert outcome.status == 0, outcome.stderr
    changed = warm.python(
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from shelfmind.models.checkpoint import load_checkpoint\n"
        f"one, two = (load_checkpoint(Path(path) / 'weights.ckpt').arrays for path in ({str(run)!r}, "
        f"{str(tmp_path / 'crt')!r}))\n"
        "answer = sorted(name for name in one if not np.array_equal(one[name], two[name]))"
    )
    assert changed == ["head.classifier.bias", "head.classifier.weight"]
