"""Cans, bottles and jars: outlines of bodies of revolution, and their textures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from shelfmind.shelf_generator.artwork import front_panel, side_panel
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.motifs import blend, lighter
from shelfmind.shelf_generator.package import Bytes, Round, size_of
from shelfmind.shelf_generator.vocabulary import Colour

WRAP = 2.36  # radians spanned by a texture on each side of its front
FRONT = 1.25  # radians spanned by the front panel on each side


@dataclass(frozen=True)
class Outline:
    """The outline and parts of a bottle or jar, as fractions of its height from the top.

    `points` are (height, radius); `cap` ends where the neck or body starts, `label` is (top, bottom), `level` is the
    fill level. `ridges` are grooves around the cap.
    """

    points: tuple[tuple[float, float], ...]
    cap: float
    label: tuple[float, float]
    level: float
    glassy: bool = True
    ridges: int = 40
    waves: float = 0.0


OUTLINES = {
    "pet": Outline(
        ((0, 0.43), (0.085, 0.43), (0.09, 0.36), (0.13, 0.37), (0.28, 0.95), (0.34, 1), (0.97, 1), (1, 0.9)),
        cap=0.088, label=(0.36, 0.84), level=0.16, waves=0.06,
    ),
    "clear": Outline(
        ((0, 0.42), (0.075, 0.42), (0.08, 0.36), (0.11, 0.4), (0.25, 0.9), (0.3, 1), (0.6, 0.94), (0.66, 1), (1, 0.9)),
        cap=0.078, label=(0.33, 0.62), level=0.14, waves=0.1,
    ),
    "glass": Outline(
        ((0, 0.36), (0.05, 0.36), (0.055, 0.33), (0.25, 0.4), (0.4, 0.9), (0.46, 1), (0.98, 1), (1, 0.95)),
        cap=0.05, label=(0.5, 0.88), level=0.12, ridges=21,
    ),
    "wine": Outline(
        ((0, 0.38), (0.02, 0.4), (0.27, 0.38), (0.36, 0.8), (0.43, 1), (0.985, 1), (1, 0.95)),
        cap=0.24, label=(0.5, 0.86), level=0.26, ridges=0,
    ),
    "spirit": Outline(
        ((0, 0.42), (0.13, 0.42), (0.135, 0.32), (0.24, 0.34), (0.3, 0.9), (0.33, 1), (0.98, 1), (1, 0.94)),
        cap=0.13, label=(0.37, 0.94), level=0.3, ridges=26,
    ),
    "sauce": Outline(
        ((0, 0.4), (0.1, 0.4), (0.105, 0.34), (0.2, 0.42), (0.34, 0.94), (0.38, 1), (0.98, 1), (1, 0.96)),
        cap=0.105, label=(0.42, 0.88), level=0.22,
    ),
    "pump": Outline(
        ((0, 0.46), (0.12, 0.5), (0.125, 0.62), (0.15, 0.82), (0.2, 0.97), (0.24, 1), (0.97, 1), (1, 0.93)),
        cap=0.122, label=(0.22, 0.95), level=0.0, glassy=False, ridges=0,
    ),
    "jam": Outline(
        ((0, 0.9), (0.17, 0.9), (0.175, 0.84), (0.2, 0.86), (0.27, 1), (0.95, 1), (1, 0.92)),
        cap=0.17, label=(0.34, 0.88), level=0.2, ridges=60,
    ),
    "coffee": Outline(
        ((0, 0.94), (0.2, 0.94), (0.205, 0.86), (0.24, 0.95), (0.3, 1), (0.96, 1), (1, 0.94)),
        cap=0.2, label=(0.36, 0.86), level=0.3, ridges=70,
    ),
    "honey": Outline(
        ((0, 0.8), (0.15, 0.8), (0.155, 0.74), (0.2, 0.8), (0.3, 1), (0.6, 0.95), (0.9, 1), (1, 0.9)),
        cap=0.15, label=(0.36, 0.84), level=0.19, ridges=54,
    ),
    "cream": Outline(
        ((0, 0.97), (0.36, 0.97), (0.365, 0.93), (0.4, 1), (0.92, 1), (1, 0.9)),
        cap=0.362, label=(0.44, 0.9), level=0.4, glassy=False, ridges=0,
    ),
}  # fmt: skip
_CONTENTS: dict[str, Colour] = {
    "clear": (206, 226, 236),
    "wine": (34, 30, 26),
    "coffee": (66, 40, 26),
    "sauce": (48, 24, 18),
}


def wrapped(design: Design, fonts: Fonts, width: int, height: int) -> Bytes:
    """A texture with the front in the middle, spanning twice WRAP, and small print on both sides, shape (height, ...,
    3)."""
    whole = round(width * WRAP)
    panel = front_panel(design, fonts, round(width * FRONT), height)
    side = side_panel(design, fonts, (whole - panel.width + 1) // 2, height)
    skin = Image.new("RGB", (whole, height))
    skin.paste(side, (0, 0))
    skin.paste(side, (whole - side.width, 0))
    skin.paste(panel, ((whole - panel.width) // 2, 0))
    return np.asarray(skin)


def can(design: Design, fonts: Fonts) -> Round:
    """A beverage can with a narrowed neck, or a straight tin."""
    width, height = size_of(design.body)
    tin = design.category.shape == "tin"
    rim, neck = max(3, round(0.025 * height)), max(4, round(0.07 * height))
    label = wrapped(design, fonts, width, height - 2 * rim)
    skin = np.full((height, label.shape[1], 3), 204, np.uint8)
    skin[rim : height - rim] = label
    radius, gloss = np.ones(height, np.float32), np.full(height, 0.45, np.float32)
    gloss[:rim] = gloss[-rim:] = 0.9
    if tin:
        radius[rim : height - rim] = 0.975
        return Round(skin, radius, gloss * 0.7, width, (206, 208, 212))
    radius[:neck] = np.linspace(0.86, 1, neck) ** 0.7
    radius[-neck:] = np.linspace(1, 0.88, neck) ** 0.7
    return Round(skin, radius, gloss, width, (198, 200, 204))


def bottle(design: Design, fonts: Fonts) -> Round:
    """A bottle or jar: cap, neck, visible content, and a label around it."""
    outline = OUTLINES[design.category.shape]
    width, height = size_of(design.body)
    rows = np.linspace(0, 1, height, dtype=np.float32)
    radius = np.interp(rows, *np.array(outline.points).T).astype(np.float32)
    top, bottom = (round(edge * height) for edge in outline.label)
    label = wrapped(design, fonts, width, bottom - top)
    skin = np.empty((height, label.shape[1], 3), np.float32)
    body = _body(design, outline)
    skin[:] = body
    if outline.glassy:
        skin[: round(outline.level * height)] = blend(body, (226, 232, 232), 0.55)
    if outline.waves:
        skin *= (1 + outline.waves * np.cos(rows * 75))[:, None, None]
    cap = round(outline.cap * height)
    skin[:cap] = _cap(design)
    if outline.ridges:
        angle = np.arange(label.shape[1]) / label.shape[1] * 2 * WRAP
        skin[max(2, cap // 4) : cap] *= (0.9 + 0.1 * np.cos(angle * outline.ridges))[None, :, None]
    skin[cap - 2 : cap + 1] *= 0.7
    skin[top:bottom] = label
    skin[top : top + 2] *= 0.85
    gloss = np.full(height, 0.75 if outline.glassy else 0.4, np.float32)
    gloss[top:bottom] = 0.28
    gloss[:cap] = 0.3
    return Round(np.clip(skin, 0, 255).astype(np.uint8), radius, gloss, width, _cap(design))


def _cap(design: Design) -> Colour:
    shape = design.category.shape
    if shape in ("clear", "pump"):
        return lighter(design.palette[2], 0.1)
    if shape in ("jam", "honey"):
        return blend(design.palette[2], (214, 180, 90), 0.5)
    if shape in ("wine", "spirit"):
        return design.palette[2]
    return lighter(design.palette[1], -0.08)


def _body(design: Design, outline: Outline) -> Colour:
    """The visible colour next to the label: content behind glass, or plastic."""
    shape = design.category.shape
    if shape in _CONTENTS:
        return _CONTENTS[shape]
    if shape == "glass":
        return ((84, 50, 22), (30, 84, 46), (120, 74, 30))[design.line_seed % 3]
    if shape == "spirit":
        return (design.palette[1], (224, 232, 232), (246, 246, 240))[design.line_seed % 3]
    if not outline.glassy:
        return lighter(design.palette[0], 0.15)
    return lighter(design.band, -0.08)
