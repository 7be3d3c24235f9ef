"""Choose the rehearsals to fit to: those of trained classes, of enrolled products, or both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.recognition.episodes import (
    MIN_CLASSES,
    UNKNOWN,
    Episode,
    Photos,
    rehearse_classes,
    rehearse_gallery,
)
from shelfmind.recognition.evidence import TrainingPhotos
from shelfmind.recognition.rejection import least_unknown

PRODUCTS, CLASSES = "enrolled products", "trained classes"


@dataclass(frozen=True)
class Rehearsals:
    """Episodes for fitting the fusion, episodes for fitting everything else, and the kind of the latter: `PRODUCTS` or
    `CLASSES`.

    Trained classes make easier unknown objects than real ones, as the network has learnt them, so unknown objects are
    rehearsed with enrolled products if there are enough. The fusion is not fitted to these alone: photos of a product
    are often from one occasion, unlike later ones (`benchmarks/RESULTS.md`).
    """

    fusing: Sequence[Episode]
    rejecting: Sequence[Episode]
    rejecting_by: str


def rehearse(
    held_out: Photos,
    learnt: TrainingPhotos,
    names: Sequence[str],
    enrolled: Photos,
    products: Sequence[str],
    false_accepts: float,
) -> Rehearsals:
    """Rehearse with held-out and learnt photos of the trained classes `names` and enrolled photos of `products`.

    Raises:
        UserError: too few classes and too few products.
    """
    of_classes = list(rehearse_classes(held_out, learnt, names))
    of_products = list(rehearse_gallery(held_out, learnt, names, enrolled, products))
    if not (of_classes or of_products):
        raise UserError(f"calibration needs at least {MIN_CLASSES} trained classes or enrolled products")
    known = any((episode.labels != UNKNOWN).any() for episode in of_products)
    enough = known and len(np.unique(_unknown_photos(of_products))) >= least_unknown(false_accepts)
    if of_products and (enough or not of_classes):
        return Rehearsals(of_classes or of_products, of_products, PRODUCTS)
    return Rehearsals(of_classes, of_classes, CLASSES)


def _unknown_photos(episodes: Sequence[Episode]) -> Ints:
    return np.concatenate([episode.photos[episode.labels == UNKNOWN] for episode in episodes])
