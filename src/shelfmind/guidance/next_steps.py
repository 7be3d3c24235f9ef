"""The next step after an audit or training: the first applicable row of a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from shelfmind.errors import Message, call
from shelfmind.guidance.arguments import whole
from shelfmind.guidance.places import named, unused, unused_beside
from shelfmind.guidance.starts import typical_count, with_official_start
from shelfmind.guidance.thresholds import ENOUGH_STEPS, FEW_PHOTOS, IMBALANCE, LOW_TOP1
from shelfmind.nouns import counted
from shelfmind.requests.shared import MAX_BAD_FRACTION


@dataclass(frozen=True)
class NextStep:
    """The finding, the recommended action, and the command."""

    name: str
    what: str
    command: Message


@dataclass(frozen=True)
class Audited:
    """The results of an audit as in `audit.json`, the data set, and the audit folder."""

    figures: Mapping[str, Any]
    data: Path
    out: Path
    format: str | None = None

    def count(self, *kinds: str) -> int:
        """The number of issues of these kinds."""
        return sum(self.figures["issues"].get(kind, 0) for kind in kinds)

    @property
    def bad_files(self) -> int:
        """The number of unusable files."""
        return len(self.figures["bad_files"])

    @property
    def train_counts(self) -> list[int]:
        """The number of training photos of each class that has any."""
        return [count for count in self.figures["class_counts"].get("train", ()) if count > 0]

    def call(self, verb: str, **arguments: Any) -> Message:
        """A command with the data set's format, if that was given."""
        return Message(call(verb, **arguments, format=self.format))


@dataclass(frozen=True)
class Trained:
    """The outcome of training: validation metrics (None without validation images), training photos per class, epochs,
    steps and arguments; `tests` tells whether the data set has a test split."""

    run: Path
    figures: Mapping[str, Any] | None
    counts: tuple[int, ...]
    epochs: int
    steps: int
    network: str
    arguments: Mapping[str, Any]
    tests: bool
    from_random: bool

    @property
    def photos(self) -> int:
        """The number of training photos."""
        return sum(self.counts)

    @property
    def few(self) -> bool:
        """Whether half of the classes have too few photos to train from random weights."""
        return typical_count(self.counts) < FEW_PHOTOS

    @property
    def validated(self) -> bool:
        """Whether there are enough validation images."""
        return self.figures is not None and not self.figures["too_few_images"]

    @property
    def low(self) -> bool:
        """Whether the validation accuracy is too low for the run to be useful."""
        return self.figures is not None and self.figures["top1"] < LOW_TOP1

    def call(self, verb: str, **arguments: Any) -> Message:
        """A command on the data set, with its format if that was given."""
        return Message(call(verb, **arguments, data=self.arguments["data"], format=self.arguments.get("format")))

    def again(self, suffix: str, **changes: Any) -> dict[str, Any]:
        """The arguments to train again into a folder next to this one."""
        return {**self.arguments, "out": str(unused_beside(self.run, suffix)), **changes}


@dataclass(frozen=True)
class Evaluated:
    """The metrics of a run as in `metrics.json`, and the evaluated data."""

    run: Path
    data: Path
    figures: Mapping[str, Any]
    poorly_calibrated: bool
    format: str | None = None

    @property
    def exported(self) -> bool:
        """Whether an exported file of the run made the predictions."""
        return not str(self.figures["engine"]).startswith("mindspore")

    def call(self, verb: str, **arguments: Any) -> Message:
        """A command on the data, with its format if that was given."""
        return Message(call(verb, **arguments, data=str(self.data), format=self.format))


S = TypeVar("S")


@dataclass(frozen=True)
class Row(Generic[S]):
    """A next step: its condition, reason and command."""

    applies: Callable[[S], bool]
    what: Callable[[S], str]
    command: Callable[[S], Message]


def after_audit(audited: Audited) -> NextStep:
    """The next step after an audit."""
    return _first_applicable(AFTER_AUDIT, audited)


def after_training(trained: Trained) -> NextStep:
    """The next step after training."""
    return _first_applicable(AFTER_TRAINING, trained)


def after_evaluation(evaluated: Evaluated) -> NextStep:
    """The next step after the evaluation of one run on photos that it was not trained on."""
    return _first_applicable(AFTER_EVALUATION, evaluated)


def _first_applicable(table: Mapping[str, Row[S]], found: S) -> NextStep:
    name, row = next((name, row) for name, row in table.items() if row.applies(found))
    return NextStep(name, row.what(found), row.command(found))


def _clean_copy_command(audited: Audited) -> Message:
    """The command for a clean copy without leaks and duplicates; unusable files are always dropped."""
    drops = {"drop_leaks": audited.count("leak") > 0, "drop_duplicates": audited.count("duplicate") > 0}
    chosen = {name: True for name, wanted in drops.items() if wanted}
    by_audit = {"audit": str(audited.out)} if chosen else {}
    out = unused(named(audited.out).with_name(f"{named(audited.data).name}_clean"))
    return audited.call("prepare", data=str(audited.data), **by_audit, **chosen, out=str(out))


def _is_long_tailed(audited: Audited) -> bool:
    counts = audited.train_counts
    return bool(counts) and (
        typical_count(counts) < FEW_PHOTOS or (min(counts) < FEW_PHOTOS and max(counts) >= IMBALANCE * min(counts))
    )


def _few_validation_photos(trained: Trained) -> str:
    if trained.figures is None:
        return "without validation photos, the accuracy is unknown"
    one, more = "validation photo is", "validation photos are"
    return f"{counted(trained.figures['images'], one, more)} too few to measure accuracy"


