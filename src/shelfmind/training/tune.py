"""Hyperparameter search over recipe values: trials of equal budget, early stopping of unpromising trials, resumable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.data import absolute, open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.files import make_folder, write_text
from shelfmind.nouns import counted
from shelfmind.overrides import format_override
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import PLAN_FILE, STUDY_FILE, TuneRequest
from shelfmind.requests.training import RecipeRequest, TrainRequest
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.plans import keep_plan
from shelfmind.training.run import train
from shelfmind.training.search_space import Choices, Range, Space, parse_space
from shelfmind.training.watching import EpochEntry, ForwardingWatcher, TrainingStart, Watcher

DEFAULT_SPACE: dict[str, Any] = {
    "train.lr": {"low": 0.005, "high": 0.2, "log": True},
    "train.weight_decay": {"low": 1.0e-5, "high": 3.0e-3, "log": True},
    "loss.label_smoothing": {"low": 0.0, "high": 0.2},
    "augment": ["light", "contest", "trivial", "strong"],
}
"""The default search space: a list of choices, or a range with ``low``, ``high`` and optionally ``log``."""
STARTUP_TRIALS = 4


@dataclass(frozen=True)
class Best:
    """The best trial: its number, its validation top-1, its values; and how many trials completed and were stopped."""

    number: int
    top1: float
    values: dict[str, Any]
    finished: int
    pruned: int


@takes(TuneRequest)
def tune(request: TuneRequest, watcher: Watcher | None = None) -> Best:
    """Search a recipe's values with Optuna's tree-structured Parzen estimator, by validation top-1, never on test.

    After the first four trials, trials below the median of earlier ones at the same epoch are stopped. Everything is
    kept in `out`: the study, a run folder per trial, and at the end ``best.yaml``, the recipe of the best trial's run,
    with its epochs and initial weights, for `train`. Repeating the call on the same folder resumes until there are
    enough trials; an interrupted trial does not count. All trials of a folder have the same data, recipe, budget, seed
    and search space.

    Returns:
        The best trial, and how many completed and were stopped.

    Raises:
        UserError: Optuna is not installed, a search space that does not fit the recipe, no validation images, settings
            other than those that the folder was started with.
    """
    optuna, out, watcher = _optuna(), request.out, watcher or Watcher()
    searched = parse_space(DEFAULT_SPACE if request.space is None else request.space)
    _require_space(searched, request)
    plan = _plan(request, searched)
    make_folder(out)
    keep_plan(out / PLAN_FILE, plan)
    study = _study(optuna, out / STUDY_FILE, request.seed + len(_numbers(out)))
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process was killed

    def objective(trial: Any) -> float:
        values = {name: _suggest(trial, name, choice) for name, choice in searched.items()}
        watcher.note(f"trial {trial.number}: {', '.join(_formatted(name, value) for name, value in values.items())}")
        return _trained(_with_values(request, values), _folder(out, trial.number), _TrialWatcher(trial, watcher))

    states = optuna.trial.TrialState
    for _ in range(request.trials - len(study.get_trials(states=(states.COMPLETE, states.PRUNED)))):
        trial = study.ask()
        try:
            study.tell(trial, objective(trial))
        except optuna.TrialPruned:
            study.tell(trial, state=states.PRUNED)
        except BaseException:
            study.tell(trial, state=states.FAIL)
            raise
    return _write_best(study, optuna, request, searched)


def _plan(request: TuneRequest, searched: Space) -> dict[str, Any]:
    """What all trials of a folder have in common."""
    catalog = open_catalog(request.data, request.format, request.seed)
    return {
        "data": str(absolute(request.data)),
        "digest": data_digest(catalog),
        "recipe": request.settings.model_dump(mode="json"),
        "max_minutes": request.max_minutes,
        "seed": request.seed,
        "space": {name: _described(name, choice) for name, choice in searched.items()},
    }


def _described(name: str, choice: Range | Choices) -> dict[str, Any] | list[str]:
    """The choices of a key in JSON; choices as overrides, in which ``1`` differs from ``1.0``."""
    if isinstance(choice, Range):
        return {**choice.model_dump(), "whole": choice.whole}
    return [format_override(name, value) for value in choice]


def _study(optuna: Any, file: Path, seed: int) -> Any:
    """The study in a file, or a new one."""
    try:
        return optuna.create_study(
            storage=f"sqlite:///{file.resolve()}",
            study_name="shelfmind",
            direction="maximize",
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=1),
        )
    except Exception as error:  # Optuna passes on exceptions of SQLAlchemy and sqlite
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{file} is not a study that can be resumed: {reason}; choose another {argument('out')}"
        ) from error


class _TrialWatcher(ForwardingWatcher):
    """Also reports each epoch to Optuna, and stops an unpromising trial."""

    def __init__(self, trial: Any, watcher: Watcher) -> None:
        super().__init__(watcher)
        self.trial = trial

    def begin(self, start: TrainingStart) -> None:
        if start.val_images == 0:
            raise UserError("the data has no validation images to compare trials on")
        if too_few_images(start.val_images):
            images = counted(start.val_images, "validation image is", "validation images are")
            self.warn(f"{images} too few to rank trials reliably")
        super().begin(start)

    def epoch(self, entry: EpochEntry) -> None:
        super().epoch(entry)
        self.trial.report(entry["val_top1"], entry["epoch"])
        if self.trial.should_prune():
            raise _optuna().TrialPruned


def _trained(request: TuneRequest, folder: Path, watcher: Watcher) -> float:
    shared = {name: getattr(request, name) for name in RecipeRequest.model_fields}
    evaluation = train(TrainRequest(**shared | {"out": folder}), watcher=watcher)
    assert evaluation is not None
    return float(evaluation.top1)


def _with_values(request: TuneRequest, values: Mapping[str, Any]) -> TuneRequest:
    """The request with these recipe values."""
    words = (format_override(name, value) for name, value in values.items())
    return request.model_copy(update={"overrides": (*request.overrides, *words)})


def _write_best(study: Any, optuna: Any, request: TuneRequest, searched: Space) -> Best:
    states = optuna.trial.TrialState
    best = study.best_trial
    values = {name: best.params[name] for name in searched}
    figure = f"validation top-1 {best.value:.4f}, trial {best.number}"
    header = f"# The best of {counted(len(study.trials), 'trial')} of {request.recipe}: {figure}.\n"
    trained = RunFolder(_folder(request.out, best.number)).read_recipe()
    write_text(request.out / "best.yaml", header + trained.dump())
    counts = [len(study.get_trials(states=(state,))) for state in (states.COMPLETE, states.PRUNED)]
    return Best(best.number, float(best.value), values, *counts)


def _suggest(trial: Any, name: str, choice: Range | Choices) -> Any:
    if not isinstance(choice, Range):
        return trial.suggest_categorical(name, list(choice))
    suggest = trial.suggest_int if choice.whole else trial.suggest_float
    return suggest(name, choice.low, choice.high, log=choice.log)


def _formatted(name: str, value: Any) -> str:
    """A value as displayed: rates with four significant digits."""
    return f"{name}={f'{value:.4g}' if isinstance(value, float) else value}"


def _require_space(space: Space, request: TuneRequest) -> None:
    """Reject a search space whose limits do not fit the recipe, before training anything."""
    for name, choice in space.items():
        for value in (choice.low, choice.high) if isinstance(choice, Range) else choice:
            _ = _with_values(request, {name: value}).settings


def _folder(out: Path, number: int) -> Path:
    """The run folder of a trial."""
    return out / "trials" / f"{number:04d}"


def _numbers(out: Path) -> list[str]:
    return [entry.name for entry in (out / "trials").glob("*")] if (out / "trials").exists() else []


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise UserError("tune needs Optuna; run: pip install 'shelfmind[tune]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
