"""Builds the package of a product: prints and folds each type of package, ready to be posed and photographed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.shelf_generator.artwork import front_panel, readable, write
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.package import Bag, Package, Round, Solid, size_of, sized
from shelfmind.shelf_generator.posing import posed
from shelfmind.shelf_generator.round_packages import bottle, can
from shelfmind.shelf_generator.solid_packages import box, boxed_multipack, carton, cigarettes

Shape = Round | Solid | Bag


def package(design: Design, fonts: Fonts) -> Package:
    """Print and fold one design; takes about 50 ms, once for all its photos."""
    return Package(design.name, design, sized(KINDS[design.category.package](design, fonts)), *_measures(design))


def pouch(design: Design, fonts: Fonts) -> Bag:
    """A pillow bag, a bar wrapper sealed at the sides, or a stand-up pouch."""
    width, height = size_of(design.body)
    skin = np.asarray(front_panel(design, fonts, width, height))
    if design.category.shape == "bar":
        return Bag(skin, "sides", 0.3)
    return Bag(skin, "standing" if design.category.shape == "standup" else "ends", 0.22)


def multipack(design: Design, fonts: Fonts) -> Shape:
    """Cans side by side under a printed film, or a box with a handle."""
    if design.category.shape == "box":
        return boxed_multipack(design, fonts)
    width, height = size_of(design.body)
    rows = 2 if design.body > 0.75 else 1
    columns = max(2, round(rows * 1.9 / design.body))
    one = can(_slim(design, rows / columns / design.body), fonts)
    single = posed(Package(design.name, design, (one,), len(one.skin), 1.9), 0.0, 0.12, len(one.skin), 0)
    single = single.resize((width // columns + 2, height // rows + 2), Image.Resampling.BOX)
    front = Image.new("RGB", (width, height), (60, 62, 66))
    for index in range(rows * columns):
        corner = (index % columns) * width // columns - 1, (index // columns) * height // rows - 1
        front.paste(single, corner, single)
    _film(front, design, fonts)
    side = front.crop((0, 0, max(8, 2 * width // columns), height))
    return box(front, side, Image.new("RGB", (width, side.width), (176, 178, 182)), side.width)


def _slim(design: Design, share: float) -> Design:
    """The design of a single can of a multipack, `share` times as wide as the pack is high."""
    return replace(design, ratio=min(max(1 / share, 1.4), 2.6))


def _film(front: Image.Image, design: Design, fonts: Fonts) -> None:
    """A printed band across the cans, and the film's reflections."""
    w, h = front.size
    draw = ImageDraw.Draw(front, "RGBA")
    top, bottom = 0.36 * h, 0.7 * h
    draw.rectangle((0, top, w, bottom), fill=(*design.band, 235))
    ink = readable((255, 255, 255), design.band)
    write(front, design.brand + design.title, (0.06 * w, top + 0.03 * h, 0.64 * w, bottom - 0.12 * h), ink, fonts)
    write(front, design.flavour.latin, (0.06 * w, bottom - 0.11 * h, 0.5 * w, bottom - 0.03 * h), ink, fonts)
    write(front, design.size, (0.68 * w, top + 0.05 * h, 0.96 * w, top + 0.19 * h), ink, fonts)
    small = f"{design.strength} {design.wording}".strip()
    if small:
        write(front, small, (0.68 * w, bottom - 0.13 * h, 0.96 * w, bottom - 0.03 * h), ink, fonts)
    for left in (0.1, 0.46, 0.8):
        sheen = [(left * w, 0), ((left + 0.05) * w, 0), ((left - 0.04) * w, h), ((left - 0.09) * w, h)]
        draw.polygon(sheen, fill=(255, 255, 255, 46))


def _measures(design: Design) -> tuple[int, float]:
    return size_of(design.body)[1], design.body


KINDS: dict[str, Callable[[Design, Fonts], Shape]] = {
    "bottle": bottle,
    "can": can,
    "carton": carton,
    "cigarettes": cigarettes,
    "jar": bottle,
    "multipack": multipack,
    "pouch": pouch,
}
