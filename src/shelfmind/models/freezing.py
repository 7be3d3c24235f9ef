"""Trains a part of a network and leaves the rest as it is, running statistics included."""

from __future__ import annotations

from mindspore import nn

from shelfmind.errors import UserError
from shelfmind.models.network import Network


def train_only(model: nn.Cell, part: str) -> None:
    """Set `model` to training, but only this part of it; what is frozen has no gradient and predicts as it did.

    ``classifier`` is the whole head. ``classifier_and_last_norm`` is what FixRes trains: the head and the last batch
    normalisation before it (Touvron et al., NeurIPS 2019, section 4.2).

    Raises:
        UserError: a network without a head of ours.
    """
    model.set_train(True)
    if part == "all":
        return
    if not isinstance(model, Network) or not hasattr(model, "head"):
        raise UserError(f"train.trainable={part} needs one of shelfmind's own networks")
    trained: list[nn.Cell] = [model.head]
    if part == "classifier_and_last_norm":
        trained.append(_last_norm(model))
    model.set_train(False)
    chosen = set()
    for cell in trained:
        cell.set_train(True)
        chosen |= {id(parameter) for parameter in cell.get_parameters()}
    for parameter in model.get_parameters():
        if id(parameter) not in chosen:
            parameter.requires_grad = False


def _last_norm(model: Network) -> nn.Cell:
    """The last one as wide as the embedding: what gates hold within a branch is narrower."""
    cells = (cell for name, cell in model.cells_and_names() if not name.startswith("head."))
    norms = [cell for cell in cells if isinstance(cell, nn.BatchNorm2d)]
    return [norm for norm in norms if norm.num_features == model.embedding_width][-1]
