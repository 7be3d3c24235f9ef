"""Post-hoc logit adjustment: trade accuracy on frequent classes for accuracy on rare ones, without training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from shelfmind.errors import UserError
from shelfmind.evaluation.metrics import ShotCutoffs, macro_top1, shot_groups, top_k
from shelfmind.evaluation.outcomes import outcomes_of
from shelfmind.records import Predictions

TAUS = tuple(round(0.25 * step, 2) for step in range(9))
"""The strengths of the trade-off curve: 0 to 2."""


@dataclass(frozen=True, slots=True)
class TradeOff:
    """The results of one strength of adjustment: fractions, or None for a group without evaluated classes."""

    tau: float
    top1: float
    macro_top1: float
    many: float | None
    medium: float | None
    few: float | None


def logit_adjusted(predictions: Predictions, train_counts: npt.NDArray[np.int64], tau: float) -> Predictions:
    """Return probabilities divided by the classes' shares of the training images to the power `tau`, normalised (Menon
    et al., ICLR 2021, equation 9, on probabilities).

    `tau` 0 changes nothing, 1 optimises the balanced error. A class without training images counts as one with one.
    Raises `UserError` for a `tau` that is not a number of at least 0.
    """
    if not 0 <= tau < float("inf"):
        raise UserError(f"the strength of logit adjustment must be a number of at least 0, got {tau}")
    prior = np.maximum(train_counts, 1) / max(1, train_counts.sum())
    with np.errstate(divide="ignore"):  # a probability of 0 stays 0: it is minus infinity here
        logits = np.log(predictions.probabilities) - (tau * np.log(prior)).astype(np.float32)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return replace(predictions, probabilities=powers / powers.sum(1, keepdims=True))


def trade_off(
    predictions: Predictions,
    train_counts: npt.NDArray[np.int64],
    taus: Sequence[float] = TAUS,
    cutoffs: ShotCutoffs | None = None,
) -> tuple[TradeOff, ...]:
    """Return the accuracies for each strength of adjustment."""
    return tuple(_at(predictions, train_counts, tau, cutoffs or ShotCutoffs()) for tau in taus)


def _at(predictions: Predictions, train_counts: npt.NDArray[np.int64], tau: float, cutoffs: ShotCutoffs) -> TradeOff:
    outcomes = outcomes_of(logit_adjusted(predictions, train_counts, tau))
    many, medium, few = (group.top1 for group in shot_groups(outcomes, train_counts, cutoffs))
    return TradeOff(tau, top_k(outcomes, 1), macro_top1(outcomes), many, medium, few)
