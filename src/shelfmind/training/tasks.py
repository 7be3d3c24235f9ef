"""Training tasks: classification, or self-supervised discrimination of photos."""

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
        wrap: wraps the network with training-only parts, initialised from a seed.
        loss: of the wrapped network's outputs.
        batches: the input batches.
        labelled: whether it learns labels, and thus supports validation during training, mixing and partial training.
    """

    wrap: Callable[[Network, int], Trainable]
    loss: Callable[[LossRecipe, Counts], Loss]
    batches: type[TrainingBatches]
    labelled: bool = True


TASKS: dict[str, Task] = {
    "classify": Task(lambda network, seed: network, build_loss, TrainingBatches),
    "simsiam": Task(SimSiam, simsiam_loss, TwoViews, labelled=False),
}
