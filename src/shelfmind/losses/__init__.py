"""The losses by name."""

from __future__ import annotations

from shelfmind.errors import UserError, unknown_name
from shelfmind.losses.contrastive import supervised_contrastive
from shelfmind.losses.cross_entropy import class_balanced, cross_entropy, focal
from shelfmind.losses.distillation import distilled
from shelfmind.losses.kinds import Counts, Loss, LossKind
from shelfmind.losses.margins import arcface, balanced_softmax, ldam
from shelfmind.losses.proxies import proxy_anchor
from shelfmind.losses.robust import generalised_cross_entropy
from shelfmind.recipe import LossRecipe

__all__ = ["LOSSES", "Loss", "LossKind", "build_loss", "distilled", "loss_kind"]

LOSSES: dict[str, LossKind] = {
    "cross_entropy": LossKind(cross_entropy, sampled=True),
    "focal": LossKind(focal, sampled=True),
    "class_balanced": LossKind(class_balanced),
    "balanced_softmax": LossKind(balanced_softmax),
    "ldam": LossKind(ldam, soft_targets=False, classifiers=("cosine",)),
    "arcface": LossKind(arcface, soft_targets=False, classifiers=("cosine", "sub_centres"), sampled=True),
    "proxy_anchor": LossKind(proxy_anchor, soft_targets=False, smoothing=False, classifiers=("cosine",)),
    "supervised_contrastive": LossKind(supervised_contrastive, soft_targets=False, embeddings=True, sampled=True),
    "generalised_cross_entropy": LossKind(generalised_cross_entropy, sampled=True),
}


def loss_kind(name: str) -> LossKind:
    """The loss of this name."""
    if name not in LOSSES:
        raise unknown_name("loss", name, LOSSES)
    return LOSSES[name]


def build_loss(recipe: LossRecipe, counts: Counts) -> Loss:
    """The loss of a recipe, for training data with `counts` images of each class, shape (C,).

    Raises:
        UserError: an unknown name or invalid arguments.
    """
    try:
        return loss_kind(recipe.name).build(counts, recipe.label_smoothing, **recipe.arguments)
    except (TypeError, ValueError) as error:
        raise UserError(f"loss {recipe.name}: {error}") from error
