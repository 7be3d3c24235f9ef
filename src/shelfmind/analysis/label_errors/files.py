"""The output files of a label check: the ranked table of all labels, and the suspects for the review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from shelfmind.analysis.label_errors.check import OUTLIER_ABOVE, LabelCheck
from shelfmind.analysis.label_errors.confident_learning import NO_CLASS
from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.analysis.label_errors.neighbours import Embeddings, nearest_images
from shelfmind.analysis.suspects import MAX_NEIGHBOURS, Suspect
from shelfmind.arrays import Ints, rows_by_label
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.progress import Counter, count_silently
from shelfmind.tables import write_table

COLUMNS = (
    *("path", "split", "given", "suggested", "score", "flagged", "self_confidence", "margin", "nearness"),
    *("outlier", "fold", "why_not_checked"),
)
ALONE = "no other photo of its class to train on"
WEAK = "its network does not clearly beat guessing"


def write_label_errors(path: Path, check: LabelCheck, held_out: HeldOut) -> None:
    """Write every image as CSV, most suspicious first, unchecked images last with empty values.

    `flagged` is ``yes`` for a suspicious label, ``outlier``, ``no``, or ``not checked``.
    """

    def rows() -> Iterator[tuple[str, ...]]:
        for row in check.ranking().tolist():
            if not check.checked[row]:
                yield _unchecked_row(held_out, row, WEAK)
                continue
            suggested = int(check.suggested[row])
            yield (
                *_start(held_out, row),
                "" if suggested == NO_CLASS else held_out.class_names[suggested],
                f"{check.score[row]:.6f}",
                "yes" if check.flagged[row] else "outlier" if check.outliers[row] else "no",
                *(_number(values[row]) for values in (check.self_confidence, check.margin, check.nearness)),
                _number(check.outlier[row]),
                str(held_out.folds[row]),
                "",
            )
        for row in range(held_out.checkable, len(held_out.samples)):
            yield _unchecked_row(held_out, row, ALONE)

    write_table(path, COLUMNS, rows())


def find_suspects(
    check: LabelCheck,
    held_out: HeldOut,
    embeddings: Callable[[int], Embeddings],
    counter: Counter = count_silently,
) -> list[Suspect]:
    """The flagged labels and the outliers, worst first, each with images for comparison.

    An outlier has the kind ``outlier`` and no suggestion, and its score grows with its distance from all classes; every
    other suspect has the kind ``label``.
    Images are compared in the embedding of the network that checked the suspect; flagged images are not used as
    examples of a class.
    """
    suspicious = check.flagged | check.outliers
    chosen = check.ranking()[suspicious[check.ranking()]]
    shown = held_out.labels.copy()
    shown[: held_out.checkable][suspicious] = NO_CLASS
    by_class = dict(rows_by_label(shown))
    nothing = np.zeros(0, np.int64)
    found: dict[int, Suspect] = {}
    progress = counter("finding examples", len(chosen), "suspects")
    for fold in held_out.used_folds:
        fold_embeddings = embeddings(fold)

        @cache
        def typical(label: int, fold_embeddings: Embeddings = fold_embeddings) -> tuple[str, ...]:
            members = by_class.get(label, nothing)
            if not len(members):
                return ()
            vectors = unit_rows(fold_embeddings[members])
            order = np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")[:MAX_NEIGHBOURS]
            return tuple(held_out.names[index] for index in members[order])

        for row in chosen[held_out.folds[chosen] == fold].tolist():
            members = by_class.get(int(check.suggested[row]), nothing)
            near = nearest_images(fold_embeddings, row, members, MAX_NEIGHBOURS)
            found[row] = _suspect(check, held_out, row, near, typical(int(held_out.labels[row])))
            progress(1)
    return sorted((found[row] for row in chosen.tolist()), key=lambda suspect: -suspect.score)


def _suspect(check: LabelCheck, held_out: HeldOut, row: int, near: Ints, typical: tuple[str, ...]) -> Suspect:
    path, split, given = _start(held_out, row)
    suggested = int(check.suggested[row])
    name = None if suggested == NO_CLASS else held_out.class_names[suggested]
    return Suspect(
        path=path,
        split=split,
        given=given,
        suggested=name,
        kind="outlier" if name is None else "label",
        score=float(expit(check.outlier[row] - OUTLIER_ABOVE) if name is None else check.score[row]),
        detail=_detail(check, row, name),
        neighbours=tuple(held_out.names[index] for index in near),
        given_neighbours=typical,
    )


def _detail(check: LabelCheck, row: int, suggested: str | None) -> str:
    confidence = f"the label has an out-of-fold probability of {check.self_confidence[row]:.1%}"
    if suggested is None:
        return f"far from every class ({check.outlier[row]:.1f} deviations from the nearest); {confidence}"
    return (
        f"{confidence}; including its nearest neighbours, '{suggested}' is {_times(float(check.odds[row]))} as likely"
    )


def _times(log_odds: float) -> str:
    """The odds of the other class as text, with no more digits than are meaningful."""
    if log_odds > np.log(100):
        return "over 100 times"
    times = float(np.exp(log_odds))
    return f"{times:.0f} times" if times >= 10 else f"{times:.1f} times"


def _number(value: np.floating[Any]) -> str:
    """Six decimal places; empty if there is no value."""
    return "" if np.isnan(value) else f"{value:.6f}"


def _unchecked_row(held_out: HeldOut, row: int, why: str) -> tuple[str, ...]:
    return (*_start(held_out, row), "", "", "not checked", *[""] * (len(COLUMNS) - 7), why)


def _start(held_out: HeldOut, row: int) -> tuple[str, str, str]:
    return held_out.names[row], held_out.samples[row].split, held_out.given[row]
