"""Console output of the commands: progress bars on a terminal, lines elsewhere, tables at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column, Table
from rich.text import Text

from shelfmind.nouns import counted
from shelfmind.requests.watching import ForwardingObserver, Observer
from shelfmind.training.watching import EpochEntry, StepFigures, TrainingStart, Watcher

LINES_EVERY_S = 10.0
EPOCH_LINES_EVERY_S = 5.0


class Display(Observer):
    """Reports on standard error, so that standard output holds only results."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress: Progress | None = None
        self._phase: TaskID | None = None
        self._warnings: dict[str, None] = {}
        self._said_since = False
        self._noted: set[str] = set()

    @contextmanager
    def showing(self) -> Iterator[Display]:
        """The context in which progress bars are shown."""
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _DoneColumn(),
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
        """Show a step of unknown length until the next phase or bar begins; None shows nothing."""
        if self._progress is None or not self.console.is_terminal:
            return
        if self._phase is not None:
            self._progress.remove_task(self._phase)
        self._phase = None if what is None else self._progress.add_task(what, total=None, detail="", unit="")

    def begin_phase(self, what: str) -> None:
        """Show a step of unknown length; without a terminal as a line, once per command."""
        self.phase(what)
        if not self.console.is_terminal:
            self.note(what)

    def counter(self, what: str, total: int | None, unit: str = "images") -> Callable[[int], None]:
        """A function that takes the number of newly finished items and shows speed and remaining time.

        Bytes are shown as megabytes.
        """
        return _Counter(self, what, total, unit)

    def bar(self, what: str, total: int | None, completed: int = 0, unit: str = "") -> TaskID | None:
        """Add a bar on a terminal."""
        if self._progress is None or not self.console.is_terminal:
            return None
        self.phase(None)
        return self._progress.add_task(what, total=total, completed=completed, detail="", unit=unit)

    def remove(self, task: TaskID) -> None:
        """Remove a bar."""
        if self._progress is not None:
            self._progress.remove_task(task)

    def move(self, task: TaskID, completed: int, detail: str) -> None:
        """Update a bar."""
        if self._progress is not None:
            self._progress.update(task, completed=completed, detail=detail)

    def line(self, text: str) -> None:
        """Print a line."""
        self.console.print(text, markup=False, soft_wrap=True)
        self._said_since = True

    def note(self, text: str) -> None:
        """Print a note, once per command."""
        if text not in self._noted:
            self._noted.add(text)
            self.line(text)

    def warn(self, text: str) -> None:
        """Print a warning immediately, and again at the end. Identical warnings are printed once."""
        if text in self._warnings:
            return
        self._warnings[text] = None
        self._said_since = False
        self._print_warning(text)

    def repeat_warnings(self) -> None:
        """Print all warnings again at the end, unless nothing was printed since."""
        for text in self._warnings if self._said_since else ():
            self._print_warning(text)
        self._warnings.clear()

    def _print_warning(self, text: str) -> None:
        self.console.print(f"warning: {text}", style="bold yellow", markup=False, soft_wrap=True)


class _DoneColumn(MofNCompleteColumn):
    """Done and total; in megabytes if the unit is bytes."""

    def render(self, task: Task) -> Text:
        if task.fields["unit"] != "bytes":
            return super().render(task)
        return Text(_of(int(task.completed), None if task.total is None else int(task.total), "bytes"))


def _of(done: int, total: int | None, unit: str) -> str:
    """Done and total; without the total if it is unknown."""
    if unit == "bytes":
        return f"{done / 1e6:.1f}" + (" MB" if total is None else f" of {total / 1e6:.1f} MB")
    return str(done) if total is None else f"{done} of {total}"


def _speed(done: int, seconds: float, unit: str) -> str:
    """Items per second, with decimals for low rates."""
    rate = done / max(seconds, 1e-6)
    return f"{rate / 1e6:.1f} MB/s" if unit == "bytes" else _rate(rate, unit)


