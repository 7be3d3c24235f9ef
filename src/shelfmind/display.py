"""What the commands show while they work: progress bars on a terminal, lines elsewhere, tables at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table

LINES_EVERY_S = 10.0


class Display:
    """Reports on `console`, which is the error stream, so that results alone go to standard output."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress: Progress | None = None
        self._phase: TaskID | None = None

    @contextmanager
    def showing(self) -> Iterator[Display]:
        """Progress bars live within this context."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        ) as progress:
            self._progress = progress
            yield self
        self._progress = self._phase = None

    def phase(self, what: str | None) -> None:
        """Shows that something goes on whose length is unknown, until the next phase or bar begins; None: nothing."""
        if self._progress is None or not self.console.is_terminal:
            return
        if self._phase is not None:
            self._progress.remove_task(self._phase)
        self._phase = None if what is None else self._progress.add_task(what, total=None, detail="")

    def counter(self, what: str, total: int | None) -> Callable[[int], None]:
        """A function to be told how many more images are done; it shows images/s and the time left."""
        return _Counter(self, what, total)

    def bar(self, what: str, total: int | None, completed: int = 0) -> TaskID | None:
        """A new bar on a terminal."""
        if self._progress is None or not self.console.is_terminal:
            return None
        self.phase(None)
        return self._progress.add_task(what, total=total, completed=completed, detail="")

    def move(self, task: TaskID, completed: int, detail: str) -> None:
        """Move a bar."""
        if self._progress is not None:
            self._progress.update(task, completed=completed, detail=detail)

    def line(self, text: str) -> None:
        """One line for people."""
        self.console.print(text, markup=False, soft_wrap=True)


class _Counter:
    """Counts images for one bar or, where there is no terminal, for a line now and then."""

    def __init__(self, display: Display, what: str, total: int | None) -> None:
        self.display, self.what, self.total = display, what, total
        self.began = self.said = time.monotonic()
        self.done = 0
        self.task: TaskID | None = None

    def __call__(self, number: int) -> None:
        self.done += number
        now = time.monotonic()
        detail = f"{self.done / max(now - self.began, 1e-6):.0f} images/s"
        if self.task is None:
            self.task = self.display.bar(self.what, self.total)
        if self.task is not None:
            self.display.move(self.task, self.done, detail)
        elif now - self.said > LINES_EVERY_S:
            self.said = now
            self.display.line(f"{self.what}: {self.done}{f' of {self.total}' if self.total else ''}, {detail}")


class TrainingDisplay:
    """Shows a training: one bar for all of it, one line an epoch."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.task: TaskID | None = None
        self.began = time.monotonic()
        self.said = time.monotonic()

    def note(self, text: str) -> None:
        """Says it."""
        self.display.line(text)

    def phase(self, what: str) -> None:
        """Shows what goes on."""
        self.display.phase(what)

    def counter(self, what: str, total: int | None) -> Callable[[int], None]:
        """Counts images."""
        return self.display.counter(what, total)

    def begin(self, training: Any) -> None:
        """Says what will be trained."""
        images = len(training.batches.labels)
        self.display.line(
            f"training {training.kind} on {images} images, {training.batches.batch_size} a step, "
            f"{len(training.val_labels)} images for validation"
        )
        if training.position.history:
            self.display.line(f"going on after epoch {training.position.epoch - 1}")
        if training.position.progress < 1:
            self.display.phase("compiling the first step")

    def step(self, plan: Any, position: Any, loss: float, images_per_second: float) -> None:
        """Moves the bar."""
        done = plan.progress_at(position.step_in_epoch)
        place = f"epoch {plan.epoch} step {position.step_in_epoch}/{plan.steps}"
        detail = f"{place} loss {loss:.3f} {images_per_second:.0f} images/s"
        now = time.monotonic()
        if self.task is None:
            self.task = self.display.bar("training", 1000, int(1000 * plan.start))
        if self.task is not None:
            self.display.move(self.task, int(1000 * done), detail)
        elif now - self.said > 3 * LINES_EVERY_S:
            self.said = now
            self.display.line(f"training {done:.1%}: {detail}")

    def epoch(self, entry: Mapping[str, Any]) -> None:
        """One line of figures."""
        self.said = time.monotonic()
        figures = [f"epoch {entry['epoch']:>3}", f"{entry['progress']:>4.0%}", f"{entry['image_size']} px"]
        figures.append(f"train loss {entry['train_loss']:.3f}")
        if entry["val_top1"] is not None:
            figures += [f"val loss {entry['val_loss']:.3f}", f"val top-1 {entry['val_top1']:.1%}"]
        figures += [f"{entry['images_per_second']:.0f} images/s", f"{entry['elapsed_s']:.0f} s"]
        self.display.line("  ".join(figures))


