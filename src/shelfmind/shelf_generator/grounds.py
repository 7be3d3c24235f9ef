"""Package backgrounds: plain colour, waves, rays, stripes and other patterns in a brand's colours."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin

import numpy as np
from PIL import Image, ImageDraw

from shelfmind.shelf_generator.motifs import blend, lighter
from shelfmind.shelf_generator.vocabulary import Colour, Palette

Ground = Callable[[Image.Image, Palette, np.random.Generator], None]


def gradient(size: tuple[int, int], top: Colour, bottom: Colour) -> Image.Image:
    """A gradient from one colour to another."""
    column = np.linspace(0, 1, size[1], dtype=np.float32)[:, None]
    shades = np.array(top, np.float32) * (1 - column) + np.array(bottom, np.float32) * column
    return Image.fromarray(np.repeat(shades.astype(np.uint8)[:, None], size[0], axis=1))


def wave(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """A wavy lower part."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    primary, secondary, accent = palette
    level, phase = rng.uniform(0.5, 0.66), rng.uniform(0, 6)
    for shift, colour in ((0.0, accent), (0.025, secondary), (0.07, blend(primary, secondary, 0.82))):
        edge = [(x * w / 24, h * (level + shift + 0.035 * sin(x / 3.6 + phase))) for x in range(25)]
        draw.polygon([*edge, (w, h), (0, h)], fill=colour)


def slant(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """A slanted top in the second colour."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    low, high = sorted(rng.uniform(0.2, 0.42, 2))
    draw.polygon([(0, 0), (w, 0), (w, low * h), (0, high * h)], fill=palette[1])
    draw.line([(0, high * h), (w, low * h)], fill=palette[2], width=max(3, round(h / 70)))


def stripes(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """Faint upright stripes between two edges."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    count = int(rng.integers(4, 9))
    for i in range(count):
        left = (i + 0.25) * w / count
        draw.rectangle((left, 0, left + 0.5 * w / count, h), fill=lighter(palette[0], -0.07))
    draw.rectangle((0, 0, w, 0.05 * h), fill=palette[1])
    draw.rectangle((0, 0.95 * h, w, h), fill=palette[1])


def halo(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """A large disc behind the picture."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    r, y = min(0.62 * w, 0.34 * h), rng.uniform(0.5, 0.62) * h
    draw.ellipse((w / 2 - r, y - r, w / 2 + r, y + r), fill=blend(palette[0], palette[1], 0.3))
    draw.ellipse((w / 2 - 0.8 * r, y - 0.8 * r, w / 2 + 0.8 * r, y + 0.8 * r), fill=blend(palette[0], palette[1], 0.2))
    draw.rectangle((0, 0, w, 0.03 * h), fill=palette[2])


def fade(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """A gradient from the first colour to a lighter or darker one."""
    depth = float(rng.choice([-0.45, 0.5]))
    image.paste(gradient(image.size, palette[0], lighter(palette[0], depth)))


def rays(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """Sunbeams from a point."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    x, y, reach = 0.5 * w, rng.uniform(0.4, 0.65) * h, 1.5 * max(w, h)
    for i in range(0, 24, 2):
        a, b = i * pi / 12, (i + 1) * pi / 12
        wedge = [(x, y), (x + reach * cos(a), y + reach * sin(a)), (x + reach * cos(b), y + reach * sin(b))]
        draw.polygon(wedge, fill=lighter(palette[0], 0.16 if sum(palette[0]) < 420 else -0.07))


def dots(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """Scattered bubbles."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    for _ in range(40):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.01, 0.06) * w
        draw.ellipse((x - r, y - r, x + r, y + r), fill=blend(palette[0], palette[int(rng.integers(1, 3))], 0.22))


def lattice(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """Diamonds, as on festive boxes."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    step = w / int(rng.integers(4, 8))
    for row in range(int(h / step) + 2):
        for column in range(int(w / step) + 2):
            x, y, r = (column + 0.5 * (row % 2)) * step, row * step, 0.3 * step
            draw.polygon(
                [(x, y - r), (x + r, y), (x, y + r), (x - r, y)], outline=blend(palette[0], palette[2], 0.45), width=3
            )


def frame(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """A double border."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    edge = 0.035 * min(w, h)
    draw.rectangle((edge, edge, w - edge, h - edge), outline=palette[2], width=max(3, round(0.4 * edge)))
    draw.rectangle((2 * edge, 2 * edge, w - 2 * edge, h - 2 * edge), outline=palette[1], width=2)


def halves(image: Image.Image, palette: Palette, rng: np.random.Generator) -> None:
    """Two colours, one above the other, with a line between."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    level = rng.uniform(0.45, 0.7) * h
    draw.rectangle((0, level, w, h), fill=blend(palette[0], palette[1], 0.75))
    draw.rectangle((0, level - 0.012 * h, w, level + 0.012 * h), fill=palette[2])


GROUNDS: tuple[Ground, ...] = (wave, slant, stripes, halo, fade, rays, dots, lattice, frame, halves)