def _rate(rate: float, unit: str) -> str:
    return f"{rate:.0f} {unit}/s" if rate >= 1 else f"{rate:.2f} {unit}/s"


class _Counter:
    """Counts items for a bar or, without a terminal, for occasional lines."""

    def __init__(self, display: Display, what: str, total: int | None, unit: str) -> None:
        self.display, self.what, self.total, self.unit = display, what, total, unit
        self.began = self.last_line_at = time.monotonic()
        self.done = 0
        self.task: TaskID | None = None

    def __call__(self, number: int) -> None:
        self.done += number
        now = time.monotonic()
        detail = _speed(self.done, now - self.began, self.unit)
        if self.task is None:
            self.task = self.display.bar(self.what, self.total, unit=self.unit)
        if self.task is not None:
            self.display.move(self.task, self.done, detail)
        elif now - self.last_line_at > LINES_EVERY_S:
            self.last_line_at = now
            self.display.line(f"{self.what}: {_of(self.done, self.total, self.unit)}, {detail}")


class TrainingDisplay(ForwardingObserver, Watcher):
    """Shows training: one bar in total, one line per epoch."""

    def __init__(self, display: Display) -> None:
        super().__init__(display)
        self.display = display
        self.task: TaskID | None = None
        self.done_before = 0.0
        self.val_images = 0
        self.last_line_at = time.monotonic()
        self.last_epoch_at = -math.inf

    def begin(self, start: TrainingStart) -> None:
        """Print what will be trained; remove the bar of an earlier training run (another trial, size or fold)."""
        if self.task is not None:
            self.display.remove(self.task)
            self.task = None
        self.done_before, self.val_images = start.progress, start.val_images
        self.last_epoch_at = -math.inf
        network = start.kind.replace("()", "")
        self.display.line(
            f"training {network} on {counted(start.images, 'image')}, batch size {start.batch_size}, "
            f"{counted(start.val_images, 'image')} for validation"
        )
        if start.epochs_done:
            self.display.line(f"resuming after epoch {start.epochs_done}")
        if start.progress < 1:
            self.display.begin_phase("compiling the network, which can take a minute")

    def step(self, figures: StepFigures) -> None:
        """Update the bar."""
        where = f"epoch {figures.epoch + 1} step {figures.step_in_epoch}/{figures.steps}"
        detail = f"{where} loss {figures.loss:.3f}"
        if figures.images_per_second:
            detail += f" {_rate(figures.images_per_second, 'images')}"
        now = time.monotonic()
        if self.task is None:
            self.task = self.display.bar("training", 1000, int(1000 * self.done_before))
        if self.task is not None:
            self.display.move(self.task, int(1000 * figures.progress), detail)
        elif now - self.last_line_at > 3 * LINES_EVERY_S:
            self.last_line_at = now
            self.display.line(f"training {figures.progress:.1%}: {detail}")

    def epoch(self, entry: EpochEntry) -> None:
        """Print the metrics of an epoch, unless a line was printed just before; the run's log has them all."""
        now = time.monotonic()
        if now - self.last_epoch_at < EPOCH_LINES_EVERY_S and entry["progress"] < 1:
            return
        self.last_line_at = self.last_epoch_at = now
        figures = [f"epoch {entry['epoch'] + 1:>3}", f"{entry['progress']:>4.0%}", f"{entry['image_size']} px"]
        figures.append(f"train loss {entry['train_loss']:.3f}")
        if entry["val_loss"] is not None and entry["val_top1"] is not None:
            figures += [f"val loss {entry['val_loss']:.3f}", f"val top-1 {_share(entry['val_top1'], self.val_images)}"]
        figures += [_rate(entry["images_per_second"], "images"), f"{entry['elapsed_s']:.0f} s"]
        self.display.line("  ".join(figures))


TOO_FEW = "too few images to evaluate"


