"""Searches a recipe's values: trials of one budget, the hopeless ones stopped early, resumable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelfmind.errors import UserError
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.files import make_folder, write_text
from shelfmind.nouns import counted
from shelfmind.recipe import load_recipe
from shelfmind.training.clock import require_one_length
from shelfmind.training.run import train
from shelfmind.training.search_space import Choices, Range, Space, parse_space, setting
from shelfmind.training.watching import EpochEntry, ForwardingWatcher, Watcher

if TYPE_CHECKING:
    from shelfmind.training.loop import Training

DEFAULT_SPACE: dict[str, Any] = {
    "train.lr": {"low": 0.005, "high": 0.2, "log": True},
    "train.weight_decay": {"low": 1.0e-5, "high": 3.0e-3, "log": True},
    "loss.label_smoothing": {"low": 0.0, "high": 0.2},
    "augment": ["light", "contest", "trivial", "strong"],
}
"""What is searched if nothing is said: a list of choices, or a range with ``low``, ``high`` and perhaps ``log``."""
STARTUP_TRIALS = 4


@dataclass(frozen=True)
class Best:
    """The best trial: its number, its validation top-1, its values; and how many trials ended and were stopped."""

    number: int
    top1: float
    values: dict[str, Any]
    finished: int
    pruned: int


def tune(
    data: Path | str,
    *,
    out: Path | str,
    recipe: str = "default",
    trials: int = 20,
    space: Mapping[str, Any] | None = None,
    overrides: tuple[str, ...] = (),
    epochs: int | None = None,
    max_minutes: float | None = None,
    seed: int = 0,
    format: str | None = None,
    watcher: Watcher | None = None,
) -> Best:
    """Search `space` by Optuna's tree-structured Parzen estimator, judged by top-1 on validation images, never on test.

    Trials below the median of the earlier ones at the same epoch are stopped, after the first four. Everything lies in
    `out`: the study, a run folder a trial, and at the end ``best.yaml``, a recipe for `train`. The same call on the
    same folder goes on until there are `trials` trials; one that was killed half-way does not count.

    Raises:
        UserError: Optuna is not installed, a space that the recipe does not take, no validation images.
    """
    require_one_length(epochs, max_minutes)
    optuna = _optuna()
    searched = parse_space(DEFAULT_SPACE if space is None else space)
    out = Path(out)
    watcher = watcher or Watcher()
    _require_space(searched, recipe, overrides)
    make_folder(out)
    study = optuna.create_study(
        storage=f"sqlite:///{out.resolve() / 'study.sqlite'}",
        study_name="shelfmind",
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed + len(_numbers(out))),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=1),
    )
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # killed with its process
    known = {"data": data, "recipe": recipe, "epochs": epochs, "max_minutes": max_minutes, "format": format}

    def objective(trial: Any) -> float:
        values = {name: _suggested(trial, name, choice) for name, choice in searched.items()}
        words = [*overrides, *(setting(name, value) for name, value in values.items())]
        folder = out / "trials" / f"{trial.number:04d}"
        watcher.note(f"trial {trial.number}: {values}")
        return _trained(folder, known, words, seed, _TrialWatcher(trial, watcher))

    wanted = trials - len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)))
    if wanted > 0:
        study.optimize(objective, n_trials=wanted)
    return _written(study, optuna, out, recipe, overrides, searched)


class _TrialWatcher(ForwardingWatcher):
    """Tells Optuna of each epoch besides, and stops a hopeless trial."""

    def __init__(self, trial: Any, watcher: Watcher) -> None:
        super().__init__(watcher)
        self.trial = trial

    def begin(self, training: Training) -> None:
        if len(training.val_labels) == 0:
            raise UserError("the data has no validation images to judge trials by")
        if too_few_images(len(training.val_labels)):
            self.warn(
                f"{counted(len(training.val_labels), 'validation image is', 'validation images are')} too few to tell "
                "which trial is better"
            )
        super().begin(training)

    def epoch(self, entry: EpochEntry) -> None:
        super().epoch(entry)
        self.trial.report(entry["val_top1"], entry["epoch"])
        if self.trial.should_prune():
            raise _optuna().TrialPruned


def _trained(folder: Path, known: Mapping[str, Any], words: list[str], seed: int, watcher: Watcher) -> float:
    evaluation = train(
        known["data"],
        recipe=known["recipe"],
        overrides=words,
        out=folder,
        epochs=known["epochs"],
        max_minutes=known["max_minutes"],
        format=known["format"],
        seed=seed,
        watcher=watcher,
    )
    assert evaluation is not None
    return evaluation.top1


def _written(study: Any, optuna: Any, out: Path, recipe: str, overrides: tuple[str, ...], searched: Space) -> Best:
    states = optuna.trial.TrialState
    best = study.best_trial
    values = {name: best.params[name] for name in searched}
    words = [*overrides, *(setting(name, value) for name, value in values.items())]
    figure = f"validation top-1 {best.value:.4f}, trial {best.number}"
    header = f"# The best of {counted(len(study.trials), 'trial')} of {recipe}: {figure}.\n"
    write_text(out / "best.yaml", header + load_recipe(recipe, words).dump())
    counts = [len(study.get_trials(states=(state,))) for state in (states.COMPLETE, states.PRUNED)]
    return Best(best.number, float(best.value), values, *counts)


def _suggested(trial: Any, name: str, choice: Range | Choices) -> Any:
    if not isinstance(choice, Range):
        return trial.suggest_categorical(name, list(choice))
    suggest = trial.suggest_int if choice.whole else trial.suggest_float
    return suggest(name, choice.low, choice.high, log=choice.log)


def _require_space(space: Space, recipe: str, overrides: tuple[str, ...]) -> None:
    """Refuse a space whose ends the recipe does not take, before anything is trained."""
    for name, choice in space.items():
        for value in (choice.low, choice.high) if isinstance(choice, Range) else choice:
            load_recipe(recipe, [*overrides, setting(name, value)])


def _numbers(out: Path) -> list[str]:
    return [entry.name for entry in (out / "trials").glob("*")] if (out / "trials").exists() else []


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError("tune needs Optuna; run: pip install 'shelfmind[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
