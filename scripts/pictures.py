"""Create the README's pictures: a synthetic shelf recognised by the demo's run, its report and the review page.

Run it after ``make demo``, with Chromium installed: ``.venv/bin/python scripts/pictures.py demo docs/pictures``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import shelfmind
from shelfmind.shelf_generator.fonts import sized_font
from shelfmind.shelf_generator.packages import package
from shelfmind.shelf_generator.posing import posed
from shelfmind.shelf_generator.settings import Settings
from shelfmind.shelf_generator.studio import Studio

WIDTH, ROW_HEIGHT, ROWS, TALLEST, RAIL = 1240, 352, 2, 250, 78
WALL, BOARD = (206, 204, 198), (120, 92, 64)
COMMAND = Path(sys.executable).with_name("shelfmind")
CHROMIUM = shutil.which("chromium") or "chromium"
Box = tuple[int, int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
WRONG_LABELS = {"images": 240, "label_errors": 0.125}
RIGHT, WRONG = (0, 120, 84), (200, 30, 30)


@dataclass(frozen=True)
class Facing:
    """A product on the shelf: its class name and its box (left, top, right, bottom) in pixels."""

    name: str
    box: Box


def shelf(studio: Studio, seed: int) -> tuple[Image.Image, list[Facing]]:
    """Return two shelves full of products of the data set, as an RGB image, and the box of each product."""
    rng = np.random.default_rng(seed)
    fall = np.linspace(0.72, 1.0, ROW_HEIGHT)[:, None, None]
    row = np.tile(np.array(WALL) * fall, (1, WIDTH, 1))
    row[-RAIL - 10 :] = np.array(BOARD) * np.linspace(1.2, 0.75, RAIL + 10)[:, None, None]
    photo = Image.fromarray(np.tile(row, (ROWS, 1, 1)).astype(np.uint8))
    facings: list[Facing] = []
    products = rng.permutation(np.repeat(np.arange(len(studio.plan.products)), 3)).tolist()
    for board in range(1, ROWS + 1):
        left, base = 24, board * ROW_HEIGHT - RAIL
        while products:
            item, name = _item(studio, products[-1], rng)
            if left + item.width > WIDTH - 16:
                break
            products.pop()
            top = base - item.height
            shadow = item.getchannel("A").filter(ImageFilter.GaussianBlur(6)).point(lambda alpha: alpha * 0.45)
            photo.paste((30, 24, 18), (left + 5, top + 2), shadow)
            photo.paste(item, (left, top), item)
            facings.append(Facing(name, (left, top, left + item.width, base)))
            left += item.width + int(rng.integers(4, 16))
    return photo.filter(ImageFilter.GaussianBlur(0.5)), facings


def _item(studio: Studio, product: int, rng: np.random.Generator) -> tuple[Image.Image, str]:
    design = studio.plan.products[product]
    height = TALLEST * min(1.0, 0.62 + 0.12 * design.ratio)
    yaw, pitch = np.radians(rng.normal(0, 7)), np.radians(4)
    item = posed(package(design, studio.fonts), float(yaw), float(pitch), height, int(rng.integers(2**31)))
    size = round(item.width * height / item.height), round(height)
    return item.resize(size, Image.Resampling.LANCZOS), design.name


def recognised(run: Path, photo: Image.Image, facings: list[Facing], studio: Studio) -> Image.Image:
    """Return the photo with the prediction for each box, in red if it is wrong."""
    guesses = [one.guesses[0] for one in shelfmind.load(run).predict([photo.crop(facing.box) for facing in facings])]
    font = sized_font(studio.fonts.cjk[0] if studio.fonts.cjk else None, 13)
    canvas = photo.copy()
    draw = ImageDraw.Draw(canvas)
    for facing, guess in zip(facings, guesses, strict=True):
        colour = RIGHT if guess.class_name == facing.name else WRONG
        draw.rectangle(facing.box, outline=colour, width=3)
        _caption(draw, facing.box, f"{guess.class_name} {guess.probability:.0%}", font, colour)
    right = sum(guess.class_name == facing.name for facing, guess in zip(facings, guesses, strict=True))
    print(f"{right} of {len(facings)} products recognised")
    return canvas


def _caption(draw: ImageDraw.ImageDraw, box: Box, text: str, font: Font, colour: tuple[int, int, int]) -> None:
    """Draw a price tag with text below a box, wrapped to its width."""
    left, _, right, bottom = box
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        fits = draw.textlength(longer, font) <= right - left - 8
        lines = [*lines[:-1], longer] if fits else [*lines, word]
    shown = [line for line in lines if line]
    top = bottom + 4
    draw.rectangle((left, top, right, top + 16 * len(shown) + 4), fill="white", outline=colour)
    for index, line in enumerate(shown):
        draw.text((left + 5, top + 1 + 16 * index), line, fill=colour, font=font)


def screenshot(address: str, target: Path, height: int) -> None:
    """Save a page as rendered by Chromium, 1240 pixels wide, as a WebP file."""
    with tempfile.TemporaryDirectory() as folder:
        shot = Path(folder) / "page.png"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=9000"]
        size = [f"--window-size={WIDTH},{height}", f"--user-data-dir={folder}/profile", f"--screenshot={shot}"]
        subprocess.run([CHROMIUM, *options, *size, address], check=True, capture_output=True)
        Image.open(shot).convert("RGB").save(target, quality=82, method=6)


def review_page(settings: Settings, run: Path, target: Path) -> None:
    """Save the review page for new photos of the demo's products, one in eight of them with a wrong label."""
    with tempfile.TemporaryDirectory() as folder:
        photos, audit = Path(folder) / "photos", Path(folder) / "audit"
        shelfmind.generate(**settings.model_copy(update=WRONG_LABELS).model_dump(), out=photos)
        subprocess.run([COMMAND, "audit", photos, "--run", run, "--out", audit], check=True, capture_output=True)
        words = [COMMAND, "review", audit, "--lang", "en", "--port", "0", "--no-browser"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            address = next(word for line in server.stdout for word in line.split() if word.startswith("http"))
            screenshot(address, target, 800)
            server.terminate()


def main(demo: Path, out: Path) -> None:
    """Write shelf.webp, report.webp and review.webp."""
    out.mkdir(parents=True, exist_ok=True)
    record = json.loads((demo / "photos" / "generation.json").read_text(encoding="utf-8"))
    settings = Settings(**record["settings"])
    studio = Studio(settings)
    photo, facings = shelf(studio, seed=1)
    recognised(demo / "run", photo, facings, studio).save(out / "shelf.webp", quality=84, method=6)
    screenshot((demo / "run" / "report.html").resolve().as_uri() + "?lang=en", out / "report.webp", 900)
    review_page(settings, demo / "run", out / "review.webp")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
