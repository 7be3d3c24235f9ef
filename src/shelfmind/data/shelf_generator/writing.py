"""Write a generated data set: counts and splits, rendering on several threads, and a whole set or none."""

from __future__ import annotations

import csv
import os
import secrets
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import numpy as np

from shelfmind.data.shelf_generator.camera import photograph
from shelfmind.data.shelf_generator.designs import MAX_DESIGNS, designs
from shelfmind.data.shelf_generator.fonts import Fonts, system_fonts
from shelfmind.data.shelf_generator.packages import Package, package
from shelfmind.errors import UserError

Row = dict[str, object]
MIN_IMAGES_PER_CLASS = 4  # one to train on, one to validate, two to test


def generate(
    out: Path,
    *,
    classes: int = 12,
    images: int = 480,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `images` photos of `classes` made-up products as ``out/{train,val,test}/<class>/<nnnn>.jpg``.

    About 70, 10 and 20% of each class, and ``out/truth.csv`` with every photo's difficulty. The classes are mildly
    long-tailed. The same seed, fonts and Pillow give the same bytes; a photo depends on its seed, class and number
    alone. `progress` is called with the number of photos written so far. `out` must be missing or empty and appears
    only when all is written. Raises `UserError` for counts that do not fit or an `out` that cannot be written.
    """
    if classes < 2 or images < MIN_IMAGES_PER_CLASS * classes:
        raise UserError(f"{images} images of {classes} classes: give 2 classes or more and at least 4 images of each")
    if classes > MAX_DESIGNS:
        raise UserError(f"{classes} classes are more than there are names for; give {MAX_DESIGNS} or fewer")
    if seed < 0:
        raise UserError(f"the seed {seed} is negative; give 0 or more")
    out = Path(out).absolute()
    partial = out.with_name(f".{out.name}.partial-{secrets.token_hex(4)}")
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise UserError(f"{out} is not an empty folder; choose another, or empty it first")
        partial.mkdir(parents=True)
        try:
            _write(partial, classes, images, seed, progress)
            if out.exists():
                out.rmdir()
            partial.rename(out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error


def class_counts(classes: int, images: int, seed: int) -> list[int]:
    """Images of each class: a mild long tail in a seeded order, at least four each, `images` in all."""
    rank = np.random.default_rng([seed, 2]).permutation(classes)
    weights = (rank + 2.0) ** -0.4
    spare = images - MIN_IMAGES_PER_CLASS * classes
    counts = np.floor(spare * weights / weights.sum()).astype(int) + MIN_IMAGES_PER_CLASS
    counts[np.argsort(rank)[: images - int(counts.sum())]] += 1
    return [int(count) for count in counts]


def split_names(count: int) -> list[str]:
    """The split of each of a class's images, by number: 70% train, 10% val (1 or more), 20% test (2 or more)."""
    val, test = max(1, round(0.1 * count)), max(2, round(0.2 * count))
    return ["train"] * (count - val - test) + ["val"] * val + ["test"] * test


def render(product: Package, fonts: Fonts, seed: int, class_number: int, number: int) -> tuple[bytes, Row]:
    """One photo's JPEG bytes and its difficulty factors; depends on these arguments alone."""
    encoded, shot = photograph(product, fonts, np.random.default_rng([seed, 3, class_number, number]))
    return encoded, asdict(shot)


def _write(root: Path, classes: int, images: int, seed: int, progress: Callable[[int], None] | None) -> None:
    written = 0
    fonts = system_fonts()
    # Closing stops the threads before the caller removes what they write.
    photos = closing(_photos(root, classes, images, seed, fonts))
    with photos as rows, (root / "truth.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        for row in rows:
            if not written:
                table.writerow(row)
            table.writerow(row.values())
            written += 1
            if progress:
                progress(written)


def _photos(root: Path, classes: int, images: int, seed: int, fonts: Fonts) -> Generator[Row, None, None]:
    """Write class after class, so that memory holds one product at a time; yields the rows of the truth."""
    counts = class_counts(classes, images, seed)
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for class_number, design in enumerate(designs(classes, seed)):
            product = package(design, fonts)
            splits = split_names(counts[class_number])
            for split in set(splits):
                (root / split / design.name).mkdir(parents=True)

            def one(number: int, product: Package = product, k: int = class_number, splits: list[str] = splits) -> Row:
                name = product.design.name
                path = f"{splits[number]}/{name}/{number:04d}.jpg"
                encoded, factors = render(product, fonts, seed, k, number)
                (root / path).write_bytes(encoded)
                return {"path": path, "class": name, "split": splits[number], **factors}

            yield from pool.map(one, range(len(splits)))
