"""Write many small distinct photos quickly: smooth noise as JPEG files in class folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

LAYERS = ((3, 0.5), (8, 0.3), (24, 0.2))
"""Side in cells and weight of each layer of noise; a class shares the coarsest one."""
SPLIT_OF_TENTHS = ("train",) * 8 + ("val", "test")


def write_photos(folder: Path, images: int, classes: int, longer_side: int, seed: int = 0) -> None:
    """Write the data set `folder`/<split>/<class>/<number>.jpg with every class in train; continues after a kill."""
    coarse = np.random.default_rng(seed).random((classes, LAYERS[0][0], LAYERS[0][0], 3), np.float32)
    for number in range(images):
        label = number % classes
        split = "train" if number < classes else SPLIT_OF_TENTHS[number // classes % 10]
        path = folder / split / f"class_{label:06d}" / f"{number:07d}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        photo(coarse[label], longer_side, np.random.default_rng((seed, number))).save(part, "JPEG", quality=85)
        part.rename(path)


def photo(coarse: np.ndarray, longer_side: int, generator: np.random.Generator) -> Image.Image:
    """Return one photo, between square and twice as long as wide, upright or lying."""
    shorter = int(longer_side * generator.uniform(0.5, 1.0))
    size = (shorter, longer_side) if generator.random() < 0.7 else (longer_side, shorter)
    pixels = np.zeros((size[1], size[0], 3), np.float32)
    for side, weight in LAYERS:
        noise = generator.random((side, side, 3), np.float32)
        if side == LAYERS[0][0]:
            noise = 0.7 * coarse + 0.3 * noise
        cells = Image.fromarray((255 * noise).astype(np.uint8))
        pixels += weight * np.asarray(cells.resize(size, Image.Resampling.BICUBIC), np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
