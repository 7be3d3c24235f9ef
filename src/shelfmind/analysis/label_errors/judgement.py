"""What trained networks add to an audit: suspicious labels, outliers, accuracy by class size, confusable families."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.appearances import AppearancesFound, find_appearances
from shelfmind.analysis.competence import Competence, doubt_of
from shelfmind.analysis.label_errors.accuracy_by_size import AccuracyBySize, accuracy_by_size
from shelfmind.analysis.label_errors.check import LabelCheck, check_labels
from shelfmind.analysis.label_errors.families import Families, Family, find_families
from shelfmind.analysis.label_errors.files import find_suspects
from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.analysis.label_errors.neighbours import Embeddings
from shelfmind.analysis.suspects import Suspect
from shelfmind.arrays import Bools
from shelfmind.evaluation import ShotCutoffs
from shelfmind.evaluation.confusion import ClassResult
from shelfmind.evaluation.metrics import ShotGroup, shot_groups
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.progress import Counter, count_silently
from shelfmind.records import UNLABELLED, Catalog


@dataclass(frozen=True)
class Opinion:
    """The outputs of networks for the images of `held_out`, in its order.

    Attributes:
        source: a description of the networks.
        held_out: the images, their labels and the network that checks each.
        probabilities: (checked images, classes), may be memory-mapped.
        embeddings: of all images by the network of a fold, may be memory-mapped.
        unseen: which checked images their network was not trained on; accuracies and the competence of the networks are
            measured on these images only.
        root: the data set's folder.
        train_images: the number of training images of each class; the train images in `held_out` if None.
    """

    source: str
    held_out: HeldOut
    probabilities: npt.NDArray[np.floating[Any]]
    embeddings: Callable[[int], Embeddings]
    unseen: Bools
    root: Path
    train_images: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Accuracies:
    """Recall on images that their network was not trained on: per class, per shot group, and by class size."""

    classes: Sequence[ClassResult]
    shots: tuple[ShotGroup, ...]
    by_size: AccuracyBySize | None


@dataclass(frozen=True)
class Judgement:
    """The findings of networks in a data set, as plain numbers.

    Attributes:
        source: a description of the networks.
        root: the data set's folder.
        suspects: the images to review, with suspicious labels or of no class.
        trained_on: the checked images that their own network was trained on, which hides their errors.
        judged_images: the number of checked images.
        judges: the competence of each network.
        doubt: a warning to show first, None if every network can be trusted.
        accuracies: on images that were not trained on.
        families: confusable classes.
        appearances: the classes with multiple appearances, by the embeddings of one network; their rows are indices
            into `appearance_names`.
        appearance_names: the images by name.
    """

    source: str
    root: Path
    suspects: tuple[Suspect, ...]
    trained_on: frozenset[str]
    judged_images: int
    judges: tuple[Competence, ...]
    doubt: str | None
    accuracies: Accuracies
    families: Families
    appearances: AppearancesFound
    appearance_names: tuple[str, ...]

    @property
    def suspected_labels(self) -> list[Suspect]:
        """The suspects with suspicious labels."""
        return [suspect for suspect in self.suspects if suspect.kind == "label"]

    @property
    def outliers(self) -> list[Suspect]:
        """The suspects that fit no class."""
        return [suspect for suspect in self.suspects if suspect.kind == "outlier"]

    @property
    def figures(self) -> Mapping[str, Any]:
        """For `audit.json`."""
        by_size = self.accuracies.by_size
        return {
            "opinion_of": self.source,
            "judges": [judge.to_json() for judge in self.judges],
            "doubt": self.doubt,
            "judged_images": self.judged_images,
            "judged_images_trained_on": len(self.trained_on),
            "suspected_labels": len(self.suspected_labels),
            "outliers": len(self.outliers),
            "families": [_family_figures(family) for family in self.families.families],
            "errors_within_families": self.families.inner_error_share,
            "shots": {group.name: group.top1 for group in self.accuracies.shots},
            "accuracy_by_size": None if by_size is None else asdict(by_size),
            **self._appearance_figures(),
        }

    def _appearance_figures(self) -> Mapping[str, Any]:
        """Empty without a usable network, so that the result computed from the images is kept."""
        found = self.appearances
        if not found.classes:
            return {}
        names = [each.name for each in self.accuracies.classes]
        several = [each.to_json(names) for each in found.several]
        return {"appearances": {"by": self.source, "classes_looked_at": found.classes, "several": several}}


def source_of_folds(networks: str, unseen: Bools) -> str:
    """A description of a label check's networks; some may have started from weights that had seen the images."""
    how = "held-out images" if unseen.all() else "the images of one fold, some of which its initial weights had seen"
    return f"{networks}, each on {how}"


Judge = Callable[[Catalog], Judgement]
"""Computes the outputs of networks for every image of a data set."""


