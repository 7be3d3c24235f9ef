"""Foreign objects that end up in product folders: payment codes, receipts, price lists, shipping boxes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.shelf_generator.artwork import write
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.package import Package, sized
from shelfmind.shelf_generator.solid_packages import box

VARIETIES = 8
"""Number of varieties of each kind: the same few payment codes are used at many tills."""


def foreign_object(number: int, fonts: Fonts) -> Package:
    """A foreign object by its number from 0 to `foreign_objects` - 1."""
    kinds = list(OBJECTS)
    kind = kinds[number % len(kinds)]
    variety = number // len(kinds)
    rng = np.random.default_rng([99, kinds.index(kind), variety])
    front, depth = OBJECTS[kind](fonts, rng)
    edge = front.resize((depth, front.height))
    top = Image.new("RGB", (front.width, depth), (228, 228, 224))
    solid = box(front, edge, top, depth)
    return Package(f"{kind} {variety}", None, sized(solid), front.height, front.height / front.width)


def foreign_kind(number: int) -> str:
    """The kind of the foreign object with this number."""
    return list(OBJECTS)[number % len(OBJECTS)]


def _payment_code(fonts: Fonts, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """A stand with a QR code, in a payment service's colour."""
    w, h = 300, round(300 * rng.uniform(1.1, 1.45))
    colour = ((26, 173, 25), (22, 119, 255), (230, 50, 50))[rng.integers(3)]
    image = Image.new("RGB", (w, h), colour)
    draw = ImageDraw.Draw(image)
    write(image, "扫码支付", (0.12 * w, 0.04 * h, 0.88 * w, 0.17 * h), (255, 255, 255), fonts)
    side = round(0.8 * w)
    left, top = (w - side) // 2, round(0.21 * h)
    draw.rounded_rectangle((left, top, left + side, top + side), 10, fill=(255, 255, 255))
    cells = 29
    code = (rng.random((cells, cells)) < 0.5).astype(np.uint8)
    for y, x in ((0, 0), (0, cells - 7), (cells - 7, 0)):
        code[max(0, y - 1) : y + 8, max(0, x - 1) : x + 8] = 0
        code[y : y + 7, x : x + 7] = 1
        code[y + 1 : y + 6, x + 1 : x + 6] = 0
        code[y + 2 : y + 5, x + 2 : x + 5] = 1
    printed = Image.fromarray(255 - 255 * code).resize((round(0.9 * side),) * 2, Image.Resampling.NEAREST)
    image.paste(printed.convert("RGB"), (left + round(0.05 * side), top + round(0.05 * side)))
    write(image, "PAY " + str(rng.integers(100, 999)), (0.2 * w, 0.92 * h, 0.8 * w, 0.98 * h), (255, 255, 255), fonts)
    return image, 12


def _receipt(fonts: Fonts, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """A till receipt."""
    w, h = 180, 420
    image = Image.new("RGB", (w, h), (246, 245, 240))
    draw = ImageDraw.Draw(image)
    write(image, "购物小票", (0.15 * w, 0.03 * h, 0.85 * w, 0.09 * h), (50, 50, 54), fonts)
    for row in range(16):
        y = (0.13 + 0.042 * row) * h
        draw.line((0.08 * w, y, rng.uniform(0.35, 0.6) * w, y), fill=(90, 90, 94), width=4)
        draw.line((rng.uniform(0.72, 0.8) * w, y, 0.92 * w, y), fill=(90, 90, 94), width=4)
    write(
        image,
        f"{rng.integers(10, 300)}.{rng.integers(10, 99)}",
        (0.4 * w, 0.83 * h, 0.92 * w, 0.89 * h),
        (30, 30, 30),
        fonts,
    )
    return image, 3


def _price_list(fonts: Fonts, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """A large shelf label."""
    w, h = 420, 250
    image = Image.new("RGB", (w, h), ((255, 224, 60), (255, 255, 250))[rng.integers(2)])
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, w, 0.24 * h), fill=(210, 30, 40))
    write(image, "今日特价", (0.1 * w, 0.03 * h, 0.9 * w, 0.21 * h), (255, 255, 255), fonts)
    write(
        image,
        f"{rng.integers(1, 99)}.{rng.integers(0, 10)}0",
        (0.3 * w, 0.32 * h, 0.95 * w, 0.86 * h),
        (200, 20, 30),
        fonts,
    )
    for row in (0.4, 0.52, 0.64):
        draw.line((0.06 * w, row * h, 0.26 * w, row * h), fill=(60, 60, 60), width=5)
    return image, 6


def _shipping_box(fonts: Fonts, rng: np.random.Generator) -> tuple[Image.Image, int]:
    """A brown box with tape."""
    w, h = 400, round(400 * rng.uniform(0.6, 1.0))
    image = Image.new("RGB", (w, h), (178, 136, 90))
    draw = ImageDraw.Draw(image)
    for x in range(0, w, 6):
        draw.line((x, 0, x, h), fill=(172, 130, 85), width=2)
    draw.rectangle((0.44 * w, 0, 0.56 * w, 0.4 * h), fill=(206, 186, 140))
    for left in (0.08, 0.2):
        arrow = [(left, 0.75), (left + 0.05, 0.62), (left + 0.1, 0.75), (left + 0.065, 0.75), (left + 0.065, 0.92)]
        draw.polygon(
            [(x * w, y * h) for x, y in [*arrow, (left + 0.035, 0.92), (left + 0.035, 0.75)]], fill=(60, 44, 30)
        )
    write(image, "小心轻放", (0.5 * w, 0.66 * h, 0.94 * w, 0.86 * h), (60, 44, 30), fonts)
    return image, 160


OBJECTS: dict[str, Callable[[Fonts, np.random.Generator], tuple[Image.Image, int]]] = {
    "payment code": _payment_code,
    "receipt": _receipt,
    "price list": _price_list,
    "shipping box": _shipping_box,
}


def foreign_objects() -> int:
    """The number of different objects."""
    return VARIETIES * len(OBJECTS)
