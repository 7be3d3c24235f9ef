"""What trained networks add to an audit: suspicious labels, outliers, accuracy by class size, confusable families."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.appearances import AppearancesFound, find_appearances
from shelfmind.analysis.competence import Competence, competence_warning
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
from shelfmind.top_probabilities import Probabilities


@dataclass(frozen=True)
class NetworkOutputs:
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
    probabilities: Probabilities
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
class NetworkFindings:
    """What networks found in a data set, as plain numbers.

    Attributes:
        source: a description of the networks.
        root: the data set's folder.
        suspects: the images to review, with suspicious labels or of no class.
        trained_on: the checked images that their own network was trained on, which hides their errors.
        checked_images: the number of checked images.
        competences: the competence of each network.
        warning: a warning to show first, None if every network can be trusted.
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
    checked_images: int
    competences: tuple[Competence, ...]
    warning: str | None
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
            "networks": [each.to_json() for each in self.competences],
            "doubt": self.warning,
            "checked_images": self.checked_images,
            "checked_images_trained_on": len(self.trained_on),
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


NetworkAudit = Callable[[Catalog], NetworkFindings]
"""Applies networks to every image of a data set, and returns what they found."""


def network_findings(outputs: NetworkOutputs, counter: Counter = count_silently) -> NetworkFindings:
    """Check the labels, find the suspects and compute what the report shows."""
    check = check_labels(outputs.probabilities, outputs.held_out, outputs.embeddings, counter, outputs.unseen)
    return describe(outputs, check, find_suspects(check, outputs.held_out, outputs.embeddings, counter), counter)


def describe(
    outputs: NetworkOutputs, check: LabelCheck, found: Sequence[Suspect], counter: Counter = count_silently
) -> NetworkFindings:
    """The findings for labels that have already been checked, with the suspects `found` among them."""
    names = outputs.held_out.names
    trained_on = frozenset(names[row] for row in np.flatnonzero(~outputs.unseen & check.checked))
    return NetworkFindings(
        source=outputs.source,
        root=outputs.root,
        suspects=tuple(_with_bias(suspect, suspect.path in trained_on) for suspect in found),
        trained_on=trained_on,
        checked_images=int(check.checked.sum()),
        competences=check.competences,
        warning=competence_warning(check.competences, int((~check.checked).sum())),
        accuracies=_accuracies(outputs, check),
        families=_find_families(outputs, check),
        appearances=_find_appearances(outputs, check, counter),
        appearance_names=tuple(outputs.held_out.names),
    )


def _find_appearances(outputs: NetworkOutputs, check: LabelCheck, counter: Counter) -> AppearancesFound:
    """Classes with multiple appearances by the embeddings of one trusted network.

    Networks pull training images together more than other images, which would separate the two kinds: only the more
    numerous kind is used.
    """
    held_out, measured = outputs.held_out, outputs.unseen & check.checked
    if not measured.any():
        return AppearancesFound((), 0)
    folds, labels = held_out.folds[: held_out.checkable], held_out.labels[: held_out.checkable].copy()
    best = int(folds[measured][0])
    new = outputs.unseen & ~held_out.trains(best)[: held_out.checkable]
    labels[new if 2 * new.sum() < len(new) else ~new] = UNLABELLED
    embeddings = outputs.embeddings(best)
    return find_appearances(lambda rows: np.asarray(embeddings[rows], np.float32), labels, counter)


def _find_families(outputs: NetworkOutputs, check: LabelCheck) -> Families:
    """Families by held-out images of trusted networks; empty if there are none."""
    held_out, measured = outputs.held_out, outputs.unseen & check.checked
    if not measured.any():
        return Families((), 0.0, len(held_out.class_names), 0)
    best = int(held_out.folds[: held_out.checkable][measured][0])
    return find_families(
        held_out.names[: held_out.checkable],
        held_out.labels[: held_out.checkable],
        outputs.probabilities,
        outputs.embeddings(best)[: held_out.checkable],
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


def _accuracies(outputs: NetworkOutputs, check: LabelCheck) -> Accuracies:
    held_out, names = outputs.held_out, outputs.held_out.class_names
    rows = np.flatnonzero(outputs.unseen)
    labels, right = held_out.labels[rows], check.right[rows]
    train_counts = outputs.train_images
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
