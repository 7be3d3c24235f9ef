"""The recipe that a search writes at its end is the one that its best trial was trained by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml

from shelfmind.recipe import load_recipe
from shelfmind.requests.improving import TuneRequest
from shelfmind.runs.folder import RunFolder


def test_the_best_recipe_has_all_that_the_trials_were_given(tmp_path: Path, mindspore: Any) -> None:
    """Epochs and initial weights are arguments, not overrides; the run also records what the weights require."""
    from shelfmind.training.tune import _folder, _with_values, _write_best

    request = TuneRequest(data=tmp_path, out=tmp_path / "search", epochs=12, weights="generated")
    runs = {}
    for number, rate in enumerate((0.5, 0.02)):
        runs[number] = RunFolder(_folder(request.out, number))
        runs[number].root.mkdir(parents=True)
        settings = _with_values(request, {"train.lr": rate}).settings
        model = settings.model.model_copy(update={"arguments": {"stem_pool": "same"}})
        runs[number].recipe.write_text(settings.model_copy(update={"model": model}).dump(), encoding="utf-8")
        runs[number].weights.touch()
    best = SimpleNamespace(number=1, value=0.9, params={"train.lr": 0.02})
    study: Any = SimpleNamespace(best_trial=best, trials=[best], get_trials=lambda states: [best])
    states = SimpleNamespace(COMPLETE=1, PRUNED=2)
    optuna = SimpleNamespace(trial=SimpleNamespace(TrialState=states))
    _write_best(study, optuna, request, {"train.lr": (0.02, 0.5)})
    written = (request.out / "best.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(written) == yaml.safe_load(runs[1].recipe.read_text(encoding="utf-8"))
    found = load_recipe(str(request.out / "best.yaml"))
    assert (found.train.lr, found.train.epochs, found.model.weights) == (0.02, 12, "generated")
    assert found.model.arguments == {"stem_pool": "same"}
    assert written.startswith("# The best of 1 trial of default: validation top-1 0.9000, trial 1.\n")
