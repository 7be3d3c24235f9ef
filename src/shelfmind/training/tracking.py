"""Sends training metrics to experiment trackers: TensorBoard event files, MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol, get_args

from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.training.watching import EpochEntry, ForwardingWatcher, StepFigures, TrainingStart, Watcher

EpochFigure = Literal["train_loss", "val_loss", "val_top1", "lr", "image_size", "images_per_second"]
STEPS_PER_POINT = 10
EPOCH_FIGURES: tuple[EpochFigure, ...] = get_args(EpochFigure)


class Tracker(Protocol):
    """Records metrics by name and step; `package` is the package it requires."""

    package: str

    def __init__(self, run: Path, recipe: str) -> None: ...
    def scalar(self, name: str, value: float, step: int) -> None: ...
    def close(self) -> None: ...


class TensorBoardTracker:
    """Event files for TensorBoard in ``RUN/tensorboard``; a resumed training adds another file."""

    package = "tensorboardX"

    def __init__(self, run: Path, recipe: str) -> None:
        from tensorboardX import SummaryWriter

        self.writer = SummaryWriter(str(run / "tensorboard"))
        self.writer.add_text("recipe", f"```yaml\n{recipe}\n```")

    def scalar(self, name: str, value: float, step: int) -> None:
        """Add one point."""
        self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush all data."""
        self.writer.close()


class MlflowTracker:
    """An MLflow run named after the run folder, in the tracking store set by MLflow's environment variables."""

    package = "mlflow"

    def __init__(self, run: Path, recipe: str) -> None:
        import mlflow

        self.mlflow = mlflow
        mlflow.start_run(run_name=run.resolve().name)
        mlflow.log_text(recipe, "recipe.yaml")

    def scalar(self, name: str, value: float, step: int) -> None:
        """Log one metric."""
        self.mlflow.log_metric(name, value, step=step)

    def close(self) -> None:
        """End the run."""
        self.mlflow.end_run()


TRACKERS: dict[str, type[Tracker]] = {"tensorboard": TensorBoardTracker, "mlflow": MlflowTracker}


def require_trackers(names: Sequence[str]) -> None:
    """Reject unknown trackers, and trackers whose package is missing."""
    for name in names:
        if name not in TRACKERS:
            raise unknown_name("tracker", name, TRACKERS)
        if find_spec(TRACKERS[name].package) is None:
            raise UserError(f"{argument('track', name)} needs a package; run: pip install 'shelfmind[{name}]'")


class TrackingWatcher(ForwardingWatcher):
    """Reports training progress to trackers and to another watcher."""

    def __init__(self, names: Sequence[str], watcher: Watcher) -> None:
        require_trackers(names)
        super().__init__(watcher)
        self.names = names
        self.trackers: list[Tracker] = []

    def begin(self, start: TrainingStart) -> None:
        """Open the trackers, the first time only: a training in several processes begins again after a restart, and
        once more to be evaluated."""
        if not self.trackers:
            self.trackers = [TRACKERS[name](start.run, start.recipe.dump()) for name in self.names]
        super().begin(start)

    def step(self, figures: StepFigures) -> None:
        """Record the loss of every tenth step."""
        if figures.step % STEPS_PER_POINT == 0:
            for tracker in self.trackers:
                tracker.scalar("step/loss", figures.loss, figures.step)
        super().step(figures)

    def epoch(self, entry: EpochEntry) -> None:
        """Record the metrics of an epoch."""
        for tracker in self.trackers:
            for name in EPOCH_FIGURES:
                value = entry[name]
                if value is not None:
                    tracker.scalar(f"epoch/{name}", float(value), entry["epoch"])
        super().epoch(entry)

    def close(self) -> None:
        """Flush all data, however the training ended."""
        for tracker in self.trackers:
            tracker.close()


@contextmanager
def tracked(names: Sequence[str], watcher: Watcher) -> Iterator[Watcher]:
    """A watcher that also reports to these trackers; they are closed however the training ends."""
    if not names:
        yield watcher
        return
    forwarding = TrackingWatcher(names, watcher)
    try:
        yield forwarding
    finally:
        forwarding.close()
