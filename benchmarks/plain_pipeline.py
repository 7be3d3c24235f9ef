"""A straightforward pipeline with Pillow, NumPy and threads: the baseline of `loading.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageOps

from shelfmind.errors import UserError
from shelfmind.recipe import Recipe
from shelfmind.transforms.mixing import mix_batch, one_hot

Floats = npt.NDArray[np.float32]
Generator = np.random.Generator
BILINEAR = Image.Resampling.BILINEAR


def rotated(image: Image.Image, generator: Generator, recipe: Recipe, size: int, degrees: float = 10.0) -> Image.Image:
    """Rotate about the centre by up to `degrees`."""
    return image.rotate(generator.uniform(-degrees, degrees), BILINEAR, fillcolor=recipe.data.fill)


def cropped(
    image: Image.Image,
    generator: Generator,
    recipe: Recipe,
    size: int,
    scale: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (0.75, 1.3333),
) -> Image.Image:
    """Crop a random part and resize it to `size`."""
    width, height = image.size
    for _ in range(10):
        area = width * height * generator.uniform(*scale)
        shape = math.exp(generator.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            left, top = generator.integers(width - w + 1), generator.integers(height - h + 1)
            return image.resize((size, size), BILINEAR, box=(left, top, left + w, top + h))
    return image.resize((size, size), BILINEAR)


def flipped(
    image: Image.Image, generator: Generator, recipe: Recipe, size: int, probability: float = 0.5
) -> Image.Image:
    """Flip left and right at random."""
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if generator.random() < probability else image


def jittered(
    image: Image.Image,
    generator: Generator,
    recipe: Recipe,
    size: int,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
) -> Image.Image:
    """Change brightness, contrast and saturation."""
    image = ImageEnhance.Brightness(image).enhance(generator.uniform(1 - brightness, 1 + brightness))
    image = ImageEnhance.Contrast(image).enhance(generator.uniform(1 - contrast, 1 + contrast))
    return ImageEnhance.Color(image).enhance(generator.uniform(1 - saturation, 1 + saturation))


def cut_out(
    image: Image.Image, generator: Generator, recipe: Recipe, size: int, length: int = 14, patches: int = 1
) -> Image.Image:
    """Mask `patches` black squares."""
    for _ in range(patches):
        left, top = generator.integers(size) - length // 2, generator.integers(size) - length // 2
        image.paste((0, 0, 0), (int(left), int(top), int(left) + length, int(top) + length))
    return image


OPERATORS: dict[str, Callable[..., Image.Image]] = {
    "random_rotation": rotated,
    "random_resized_crop": cropped,
    "horizontal_flip": flipped,
    "color_jitter": jittered,
    "cutout": cut_out,
}


class PlainBatches:
    """Creates the batches of a recipe from files, photo by photo, on threads."""

    def __init__(self, paths: Sequence[Path], labels: npt.NDArray[np.int64], classes: int, recipe: Recipe) -> None:
        names = [name for name, _ in recipe.augment]
        if "random_resized_crop" not in names:
            raise UserError("the plain pipeline takes recipes with random_resized_crop only")
        unknown = [name for name in names if name not in OPERATORS]
        if unknown or recipe.data.resize != "structure_retention":
            raise UserError(f"the plain pipeline lacks {', '.join(unknown) or recipe.data.resize}")
        self.paths = paths
        self.labels = labels
        self.classes = classes
        self.recipe = recipe
        self.mean = np.array(recipe.data.mean, np.float32) * 255
        self.deviation = np.array(recipe.data.std, np.float32) * 255

    def epoch(
        self, number: int, threads: int, squares: Sequence[Image.Image] | None = None
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yield all full batches in random order, from `squares` if given; the next batch is prepared meanwhile."""
        generator = np.random.default_rng((number, 2))
        order = generator.permutation(len(self.labels))
        count = self.recipe.train.batch_size
        groups = [order[start : start + count] for start in range(0, len(order) - count + 1, count)]
        with ThreadPoolExecutor(threads) as pool:

            def begin(group: Any) -> list[Future[Floats]]:
                return [pool.submit(self._one, int(index), number, squares) for index in group]

            coming = begin(groups[0])
            for position, group in enumerate(groups):
                under_way = coming
                coming = begin(groups[position + 1]) if position + 1 < len(groups) else []
                images = np.stack([future.result() for future in under_way])
                targets = one_hot(self.labels[group], self.classes)
                yield mix_batch(images, targets, self.recipe.mixing, generator)

    def _one(self, index: int, epoch: int, squares: Sequence[Image.Image] | None) -> Floats:
        generator = np.random.default_rng((epoch, index))
        image = self._square(self.paths[index]) if squares is None else squares[index]
        size = self.recipe.data.image_size
        for name, parameters in self.recipe.augment:
            image = OPERATORS[name](image, generator, self.recipe, size, **parameters)
        pixels = (np.asarray(image, np.float32) - self.mean) / self.deviation
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def _square(self, path: Path) -> Image.Image:
        """Return the photo upright, padded to a square (Structure-Retention Resize)."""
        size = self.recipe.data.resize_to
        with Image.open(path) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
        return ImageOps.pad(image, (size, size), BILINEAR, color=self.recipe.data.fill)
