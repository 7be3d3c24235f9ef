"""Trainings that start from other weights, and the contest's rules for them, by command."""

from __future__ import annotations

import json
import shutil


def _train(warm, data, run, settings, *more, changes=()):
    return warm("train", data, "--out", run, *settings("train.epochs=1", *changes), *more)


def test_a_training_starts_from_a_runs_weights_by_the_contests_rules_too(trained, data, warm, settings, tmp_path):
    run = tmp_path / "run"
    words = ("--weights", trained.run, "--rules", "contest")
    outcome = _train(warm, data, run, settings, *words, changes=["train.lr=1e-12"])
    assert outcome.status == 0, outcome.stderr
    assert "initial weights: " in outcome.stderr
    first = json.loads((trained.run / "log.jsonl").read_text().splitlines()[0])
    continued = json.loads((run / "log.jsonl").read_text().splitlines()[0])
    assert continued["train_loss"] < first["train_loss"]
    weights = json.loads((run / "provenance.json").read_text())["weights"]
    assert weights["origin"] == "run"
    assert weights["provenance"]["weights"] == {"origin": "random"}


def test_weights_that_do_not_fit_are_refused_before_a_folder_is_made(trained, data, warm, settings, photos, tmp_path):
    run = tmp_path / "run"
    for weights, words in (
        (photos[0], "not a MindSpore checkpoint"),
        (tmp_path / "nothing.ckpt", "there is no file"),
        ("resnet50", "another architecture"),
    ):
        outcome = _train(warm, data, run, settings, "--weights", weights)
        assert words in outcome.error
        assert not run.exists()
    other = "model.arguments={widths: [12], depths: [1], attention: none}"
    outcome = _train(warm, data, run, settings, "--weights", trained.run, changes=[other])
    assert outcome.status == 2
    assert "has shape" in outcome.error
    assert not run.exists()


def test_offline_says_what_to_fetch(data, warm, settings, tmp_path):
    outcome = warm(
        "train", data, "--recipe", "rp2k/resnet50", "--weights", "resnet50", "--offline", "--out", tmp_path / "run"
    )
    assert "resnet50-e0733ab8.ckpt" in outcome.error
    assert not (tmp_path / "run").exists()


def test_what_the_contests_rules_forbid(trained, data, warm, settings, tmp_path):
    """What they allow: a run of the same images, above; random weights and a teacher, in `test_distillation`."""
    shutil.copytree(trained.run, tmp_path / "nameless")
    (tmp_path / "nameless" / "provenance.json").unlink()
    outcome = _train(warm, data, tmp_path / "a", settings, "--rules", "contest", "--weights", tmp_path / "nameless")
    assert "contest rule 2" in outcome.error
    other = tmp_path / "other"
    shutil.copytree(data, other)
    next((other / "train").rglob("*.jpg")).unlink()
    outcome = _train(warm, other, tmp_path / "b", settings, "--rules", "contest", "--weights", trained.run)
    assert "was trained on other images" in outcome.error
    assert not (tmp_path / "b").exists()


def test_the_test_split_is_not_trained_on_under_the_contests_rules(data, warm, settings, tmp_path):
    leaking = tmp_path / "leaking"
    shutil.copytree(data, leaking)
    leaked = next((leaking / "test").rglob("*.jpg"))
    target = next((leaking / "train").rglob("*.jpg"))
    target.unlink()
    target.symlink_to(leaked)
    outcome = _train(warm, leaking, tmp_path / "run", settings, "--rules", "contest")
    assert "contest rule 3" in outcome.error


def test_an_image_that_is_too_small_for_the_network_is_refused(data, warm, settings, tmp_path):
    changes = ["model.name=inception_resnet_v2", "model.arguments={depths: [1, 1, 1]}"]
    outcome = _train(warm, data, tmp_path / "run", settings, changes=changes)
    assert "at least 75 px, got 32" in outcome.error


def test_a_training_starts_from_weights_of_drawn_shelves_but_not_for_the_contest(data, warm, settings, tmp_path):
    words = ("--init", "generated", "--set", "train.epochs=1", "--set", "model.arguments={}")
    outcome = warm("train", data, "--out", tmp_path / "run", *settings(), *words)
    assert outcome.status == 0, outcome.stderr
    assert "(137 of 139 tensors; the classifier starts at random)" in outcome.stderr
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["weights"]["origin"] == "generated"
    assert "weights: generated" in (tmp_path / "run" / "recipe.yaml").read_text()
    refused = warm("train", data, "--out", tmp_path / "contest", *settings(), *words, "--rules", "contest")
    assert "trained on synthetic photos" in refused.error
    assert not (tmp_path / "contest").exists()
