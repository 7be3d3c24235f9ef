"""Training augmentations as MindSpore's C++ dataset operators, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mindspore.dataset import vision

from shelfmind.errors import UserError, unknown_name
from shelfmind.recipe import Augmentation, DataRecipe

Range = Sequence[float]


def random_resized_crop(size: int, data: DataRecipe, scale: Range = (0.08, 1.0), ratio: Range = (0.75, 1.3333)) -> Any:
    """A random part of the image, `scale` of its area and `ratio` of width to height, resized to `size`."""
    return vision.RandomResizedCrop(size, tuple(scale), tuple(ratio), vision.Inter.LINEAR)


def horizontal_flip(size: int, data: DataRecipe, probability: float = 0.5) -> Any:
    """Left and right exchanged with this probability."""
    return vision.RandomHorizontalFlip(probability)


def color_jitter(
    size: int,
    data: DataRecipe,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.0,
) -> Any:
    """Random brightness, contrast and saturation within 1 +- the value, hue within +- the value (at most 0.5)."""
    return vision.RandomColorAdjust(brightness, contrast, saturation, hue)


def random_rotation(size: int, data: DataRecipe, degrees: float = 10.0) -> Any:
    """Rotation about the centre by up to `degrees` either way; corners take the padding's colour."""
    return vision.RandomRotation(degrees, vision.Inter.LINEAR, fill_value=data.fill)


def cutout(size: int, data: DataRecipe, length: int = 14, patches: int = 1) -> Any:
    """`patches` black squares of `length` pixels (DeVries and Taylor, "Cutout", 2017)."""
    return vision.CutOut(length, patches)


AUGMENTATIONS: dict[str, Callable[..., Any]] = {
    "random_resized_crop": random_resized_crop,
    "horizontal_flip": horizontal_flip,
    "color_jitter": color_jitter,
    "random_rotation": random_rotation,
    "cutout": cutout,
}


WORKING_SCALE = 1.75
"""Augmentation starts from at most this many pixels a training pixel: enough detail for the smallest crops, while the
linear interpolation of the operators, which does not average, still meets every pixel."""


def resized_to(size: int, data: DataRecipe) -> Any:
    """From `resize_to` to `size` pixels; a smaller image averages areas, so that fine print does not turn to noise."""
    return vision.Resize((size, size), vision.Inter.AREA if size < data.resize_to else vision.Inter.LINEAR)


def augmentation_operators(augment: Sequence[Augmentation], size: int, data: DataRecipe) -> list[Any]:
    """The operators of a recipe for training images of `size` pixels, in order, ending at a `size` square.

    Raises:
        UserError: an unknown operator, or parameters it does not take.
    """
    operators: list[Any] = []
    if not any(name == "random_resized_crop" for name, _ in augment):
        operators.append(resized_to(size, data))
    elif data.resize_to > WORKING_SCALE * size:
        operators.append(resized_to(round(WORKING_SCALE * size), data))
    for name, parameters in augment:
        if name not in AUGMENTATIONS:
            raise unknown_name("augmentation", name, AUGMENTATIONS)
        try:
            operators.append(AUGMENTATIONS[name](size, data, **parameters))
        except (TypeError, ValueError) as error:
            raise UserError(f"augmentation {name}: {str(error).splitlines()[0]}") from error
    return operators


def input_operators(data: DataRecipe) -> list[Any]:
    """From an 8-bit (H, W, 3) image to the network's normalised float32 (3, H, W)."""
    scale = 255.0
    mean = [value * scale for value in data.mean]
    std = [value * scale for value in data.std]
    return [vision.Normalize(mean, std), vision.HWC2CHW()]
