"""Pictures composed of shapes: a flavour's leaf, fruit or drop, and a brand's logo mark."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

from PIL import ImageDraw

from shelfmind.shelf_generator.vocabulary import Colour

Picture = Callable[[ImageDraw.ImageDraw, float, float, float, Colour], None]
GREEN: Colour = (62, 132, 52)


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: `share` 0 gives the first, 1 the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def lighter(colour: Colour, share: float) -> Colour:
    """Blend towards white, or towards black for a negative `share`."""
    return blend(colour, (255, 255, 255) if share > 0 else (0, 0, 0), abs(share))


def disc(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, colour: Colour) -> None:
    """A filled circle."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def leaf_blade(draw: ImageDraw.ImageDraw, x: float, y: float, length: float, angle: float, colour: Colour) -> None:
    """One pointed leaf from its stalk at (x, y), with a midrib."""
    steps = [i / 12 for i in range(13)]
    outline = [(t * length, 0.26 * length * sin(pi * t)) for t in steps]
    outline += [(t * length, -0.26 * length * sin(pi * t)) for t in reversed(steps)]
    turned = [(x + a * cos(angle) - b * sin(angle), y + a * sin(angle) + b * cos(angle)) for a, b in outline]
    draw.polygon(turned, fill=colour)
    tip = (x + 0.9 * length * cos(angle), y + 0.9 * length * sin(angle))
    draw.line([(x, y), tip], fill=lighter(colour, 0.45), width=max(1, round(length / 22)))


