"""Ensembles: combine predictions of several runs for the same images, fit weights, and measure contributions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Wide
from shelfmind.errors import UserError
from shelfmind.evaluation.bootstrap import hits, paired_interval
from shelfmind.evaluation.intervals import Interval
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.records import Predictions, require_same_classes

Rows = npt.NDArray[np.float32]
Pool = Callable[[Sequence[Rows], Wide], Rows]
"""Maps the members' probabilities, (N, C) each, and weights that sum to 1 to the ensemble's, (N, C)."""
ITERATIONS = 500
TOLERANCE = 1e-7
_MIN_PROBABILITY = 1e-30


@dataclass(frozen=True, slots=True)
class EnsemblingRule:
    """A rule to combine predictions.

    Attributes:
        pool: combines the members' probabilities.
        weigh: computes the members' weights from their predictions of held-out labelled images. None gives equal
            weights, which are also used with too few such images.
    """

    pool: Pool
    weigh: Callable[[Sequence[Predictions]], Wide] | None = None


@dataclass(frozen=True, slots=True)
class Contribution:
    """The contribution of a member: top-1 of all minus top-1 without it (its weight redistributed), with a paired 95%
    interval over images, and its own top-1."""

    name: str
    weight: float
    alone: float
    added: float
    added_ci95: Interval


def arithmetic_mean(members: Sequence[Rows], weights: Wide) -> Rows:
    """Return the weighted mean of probabilities, the linear opinion pool."""
    pooled = np.zeros(members[0].shape, np.float32)
    for member, weight in zip(members, weights, strict=True):
        pooled += np.float32(weight) * member
    return pooled


def geometric_mean(members: Sequence[Rows], weights: Wide) -> Rows:
    """Return the normalised weighted geometric mean, the logarithmic opinion pool, in which a member can veto a class
    by a near-zero probability (Genest and Zidek, "Combining Probability Distributions", Statistical Science 1986)."""
    logarithms = np.zeros(members[0].shape, np.float64)
    for member, weight in zip(members, weights, strict=True):
        logarithms += weight * np.log(np.maximum(member.astype(np.float64), _MIN_PROBABILITY))
    powers = np.exp(logarithms - logarithms.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float32)


def average_predictions(
    members: Sequence[Predictions], weights: Sequence[float] | Wide, pool: Pool = arithmetic_mean
) -> Predictions:
    """Combine the members' probabilities, concatenate their embeddings, each scaled to length sqrt(weight), and add up
    their seconds.

    Raises:
        UserError: the members have different images or classes.
    """
    first = members[0]
    for member in members[1:]:
        require_same_classes(first.class_names, member.class_names, "another member of the ensemble")
        if member.paths != first.paths:
            raise UserError("the members of an ensemble must predict the same images in the same order")
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    alone = len(members) == 1
    return replace(
        first,
        probabilities=first.probabilities if alone else pool([member.probabilities for member in members], shares),
        embeddings=joined_embeddings([member.embeddings for member in members], shares),
        seconds=sum(member.seconds for member in members),
    )


def joined_embeddings(members: Sequence[Rows], weights: Sequence[float] | Wide) -> Rows:
    """Concatenate the members' embeddings, (N, D) each, scaled to length sqrt(share of the weight), so that cosines are
    weighted means."""
    shares = np.asarray(weights, np.float64) / np.sum(weights)
    scaled = [unit_rows(each) * np.float32(np.sqrt(share)) for each, share in zip(members, shares, strict=True)]
    return np.concatenate(scaled, axis=1)


def fit_weights(members: Sequence[Predictions]) -> Wide:
    """Return the maximum-likelihood weights (members,), which sum to 1, for the labels of these images.

    The log-likelihood of a mixture is concave in its weights. Expectation maximisation (Dempster et al., 1977) from
    equal weights stays in the simplex and finds its maximum.
    """
    labels = members[0].labels
    rows = np.arange(len(labels))
    likelihoods = np.stack([member.probabilities[rows, labels] for member in members], axis=1).astype(np.float64)
    likelihoods = np.maximum(likelihoods, 1e-12)
    weights = np.full(len(members), 1 / len(members))
    for _ in range(ITERATIONS):
        parts = likelihoods * weights
        better = (parts / parts.sum(1, keepdims=True)).mean(0)
        if np.abs(better - weights).max() < TOLERANCE:
            return np.asarray(better)
        weights = better
    return np.asarray(weights)


ENSEMBLING: dict[str, EnsemblingRule] = {
    "likelihood": EnsemblingRule(arithmetic_mean, fit_weights),
    "equal": EnsemblingRule(arithmetic_mean),
    "geometric": EnsemblingRule(geometric_mean),
}
"""The rules by name."""


def contributions(
    names: Sequence[str],
    members: Sequence[Predictions],
    weights: Wide,
    seed: int = 0,
    pool: Pool = arithmetic_mean,
) -> tuple[Contribution, ...]:
    """Return the contribution of each member on labelled images."""
    together = hits(average_predictions(members, weights, pool))
    found = []
    for index, (name, member) in enumerate(zip(names, members, strict=True)):
        others = [other for position, other in enumerate(members) if position != index]
        rest = np.delete(weights, index)
        shares = rest if rest.sum() > 0 else np.ones(len(others))
        difference = together - (hits(average_predictions(others, shares, pool)) if others else 0.0)
        alone, added = float(hits(member).mean()), float(difference.mean())
        found.append(Contribution(name, float(weights[index]), alone, added, paired_interval(difference, seed)))
    return tuple(found)
