"""Renders a product's printed faces: brand block, picture, wording, flavour band, size and strength on a patterned
ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageStat

from shelfmind.shelf_generator.appearances import BACK
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.fonts import Fonts
from shelfmind.shelf_generator.grounds import GROUNDS
from shelfmind.shelf_generator.layouts import SPIRIT, TALL, WIDE, Box, FrontLayout
from shelfmind.shelf_generator.lettering import column_mask, text_mask
from shelfmind.shelf_generator.motifs import MOTIFS, blend, lighter, logo_mark
from shelfmind.shelf_generator.vocabulary import Colour

_CLAIMS = ("精选原料匠心品质", "自然好味道", "源自优质产地", "全新口感升级", "0添加更安心", "香浓顺滑好滋味")


def front_panel(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed front as RGB of the given size; siblings share the layout and differ in their own details."""
    if design.appearance == BACK:
        return back_panel(design, fonts, width, height)
    scale = 2
    image = Image.new("RGB", (width * scale, height * scale), design.palette[0])
    rng = np.random.default_rng([design.line_seed, 0])
    GROUNDS[rng.integers(len(GROUNDS))](image, design.palette, rng)
    layouts = WIDE if width > 1.2 * height else SPIRIT if design.category.shape == "spirit" else TALL
    layout = layouts[rng.integers(len(layouts))]
    if layout.plate:
        _plate(image, design, layout.plate)
    _picture(image, design, layout.picture)
    _brand(image, design, layout, fonts)
    _wording(image, design, layout, fonts)
    _band(image, design, fonts, _placed(image, layout.band))
    _badge(image, design, fonts, _placed(image, layout.badge))
    _ribbon(image, design, fonts, _placed(image, layout.ribbon))
    return image.resize((width, height), Image.Resampling.BOX)