def _take_more_photos(trained: Trained) -> str:
    start = " from official ImageNet weights" if trained.from_random else ""
    return f"{_few_validation_photos(trained)}; take more photos of each product, then train again{start}"


def _train_on_more(trained: Trained) -> Message:
    if trained.from_random:
        return _official_start(trained)
    return Message(call("train", **trained.again("more")))


def _official_start(trained: Trained) -> Message:
    return Message(call("train", **with_official_start(trained.again("imagenet"), trained.network, trained.photos)))


def _train_longer(trained: Trained) -> Message:
    minutes = trained.arguments.get("max_minutes")
    longer = {"epochs": 2 * trained.epochs} if minutes is None else {"max_minutes": whole(2 * minutes)}
    return Message(call("train", **trained.again("longer", **longer)))


def _photo_range(audited: Audited) -> str:
    counts = audited.train_counts
    return f"classes have {min(counts):,} to {counted(max(counts), 'training photo')}; get a recipe recommendation"


AFTER_AUDIT: dict[str, Row[Audited]] = {
    "unusable": Row(
        lambda it: it.bad_files > MAX_BAD_FRACTION * it.figures["images"],
        lambda it: (
            f"{it.bad_files:,} of {counted(it.figures['images'], 'file')} are unusable, more than training accepts; "
            "make a copy without them"
        ),
        _clean_copy_command,
    ),
    "wrong_labels": Row(
        lambda it: it.count("label", "outlier", "conflict") > 0,
        lambda it: (
            counted(
                it.count("label", "outlier", "conflict"),
                "label may be wrong; review it",
                "labels may be wrong; review them",
            )
            + " in a browser"
        ),
        lambda it: Message(call("review", audit=str(it.out))),
    ),
    "copies": Row(
        lambda it: it.count("leak", "duplicate") > 0,
        lambda it: (
            f"{counted(it.count('leak', 'duplicate'), 'image is a near-duplicate', 'images are near-duplicates')}; "
            "make a copy of the data set without them"
        ),
        _clean_copy_command,
    ),
    "evaluate": Row(
        lambda it: not it.train_counts,
        lambda it: "there are no training photos; evaluate a run on it",
        lambda it: it.call("evaluate", runs=["RUN"], data=str(it.data)),
    ),
    "tail": Row(
        _is_long_tailed,
        _photo_range,
        lambda it: it.call("recipes", data=str(it.data)),
    ),
    "train": Row(
        lambda it: True,
        lambda it: "train a first model (labels were not checked: find-label-errors does that)",
        lambda it: it.call("train", data=str(it.data), out=str(unused(named(it.out).with_name("runs") / "first"))),
    ),
}
"""The next steps after an audit, most urgent first."""

FASTER = "export it to a file that predicts several times faster, without MindSpore"

AFTER_TRAINING: dict[str, Row[Trained]] = {
    "more_photos": Row(lambda it: not it.validated and it.few, _take_more_photos, _train_on_more),
    "predict": Row(
        lambda it: not it.validated,
        lambda it: f"{_few_validation_photos(it)}; try the run on new photos",
        lambda it: Message(call("predict", run=str(it.run), paths=["NEW_PHOTOS"])),
    ),
    "official_start": Row(
        lambda it: it.low and it.from_random and it.few,
        lambda it: "random weights learn little from few photos per class; start from official ImageNet weights",
        _official_start,
    ),
    "longer": Row(
        lambda it: it.low and it.steps < ENOUGH_STEPS,
        lambda it: f"{counted(it.steps, 'step')} are too few; training twice as long helps most",
        _train_longer,
    ),
    "label_errors": Row(
        lambda it: it.low,
        lambda it: "fewer than half of the validation photos are recognised; check the labels",
        lambda it: it.call("find_label_errors", out=str(unused_beside(it.run, "labels"))),
    ),
    "gallery": Row(
        lambda it: "embedding" in str(it.arguments.get("recipe", "")),
        lambda it: "its embeddings are trained for a gallery; enrol products",
        lambda it: Message(
            call(
                "gallery_create",
                gallery=str(unused(named(it.run).with_name("products"))),
                run=str(it.run),
                data="PRODUCTS",
            )
        ),
    ),
    "test": Row(
        lambda it: it.tests,
        lambda it: "evaluate it on the test split",
        lambda it: it.call("evaluate", runs=[str(it.run)], split="test"),
    ),
    "export": Row(lambda it: True, lambda it: FASTER, lambda it: Message(call("export", run=str(it.run)))),
}
"""The next steps after training; first those without a measured accuracy, then those for a low one."""

AFTER_EVALUATION: dict[str, Row[Evaluated]] = {
    "new_photos": Row(
        lambda it: bool(it.figures["too_few_images"]),
        lambda it: f"{counted(it.figures['images'], 'photo')} cannot show the accuracy; try the run on new ones",
        lambda it: Message(call("predict", run=str(it.run), paths=["NEW_PHOTOS"])),
    ),
    "label_errors": Row(
        lambda it: it.figures["top1"] < LOW_TOP1,
        lambda it: "fewer than half of the photos are recognised; check the labels",
        lambda it: it.call("find_label_errors", out=str(unused_beside(it.run, "labels"))),
    ),
    "calibrate": Row(
        lambda it: it.poorly_calibrated,
        lambda it: "calibrate its confidence before you rely on it",
        lambda it: it.call("calibrate", run=str(it.run)),
    ),
    "use": Row(
        lambda it: it.exported,
        lambda it: "try it on new photos",
        lambda it: Message(call("predict", run=str(it.run), paths=["NEW_PHOTOS"])),
    ),
    "export": Row(lambda it: True, lambda it: FASTER, lambda it: Message(call("export", run=str(it.run)))),
}
"""The next steps after an evaluation; first those that improve the run."""