def judgement_of(opinion: Opinion, counter: Counter = count_silently) -> Judgement:
    """Check the labels, find the suspects and compute what the report shows."""
    check = check_labels(opinion.probabilities, opinion.held_out, opinion.embeddings, counter, opinion.unseen)
    return describe(opinion, check, find_suspects(check, opinion.held_out, opinion.embeddings, counter), counter)


def describe(
    opinion: Opinion, check: LabelCheck, found: Sequence[Suspect], counter: Counter = count_silently
) -> Judgement:
    """The judgement of labels that have already been checked, with the suspects `found` among them."""
    names = opinion.held_out.names
    trained_on = frozenset(names[row] for row in np.flatnonzero(~opinion.unseen & check.judged))
    return Judgement(
        source=opinion.source,
        root=opinion.root,
        suspects=tuple(_with_bias(suspect, suspect.path in trained_on) for suspect in found),
        trained_on=trained_on,
        judged_images=int(check.judged.sum()),
        judges=check.judges,
        doubt=doubt_of(check.judges, int((~check.judged).sum())),
        accuracies=_accuracies(opinion, check),
        families=_find_families(opinion, check),
        appearances=_find_appearances(opinion, check, counter),
        appearance_names=tuple(opinion.held_out.names),
    )


def _find_appearances(opinion: Opinion, check: LabelCheck, counter: Counter) -> AppearancesFound:
    """Classes with multiple appearances by the embeddings of one trusted network.

    Networks pull training images together more than other images, which would separate the two kinds: only the more
    numerous kind is used.
    """
    held_out, measured = opinion.held_out, opinion.unseen & check.judged
    if not measured.any():
        return AppearancesFound((), 0)
    folds, labels = held_out.folds[: held_out.judged], held_out.labels[: held_out.judged].copy()
    best = int(folds[measured][0])
    new = opinion.unseen & (folds == best)
    labels[new if 2 * new.sum() < len(new) else ~new] = UNLABELLED
    embeddings = opinion.embeddings(best)
    return find_appearances(lambda rows: np.asarray(embeddings[rows], np.float32), labels, counter)


def _find_families(opinion: Opinion, check: LabelCheck) -> Families:
    """Families by held-out images of trusted networks; empty if there are none."""
    held_out, measured = opinion.held_out, opinion.unseen & check.judged
    if not measured.any():
        return Families((), 0.0, len(held_out.class_names), 0)
    best = int(held_out.folds[: held_out.judged][measured][0])
    return find_families(
        held_out.names[: held_out.judged],
        held_out.labels[: held_out.judged],
        opinion.probabilities,
        opinion.embeddings(best)[: held_out.judged],
        held_out.class_names,
        measured=measured,
    )


def _with_bias(suspect: Suspect, trained_on: bool) -> Suspect:
    if not trained_on:
        return suspect
    detail = suspect.detail.replace("out-of-fold probability", "in-sample probability")
    return replace(suspect, detail=detail)


def _family_figures(family: Family) -> dict[str, Any]:
    return {
        "classes": [member.name for member in family.members],
        "images": family.images,
        "accuracy": family.accuracy,
        "within_accuracy": family.within_accuracy,
        "errors": family.errors,
        "errors_within": family.inner_errors,
        "share_of_all_errors": family.error_share,
    }


def _accuracies(opinion: Opinion, check: LabelCheck) -> Accuracies:
    held_out, names = opinion.held_out, opinion.held_out.class_names
    rows = np.flatnonzero(opinion.unseen)
    labels, right = held_out.labels[rows], check.right[rows]
    train_counts = opinion.train_images
    if train_counts is None:
        in_train = np.array([sample.split == "train" for sample in held_out.samples], np.bool_) & (held_out.labels >= 0)
        train_counts = np.bincount(held_out.labels[in_train], minlength=len(names)).astype(np.int64)
    images = np.bincount(labels, minlength=len(names))
    correct = np.bincount(labels[right], minlength=len(names))
    results = [
        ClassResult(
            class_id=class_id,
            name=name,
            train_images=int(train_counts[class_id]),
            images=int(images[class_id]),
            correct=int(correct[class_id]),
            recall=float(correct[class_id] / images[class_id]) if images[class_id] else None,
            precision=None,
            confidence=None,
            confused_with=None,
            confused_count=0,
        )
        for class_id, name in enumerate(names)
    ]
    if not len(rows):
        return Accuracies(results, (), None)
    nothing = np.zeros(len(rows))
    guessed = np.where(right, labels, check.scanned.candidates[rows, 0])
    outcomes = Outcomes(labels, guessed, (~right).astype(np.int64), nothing, nothing, len(names))
    shots = shot_groups(outcomes, train_counts, ShotCutoffs())
    return Accuracies(results, shots, accuracy_by_size(outcomes, train_counts))
