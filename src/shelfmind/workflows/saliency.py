"""Saliency maps over input images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import Floats
from shelfmind.images.preparation import prepared
from shelfmind.images.squares import Square
from shelfmind.inference.engines.mindspore import network_of
from shelfmind.inference.predictor import Predictor
from shelfmind.models.saliency import grad_cam, similarity_cam
from shelfmind.pages.overlays import overlay

BATCH = 8


def overlays(predictor: Predictor, squares: Sequence[Square], classes: npt.NDArray[np.int64]) -> list[Image.Image]:
    """Each square overlaid with the map of its class.

    Raises `UserError` for a network without feature maps.
    """
    return _overlaid(
        predictor, squares, lambda images, rows: grad_cam(network_of(predictor.engine), images, classes[rows])
    )


def similarity_overlays(predictor: Predictor, squares: Sequence[Square], references: Floats) -> list[Image.Image]:
    """Each square overlaid with the map of its similarity to the unit vector in `references` (N, D)."""
    return _overlaid(
        predictor, squares, lambda images, rows: similarity_cam(network_of(predictor.engine), images, references[rows])
    )


def _overlaid(
    predictor: Predictor, squares: Sequence[Square], mapped: Callable[[Floats, slice], Floats]
) -> list[Image.Image]:
    pictures = []
    for start in range(0, len(squares), BATCH):
        rows = slice(start, start + BATCH)
        images = prepared(squares[rows], predictor.recipe)
        maps = mapped(images, rows)
        pictures += [overlay(np.asarray(image), each) for image, each in zip(squares[rows], maps, strict=True)]
    return pictures
