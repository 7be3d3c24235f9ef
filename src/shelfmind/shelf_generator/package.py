"""Finished packages: printed textures in several sizes, and the shape they cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.arrays import Floats
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.vocabulary import Colour

Bytes = npt.NDArray[np.uint8]
LONG_SIDE = 420
"""Long side of the largest texture in pixels; photos are at most about as large."""
STEP = 2**-0.5
LEVELS = 4


@dataclass(frozen=True)
class Round:
    """A body of revolution. `skin` is its texture, (height, width, 3), spanning WRAP radians on each side.

    For each row of the texture, shape (height,): `radius` as a fraction of the largest, and `gloss`, the strength of
    reflections.
    """

    skin: Bytes
    radius: Floats
    gloss: Floats
    width: int
    lid: Colour


@dataclass(frozen=True)
class Face:
    """A flat printed part: its shaded RGBA picture with a transparent border of one pixel, and its four corners in
    space.

    The corners, shape (4, 3), are listed clockwise from the top left. x points right, y up and z to the viewer; the
    unit is a pixel of the texture. `edge` is the colour of its edges.
    """

    picture: Image.Image
    corners: npt.NDArray[np.float64]
    edge: Colour


@dataclass(frozen=True)
class Solid:
    """A body of flat faces without overlaps."""

    faces: tuple[Face, ...]


@dataclass(frozen=True)
class Bag:
    """A soft bag: its printed front, (height, width, 3), the type of its closure and its gloss."""

    skin: Bytes
    closed: Literal["ends", "sides", "standing"]
    gloss: float


@dataclass(frozen=True)
class Package:
    """A finished product, or a foreign object; `shapes` from largest to smallest, each smaller by `STEP`.

    `height` is that of the largest in pixels and `ratio` its height / width when standing.
    """

    name: str
    design: Design | None
    shapes: tuple[Round | Solid | Bag, ...]
    height: int
    ratio: float


def rgba(pixels: Floats, alpha: Floats) -> Image.Image:
    """Colours in 0..255 and coverage in 0..1 as RGBA, with a transparent border of one pixel for soft edges when
    warped."""
    height, width = alpha.shape
    whole = np.zeros((height + 2, width + 2, 4), np.uint8)
    np.clip(pixels, 0, 255, out=pixels)
    whole[1:-1, 1:-1, :3] = pixels
    whole[1:-1, 1:-1, 3] = np.clip(alpha, 0, 1) * 255
    return Image.fromarray(whole, "RGBA")


def lit_face(picture: Image.Image, corners: npt.NDArray[np.float64], light: float) -> Face:
    """A face from its RGB print, slightly darker towards the bottom."""
    pixels = np.asarray(picture).astype(np.float32)
    pixels *= light * np.linspace(1.04, 0.92, len(pixels), dtype=np.float32)[:, None, None]
    red, green, blue = (round(0.7 * float(channel)) for channel in pixels.mean((0, 1)))
    edge = min(red, 255), min(green, 255), min(blue, 255)
    return Face(rgba(pixels, np.ones(pixels.shape[:2], np.float32)), corners, edge)


def size_of(ratio: float) -> tuple[int, int]:
    """Width and height in pixels of the largest texture of a package with this height / width."""
    height = round(LONG_SIDE / max(1.0, 1 / ratio))
    return max(24, round(height / ratio)), height


def sized(shape: Round | Solid | Bag) -> tuple[Round | Solid | Bag, ...]:
    """The shape in all sizes."""
    return tuple(_shrunk(shape, STEP**level) for level in range(LEVELS))


def _shrunk(shape: Round | Solid | Bag, scale: float) -> Round | Solid | Bag:
    if scale == 1.0:
        return shape
    if isinstance(shape, Solid):
        return Solid(
            tuple(Face(_reduced(face.picture, scale), face.corners * scale, face.edge) for face in shape.faces)
        )
    skin = np.asarray(_resized(Image.fromarray(shape.skin), scale))
    if isinstance(shape, Bag):
        return Bag(skin, shape.closed, shape.gloss)
    rows = (np.arange(len(skin)) + 0.5) / len(skin) * len(shape.skin) - 0.5
    old = np.arange(len(shape.skin))
    radius, gloss = (np.interp(rows, old, values).astype(np.float32) for values in (shape.radius, shape.gloss))
    return Round(skin, radius, gloss, round(shape.width * scale), shape.lid)


def _reduced(picture: Image.Image, scale: float) -> Image.Image:
    """A face's picture at a smaller scale, with its transparent border."""
    inner = _resized(picture.crop((1, 1, picture.width - 1, picture.height - 1)), scale)
    padded = Image.new("RGBA", (inner.width + 2, inner.height + 2))
    padded.paste(inner, (1, 1))
    return padded


def _resized(image: Image.Image, scale: float) -> Image.Image:
    size = max(2, round(image.width * scale)), max(2, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX)