def leaf(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """Three leaves on a stalk."""
    for angle, length in ((-2.5, 1.1), (-0.6, 1.1), (-1.55, 1.4)):
        leaf_blade(draw, x, y + 0.55 * r, length * r, angle, lighter(colour, -0.12 if angle < -2 else 0.08))


def citrus(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A slice with its segments, and a leaf."""
    leaf_blade(draw, x + 0.4 * r, y - 0.6 * r, 0.9 * r, -0.5, GREEN)
    disc(draw, x, y, r, colour)
    disc(draw, x, y, 0.88 * r, lighter(colour, 0.75))
    for i in range(8):
        start = i * 45 + 4
        box = (x - 0.8 * r, y - 0.8 * r, x + 0.8 * r, y + 0.8 * r)
        draw.pieslice(box, start, start + 37, fill=lighter(colour, 0.18))


def apple(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A round fruit with a highlight, a stalk and a leaf."""
    disc(draw, x - 0.28 * r, y + 0.1 * r, 0.78 * r, lighter(colour, -0.1))
    disc(draw, x + 0.28 * r, y + 0.1 * r, 0.78 * r, colour)
    draw.ellipse((x + 0.3 * r, y - 0.4 * r, x + 0.7 * r, y + 0.1 * r), fill=lighter(colour, 0.45))
    draw.line([(x, y - 0.5 * r), (x + 0.12 * r, y - r)], fill=(90, 60, 30), width=max(2, round(r / 9)))
    leaf_blade(draw, x + 0.1 * r, y - 0.75 * r, 0.75 * r, -0.35, GREEN)


def strawberry(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A pointed berry with seeds under its leaves."""
    steps = [i / 16 for i in range(17)]
    edge = [(0.82 * r * sin(pi * t**0.55), (1.7 * t - 0.7) * r) for t in steps]
    draw.polygon([(x + a, y + b) for a, b in edge] + [(x - a, y + b) for a, b in reversed(edge)], fill=colour)
    for row, count in enumerate((4, 3, 2)):
        for i in range(count):
            disc(draw, x + (i - (count - 1) / 2) * 0.36 * r, y + (row * 0.34 - 0.3) * r, 0.06 * r, (255, 226, 150))
    for angle in (-0.3, -1.2, -1.95, -2.85):
        leaf_blade(draw, x, y - 0.6 * r, 0.6 * r, angle, GREEN)


def grape(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A bunch of berries."""
    leaf_blade(draw, x, y - 0.8 * r, 0.9 * r, -0.3, GREEN)
    for row, count in enumerate((4, 3, 2, 1)):
        for i in range(count):
            bx, by = x + (i - (count - 1) / 2) * 0.48 * r, y + (row * 0.42 - 0.6) * r
            disc(draw, bx, by, 0.29 * r, lighter(colour, 0.06 * row))
            disc(draw, bx - 0.08 * r, by - 0.08 * r, 0.08 * r, lighter(colour, 0.6))


def flower(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """Five white petals over a leaf."""
    leaf_blade(draw, x, y, 1.3 * r, 0.5, GREEN)
    leaf_blade(draw, x, y, 1.3 * r, 2.6, GREEN)
    for i in range(5):
        disc(draw, x + 0.5 * r * cos(1.257 * i - 1.57), y + 0.5 * r * sin(1.257 * i - 1.57), 0.42 * r, (252, 250, 240))
    disc(draw, x, y, 0.26 * r, colour)


def drop(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A drop above its ripples."""
    for ring in (1.0, 0.62):
        box = (x - ring * r, y + (0.75 - 0.25 * ring) * r, x + ring * r, y + (0.75 + 0.25 * ring) * r)
        draw.ellipse(box, outline=lighter(colour, 0.35), width=max(2, round(r / 12)))
    draw.polygon([(x, y - r), (x - 0.48 * r, y + 0.05 * r), (x + 0.48 * r, y + 0.05 * r)], fill=colour)
    disc(draw, x, y + 0.2 * r, 0.52 * r, colour)
    disc(draw, x - 0.18 * r, y + 0.2 * r, 0.14 * r, lighter(colour, 0.7))


def wheat(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """An ear of grain."""
    draw.line([(x, y - 0.6 * r), (x, y + r)], fill=lighter(colour, -0.3), width=max(2, round(r / 12)))
    for i in range(5):
        for angle in (-0.75, -2.39):
            leaf_blade(draw, x, y + (0.6 - 0.32 * i) * r, 0.58 * r, angle, lighter(colour, 0.1 * (i % 2)))
    leaf_blade(draw, x, y - 0.6 * r, 0.5 * r, -pi / 2, colour)


def chilli(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """Two crossed pods."""
    for side in (-1, 1):
        for i in range(40):
            t = i / 39
            radius = (0.26 - 0.22 * t) * r
            disc(draw, x + side * (0.7 - 1.5 * t) * r, y + (-0.5 + 1.3 * t * t) * r, radius, lighter(colour, 0.006 * i))
        disc(draw, x + side * 0.78 * r, y - 0.62 * r, 0.16 * r, GREEN)


def bean(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """Two roasted beans, each with its cleft."""
    for dx, dy, size in ((-0.35, -0.25, 0.75), (0.35, 0.3, 0.8)):
        cx, cy, rx, ry = x + dx * r, y + dy * r, 0.62 * size * r, 0.85 * size * r
        draw.ellipse((cx - rx, cy - ry, cx + rx, cy + ry), fill=lighter(colour, 0.1), outline=lighter(colour, -0.35))
        cleft = [(cx + 0.18 * rx * sin(t * pi / 5), cy + (t / 5 - 1) * 0.8 * ry) for t in range(11)]
        draw.line(cleft, fill=lighter(colour, -0.45), width=max(2, round(r / 9)))


def bowl(draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colour: Colour) -> None:
    """A steaming bowl of noodles."""
    for i in (-1, 0, 1):
        steam = [(x + (0.4 * i + 0.1 * sin(t)) * r, y - (0.35 + 0.09 * t) * r) for t in range(7)]
        draw.line(steam, fill=lighter(colour, 0.7), width=max(2, round(r / 14)))
    draw.ellipse((x - r, y - 0.45 * r, x + r, y + 0.25 * r), fill=lighter(colour, 0.1))
    for i in range(7):
        left = x - 0.85 * r + 0.24 * r * i
        draw.arc(
            (left, y - 0.35 * r, left + 0.5 * r, y + 0.2 * r),
            180,
            360,
            fill=(246, 220, 130),
            width=max(2, round(r / 12)),
        )
    disc(draw, x + 0.35 * r, y - 0.12 * r, 0.2 * r, (250, 246, 230))
    disc(draw, x + 0.35 * r, y - 0.12 * r, 0.11 * r, (244, 176, 40))
    draw.pieslice((x - r, y - 0.85 * r, x + r, y + 0.95 * r), 8, 172, fill=lighter(colour, -0.35))
    draw.rectangle((x - 0.4 * r, y + 0.88 * r, x + 0.4 * r, y + 0.98 * r), fill=lighter(colour, -0.5))


MOTIFS: dict[str, Picture] = {
    "leaf": leaf,
    "citrus": citrus,
    "apple": apple,
    "strawberry": strawberry,
    "grape": grape,
    "flower": flower,
    "drop": drop,
    "wheat": wheat,
    "chilli": chilli,
    "bean": bean,
    "bowl": bowl,
}


def logo_mark(
    draw: ImageDraw.ImageDraw, x: float, y: float, r: float, colours: tuple[Colour, Colour], kind: int
) -> None:
    """A brand's mark: sun, hills, wave, diamond or ring in two colours."""
    ground, ink = colours
    if kind % 5 == 3:
        draw.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill=ground)
        draw.polygon([(x, y - r / 2), (x + r / 2, y), (x, y + r / 2), (x - r / 2, y)], fill=ink)
        return
    disc(draw, x, y, r, ground)
    if kind % 5 == 0:
        for i in range(8):
            ray = (x + 0.8 * r * cos(i * pi / 4), y + 0.8 * r * sin(i * pi / 4))
            draw.line([(x, y), ray], fill=ink, width=max(2, round(r / 7)))
        disc(draw, x, y, 0.42 * r, ink)
    elif kind % 5 == 1:
        peaks = [(-0.75, 0.45), (-0.25, -0.5), (0.1, 0.05), (0.35, -0.25), (0.75, 0.45)]
        draw.polygon([(x + a * r, y + b * r) for a, b in peaks], fill=ink)
    elif kind % 5 == 2:
        for dy in (-0.35, 0.0, 0.35):
            wave = [(x + t * 0.1 * r, y + (dy + 0.12 * sin(t * 0.9)) * r) for t in range(-7, 8)]
            draw.line(wave, fill=ink, width=max(2, round(r / 7)))
    else:
        disc(draw, x, y, 0.7 * r, ink)
        disc(draw, x + 0.25 * r, y - 0.1 * r, 0.5 * r, ground)
