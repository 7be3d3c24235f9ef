"""Resizes photos of any aspect ratio to squares and back: structure-retention resize and two alternatives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


def fitted_size(width: int, height: int, size: int) -> tuple[int, int]:
    """Width and height of the largest picture of this aspect ratio inside a square of `size`, each at least 1."""
    scale = size / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def structure_retention(image: Image.Image, size: int, fill: Colour) -> Pixels:
    """Structure-retention resize (SRR): pad to a square, centred, then resize; shape (size, size, 3).

    Padding and resizing commute, so the photo is resized first and pasted onto the padding: the same picture without a
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
    """Resize without keeping the aspect ratio, which distorts the product; shape (size, size, 3). `fill` is not
    used."""
    return np.asarray(_resized(image, size, size))


def shorter_side_crop(image: Image.Image, size: int, fill: Colour) -> Pixels:
    """Resize the shorter side to `size` and centre-crop; shape (size, size, 3). `fill` is not used."""
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
    """The photo within a square made by `structure_retention` from a photo of this size."""
    size = len(square)
    wide, high = fitted_size(width, height, size)
    left, top = (size - wide) // 2, (size - high) // 2
    return Image.fromarray(square[top : top + high, left : left + wide])


def unsquashed(square: Pixels, width: int, height: int) -> Image.Image:
    """A square made by `squash` from a photo of this size, restored to the photo's aspect ratio."""
    return _resized(Image.fromarray(square), *fitted_size(width, height, len(square)))


def as_cropped(square: Pixels, width: int, height: int) -> Image.Image:
    """A square made by `shorter_side_crop`, which already has the photo's proportions; the cropped parts are lost."""
    return Image.fromarray(square)


RESTORED: dict[str, Callable[[Pixels, int, int], Image.Image]] = {
    "structure_retention": without_padding,
    "squash": unsquashed,
    "shorter_side_crop": as_cropped,
}
"""The content of a square made from a photo of a given width and height, without padding and distortion, by resize."""
