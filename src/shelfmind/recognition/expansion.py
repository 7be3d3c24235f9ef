"""Measure the accuracy on products added later: enrolled with a few photos and evaluated on held-out photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.intervals import Interval, mean_interval
from shelfmind.recognition.answers import Columns, answers_of
from shelfmind.recognition.episodes import Photos
from shelfmind.recognition.evidence import References, TrainingPhotos, energies_of, evidence
from shelfmind.recognition.figures import harmonic_mean
from shelfmind.recognition.fusion import softmax
from shelfmind.recognition.rehearsals import Rehearsals, rehearse
from shelfmind.recognition.rule import Rule, fit_rule
from shelfmind.recognition.unknowns import separation
from shelfmind.recognition.whitening import fit_whitening

Rehearsing = Callable[[Photos, TrainingPhotos, Sequence[str], Photos, Sequence[str], float], Rehearsals]
"""As `rehearsals.rehearse`."""


@dataclass(frozen=True)
class Expansion:
    """The outputs of a network trained on C seen classes; U further products are unseen.

    Attributes:
        seen_names: names of the seen classes.
        unseen_names: names of the unseen products.
        learnt: training photos of seen classes.
        calibration: held-out photos of seen classes, for fitting.
        seen: test photos of seen classes.
        shots: photos of unseen products from which those to enrol are sampled; labels from 0 to U - 1.
        unseen: test photos of unseen products; labels from 0 to U - 1.
    """

    seen_names: tuple[str, ...]
    unseen_names: tuple[str, ...]
    learnt: Photos
    calibration: Photos
    seen: Photos
    shots: Photos
    unseen: Photos

    def whitened(self) -> Expansion:
        """Return it with all vectors whitened, as fitted to photos of the seen classes."""
        whitening = fit_whitening(self.learnt.vectors, self.learnt.labels)
        photos = (self.learnt, self.calibration, self.seen, self.shots, self.unseen)
        return Expansion(self.seen_names, self.unseen_names, *(each.whitened(whitening) for each in photos))

    def enrolled(self, shots: int, draw: int) -> Ints:
        """Return the rows of the photos to enrol: `shots` of each product, in an order that only `draw` decides."""
        order = np.random.default_rng(draw).permutation(len(self.shots))
        labels = self.shots.labels[order]
        return np.concatenate([order[labels == product][:shots] for product in range(len(self.unseen_names))])


@dataclass(frozen=True)
class SampleFigures:
    """The results for one sample of photos to enrol. All except `auroc` are shares of photos.

    Attributes:
        unseen: top-1 accuracy on unseen products among all names, seen and unseen.
        unseen_alone: top-1 accuracy on unseen products among the unseen names only.
        seen_before: top-1 accuracy on seen classes by the classifier alone.
        seen_after: top-1 accuracy on seen classes with the gallery.
        harmonic_mean: harmonic mean of `unseen` and `seen_after`.
        auroc: separation of known and unknown photos, with each half of the products not enrolled in turn.
        fpr95: share of unknown photos accepted at the threshold that accepts 95% of known ones.
        false_accepts: share of unknown photos that are given a name.
        named: share of known photos that are given a name.
    """

    unseen: float
    unseen_alone: float
    seen_before: float
    seen_after: float
    harmonic_mean: float
    auroc: float
    fpr95: float
    false_accepts: float
    named: float


@dataclass(frozen=True)
class GalleryFigures:
    """The results of a gallery of plain vectors without a classifier, by the nearest photo: top-1 accuracy on unseen
    products among all names and among the unseen ones only, and on seen classes."""

    unseen: float
    unseen_alone: float
    seen: float


@dataclass(frozen=True)
class Vectors:
    """Unit vectors of the photos of an `Expansion`, in their order, by any embedder."""

    learnt: Floats
    seen: Floats
    shots: Floats
    unseen: Floats


@dataclass(frozen=True)
class Estimate:
    """The mean of a metric over seeds, each averaged over its samples, with Student's 95% interval over seeds."""

    mean: float
    ci95: Interval | None

    @classmethod
    def of(cls, of_seeds: Sequence[Sequence[float]]) -> Estimate:
        """Estimate it from the values of the samples of each seed."""
        means = np.array([fmean(draws) for draws in of_seeds])
        return cls(float(means.mean()), mean_interval(means) if len(means) > 1 else None)


