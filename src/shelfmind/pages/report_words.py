"""Sentences and key metrics of an evaluation report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.intervals import MIN_IMAGES
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.evaluation.result import Evaluation
from shelfmind.pages.words import Text, joined, listed, many, say, split_name


@dataclass(frozen=True)
class ShotWords:
    """The title of a group of classes, and its range of training images."""

    title: Text
    sizes: Text


def report_title(name: str, data: str, split: str | None) -> Text:
    """Return the title: the run, the data and the split."""
    return say("{} on {}", name, data) if split is None else say("{} on {}: {}", name, data, split_name(split))


def lead(evaluation: Evaluation) -> Text:
    """Return the outcome in one or two sentences."""
    e = evaluation
    images = split_name(e.split) if e.split else ""
    of_images = say("{} {} images", f"{e.images:,}", images) if images else say("{} images", f"{e.images:,}")
    if e.too_few_images:
        recognised = many(
            e.top1_right,
            "{1} of {0} is classified correctly.",
            "{1} of {0} are classified correctly.",
            of_images,
            f"{e.top1_right:,}",
        )
        doubt = say(
            "Too few images for a reliable estimate: with fewer than {} images, no metric is meaningful.", MIN_IMAGES
        )
        return joined([recognised, doubt])
    recognised = many(
        e.top1_right,
        "{1} of {0} is classified correctly: {2}.",
        "{1} of {0} are classified correctly: {2}.",
        of_images,
        f"{e.top1_right:,}",
        f"{e.top1:.1%}",
    )
    low, high = e.top1_ci95
    return joined([recognised, say("Expect {} to {} on similar photos (95% interval).", f"{low:.1%}", f"{high:.1%}")])


def key_facts(evaluation: Evaluation, train_counts: npt.NDArray[np.int64] | None) -> list[tuple[Text, str]]:
    """Return names and values of the secondary metrics."""
    e = evaluation
    classes: str = f"{e.classes:,}"
    if e.classes_with_images < e.classes:
        classes = say("{} of {} with images", f"{e.classes_with_images:,}", classes)
    facts: list[tuple[Text, str]] = [(say("Images"), f"{e.images:,}"), (say("Classes"), classes)]
    if train_counts is not None and len(train_counts):
        spread = say("{} to {}", f"{train_counts.min():,}", f"{train_counts.max():,}")
        facts += [(say("Training images"), f"{train_counts.sum():,}"), (say("Training images per class"), spread)]
    facts.append((say("Calibration error"), "–" if e.too_few_images else f"{e.ece:.1%}"))
    speed = e.images_per_second
    if not e.too_few_images:
        facts.append((say("Images / second"), "–" if speed is None else f"{speed:,.{0 if speed >= 100 else 1}f}"))
    if e.tta:
        facts.append((say("TTA views"), listed(e.tta)))
    if e.engine:
        facts.append((say("Engine"), e.engine))
    if e.seen is not None:
        counts = [say("{} in training", f"{e.seen.trained:,}"), say("{} in validation", f"{e.seen.validated:,}")]
        if e.seen.near_copies is not None:
            counts.append(
                many(e.seen.near_copies, "{} near-duplicate", "{} near-duplicates", f"{e.seen.near_copies:,}")
            )
        facts.append((say("Seen in training"), listed(counts)))
    return [*facts, (say("Unreadable files"), f"{e.bad_files:,}")]


def shot_words(cutoffs: ShotCutoffs) -> dict[str, ShotWords]:
    """Return the words for each group of classes, by name."""
    few, most = cutoffs.few_below, cutoffs.many_above
    return {
        "many": ShotWords(say("Many-shot classes"), say("more than {} training images", most)),
        "medium": ShotWords(say("Medium-shot classes"), say("{} to {} training images", few, most)),
        "few": ShotWords(say("Few-shot classes"), say("fewer than {} training images", few)),
    }


def calibration_verdict(evaluation: Evaluation) -> Text | None:
    """Return whether the confidence is calibrated; None if there are too few images."""
    e = evaluation
    if e.too_few_images:
        return None
    chance = f"{e.ece_by_chance:.1%}"
    if e.ece <= e.ece_by_chance:
        return say("Chance alone explains up to {}: no evidence of miscalibration.", chance)
    if not e.poorly_calibrated:
        return say("Too small to affect any decision.")
    said = (say("mean confidence {}, accuracy {}", f"{e.mean_confidence:.1%}", f"{e.top1:.1%}"), chance)
    if abs(e.mean_confidence - e.top1) < e.ece / 2:
        return say(
            "Mean confidence matches accuracy ({}), but not in every confidence range; chance explains at most {}.",
            *said,
        )
    if e.mean_confidence > e.top1:
        return say("The model is overconfident ({}); chance explains at most {}.", *said)
    return say("The model is underconfident ({}); chance explains at most {}.", *said)
