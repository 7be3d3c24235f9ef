"""Selects evaluation images: how many the runs have seen, which are left out, and whether enough remain."""

from __future__ import annotations

from shelfmind.errors import Message, UserError, argument, call, marked
from shelfmind.evaluation.intervals import MIN_IMAGES
from shelfmind.evaluation.overlap import Overlap
from shelfmind.nouns import counted
from shelfmind.progress import Counter
from shelfmind.records import Predictions
from shelfmind.runs.history import USES
from shelfmind.runs.known_data import NEW, KnownData, dropped_from_catalog, samples_of, split_names
from shelfmind.runs.overlaps import overlap_of

UNSEEN = ("test", NEW)
"""The groups of images that must not be used for training or model selection."""


def overlap_with(known: KnownData, split: str, predictions: Predictions, counter: Counter) -> Overlap | None:
    """How many of the predicted images the runs have seen; None if that is unknown."""
    if known.without_history:
        return None
    predicted = set(predictions.paths)
    samples = [sample for sample in samples_of(known.catalog, split) if str(sample.path) in predicted]
    return overlap_of(samples, known.histories, counter)


def refuse_too_few(known: KnownData, split: str | None) -> None:
    """Raise `UserError` if too few images of a split are unseen by all runs and their initial weights: fewer than one
    per class, or than `MIN_IMAGES`."""
    catalog = known.catalog
    requested = split or next(
        (each for each in UNSEEN if catalog.split(each) or dropped_from_catalog(known, each)), "val"
    )
    left, lost = len(samples_of(catalog, requested)), dropped_from_catalog(known, requested)
    least = max(MIN_IMAGES, len(catalog.class_names))
    if not lost or left >= least:
        return
    first = known.histories[0]
    if len(known.histories) > 1:
        those, others, kept, shared = "all of these runs", "one of them", "the first run's images", first.title
    else:
        others = "these" if first.has_teachers else "these weights"
        those, kept, shared = str(first), "the run's own images", first.before[0].title
    raise UserError(
        f"{counted(left, f'image of {requested} is', f'images of {requested} are')} unseen by {those}, but at least "
        f"{least} are needed; {lost} more were trained or validated on by {others}. Share the split between the runs: "
        f"{call('train', data='DATA', split_of=shared, out='RUN')}; or evaluate on all of {kept} with "
        f"{argument('allow_seen')}"
    )


def notes_on(known: KnownData, split: str) -> tuple[str, ...]:
    """Notes on the images that are evaluated and on those that are not."""
    requested, several = split_names(split), len(known.histories) > 1
    runs = "the runs" if several else "the run"
    notes = [f"warning: {marked(reason)}" for reason in known.without_history]
    new = len(known.catalog.split(NEW))
    if new and NEW not in requested:
        together = f", or new and test images with {argument('split', f'test,{NEW}')}" if "test" in requested else ""
        by = f"{argument('split', NEW)}{together}"
        notes.append(f"{_images(new)} new to {runs}: not evaluated; evaluate new images with {by}")
    uses = [f"{len(known.catalog.split(use))} {use}" for use in USES if known.catalog.split(use)]
    if uses and requested == [NEW]:
        count = len(known.catalog.split(*USES))
        notes.append(f"{_images(count)} known to {runs} ({', '.join(uses)}): not evaluated, only new images are")
    copies = known.copies_left_out(split)
    if copies:
        before = " or ".join(use for use in USES[:-1] if use not in requested)
        notes.append(f"{_images(copies)} identical in {split} and {before}: not evaluated")
    lost = dropped_from_catalog(known, split)
    if lost:
        another = "one run, but trained or validated on by another"
        learnt_from = "one of its teachers was" if known.histories[0].has_teachers else "its initial weights were"
        which_runs = another if several else f"the run, but {learnt_from} trained or validated on them"
        notes.append(f"{_images(lost)} {split} for {which_runs}: not evaluated")
    return tuple(map(Message, notes))


def notes_on_overlap(overlap: Overlap | None, split: str) -> tuple[str, ...]:
    """Warnings about evaluated images that were seen in training, and about near-duplicates of training photos."""
    if overlap is None:
        return ()
    notes = []
    requested = set(split_names(split))
    trained = 0 if "train" in requested else overlap.trained
    validated = 0 if requested & {"train", "val"} else overlap.validated
    if trained + validated:
        seen = f"{trained} trained on" if "val" in requested else f"{trained} trained on, {validated} validated on"
        notes.append(f"warning: evaluated images were seen in training ({seen}), so the metrics are optimistic")
    if overlap.near_copies is None:
        notes.append("a run has no fingerprints of its training photos: near-duplicates of these cannot be detected")
    if overlap.near_copies and overlap.example is not None:
        one, other = overlap.example
        copies = counted(overlap.near_copies, "image is a near-duplicate", "images are near-duplicates")
        caveat = "of training photos, so the metrics may be optimistic"
        notes.append(f"warning: {copies} {caveat}; for example {one}, which resembles {other}")
    return tuple(notes)


def _images(count: int) -> str:
    return counted(count, "image is", "images are")