def measure(
    expansion: Expansion, shots: int, draw: int, false_accepts: float, rehearsing: Rehearsing = rehearse
) -> SampleFigures:
    """Enrol `shots` photos of each unseen product and evaluate. The rule is fitted to calibration and enrolled photos.

    Raises:
        UserError: too few photos for the false-accept rate.
    """
    rows = expansion.enrolled(shots, draw)
    rule, learnt = fitted(expansion, rows, false_accepts, rehearsing)
    seen, unseen = fused(expansion, rows, rule, learnt)
    classes = len(expansion.seen_names)
    seen_after = float((seen.argmax(axis=1) == expansion.seen.labels).mean())
    unseen_right = float((unseen.argmax(axis=1) == classes + expansion.unseen.labels).mean())
    alone = float((unseen[:, classes:].argmax(axis=1) == expansion.unseen.labels).mean())
    halves = [_unknowns(expansion, rows, rule, learnt, half) for half in (0, 1)]
    return SampleFigures(
        unseen=unseen_right,
        unseen_alone=alone,
        seen_before=float((expansion.seen.probabilities.argmax(axis=1) == expansion.seen.labels).mean()),
        seen_after=seen_after,
        harmonic_mean=harmonic_mean(seen_after, unseen_right) or 0.0,
        auroc=fmean(half["auroc"] for half in halves),
        fpr95=fmean(half["fpr95"] for half in halves),
        false_accepts=fmean(half["false_accepts"] for half in halves),
        named=fmean(half["named"] for half in halves),
    )


def gallery_alone(expansion: Expansion, vectors: Vectors, shots: int, draw: int) -> GalleryFigures:
    """Return nearest-photo results for any vectors, with all training photos of seen classes enrolled."""
    rows = expansion.enrolled(shots, draw)
    classes = len(expansion.seen_names)
    labels = np.concatenate([expansion.learnt.labels, classes + expansion.shots.labels[rows]])
    enrolled = np.concatenate([vectors.learnt, vectors.shots[rows]])
    first = len(expansion.learnt)
    cosines, truth = vectors.unseen @ enrolled.T, classes + expansion.unseen.labels
    seen = labels[(vectors.seen @ enrolled.T).argmax(axis=1)]
    return GalleryFigures(
        unseen=float((labels[cosines.argmax(axis=1)] == truth).mean()),
        unseen_alone=float((labels[first + cosines[:, first:].argmax(axis=1)] == truth).mean()),
        seen=float((seen == expansion.seen.labels).mean()),
    )


def estimates(figures: Sequence[Sequence[Mapping[str, float]]]) -> dict[str, Estimate]:
    """Return the estimate of every metric over seeds and samples, by name."""
    return {name: Estimate.of([[draw[name] for draw in draws] for draws in figures]) for name in figures[0][0]}


def fitted(
    expansion: Expansion, rows: Ints, false_accepts: float, rehearsing: Rehearsing = rehearse
) -> tuple[Rule, TrainingPhotos]:
    """Return the rule for a gallery with these photos, and the training photos."""
    learnt = expansion.learnt.as_training_photos()
    found = rehearsing(
        expansion.calibration,
        learnt,
        expansion.seen_names,
        expansion.shots.rows(rows),
        expansion.unseen_names,
        false_accepts,
    )
    return fit_rule(found, false_accepts=false_accepts), learnt


def _references(expansion: Expansion, rows: Ints) -> References:
    skus = [expansion.unseen_names[label] for label in expansion.shots.labels[rows]]
    return References.of(skus, expansion.shots.vectors[rows])


def fused(expansion: Expansion, rows: Ints, rule: Rule, learnt: TrainingPhotos) -> tuple[Floats, Floats]:
    """Return the probabilities of all names, (N, C + U), for the test photos of seen classes and of unseen products,
    with these photos enrolled."""
    references = _references(expansion, rows)

    def probabilities(photos: Photos) -> Floats:
        found = evidence(photos.probabilities, photos.vectors, learnt, references, energies_of(photos.logits))
        return softmax(rule.fusion.scores(found))

    return probabilities(expansion.seen), probabilities(expansion.unseen)


def _unknowns(expansion: Expansion, rows: Ints, rule: Rule, learnt: TrainingPhotos, half: int) -> Mapping[str, float]:
    """Return the metrics of unknown objects if only every second product is enrolled."""
    enrolled = rows[expansion.shots.labels[rows] % 2 == half]
    references = _references(expansion, enrolled)
    columns = Columns(expansion.seen_names, references.names)
    is_known = expansion.unseen.labels % 2 == half
    answers = []
    for photos in (expansion.seen, expansion.unseen):
        found = evidence(photos.probabilities, photos.vectors, learnt, references, energies_of(photos.logits))
        answers.append(answers_of(found, rule, columns))
    familiarity = [np.asarray(each.decisions.familiarity, np.float64) for each in answers]
    separated = separation(np.concatenate([familiarity[0], familiarity[1][is_known]]), familiarity[1][~is_known])
    return {
        "auroc": separated.auroc,
        "fpr95": separated.fpr95,
        "false_accepts": float(answers[1].decisions.accepted[~is_known].mean()),
        "named": float(np.concatenate([answers[0].decisions.accepted, answers[1].decisions.accepted[is_known]]).mean()),
    }