def evaluation_table(figures: Mapping[str, Any]) -> Table:
    """The figures of an evaluation for people."""
    table = Table("figure", "value", "95% interval", title=f"{figures['images']} images, {figures['classes']} classes")
    for key, name in (("top1", "top-1"), ("top5", "top-5"), ("macro_top1", "macro top-1")):
        low, high = figures[f"{key}_ci95"]
        table.add_row(name, f"{figures[key]:.2%}", f"{low:.2%} to {high:.2%}")
    cutoffs = figures["shot_cutoffs"]
    groups = {
        "many_top1": f"many-shot (over {cutoffs['many_above']} training images)",
        "medium_top1": "medium-shot",
        "few_top1": f"few-shot (under {cutoffs['few_below']})",
    }
    for key, name in groups.items():
        value = figures[key]
        table.add_row(name, "no such class" if value is None else f"{value:.2%}", "")
    table.add_row("expected calibration error", f"{figures['ece']:.2%}", "")
    table.add_row("unusable files", str(figures["bad_files"]), "")
    speed = figures["images_per_second"]
    table.add_row("images/s", "–" if speed is None else f"{speed:.0f}", "")
    return table


def members_table(outcome: Any) -> Table:
    """What each member of an ensemble weighs and adds."""
    table = Table("run", "weight", "top-1 alone", "adds to top-1", "95% interval")
    for member in outcome.members:
        low, high = member.added_ci95
        added = f"{100 * member.added:+.2f} points"
        table.add_row(
            member.name, f"{member.weight:.2f}", f"{member.alone:.2%}", added, f"{100 * low:+.2f} to {100 * high:+.2f}"
        )
    equal = outcome.weighted_on == "equal"
    table.caption = "equal weights" if equal else f"weights from the {outcome.weighted_on} split"
    return table


def resolutions_table(outcome: Any) -> Table:
    """What FixRes gave at each image size."""
    table = Table("image size", "as it is", "fine-tuned", "gain", "95% interval", title="top-1 on validation images")
    table.add_row(f"{outcome.image_size} px (the run's own)", f"{outcome.top1:.2%}", "", "", "")
    for each in outcome.resolutions:
        low, high = each.gain_ci95
        interval = f"{100 * low:+.2f} to {100 * high:+.2f}"
        gain = f"{100 * each.gain:+.2f} points"
        table.add_row(f"{each.image_size} px", f"{each.as_is:.2%}", f"{each.tuned:.2%}", gain, interval)
    return table


def prepared_table(figures: Any) -> Table:
    """What a preparation did, for people."""
    table = Table("images", "number", title=f"{figures.kept} of {figures.images} images in {figures.classes} classes")
    table.add_row("relabelled", str(figures.relabelled))
    for reason, number in figures.dropped.items():
        table.add_row(f"dropped: {reason}", str(number))
    for split, number in figures.splits.items():
        table.add_row(f"now in {split}", str(number))
    return table


def audit_table(figures: Mapping[str, Any]) -> Table:
    """What an audit found, for people."""
    table = Table("found", "images", title=f"{figures['images']} images, {len(figures['class_names'])} classes")
    for kind, count in figures["issues"].items():
        table.add_row(kind.replace("_", " "), str(count))
    if not figures["issues"]:
        table.add_row("no issues", "")
    table.add_row("images/s", f"{figures['images_per_second']:.0f}")
    return table


def models_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Models and what is known of them."""
    table = Table(
        Column("model", no_wrap=True, overflow="fold"), "parameters", "GFLOPs", "embedding", "official weights"
    )
    measured = any("images_per_second" in row for row in rows)
    if measured:
        table.add_column("images/s here")
    for row in rows:
        top1 = f", top-1 {row['official_top1']}" if row["official_top1"] else ""
        official = f"{row['official_megabytes']} MB{top1}" if row["official_megabytes"] else "none"
        cells = [row["name"], f"{row['parameters']:,}", f"{row['gflops']:.2f}", str(row["embedding"]), official]
        table.add_row(*cells, *([str(row["images_per_second"])] if measured else []))
    table.caption = "at 1,000 classes; GFLOPs: billions of multiply-adds of one image of 224 px"
    return table


def stages_table(stages: Sequence[Mapping[str, Any]]) -> Table:
    """The stages of one model."""
    table = Table("stage", "output", "parameters", "GFLOPs")
    for stage in stages:
        shape = " x ".join(str(size) for size in stage["output"])
        table.add_row(stage["name"], shape, f"{stage['parameters']:,}", f"{stage['gflops']:.3f}")
    return table
