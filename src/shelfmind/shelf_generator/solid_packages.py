"""Cartons, cigarette packs and boxed multipacks: printed faces folded into a solid."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from shelfmind.shelf_generator.appearances import BACK
from shelfmind.shelf_generator.artwork import back_panel, front_panel, readable, side_panel, write
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.grounds import gradient
from shelfmind.shelf_generator.motifs import blend, lighter, logo_mark
from shelfmind.shelf_generator.package import Face, Solid, lit_face, size_of
from shelfmind.shelf_generator.vocabulary import DEPTHS

SIDE_LIGHT, TOP_LIGHT = 0.68, 1.1


def box(front: Image.Image, side: Image.Image, top: Image.Image, depth: float) -> Solid:
    """A box of six faces, of which at most three are visible."""
    w, h = front.size
    return Solid((*_walls(front, side, 0, h, w, depth), lit_face(top, _level(w, depth, h), TOP_LIGHT)))


def carton(design: Design, fonts: Fonts) -> Solid:
    """A folding box, a brick carton, or a gable-top carton."""
    width, height = size_of(design.body)
    shape = design.category.shape
    if shape == "gable":
        return _gable(design, fonts, width, height)
    depth = max(8, round(DEPTHS[shape] * width))
    front = front_panel(design, fonts, width, height)
    side = side_panel(design, fonts, depth, height)
    return box(front, side, _top(design, fonts, width, depth), depth)


def boxed_multipack(design: Design, fonts: Fonts) -> Solid:
    """A gift box with a handle and the number of packs."""
    width, height = size_of(design.body)
    front = front_panel(design, fonts, width, height)
    draw = ImageDraw.Draw(front)
    slot = (0.36 * width, 0.012 * height, 0.64 * width, 0.055 * height)
    draw.rounded_rectangle(slot, 0.02 * height, fill=lighter(design.palette[0], -0.7), outline=(230, 230, 226))
    depth = round(DEPTHS["cans"] * width)
    return box(front, side_panel(design, fonts, depth, height), _top(design, fonts, width, depth), depth)


def cigarettes(design: Design, fonts: Fonts) -> Solid:
    """A flip-top pack: emblem and brand, a coloured line, the strength, and the warning below."""
    width, height = size_of(design.body)
    depth = round(DEPTHS["slim"] * width)
    printed = _hinged(design, fonts, width, height)
    return box(printed, side_panel(design, fonts, depth, height), _top(design, fonts, width, depth), depth)


def _hinged(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed front or back of a pack of cigarettes."""
    if design.appearance == BACK:
        return back_panel(design, fonts, width, height)
    scale = 2
    w, h = width * scale, height * scale
    ground = design.palette[0]
    front = gradient((w, h), ground, lighter(ground, -0.18))
    draw = ImageDraw.Draw(front)
    rng = np.random.default_rng([design.line_seed, 2])
    ink, gold = readable(design.palette[1], ground), readable(design.palette[2], ground)
    if rng.random() < 0.5:
        draw.rectangle((0.06 * w, 0.03 * h, 0.94 * w, 0.7 * h), outline=gold, width=4)
    draw.rectangle((0, 0.56 * h, w, 0.64 * h), fill=design.band)
    emblem = rng.uniform(0.14, 0.2)
    logo_mark(draw, 0.5 * w, emblem * h, min(0.24 * w, 0.1 * h), (gold, ground), design.line_seed)
    if rng.random() < 0.5:
        write(front, design.brand, (0.3 * w, 0.27 * h, 0.7 * w, 0.54 * h), ink, fonts, design.line_seed, upright=True)
    else:
        write(front, design.brand, (0.1 * w, 0.29 * h, 0.9 * w, 0.43 * h), ink, fonts, design.line_seed)
        write(front, design.brand_latin, (0.16 * w, 0.45 * h, 0.84 * w, 0.52 * h), gold, fonts, design.line_seed)
    on_band = readable((255, 255, 255), design.band)
    write(front, design.flavour.chinese + design.wording, (0.08 * w, 0.57 * h, 0.62 * w, 0.63 * h), on_band, fonts)
    write(front, design.strength, (0.66 * w, 0.575 * h, 0.96 * w, 0.625 * h), on_band, fonts)
    write(front, design.size, (0.62 * w, 0.655 * h, 0.92 * w, 0.695 * h), ink, fonts)
    draw.rectangle((0, 0.72 * h, w, h), fill=blend(ground, (236, 232, 222), 0.75))
    for row, text in enumerate(("本公司提示", "吸烟有害健康", "请勿在禁烟场所吸烟")):
        write(
            front, text, (0.08 * w, (0.745 + 0.08 * row) * h, 0.92 * w, (0.805 + 0.08 * row) * h), (30, 30, 30), fonts
        )
    draw.line((0, 0.245 * h, w, 0.245 * h), fill=lighter(ground, -0.4), width=2)  # the edge of the lid
    return front.resize((width, height), Image.Resampling.BOX)