def evaluation_table(figures: Mapping[str, Any]) -> Table:
    """The table of an evaluation; for too few images only counts."""
    title = f"{counted(figures['images'], 'image')}, {_classes_of(figures)}"
    if figures["too_few_images"]:
        table = Table("metric", "value", title=title)
        table.caption = "too few images for intervals, accuracy per class and calibration"
        _add_counts(table, figures)
    else:
        table = Table("metric", "value", "95% interval", title=title)
        _add_accuracies(table, figures)
    table.add_row("unusable files", str(figures["bad_files"]))
    seen = figures["seen"]
    if seen is not None:
        near = "" if seen["near_copies"] is None else f", {counted(seen['near_copies'], 'near-duplicate')}"
        table.add_row("seen in training", f"{seen['trained']} trained on, {seen['validated']} validated on{near}")
    speed = figures["images_per_second"]
    if not figures["too_few_images"]:
        table.add_row("images/s", "–" if speed is None else f"{speed:.3g}" if speed < 10 else f"{speed:,.0f}")
    return table


def _add_counts(table: Table, figures: Mapping[str, Any]) -> None:
    for key, name in (("top1", "top-1"), ("top5", "top-5")):
        table.add_row(name, f"{figures[f'{key}_right']} of {figures['images']} correct")


def _add_accuracies(table: Table, figures: Mapping[str, Any]) -> None:
    for key, name in (("top1", "top-1"), ("top5", "top-5"), ("macro_top1", "macro top-1")):
        low, high = figures[f"{key}_ci95"]
        table.add_row(name, f"{figures[key]:.2%}", f"{low:.2%} to {high:.2%}")
    cutoffs = figures["shot_cutoffs"]
    groups = {
        "many": f"many-shot (over {counted(cutoffs['many_above'], 'training image')})",
        "medium": "medium-shot",
        "few": f"few-shot (under {cutoffs['few_below']})",
    }
    for key, name in groups.items():
        interval = figures.get("shot_ci95", {}).get(key)
        table.add_row(name, *_shot_cells(figures[f"{key}_top1"], figures["shot_images"].get(key, 0), interval))
    table.add_row("expected calibration error", f"{figures['ece']:.2%}")


def _share(share: float, images: int, decimals: int = 1) -> str:
    """A share of the images; for too few images the counts."""
    from shelfmind.evaluation.intervals import too_few_images  # imports SciPy

    return f"{round(share * images)} of {images}" if too_few_images(images) else f"{share:.{decimals}%}"


def _shot_cells(value: float | None, images: int, interval: Sequence[float] | None) -> tuple[str, str]:
    from shelfmind.evaluation.intervals import too_few_images  # imports SciPy

    if value is None:
        return "no such class", ""
    if too_few_images(images):
        return "–", TOO_FEW
    return f"{value:.2%}", "" if interval is None else f"{interval[0]:.2%} to {interval[1]:.2%}"


def _classes_of(figures: Mapping[str, Any]) -> str:
    classes, present = figures["classes"], figures["classes_with_images"]
    return counted(classes, "class") if present == classes else f"{present:,} of {counted(classes, 'class')}"


def members_table(outcome: Any) -> Table:
    """The weight and contribution of each member of an ensemble."""
    table = Table("run", "weight", "top-1 alone", "gain in top-1", "95% interval")
    few = outcome.too_few_images
    for member in outcome.members:
        cells = f"{member.alone:.2%}", f"{100 * member.added:+.2f} points", _points(member.added_ci95)
        table.add_row(member.name, f"{member.weight:.2f}", *(("–", "–", TOO_FEW) if few else cells))
    equal = outcome.weighted_on == "equal"
    table.caption = "equal weights" if equal else f"weights from the {outcome.weighted_on} split"
    return table


