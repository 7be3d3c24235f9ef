"""A training run that is measured and then discarded."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from shelfmind.benchmarking.subjects import recipe_of
from shelfmind.inference.exported import read_exported
from shelfmind.recipe import load_recipe
from shelfmind.records import Sample
from shelfmind.runs.folder import RunFolder
from shelfmind.training.build import Images, build_training
from shelfmind.training.loop import Training
from shelfmind.training.run import choose_kernels


def scratch_training(place: Path, overrides: list[str]) -> Training:
    """A training run with the recipe of a run or file and `overrides`, on random squares from random weights."""
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "recipe.yaml"
        own.write_text(recipe_of(place).dump(), encoding="utf-8")
        recipe = load_recipe(str(own), overrides)
    names = read_exported(place).class_names if place.is_file() else RunFolder(place).read_classes()[0]
    count, side = recipe.train.batch_size, recipe.data.resize_to
    squares = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    samples = [Sample(Path(f"{number}.jpg"), number % len(names), "train") for number in range(count)]
    images = Images(squares, samples, squares[:1], samples[:1], [])
    choice = choose_kernels(recipe)
    return build_training(RunFolder(place), recipe, images, len(names), 0, None, time.perf_counter(), None, choice)