def _gable(design: Design, fonts: Fonts, width: int, height: int) -> Solid:
    """Four walls, a sloping roof with a screw cap in front, a fold at each side and a fin along the ridge."""
    depth = round(DEPTHS["gable"] * width)
    wall, ridge = round(0.82 * height), round(0.95 * height)
    front = front_panel(design, fonts, width, wall)
    side = side_panel(design, fonts, depth, wall)
    colour = design.palette[0]
    roof = gradient((width, max(4, ridge - wall)), lighter(colour, 0.15), colour)
    write(roof, design.brand, (0.08 * width, 0.2 * roof.height, 0.5 * width, 0.8 * roof.height),
          readable(design.palette[1], colour), fonts, design.line_seed)  # fmt: skip
    if design.line_seed % 2:
        cap = (0.62 * width, 0.1 * roof.height, 0.9 * width, 0.9 * roof.height)
        ImageDraw.Draw(roof).ellipse(cap, fill=design.palette[2], outline=lighter(design.palette[2], -0.3), width=2)
    fin = gradient((width, max(3, height - ridge)), lighter(colour, -0.05), lighter(colour, -0.25))
    fold = Image.new("RGB", (8, 8), lighter(colour, -0.1))
    half, deep = width / 2, depth / 2
    slope = [(-half, ridge, 0), (half, ridge, 0), (half, wall, deep), (-half, wall, deep)]
    upright = [(-half, height, 0), (half, height, 0), (half, ridge, 0), (-half, ridge, 0)]
    folds = [
        lit_face(
            fold,
            np.array([(x, ridge, 0), (x, ridge, 0.5), (x, wall, s * deep), (x, wall, -s * deep)], np.float64),
            0.62,
        )
        for x, s in ((half, -1.0), (-half, 1.0))
    ]
    roofs = (lit_face(roof, np.array(slope, np.float64), 1.04), lit_face(fin, np.array(upright, np.float64), 0.98))
    return Solid((*_walls(front, side, 0, wall, width, depth), *folds, *roofs))


def _walls(front: Image.Image, side: Image.Image, low: float, high: float, w: float, d: float) -> tuple[Face, ...]:
    """Front, right and left wall."""
    x, z = w / 2, d / 2
    faces = {
        "front": [(-x, high, z), (x, high, z), (x, low, z), (-x, low, z)],
        "right": [(x, high, z), (x, high, -z), (x, low, -z), (x, low, z)],
        "left": [(-x, high, -z), (-x, high, z), (-x, low, z), (-x, low, -z)],
    }
    pictures = {"front": (front, 1.0), "right": (side, SIDE_LIGHT), "left": (side, SIDE_LIGHT * 0.92)}
    return tuple(lit_face(pictures[name][0], np.array(at, np.float64), pictures[name][1]) for name, at in faces.items())


def _level(w: float, d: float, y: float) -> npt.NDArray[np.float64]:
    return np.array([(-w / 2, y, -d / 2), (w / 2, y, -d / 2), (w / 2, y, d / 2), (-w / 2, y, d / 2)], np.float64)


def _top(design: Design, fonts: Fonts, width: int, depth: int) -> Image.Image:
    """A lid with the brand on it."""
    image = Image.new("RGB", (width, depth), lighter(design.palette[0], 0.06))
    ink = readable(design.palette[1], design.palette[0])
    write(image, design.brand, (0.2 * width, 0.25 * depth, 0.8 * width, 0.75 * depth), ink, fonts, design.line_seed)
    return image
