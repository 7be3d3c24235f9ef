"""Lay out a product's printed front: brand block, flavour picture, wording, flavour band, size and strength."""

from __future__ import annotations

from math import sin

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.data.shelf_generator.designs import Colour, Design
from shelfmind.data.shelf_generator.fonts import Fonts, text_mask
from shelfmind.data.shelf_generator.motifs import MOTIFS, lighter, logo_mark, mixed

Box = tuple[float, float, float, float]


def front_panel(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed front as RGB of the given size; siblings share the layout and differ in their own details."""
    scale = 2
    image = Image.new("RGB", (width * scale, height * scale), design.palette[0])
    if width > 1.2 * height:
        _wide(image, design, fonts)
    else:
        _tall(image, design, fonts)
    return image.resize((width, height), Image.Resampling.BOX)


def side_panel(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed side or back: the brand over lines of small print and a bar code."""
    image = Image.new("RGB", (width, height), design.palette[0])
    draw = ImageDraw.Draw(image)
    ink = readable(design.palette[1], design.palette[0])
    draw.rectangle((0, 0.8 * height, width, 0.9 * height), fill=design.flavour.colour)
    write(image, design.brand, (0.1 * width, 0.08 * height, 0.9 * width, 0.2 * height), ink, fonts)
    rng = np.random.default_rng(design.line_seed)
    for y in np.linspace(0.28, 0.56, 8):
        draw.line((0.12 * width, y * height, rng.uniform(0.5, 0.88) * width, y * height), fill=ink, width=2)
    draw.rectangle((0.2 * width, 0.61 * height, 0.8 * width, 0.75 * height), fill=(255, 255, 255))
    for x in np.linspace(0.24, 0.76, 22)[rng.random(22) < 0.7]:
        draw.line((x * width, 0.63 * height, x * width, 0.73 * height), fill=(20, 20, 20), width=1)
    return image


def readable(colour: Colour, ground: Colour) -> Colour:
    """`colour`, pushed to dark or light until it stands out from the ground it is printed on."""

    def brightness(of: Colour) -> float:
        return 0.3 * of[0] + 0.59 * of[1] + 0.11 * of[2]

    if abs(brightness(colour) - brightness(ground)) > 90:
        return colour
    return lighter(colour, -0.75) if brightness(ground) > 128 else lighter(colour, 0.85)


def write(image: Image.Image, text: str, box: Box, colour: Colour, fonts: Fonts, style: int = 0) -> None:
    """Print one line as large as fits, centred in a box (left, top, right, bottom)."""
    left, top, right, bottom = (round(edge) for edge in box)
    height, room = max(6, bottom - top), max(4, right - left)
    mask = text_mask(text, height, fonts, style)
    if mask.width > room:
        fitted = max(6, round(height * max(room / mask.width, 0.35)))
        mask = text_mask(text, fitted, fonts, style)
        if mask.width > room:
            mask = mask.resize((room, mask.height))
    image.paste(colour, ((left + right - mask.width) // 2, (top + bottom - mask.height) // 2), mask)


def _decoration(image: Image.Image, design: Design) -> None:
    """The ground of a line: wave, slanted half, stripes or a disc behind the picture."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    primary, secondary, accent = design.palette
    kind = design.line_seed % 4
    if kind == 0:
        for shift, colour in ((0.0, accent), (0.025, secondary)):
            edge = [(x * w / 24, h * (0.60 + shift + 0.03 * sin(x / 3.6))) for x in range(25)]
            draw.polygon([*edge, (w, h), (0, h)], fill=colour)
    elif kind == 1:
        draw.polygon([(0, 0), (w, 0), (w, 0.24 * h), (0, 0.34 * h)], fill=secondary)
        draw.line([(0, 0.345 * h), (w, 0.245 * h)], fill=accent, width=max(3, round(h / 70)))
    elif kind == 2:
        for i in range(1, 8, 2):
            draw.rectangle((i * w / 8, 0, (i + 1) * w / 8, h), fill=lighter(primary, -0.07))
        draw.rectangle((0, 0, w, 0.05 * h), fill=secondary)
        draw.rectangle((0, 0.95 * h, w, h), fill=secondary)
    else:
        r = min(0.62 * w, 0.34 * h)
        draw.ellipse((w / 2 - r, 0.57 * h - r, w / 2 + r, 0.57 * h + r), fill=mixed(primary, secondary, 0.3))
        draw.rectangle((0, 0, w, 0.03 * h), fill=accent)


def _ground_at(image: Image.Image, x: float, y: float) -> Colour:
    pixel = image.getpixel((min(int(x), image.width - 1), min(int(y), image.height - 1)))
    assert isinstance(pixel, tuple)
    return int(pixel[0]), int(pixel[1]), int(pixel[2])


def _brand_block(image: Image.Image, design: Design, fonts: Fonts, box: Box) -> None:
    """Logo mark beside the Chinese name, the Latin name below them."""
    left, top, right, bottom = box
    _, secondary, accent = design.palette
    ground = _ground_at(image, (left + right) / 2, (top + bottom) / 2)
    ink = readable(secondary, ground)
    height, width = bottom - top, right - left
    radius = min(0.3 * height, 0.15 * width)
    mark = (readable(accent, ground), mixed(ground, (255, 255, 255), 0.1))
    logo_mark(ImageDraw.Draw(image), left + radius, top + 0.34 * height, radius, mark, sum(map(ord, design.brand)))
    name = (left + 2.3 * radius, top, right, top + 0.66 * height)
    write(image, design.brand, name, ink, fonts)
    write(image, design.brand_latin, (left, top + 0.7 * height, right, bottom), ink, fonts, design.line_seed)


def _picture(image: Image.Image, design: Design, x: float, y: float, radius: float) -> None:
    draw = ImageDraw.Draw(image)
    paint = MOTIFS[design.flavour.motif]
    for dx, dy, share in ((-0.75, 0.25, 0.55), (0.8, 0.3, 0.5), (0.0, 0.0, 0.85)):
        paint(draw, x + dx * radius, y + dy * radius, share * radius, design.flavour.colour)


def _flavour_band(image: Image.Image, design: Design, fonts: Fonts, box: Box) -> None:
    colour = design.flavour.colour
    if design.strength and design.strength == design.category.strengths[-1]:
        colour = lighter(colour, -0.3)
    draw = ImageDraw.Draw(image)
    draw.rectangle(box, fill=colour, outline=lighter(colour, 0.5), width=max(1, image.height // 200))
    left, top, right, bottom = box
    middle, pad = left + 0.5 * (right - left), 0.15 * (bottom - top)
    ink = readable((255, 255, 255), colour)
    write(image, design.flavour.chinese, (left + pad, top + pad, middle, bottom - pad), ink, fonts)
    latin = (middle + pad, top + 1.8 * pad, right - pad, bottom - 1.8 * pad)
    write(image, design.flavour.latin, latin, ink, fonts)


def _badge(image: Image.Image, design: Design, fonts: Fonts, x: float, y: float, radius: float) -> None:
    """The strength in a disc, where the product has one."""
    if not design.strength:
        return
    draw = ImageDraw.Draw(image)
    ground, accent = design.flavour.colour, design.palette[2]
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ground, outline=accent, width=4)
    number = (x - 0.8 * radius, y - 0.55 * radius, x + 0.8 * radius, y + 0.55 * radius)
    write(image, design.strength, number, readable((255, 255, 255), ground), fonts)


def _tall(image: Image.Image, design: Design, fonts: Fonts) -> None:
    """Brand on top, product name, picture, band, size: a bottle's label, a can, a carton, a pouch."""
    _decoration(image, design)
    w, h = image.size
    _brand_block(image, design, fonts, (0.07 * w, 0.07 * h, 0.93 * w, 0.27 * h))
    ink = readable(design.palette[1], _ground_at(image, 0.5 * w, 0.4 * h))
    write(image, design.title, (0.06 * w, 0.33 * h, 0.94 * w, 0.46 * h), ink, fonts)
    _picture(image, design, 0.5 * w, 0.60 * h, min(0.34 * w, 0.16 * h))
    _flavour_band(image, design, fonts, (0, 0.75 * h, w, 0.855 * h))
    _badge(image, design, fonts, 0.8 * w, 0.57 * h, min(0.17 * w, 0.1 * h))
    ink = readable(design.palette[1], _ground_at(image, 0.03 * w, 0.92 * h))
    latin = (0.06 * w, 0.885 * h, 0.55 * w, 0.945 * h)
    write(image, design.category.latin, latin, ink, fonts, design.line_seed)
    write(image, design.size, (0.56 * w, 0.875 * h, 0.95 * w, 0.955 * h), ink, fonts)


def _wide(image: Image.Image, design: Design, fonts: Fonts) -> None:
    """Wording on the left, picture on the right: a biscuit box."""
    _decoration(image, design)
    w, h = image.size
    _brand_block(image, design, fonts, (0.05 * w, 0.08 * h, 0.55 * w, 0.38 * h))
    ink = readable(design.palette[1], _ground_at(image, 0.3 * w, 0.52 * h))
    write(image, design.title, (0.05 * w, 0.42 * h, 0.55 * w, 0.62 * h), ink, fonts)
    _picture(image, design, 0.77 * w, 0.45 * h, 0.25 * min(w, 1.4 * h))
    _flavour_band(image, design, fonts, (0, 0.70 * h, 0.62 * w, 0.86 * h))
    ink = readable(design.palette[1], _ground_at(image, 0.97 * w, 0.9 * h))
    write(image, design.size, (0.74 * w, 0.84 * h, 0.97 * w, 0.94 * h), ink, fonts)
