"""Brings a photo of any proportions to a square, and a square back: structure-retention resize and its two rivals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


def fitted_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the largest picture of these proportions inside a square of `size`, each at least 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def structure_retention(image: Image.Image, size: int, fill: Colour) -> Pixels:
    """Structure-Retention Resize (SRR): pad to the target's proportions, centred, then resize; shape (size, size, 3).

    Padding and resizing exchange, so the photo is resized first and laid onto the padding: the same picture without a
    canvas as large as the photo's longer side squared.
    """
    width, height = fitted_size(*image.size, size)
    resized = _resized(image, width, height)
    if (width, height) == (size, size):
        return np.asarray(resized)
    padded = Image.new("RGB", (size, size), fill)
    padded.paste(resized, ((size - width) // 2, (size - height) // 2))
    return np.asarray(padded)


def squash(image: Image.Image, size: int, fill: Colour) -> Pixels:
    """Resize each side on its own, which distorts the product; shape (size, size, 3). `fill` is not used."""
    return np.asarray(_resized(image, size, size))


def shorter_side_crop(image: Image.Image, size: int, fill: Colour) -> Pixels:
    """Resize the shorter side to `size` and cut off the rest evenly; shape (size, size, 3). `fill` is not used."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box=box))


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    return image if image.size == (width, height) else image.resize((width, height), Image.Resampling.BILINEAR)


RESIZES: dict[str, Callable[[Image.Image, int, Colour], Pixels]] = {
    "structure_retention": structure_retention,
    "squash": squash,
    "shorter_side_crop": shorter_side_crop,
}


def without_padding(square: Pixels, width: int, height: int) -> Image.Image:
    """The photo within a square that `structure_retention` made of one of this size."""
    size = len(square)
    wide, high = fitted_size(width, height, size)
    left, top = (size - wide) // 2, (size - high) // 2
    return Image.fromarray(square[top : top + high, left : left + wide])


def unsquashed(square: Pixels, width: int, height: int) -> Image.Image:
    """A square that `squash` made of a photo of this size, in the photo's proportions again."""
    return _resized(Image.fromarray(square), *fitted_size(width, height, len(square)))


def as_cropped(square: Pixels, width: int, height: int) -> Image.Image:
    """A square that `shorter_side_crop` made, whose proportions are the photo's; what was cut off is gone."""
    return Image.fromarray(square)


RESTORED: dict[str, Callable[[Pixels, int, int], Image.Image]] = {
    "structure_retention": without_padding,
    "squash": unsquashed,
    "shorter_side_crop": as_cropped,
}
"""What a square shows of a photo of a given width and height, without padding and distortion, by the resize."""
