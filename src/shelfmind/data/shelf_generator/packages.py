"""Wrap printed artwork around a package, and show it turned about its vertical axis: carton, can, bottle, pouch."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, sin

import numpy as np
import numpy.typing as npt
from PIL import Image

from shelfmind.data.shelf_generator.artwork import front_panel, side_panel
from shelfmind.data.shelf_generator.designs import Colour, Design
from shelfmind.data.shelf_generator.fonts import Fonts
from shelfmind.data.shelf_generator.motifs import lighter

Floats = npt.NDArray[np.float32]
LONG_SIDE = 288
WRAP = 2.36  # radians that a round package's texture spans on each side of its front
FRONT = 1.25  # radians of them on each side that the front panel spans


@dataclass(frozen=True)
class Package:
    """A finished product. `front` is its texture, (height, width, 3); `side` a carton's second face.

    A round package has a `radius` for each texture row, as a share of the largest; `gloss` is its highlight.
    """

    design: Design
    width: int
    front: Floats
    side: Floats | None = None
    radius: Floats | None = None
    gloss: float = 0.0


def package(design: Design, fonts: Fonts) -> Package:
    """Print and fold one design; costs some 30 ms and serves all its photos."""
    height = round(LONG_SIDE / max(1.0, design.aspect))
    width = round(height * design.aspect)
    kind = design.category.package
    if kind == "carton":
        front = _pixels(front_panel(design, fonts, width, height))
        return Package(design, width, front, side=_pixels(side_panel(design, fonts, round(0.45 * width), height)))
    if kind == "pouch":
        return Package(design, width, _pixels(front_panel(design, fonts, width, height)), gloss=0.25)
    if kind == "can":
        return _can(design, fonts, width, height)
    return _bottle(design, fonts, width, height)


def posed(product: Package, yaw: float, crumple: int) -> Image.Image:
    """The package turned by `yaw` radians, as RGBA cut to its outline; `crumple` seeds a pouch's folds."""
    if product.radius is not None:
        return _round(product, product.radius, yaw)
    if product.side is not None:
        return _carton(product.front, product.side, yaw, gabled=product.design.aspect < 0.7)
    return _pouch(product, yaw, np.random.default_rng(crumple))


def _pixels(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32)


def _image(pixels: Floats, alpha: Floats) -> Image.Image:
    """Colours in 0..255 and coverage in 0..1 as RGBA."""
    whole = np.dstack([pixels, alpha * 255])
    return Image.fromarray(np.clip(whole, 0, 255).astype(np.uint8), "RGBA")