def side_panel(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed side or back: the brand over lines of small print and a bar code."""
    image = Image.new("RGB", (width, height), design.palette[0])
    draw = ImageDraw.Draw(image)
    ink = readable(design.palette[1], design.palette[0])
    draw.rectangle((0, 0.8 * height, width, 0.9 * height), fill=design.band)
    write(image, design.brand, (0.1 * width, 0.08 * height, 0.9 * width, 0.2 * height), ink, fonts)
    rng = np.random.default_rng([design.line_seed, 1])
    for y in np.linspace(0.28, 0.56, 8):
        draw.line((0.12 * width, y * height, rng.uniform(0.5, 0.88) * width, y * height), fill=ink, width=2)
    draw.rectangle((0.2 * width, 0.61 * height, 0.8 * width, 0.75 * height), fill=(255, 255, 255))
    for x in np.linspace(0.24, 0.76, 22)[rng.random(22) < 0.7]:
        draw.line((x * width, 0.63 * height, x * width, 0.73 * height), fill=(20, 20, 20), width=1)
    return image


def back_panel(design: Design, fonts: Fonts, width: int, height: int) -> Image.Image:
    """The printed back: a side panel that also names the product and its size."""
    image = side_panel(design, fonts, width, height)
    ink = readable(design.palette[1], design.palette[0])
    on_band = readable((255, 255, 255), design.band)
    write(image, design.title, (0.1 * width, 0.2 * height, 0.62 * width, 0.27 * height), ink, fonts)
    write(image, design.size, (0.66 * width, 0.2 * height, 0.92 * width, 0.27 * height), ink, fonts)
    words = f"{design.flavour.chinese} {design.wording} {design.strength}".strip()
    write(image, words, (0.08 * width, 0.81 * height, 0.92 * width, 0.89 * height), on_band, fonts)
    return image


def readable(colour: Colour, ground: Colour) -> Colour:
    """`colour`, made darker or lighter until it contrasts with its background."""

    def brightness(of: Colour) -> float:
        return 0.3 * of[0] + 0.59 * of[1] + 0.11 * of[2]

    if abs(brightness(colour) - brightness(ground)) > 90:
        return colour
    return lighter(colour, -0.75) if brightness(ground) > 128 else lighter(colour, 0.85)


def write(
    image: Image.Image, text: str, box: Box, colour: Colour, fonts: Fonts, style: int = 0, upright: bool = False
) -> None:
    """Print one line, or one column, as large as it fits, centred in a box in pixels (left, top, right, bottom)."""
    left, top, right, bottom = (round(edge) for edge in box)
    height, room = max(6, bottom - top), max(4, right - left)
    if upright:
        mask = column_mask(text, max(6, min(room, height // max(1, len(text)))), fonts, style)
    else:
        mask = text_mask(text, height, fonts, style)
        if mask.width > room:
            mask = text_mask(text, max(6, round(height * max(room / mask.width, 0.35))), fonts, style)
    if mask.width > room:
        mask = mask.resize((room, mask.height))
    x, y = (left + right - mask.width) // 2, (top + bottom - mask.height) // 2
    if max(ImageStat.Stat(image.crop((x, y, x + mask.width, y + mask.height))).stddev) > 38:
        outline = lighter(colour, -0.85 if sum(colour) > 380 else 0.9)
        pen = 2 * max(1, mask.height // 40) + 1
        room_around = Image.new("L", (mask.width + 2 * pen, mask.height + 2 * pen))
        room_around.paste(mask, (pen, pen))
        image.paste(outline, (x - pen, y - pen), room_around.filter(ImageFilter.MaxFilter(pen)))
    image.paste(colour, (x, y), mask)


def _placed(image: Image.Image, box: Box) -> Box:
    w, h = image.size
    return box[0] * w, box[1] * h, box[2] * w, box[3] * h


def _ground_in(image: Image.Image, box: Box) -> Colour:
    """The mean colour of a region of the picture."""
    left, top, right, bottom = (round(edge) for edge in box)
    part = image.crop((left, top, max(right, left + 1), max(bottom, top + 1))).reduce(4 if right - left > 8 else 1)
    red, green, blue = ImageStat.Stat(part).mean
    return round(red), round(green), round(blue)


def _plate(image: Image.Image, design: Design, box: Box) -> None:
    ground = lighter(design.palette[0], 0.8 if sum(design.palette[0]) > 330 else -0.35)
    corner = 0.12 * min(image.size)
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(_placed(image, box), corner, fill=ground, outline=design.palette[2], width=4)


def _brand(image: Image.Image, design: Design, layout: FrontLayout, fonts: Fonts) -> None:
    """Logo mark next to the Chinese name, with the Latin name below; or the name from top to bottom."""
    left, top, right, bottom = box = _placed(image, layout.brand)
    ground = _ground_in(image, box)
    ink = readable(design.palette[1], ground)
    height, width = bottom - top, right - left
    if layout.upright and height > width:
        write(image, design.brand, box, ink, fonts, design.line_seed, upright=True)
        return
    radius = min(0.3 * height, 0.15 * width)
    mark = (readable(design.palette[2], ground), blend(ground, (255, 255, 255), 0.1))
    logo_mark(ImageDraw.Draw(image), left + radius, top + 0.34 * height, radius, mark, sum(map(ord, design.brand)))
    name = (left + 2.3 * radius, top, right, top + 0.66 * height)
    shade = lighter(ink, -0.6) if sum(ink) > 380 else lighter(ink, 0.7)
    drop = 0.018 * height
    write(image, design.brand, tuple(edge + drop for edge in name), blend(shade, ground, 0.6), fonts, design.line_seed)  # type: ignore[arg-type]
    write(image, design.brand, name, ink, fonts, design.line_seed)
    write(image, design.brand_latin, (left, top + 0.7 * height, right, bottom), ink, fonts, design.line_seed)


def _picture(image: Image.Image, design: Design, box: Box) -> None:
    left, top, right, bottom = _placed(image, box)
    x, y, radius = (left + right) / 2, (top + bottom) / 2, min(right - left, bottom - top) / 2
    draw = ImageDraw.Draw(image)
    paint = MOTIFS[design.motif]
    for dx, dy, share in ((-0.7, 0.2, 0.5), (0.72, 0.25, 0.45), (0.0, 0.0, 0.8)):
        paint(draw, x + dx * radius, y + dy * radius, share * radius, design.band)


def _wording(image: Image.Image, design: Design, layout: FrontLayout, fonts: Fonts) -> None:
    """The product name in Chinese and Latin, the size, and a claim in small print."""
    style = design.line_seed // 3
    for text, box, upright in (
        (design.title, layout.title, layout.upright and layout.title[3] - layout.title[1] > 0.3),
        (design.category.latin, layout.latin, False),
        (design.size, layout.size, False),
    ):
        own = _placed(image, box)
        ink = readable(design.palette[1], _ground_in(image, own))
        write(image, text, own, ink, fonts, style, upright)
    left, _, right, bottom = _placed(image, layout.title)
    small = (left, bottom, right, bottom + 0.028 * image.height)
    write(
        image,
        _CLAIMS[design.line_seed % len(_CLAIMS)],
        small,
        readable(design.palette[2], _ground_in(image, small)),
        fonts,
    )


def _band(image: Image.Image, design: Design, fonts: Fonts, box: Box) -> None:
    """The flavour: its colour and its name in two scripts."""
    draw = ImageDraw.Draw(image)
    draw.rectangle(box, fill=design.band)
    left, top, right, bottom = box
    for y in (top, bottom):
        draw.line((left, y, right, y), fill=lighter(design.band, 0.5), width=max(1, image.height // 200))
    ink = readable((255, 255, 255), design.band)
    if bottom - top > right - left:
        write(image, design.flavour.chinese, (left, top, right, bottom), ink, fonts, design.line_seed, upright=True)
        return
    middle, pad = left + 0.5 * (right - left), 0.15 * (bottom - top)
    write(image, design.flavour.chinese, (left + pad, top + pad, middle, bottom - pad), ink, fonts, design.line_seed)
    latin = (middle + pad, top + 1.8 * pad, right - pad, bottom - 1.8 * pad)
    write(image, design.flavour.latin, latin, ink, fonts, design.line_seed)


def _badge(image: Image.Image, design: Design, fonts: Fonts, box: Box) -> None:
    """The strength in a disc, if the product has one."""
    if not design.strength:
        return
    left, top, right, bottom = box
    x, y, radius = (left + right) / 2, (top + bottom) / 2, max(min(right - left, bottom - top) / 2, 8)
    draw = ImageDraw.Draw(image)
    ground, accent = lighter(design.palette[1], -0.15), design.palette[2]
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ground, outline=accent, width=4)
    number = (x - 0.82 * radius, y - 0.55 * radius, x + 0.82 * radius, y + 0.55 * radius)
    write(image, design.strength, number, readable((255, 255, 255), ground), fonts)


def _ribbon(image: Image.Image, design: Design, fonts: Fonts, box: Box) -> None:
    """The word that alone distinguishes two siblings, if the product has one."""
    if not design.wording:
        return
    left, top, right, bottom = box
    ground = readable(design.palette[2], _ground_in(image, box))
    notch = 0.4 * (bottom - top)
    outline = [(left, top), (right, top), (right - notch, (top + bottom) / 2), (right, bottom), (left, bottom)]
    ImageDraw.Draw(image).polygon(outline, fill=ground)
    write(image, design.wording, (left + notch, top, right - notch, bottom), readable((255, 255, 255), ground), fonts)