def resolutions_table(outcome: Any) -> Table:
    """The results of FixRes at each image size."""
    title = f"top-1 on {outcome.images} validation images"
    table = Table("image size", "before", "fine-tuned", "gain", "95% interval", title=title)

    def figure(top1: float) -> str:
        return _share(top1, outcome.images, 2)

    table.add_row(f"{outcome.image_size} px (original)", figure(outcome.top1), "", "", "")
    for each in outcome.resolutions:
        interval = TOO_FEW if outcome.too_few_images else _points(each.gain_ci95)
        gain = "–" if outcome.too_few_images else f"{100 * each.gain:+.2f} points"
        table.add_row(f"{each.image_size} px", figure(each.as_is), figure(each.tuned), gain, interval)
    return table


def fold_in_table(outcome: Any) -> Table:
    """The accuracy of old and new classes before and after a fold-in."""
    table = Table("top-1 on validation images", "before", "imprinted", "fine-tuned", "change", "95% interval")
    old, new = outcome.old, outcome.new
    if old is not None:
        tops = (_share(top1, old.images, 2) for top1 in (old.before, old.imprinted.top1, old.tuned.top1))
        figures = f"{100 * old.tuned.change:+.2f} points", _points(old.tuned.change_ci95)
        images = counted(old.images, "image")
        table.add_row(f"old classes ({images})", *tops, *(("–", TOO_FEW) if old.too_few_images else figures))
    if new is not None:
        tops = (_share(top1, new.images, 2) for top1 in (new.imprinted, new.tuned))
        low, high = new.tuned_ci95
        interval = TOO_FEW if new.too_few_images else f"{low:.2%} to {high:.2%}"
        table.add_row(f"new classes ({counted(new.images, 'held-out photo')})", "", *tops, "", interval)
    return table


def _points(interval: Sequence[float]) -> str:
    """An interval of a gain, in percentage points."""
    low, high = interval
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def prepared_table(figures: Any) -> Table:
    """The table of a preparation."""
    table = Table(
        "images",
        "number",
        title=f"{figures.kept:,} of {counted(figures.images, 'image')} in {counted(figures.classes, 'class')}",
    )
    table.add_row("relabelled", str(figures.relabelled))
    for reason, number in figures.dropped.items():
        table.add_row(f"dropped: {reason}", str(number))
    for split, number in figures.splits.items():
        table.add_row(f"now in {split}", str(number))
    return table


def audit_table(figures: Mapping[str, Any]) -> Table:
    """The table of an audit."""
    table = Table(
        "issue",
        "images",
        title=f"{counted(figures['images'], 'image')}, {counted(len(figures['class_names']), 'class')}",
    )
    for kind, count in figures["issues"].items():
        table.add_row(kind.replace("_", " "), str(count))
    if not figures["issues"]:
        table.add_row("no issues", "")
    table.caption = f"{figures['images_per_second']:.0f} images/s"
    return table


def models_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The table of models."""
    table = Table(
        Column("model", no_wrap=True, overflow="fold"), "parameters", "GFLOPs", "embedding", "official weights"
    )
    measured = any("images_per_second" in row for row in rows)
    if measured:
        table.add_column("images/s on this machine")
    for row in rows:
        top1 = f", top-1 {row['official_top1']}" if row["official_top1"] else ""
        official = f"{row['official_megabytes']} MB{top1}" if row["official_megabytes"] else "none"
        cells = [row["name"], f"{row['parameters']:,}", f"{row['gflops']:.2f}", str(row["embedding"]), official]
        table.add_row(*cells, *([str(row["images_per_second"])] if measured else []))
    table.caption = "with 1,000 classes; GFLOPs: billions of multiply-adds for one image of 224 px"
    return table


def stages_table(stages: Sequence[Mapping[str, Any]]) -> Table:
    """The table of the stages of a model."""
    table = Table("stage", "output", "parameters", "GFLOPs")
    for stage in stages:
        shape = " x ".join(str(size) for size in stage["output"])
        table.add_row(stage["name"], shape, f"{stage['parameters']:,}", f"{stage['gflops']:.3f}")
    return table