def _wrapped(design: Design, fonts: Fonts, width: int, height: int) -> Floats:
    """The front in the middle of a texture that spans twice WRAP, small print on both sides."""
    texture_width = round(width * WRAP)
    panel = front_panel(design, fonts, round(width * FRONT), height)
    side = side_panel(design, fonts, (texture_width - panel.width + 1) // 2, height)
    texture = Image.new("RGB", (texture_width, height))
    texture.paste(side, (0, 0))
    texture.paste(side, (texture_width - side.width, 0))
    texture.paste(panel, ((texture_width - panel.width) // 2, 0))
    return _pixels(texture)


def _can(design: Design, fonts: Fonts, width: int, height: int) -> Package:
    rim, neck = round(0.025 * height), round(0.07 * height)
    label = _wrapped(design, fonts, width, height - 2 * rim)
    texture = np.full((height, label.shape[1], 3), 196, np.float32)
    texture[rim : height - rim] = label
    radius = np.ones(height, np.float32)
    radius[:neck] = np.linspace(0.88, 1, neck) ** 0.7
    radius[-neck:] = np.linspace(1, 0.9, neck) ** 0.7
    return Package(design, width, texture, radius=radius, gloss=0.45)


def _bottle(design: Design, fonts: Fonts, width: int, height: int) -> Package:
    """Cap, neck, shoulder, belly: soft shoulders and a drink that shows for tea, square ones for a spirit."""
    spirit = design.category.package == "spirit"
    points = [(0, 0.44), (0.1, 0.44), (0.105, 0.38), (0.17, 0.4), (0.3, 0.94), (0.36, 1), (0.97, 1), (1, 0.9)]
    if spirit:
        points = [(0, 0.42), (0.13, 0.42), (0.135, 0.32), (0.24, 0.34), (0.3, 0.9), (0.33, 1), (0.98, 1), (1, 0.94)]
    rows = np.linspace(0, 1, height, dtype=np.float32)
    radius = np.interp(rows, [p[0] for p in points], [p[1] for p in points]).astype(np.float32)
    top, bottom = round((0.37 if spirit else 0.38) * height), round(0.93 * height)
    label = _wrapped(design, fonts, width, bottom - top)
    drink: Colour = design.palette[1] if spirit else lighter(design.flavour.colour, -0.1)
    texture = np.empty((height, label.shape[1], 3), np.float32)
    texture[:] = drink
    ripple = 1 + 0.1 * np.cos(rows * 60) * (not spirit)
    texture *= ripple[:, None, None].astype(np.float32)
    texture[: round(0.19 * height)] = lighter(drink, 0.45)  # the empty neck
    cap = round((0.13 if spirit else 0.1) * height)
    texture[:cap] = design.palette[2] if spirit else design.palette[1]
    texture[:cap] *= (0.9 + 0.1 * np.cos(np.arange(label.shape[1]) * 1.2))[None, :, None].astype(np.float32)
    texture[top:bottom] = label
    return Package(design, width, texture, radius=radius, gloss=0.5)


def _round(product: Package, radius: Floats, yaw: float) -> Image.Image:
    """Project a texture from a body of revolution, seen from a little above."""
    height, texture_width, _ = product.front.shape
    bow = 0.07 * product.width
    lift = int(np.ceil(bow * float(radius[0])))
    y = np.arange(-lift, height + int(bow), dtype=np.float32)[:, None]
    x = ((np.arange(product.width, dtype=np.float32) + 0.5) / product.width * 2 - 1)[None, :]
    r = radius[np.clip(y[:, 0], 0, height - 1).astype(np.intp)][:, None]
    s = x / r  # place across the body, -1 to 1 from outline to outline; what depends on it alone is tabled
    steps = np.linspace(-1, 1, 1024, dtype=np.float32)
    depth = np.sqrt(1 - steps * steps)
    columns = ((np.arcsin(steps) + yaw) / WRAP + 1) / 2 * texture_width
    light = 0.5 + 0.58 * np.clip(0.42 * -steps + 0.9 * depth, 0, 1)
    streaks = np.exp(-(((steps + 0.5) / 0.09) ** 2)) + 0.4 * np.exp(-(((steps - 0.7) / 0.06) ** 2))
    place = ((np.clip(s, -1, 1) + 1) * 511.5).astype(np.intp)
    sag = bow * r * depth[place]
    row = y - sag
    inside = np.clip((1 - np.abs(s)) * r * product.width / 2 + 0.5, 0, 1)
    alpha = inside * np.clip(row + 0.5 + 2 * sag, 0, 1) * np.clip(height - row, 0, 1)
    column = np.clip(columns, 0, texture_width - 1).astype(np.intp)[place]
    pixels = product.front[np.clip(row, 0, height - 1).astype(np.intp), column]
    shaded = pixels * light[place][..., None] + (153 * product.gloss * streaks)[place][..., None]
    lid = row < 0
    shaded[lid] = product.front[2, 2] * (1.05 + 0.12 * np.broadcast_to(s, lid.shape)[lid][:, None])
    return _image(shaded.astype(np.float32), alpha.astype(np.float32))


def _carton(front: Floats, side: Floats, yaw: float, *, gabled: bool) -> Image.Image:
    """Front and one side, narrowed by the turn; a drink's carton has a folded top."""
    height, width, _ = front.shape
    front_width = max(8, round(width * cos(yaw)))
    side_width = max(1, round(side.shape[1] * abs(sin(yaw))))
    faces = [_narrowed(front, front_width), _narrowed(side, side_width) * 0.68]
    faces[0] *= np.linspace(1.04, 0.93, height, dtype=np.float32)[:, None, None]
    faces[0][:, :2] *= 0.8
    faces[0][:, -2:] *= 0.8
    pixels = np.concatenate(faces if yaw > 0 else faces[::-1], axis=1)
    if not gabled:
        return _image(pixels, np.ones(pixels.shape[:2], np.float32))
    fold = round(0.1 * height)
    top = np.repeat(pixels[3:4], fold, axis=0) * np.linspace(1.1, 0.8, fold, dtype=np.float32)[:, None, None]
    top[: fold // 3] = pixels[3, 3] * 0.92
    whole = np.concatenate([top, pixels])
    inset = np.clip(np.linspace(0.16, 0, fold) * whole.shape[1], 0, 0.11 * whole.shape[1])
    column = np.arange(whole.shape[1], dtype=np.float32)
    alpha = np.ones(whole.shape[:2], np.float32)
    alpha[:fold] = np.clip(np.minimum(column, column[::-1])[None, :] - inset[:, None] + 1, 0, 1)
    return _image(whole, alpha)


def _narrowed(face: Floats, width: int) -> Floats:
    image = Image.fromarray(face.astype(np.uint8))
    return np.asarray(image.resize((width, image.height), Image.Resampling.BILINEAR), np.float32).copy()


def _pouch(product: Package, yaw: float, rng: np.random.Generator) -> Image.Image:
    """A pillow bag: pinched, crimped ends, a bulge that catches the light and random folds."""
    pixels = _narrowed(product.front, max(8, round(product.width * cos(yaw))))
    height, width, _ = pixels.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    coarse = Image.fromarray(rng.normal(0, 1, (9, 7)).astype(np.float32))
    folds = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    bulge = 0.72 + 0.4 * np.sqrt(np.clip(1 - np.abs(x + 0.15) ** 3, 0, 1)) * np.sqrt(np.clip(1 - y**6, 0, 1))
    light = bulge + 0.09 * folds * (0.4 + y**2)
    crimp = np.abs(y) > 0.9
    light = np.where(crimp, 0.82 + 0.12 * np.cos(np.arange(height, dtype=np.float32)[:, None] * 1.8), light)
    shine = product.gloss * np.clip(folds - 0.9, 0, 1) * ~crimp
    shaded = pixels * light[..., None] + 255 * shine[..., None]
    edge = 0.93 + 0.07 * y**2 - 0.012 * np.abs(folds)
    alpha = np.clip((edge - np.abs(x)) * width / 2 + 0.5, 0, 1)
    teeth = 1 - 0.014 * (np.arange(width)[None, :] % 6 < 3)
    alpha *= np.abs(y) <= teeth
    return _image(shaded.astype(np.float32), alpha.astype(np.float32))
