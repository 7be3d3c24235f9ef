"""Trains a part of a network and leaves the rest as it is, running statistics included."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import nn

from shelfmind.errors import UserError, setting
from shelfmind.models.network import OwnNetwork


def train_only(model: nn.Cell, part: str) -> None:
    """Set `model` to training, but only this part of `PARTS`; what is frozen has no gradient and predicts as it did.

    Raises:
        UserError: a network without a head of ours.
    """
    trained = PARTS[part](model)
    model.set_train(False)
    chosen = set()
    for cell in trained:
        cell.set_train(True)
        chosen |= {id(parameter) for parameter in cell.get_parameters()}
    for parameter in model.get_parameters():
        if id(parameter) not in chosen:
            parameter.requires_grad = False


def everything(model: nn.Cell) -> list[nn.Cell]:
    """The network as it is."""
    return [model]


def classifier(model: nn.Cell) -> list[nn.Cell]:
    """The whole head."""
    return [_with_head(model).head]


def classifier_and_last_norm(model: nn.Cell) -> list[nn.Cell]:
    """What FixRes trains: the head and the last batch normalisation before it (Touvron et al., NeurIPS 2019, 4.2).

    The last one is as wide as the embedding: what gates hold within a branch is narrower.
    """
    network = _with_head(model)
    cells = (cell for name, cell in network.cells_and_names() if not name.startswith("head."))
    norms = [cell for cell in cells if isinstance(cell, nn.BatchNorm2d)]
    return [network.head, [norm for norm in norms if norm.num_features == network.embedding_width][-1]]


PARTS: dict[str, Callable[[nn.Cell], list[nn.Cell]]] = {
    "all": everything,
    "classifier": classifier,
    "classifier_and_last_norm": classifier_and_last_norm,
}
"""The cells of a network that are trained."""


def _with_head(model: nn.Cell) -> OwnNetwork:
    if not isinstance(model, OwnNetwork):
        raise UserError(f"{setting('train.trainable')} must be all for networks other than shelfmind's")
    return model
