"""Renders text as masks; Chinese becomes synthetic strokes if no font has it."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from shelfmind.shelf_generator.fonts import Fonts, sized_font


def is_chinese(character: str) -> bool:
    """Whether a character is a CJK ideograph."""
    return "\u3400" <= character <= "\u9fff"


def text_mask(text: str, height: int, fonts: Fonts, style: int = 0) -> Image.Image:
    """The text as an ``L`` mask cropped to the width of its ink, `height` pixels high; `style` selects the fonts."""
    latin = fonts.latin[style % len(fonts.latin)] if fonts.latin else None
    cjk = fonts.cjk[style // 7 % len(fonts.cjk)] if fonts.cjk else None
    return _line(text, height, latin, cjk)


def column_mask(text: str, width: int, fonts: Fonts, style: int = 0) -> Image.Image:
    """The text from top to bottom, one character per row, as an ``L`` mask `width` pixels wide."""
    rows = [text_mask(character, width, fonts, style) for character in text]
    column = Image.new("L", (width, max(1, len(rows) * width)))
    for index, row in enumerate(rows):
        if row.width > width:
            row = row.resize((width, width))
        column.paste(row, ((width - row.width) // 2, index * width))
    return column


@lru_cache(maxsize=256)
def _line(text: str, height: int, latin: Path | None, cjk: Path | None) -> Image.Image:
    parts: list[Image.Image] = []
    for chinese, run in groupby(text, is_chinese):
        if chinese and cjk is None:
            parts += [_strokes(character, height) for character in run]
        else:
            parts.append(_typeset("".join(run), height, cjk if chinese else latin))
    line = Image.new("L", (max(1, sum(part.width for part in parts)), height))
    left = 0
    for part in parts:
        line.paste(part, (left, 0))
        left += part.width
    return line


def _typeset(text: str, height: int, path: Path | None) -> Image.Image:
    font = sized_font(path, max(6, round(height * 0.86)))
    left, _, right, _ = font.getbbox(text)
    width = max(1, round(max(font.getlength(text), right - min(left, 0))))
    mask = Image.new("L", (width, height))
    anchor = "lm" if isinstance(font, ImageFont.FreeTypeFont) else None
    ImageDraw.Draw(mask).text((0, height / 2 if anchor else 0), text, fill=255, font=font, anchor=anchor)
    return mask


def _strokes(character: str, height: int) -> Image.Image:
    """A synthetic glyph: always the same for a character, different for others."""
    rng = np.random.default_rng(ord(character))
    mask = Image.new("L", (height, height))
    draw = ImageDraw.Draw(mask)
    low, high = 0.10 * height, 0.90 * height
    middle = low + (high - low) * rng.uniform(0.32, 0.5)
    boxes = [
        [(low, low, middle - 0.06 * height, high), (middle + 0.02 * height, low, high, high)],
        [(low, low, high, middle - 0.04 * height), (low, middle + 0.04 * height, high, high)],
        [(low, low, high, high)],
    ][rng.integers(3)]
    for box in boxes:
        _radical(draw, box, rng, max(1, round(height * 0.085)))
    return mask


def _radical(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], rng: np.random.Generator, pen: int
) -> None:
    """One component of a glyph: bars, posts and sweeps inside a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    bars = int(rng.integers(1, 2 + round((bottom - top) / (5 * pen))))
    for y in np.linspace(top, bottom, bars + 2)[1:-1] if rng.random() < 0.5 else np.linspace(top, bottom, bars + 1):
        inset = rng.uniform(0, 0.2) * (right - left)
        draw.line((left + inset, float(y), right - inset, float(y)), fill=255, width=pen)
    for x in rng.choice([left, (left + right) / 2, right], int(rng.integers(1, 3)), replace=False):
        draw.line((float(x), top, float(x), bottom), fill=255, width=pen)
    if rng.random() < 0.6:
        centre, waist = (left + right) / 2, (top + bottom) / 2
        draw.line((centre, waist, left, bottom), fill=255, width=pen)
        draw.line((centre, waist, right, bottom), fill=255, width=pen)
