"""Saliency maps of a run over the squares that it predicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.images.squares import Square
from shelfmind.inference.predictor import Predictor
from shelfmind.models.saliency import grad_cam
from shelfmind.pages.overlays import overlay

BATCH = 8


def overlays(predictor: Predictor, squares: Sequence[Square], classes: npt.NDArray[np.int64]) -> list[Image.Image]:
    """A picture with the map of a class over it for each of these squares.

    Raises `UserError` for a network without feature maps.
    """
    pictures = []
    for start in range(0, len(squares), BATCH):
        group = squares[start : start + BATCH]
        images = predictor.forward.preparation.batch(group, predictor.recipe.evaluation_size)
        maps = grad_cam(predictor.model, images, classes[start : start + BATCH])
        pictures += [overlay(np.asarray(image), each) for image, each in zip(group, maps, strict=True)]
    return pictures
