"""Tests whether a network is good enough to check labels: whether it clearly beats guessing on held-out images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from shelfmind.arrays import Bools, Ints
from shelfmind.nouns import counted

ADVICE = "Train longer, start from official weights, or add photos"
TOO_FEW = "There are too few images to show it, even if every prediction were right. Add photos"
ALL_SEEN = "Use networks that were not trained on these images, as find-label-errors does"


@dataclass(frozen=True, slots=True)
class Competence:
    """The result of one fold's network on its held-out `images`: it predicted `right` of them correctly.

    `at_least` is the lower bound of the 95% interval of that accuracy, `guessing` the accuracy of guessing.
    """

    fold: int
    images: int
    right: int
    at_least: float
    guessing: float

    @property
    def trusted(self) -> bool:
        """Whether the network clearly beats guessing and may check labels."""
        return self.at_least > self.guessing

    @property
    def provable(self) -> bool:
        """Whether a network with all of these images right would be trusted."""
        return bool(self.images) and 0.025 ** (1 / self.images) > self.guessing

    def to_json(self) -> dict[str, Any]:
        """For `audit.json`."""
        return {**asdict(self), "trusted": self.trusted}


def competence(fold: int, labels: Ints, right: Bools, classes: int) -> Competence:
    """The competence of one network from the classes (N,) of its held-out images and whether each is predicted
    correctly.

    The interval is Clopper-Pearson's (Biometrika 1934): a network at chance exceeds it in at most one of 40 cases,
    however few the images. Guessing is the larger of 1 / `classes` and the share of the most frequent class among these
    images, the best accuracy of a constant prediction. On unbalanced data, a network that has only learnt the most
    frequent class is therefore never trusted.
    """
    images, hits = len(labels), int(right.sum())
    at_least = float(betaincinv(hits, images - hits + 1, 0.025)) if hits else 0.0
    most = int(np.bincount(labels).max()) / images if images else 0.0
    return Competence(fold, images, hits, at_least, max(1 / classes, most))


def competence_warning(networks: Sequence[Competence], left_out: int) -> str | None:
    """A warning about networks that do not clearly beat guessing, so that `left_out` labels are not checked; None if
    all do."""
    weak = [network for network in networks if not network.trusted]
    if not weak:
        return None
    best = max(weak, key=lambda network: (network.at_least, network.images))
    outcome = "no labels are checked"
    if len(weak) < len(networks):
        do = "does" if len(weak) == 1 else "do"
        who = f"{len(weak)} of {counted(len(networks), 'network')} {do} not clearly beat guessing"
        outcome = f"{counted(left_out, 'label is', 'labels are')} not checked"
    elif len(networks) == 1:
        who = "the network does not clearly beat guessing"
    else:
        who = f"none of {counted(len(networks), 'network')} clearly beats guessing"
    advice = ADVICE if any(network.provable for network in weak) else TOO_FEW if best.images else ALL_SEEN
    whose = "it" if len(networks) == 1 else "the best of them"
    return f"{who} on held-out images ({_measured(whose, best)}), so {outcome}. {advice}"


def trusted_folds(networks: Iterable[Competence]) -> list[int]:
    """The folds whose networks may check labels."""
    return [network.fold for network in networks if network.trusted]


def _measured(whose: str, network: Competence) -> str:
    if network.images == 0:
        return "there are no such images to evaluate it on"
    return (
        f"{whose} gets {network.right} of {network.images} right, lower 95% bound {network.at_least:.1%}; "
        f"guessing gets {network.guessing:.1%}"
    )
