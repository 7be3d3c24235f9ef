"""Trains a part of a network and freezes the rest, including running statistics."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import nn

from shelfmind.errors import UserError, setting
from shelfmind.models.network import OwnNetwork


def train_only(model: nn.Cell, part: str) -> None:
    """Set `model` to training mode for this part of `PARTS` only; frozen parts have no gradients and predict as before.

    Raises:
        UserError: a network without shelfmind's head.
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
    """The whole network."""
    return [model]


def classifier(model: nn.Cell) -> list[nn.Cell]:
    """The whole head."""
    return [_with_head(model).head]


def classifier_and_last_norm(model: nn.Cell) -> list[nn.Cell]:
    """The parts trained by FixRes: the head and the last batch norm before it (Touvron et al., NeurIPS 2019, 4.2).

    The last batch norm is as wide as the embedding; those of gates within a branch are narrower.
    """
    network = _with_head(model)
    cells = (cell for name, cell in network.cells_and_names() if not name.startswith("head."))
    norms = [cell for cell in cells if isinstance(cell, nn.BatchNorm2d)]
    return [network.head, [norm for norm in norms if norm.num_features == network.embedding_width][-1]]


NEW_CLASSIFIER = "new_classifier"
"""The head like `classifier`, except that its classifier is not loaded from initial weights (cRT: Kang et al.,
"Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020, section 3.3)."""

PARTS: dict[str, Callable[[nn.Cell], list[nn.Cell]]] = {
    "all": everything,
    "classifier": classifier,
    "new_classifier": classifier,
    "classifier_and_last_norm": classifier_and_last_norm,
}
"""The trained cells of a network."""


def _with_head(model: nn.Cell) -> OwnNetwork:
    if not isinstance(model, OwnNetwork):
        raise UserError(f"{setting('train.trainable')} must be all for networks other than shelfmind's")
    return model
