"""What a network is trained to do: classify, or tell photos apart without labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shelfmind.images.loader import TrainingBatches
from shelfmind.losses import Loss, build_loss
from shelfmind.losses.kinds import Counts
from shelfmind.models.network import Network, Trainable
from shelfmind.recipe import LossRecipe
from shelfmind.training.simsiam import SimSiam, TwoViews, simsiam_loss


@dataclass(frozen=True)
class Task:
    """A way to train a recipe's network.

    Attributes:
        wrap: wraps the network in what only the training needs, drawn from a seed.
        loss: of what the wrapped network gives.
        batches: what it is fed with.
        labelled: whether it learns labels, and so can be validated while it trains, mixed and trained in parts.
    """

    wrap: Callable[[Network, int], Trainable]
    loss: Callable[[LossRecipe, Counts], Loss]
    batches: type[TrainingBatches]
    labelled: bool = True


TASKS: dict[str, Task] = {
    "classify": Task(lambda network, seed: network, build_loss, TrainingBatches),
    "simsiam": Task(SimSiam, simsiam_loss, TwoViews, labelled=False),
}
