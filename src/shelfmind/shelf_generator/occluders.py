"""Occluders in front of a product: price tags, a neighbouring product, and offer stickers."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.lettering import text_mask

Pixels = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def hide(
    layer: Image.Image, box: Pixels, share: float, neighbour: Image.Image, fonts: Fonts, rng: np.random.Generator
) -> Image.Image:
    """An RGBA layer that covers about `share` of `box`: a price tag, a neighbour or an offer sticker."""
    cover = Image.new("RGBA", layer.size)
    kind = rng.random()
    if kind < 0.5:
        _price_tag(cover, box, share, fonts, rng)
    elif kind < 0.8:
        _neighbour(cover, box, share, neighbour, rng)
    else:
        _offer(cover, box, share, fonts, rng)
    return cover


def _price_tag(cover: Image.Image, box: Pixels, share: float, fonts: Fonts, rng: np.random.Generator) -> None:
    """A shelf label in front of the product's lower edge: coloured header, product lines, price, bar code."""
    left, top, right, base = box
    width, height = max(8, right - left), max(8, base - top)
    area = share * width * height
    wide = max(8, min(width, round(np.sqrt(area / rng.uniform(0.35, 0.7)))))
    high = max(8, min(round(area / wide), wide))
    x = left + int(rng.integers(0, width - wide + 1))
    y = base - high + round(0.02 * height)
    ground = ((255, 252, 244), (252, 222, 60), (255, 236, 236))[rng.integers(3)]
    head = ((206, 30, 40), (30, 90, 170), (40, 130, 70))[rng.integers(3)]
    draw = ImageDraw.Draw(cover)
    draw.rectangle((x, y, x + wide, y + high), fill=ground, outline=(150, 150, 150))
    draw.rectangle((x, y, x + wide, y + max(2, high // 5)), fill=head)
    if high > 24 and wide > 40:
        for row in (0.3, 0.38):
            draw.line((x + 0.06 * wide, y + row * high, x + 0.45 * wide, y + row * high), fill=(110, 110, 110))
        bars = np.arange(0.06 * wide, 0.3 * wide, 2)
        for bar in (x + bars[rng.random(len(bars)) < 0.6]).tolist():
            draw.line((bar, y + 0.72 * high, bar, y + 0.92 * high), fill=(40, 40, 40))
    size = max(7, round(min(0.6 * high, 0.3 * wide)))
    sign = "¥" if fonts.latin else ""  # missing in Pillow's default font
    price = text_mask(f"{sign}{rng.integers(1, 60)}.{rng.integers(0, 10)}0", size, fonts)
    room = max(4, round(0.6 * wide))
    if price.width > room:
        price = price.resize((room, max(4, round(price.height * max(room / price.width, 0.6)))))
    cover.paste((24, 24, 24), (x + round(0.96 * wide) - price.width, y + round(0.6 * high - price.height / 2)), price)


def _neighbour(cover: Image.Image, box: Pixels, share: float, item: Image.Image, rng: np.random.Generator) -> None:
    """The next product, closer to the camera, in front of one side of this one."""
    left, top, right, base = box
    scale = rng.uniform(1.0, 1.12) * (base - top) / item.height
    size = max(4, round(item.width * scale)), max(4, round(item.height * scale))
    facing = item.resize(size, Image.Resampling.BILINEAR)
    reach = round((0.02 + share) * (right - left))
    x = left + reach - size[0] if rng.random() < 0.5 else right - reach
    cover.paste(facing, (x, base - size[1] + round(0.03 * size[1])))


def _offer(cover: Image.Image, box: Pixels, share: float, fonts: Fonts, rng: np.random.Generator) -> None:
    """A round sticker on a strip in front of the product."""
    left, top, right, base = box
    radius = max(6.0, float(np.sqrt(share * (right - left) * (base - top) / np.pi)))
    x, y = rng.uniform(left, right), rng.uniform(top, 0.4 * top + 0.6 * base)
    ground = ((250, 214, 30), (222, 30, 40), (240, 120, 30))[rng.integers(3)]
    draw = ImageDraw.Draw(cover)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ground, outline=(255, 255, 255), width=2)
    ink = (190, 20, 30) if ground[1] > 200 else (255, 255, 240)
    word = ("特价", "新品", "买一送一", "-20%")[rng.integers(4)]
    mask = text_mask(word, max(7, round(0.7 * radius)), fonts)
    if mask.width > 1.8 * radius:
        mask = mask.resize((max(1, round(1.8 * radius)), mask.height))
    cover.paste(ink, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)
