"""The sentences and figures of a run's report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.evaluation.intervals import LEAST_IMAGES
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.evaluation.result import Evaluation
from shelfmind.pages.words import Text, joined, listed, many, say, split_name


@dataclass(frozen=True)
class ShotWords:
    """What a group of classes by training images is called, and how many images these are."""

    title: Text
    sizes: Text


def report_title(name: str, data: str, split: str | None) -> Text:
    """What was judged by what."""
    return say("{} on {}", name, data) if split is None else say("{} on {}: {}", name, data, split_name(split))


def lead(evaluation: Evaluation) -> Text:
    """The outcome in a sentence or two."""
    e = evaluation
    images = split_name(e.split) if e.split else ""
    of_images = say("{} {} images", f"{e.images:,}", images) if images else say("{} images", f"{e.images:,}")
    if e.too_few_images:
        recognised = many(
            e.top1_right,
            "Of {}, {} is recognised at first guess.",
            "Of {}, {} are recognised at first guess.",
            of_images,
            f"{e.top1_right:,}",
        )
        doubt = say(
            "These are too few images to judge: with fewer than {}, no figure means much, whatever it is.", LEAST_IMAGES
        )
        return joined([recognised, doubt])
    recognised = many(
        e.top1_right,
        "Of {}, {} is recognised at first guess: {}.",
        "Of {}, {} are recognised at first guess: {}.",
        of_images,
        f"{e.top1_right:,}",
        f"{e.top1:.1%}",
    )
    low, high = e.top1_ci95
    return joined([recognised, say("Expect {} to {} on other photos of the same kind.", f"{low:.1%}", f"{high:.1%}")])


def key_facts(evaluation: Evaluation, train_counts: npt.NDArray[np.int64] | None) -> list[tuple[Text, str]]:
    """Name and value of the figures that are not worth a card of their own."""
    e = evaluation
    classes: str = f"{e.classes:,}"
    if e.classes_with_images < e.classes:
        classes = say("{} of {} with images", f"{e.classes_with_images:,}", classes)
    facts: list[tuple[Text, str]] = [(say("Images"), f"{e.images:,}"), (say("Classes"), classes)]
    if train_counts is not None and len(train_counts):
        spread = say("{} to {}", f"{train_counts.min():,}", f"{train_counts.max():,}")
        facts += [(say("Training images"), f"{train_counts.sum():,}"), (say("of them per class"), spread)]
    facts.append((say("Calibration error"), "–" if e.too_few_images else f"{e.ece:.1%}"))
    speed = e.images_per_second
    facts.append((say("Images / second"), "–" if speed is None else f"{speed:,.{0 if speed >= 100 else 1}f}"))
    if e.tta:
        facts.append((say("Test-time views"), listed(e.tta)))
    if e.engine:
        facts.append((say("Engine"), e.engine))
    if e.seen is not None:
        counts = [say("{} trained on", f"{e.seen.trained:,}"), say("{} validated on", f"{e.seen.validated:,}")]
        if e.seen.near_copies is not None:
            counts.append(many(e.seen.near_copies, "{} near-copy", "{} near-copies", f"{e.seen.near_copies:,}"))
        facts.append((say("Seen in training"), listed(counts)))
    return [*facts, (say("Bad files"), f"{e.bad_files:,}")]


def shot_words(cutoffs: ShotCutoffs) -> dict[str, ShotWords]:
    """By the names of the groups."""
    few, most = cutoffs.few_below, cutoffs.many_above
    return {
        "many": ShotWords(say("Many-shot classes"), say("more than {} training images", most)),
        "medium": ShotWords(say("Medium-shot classes"), say("{} to {} training images", few, most)),
        "few": ShotWords(say("Few-shot classes"), say("fewer than {} training images", few)),
    }


def calibration_verdict(evaluation: Evaluation) -> Text | None:
    """Whether the confidence can be believed; None where nothing can be said."""
    e = evaluation
    if e.too_few_images:
        return None
    chance = f"{e.ece_by_chance:.1%}"
    if e.ece <= e.ece_by_chance:
        return say("Chance alone explains up to {}: nothing speaks against the confidence.", chance)
    if not e.poorly_calibrated:
        return say("So small that it changes no decision.")
    said = (say("sure of {}, right in {}", f"{e.mean_confidence:.1%}", f"{e.top1:.1%}"), chance)
    if abs(e.mean_confidence - e.top1) < e.ece / 2:
        return say(
            "On average it is as sure as it is right ({}), but not at every confidence; chance explains no more than "
            "{}.",
            *said,
        )
    if e.mean_confidence > e.top1:
        return say("The model is surer than it is right ({}); chance explains no more than {}.", *said)
    return say("The model is right more often than it says ({}); chance explains no more than {}.", *said)
