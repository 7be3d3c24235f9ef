"""Compare images/s of shelfmind's training pipeline with a plain Pillow and NumPy pipeline of the same operations.

    .venv/bin/python benchmarks/loading.py --json loading.json
    .venv/bin/python benchmarks/loading.py --data PHOTOS --recipes grocery_cpu base

Without ``--data``, synthetic photos are generated first. The rules:

- Both deliver the same kind of batches: photos decoded upright, SRR to a square, the recipe's augmentations in order,
  normalised, channels first, mixed as in the recipe. The plain pipeline does so for every photo in every epoch, on 1
  thread and on one thread per core, one batch ahead of the consumer.
- shelfmind decodes and resizes once, into its cache. "first epoch" includes this, from an empty cache; "later epochs"
  do not. The ratio is given for later epochs and for 10 epochs together. "plain, squares in memory" has the same head
  start as later epochs and thus shows the effect of the C++ operators alone. "no cache" is a data set beyond the
  cache's limit (8 GiB, such as RP2K), which is decoded in every epoch.
- shelfmind is measured with 1 worker (the recipes' setting) and with one per core. It uses more threads than workers,
  so CPU milliseconds per image are printed as well: 1000 x cores / that is the limit of a perfectly parallel pipeline.
- Rounds are interleaved, every second one in reverse order. All files are read once before, so none comes from disk.
  The start-up of Python and MindSpore is not counted; one short uncounted pass comes first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
import numpy.typing as npt
from command import parser_of
from PIL import Image
from plain_pipeline import PlainBatches

from shelfmind import generate
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.squares import DecodedOnDemand, Squares, open_squares
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.records import Sample

CORES = len(os.sched_getaffinity(0))
EPOCHS = 10

Batches = Iterable[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]


class Loading:
    """The pipelines of one recipe on the same photos; each method runs the batches of one epoch."""

    def __init__(self, samples: list[Sample], classes: int, recipe: Recipe, cache: Path) -> None:
        self.samples = samples
        self.classes = classes
        self.recipe = recipe
        self.cache = cache
        self.labels = np.array([sample.label for sample in samples], np.int64)
        self.epoch = itertools.count()
        self.squares = self._decoded()

    def ours(self, workers: int, squares: Squares | None = None) -> Batches:
        """Run shelfmind's batches from its cache, or from `squares`."""
        train = self.recipe.train.model_copy(update={"workers": workers})
        recipe = self.recipe.model_copy(update={"train": train})
        squares = self.squares if squares is None else squares
        batches = TrainingBatches(squares, self.labels, self.classes, recipe, 0)
        return batches.segment(next(self.epoch), 0, batches.steps_per_epoch, recipe.data.image_size, True)

    def ours_first(self, workers: int) -> Batches:
        """Run shelfmind's batches from an empty cache."""
        return self.ours(workers, self._decoded())

    def ours_uncached(self, workers: int) -> Batches:
        """Run shelfmind's batches of a data set that is too large for the cache."""
        return self.ours(workers, DecodedOnDemand([sample.path for sample in self.samples], self.recipe.data))

    def plain(self, threads: int, cached: bool = False) -> Batches:
        """Run the plain pipeline's batches, from squares in memory if `cached`."""
        plain = PlainBatches([sample.path for sample in self.samples], self.labels, self.classes, self.recipe)
        squares = [Image.fromarray(np.array(self.squares[i])) for i in range(len(self.labels))] if cached else None
        return plain.epoch(next(self.epoch), threads, squares)

    def _decoded(self) -> Squares:
        """Return squares of all photos, decoded into an empty cache."""
        shutil.rmtree(self.cache, ignore_errors=True)
        os.environ["SHELFMIND_CACHE"] = str(self.cache)
        squares, good, bad = open_squares(self.samples, self.recipe.data)
        if bad:
            raise UserError(f"{len(bad)} photos cannot be used ({bad[0].path}: {bad[0].reason}); remove them first")
        assert len(good) == len(self.samples)
        return squares


def measure(loading: Loading, rounds: int) -> dict[str, Any]:
    """Return images/s and CPU milliseconds per image of every pipeline, in interleaved rounds."""
    cores, workers = _count(CORES, "thread"), _count(CORES, "worker")
    pipelines: dict[str, Callable[[], Batches]] = {
        "shelfmind, first epoch": partial(loading.ours_first, CORES),
        "shelfmind, 1 worker": partial(loading.ours, 1),
        f"shelfmind, {workers}": partial(loading.ours, CORES),
        "shelfmind, no cache": partial(loading.ours_uncached, CORES),
        "plain, 1 thread": partial(loading.plain, 1),
        f"plain, {cores}": partial(loading.plain, CORES),
        f"plain, squares in memory, {cores}": partial(loading.plain, CORES, cached=True),
    }
    figures: dict[str, dict[str, list[float]]] = {}
    for batches in (loading.ours(1), loading.plain(1)):
        next(iter(batches))
    for number in range(rounds):
        for name in list(pipelines) if number % 2 == 0 else reversed(pipelines):
            rate, cpu_ms = _timed(pipelines[name])
            entry = figures.setdefault(name, {"images_per_second": [], "cpu_ms_per_image": []})
            entry["images_per_second"].append(rate)
            entry["cpu_ms_per_image"].append(cpu_ms)
    return {"pipelines": {name: figures[name] for name in pipelines}, "ratios": _ratios(figures)}


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' if number > 1 else ''}"


def _timed(start: Callable[[], Batches]) -> tuple[float, float]:
    """Return images/s and CPU milliseconds per image of one epoch."""
    count, began, cpu_began = 0, time.perf_counter(), time.process_time()
    for images, _ in start():
        count += len(images)
    cpu_s = time.process_time() - cpu_began
    return count / (time.perf_counter() - began), 1000 * cpu_s / count


def _ratios(figures: dict[str, dict[str, list[float]]]) -> dict[str, list[float]]:
    """Return the ratios of shelfmind's better setting to the plain pipeline, by round."""
    rates = {name: np.array(entry["images_per_second"]) for name, entry in figures.items()}

    def best(prefix: str) -> npt.NDArray[np.float64]:
        found = [values for name, values in rates.items() if name.startswith(prefix) and name[len(prefix)].isdigit()]
        return max(found, key=lambda values: float(np.median(values)))

    ours, first, one = best("shelfmind, "), rates["shelfmind, first epoch"], rates["plain, 1 thread"]
    plain, in_memory = best("plain, "), best("plain, squares in memory, ")
    together = EPOCHS / (1 / first + (EPOCHS - 1) / ours)
    ratios = {
        "later epochs to plain, best": ours / plain,
        f"{EPOCHS} epochs together to plain, best": together / plain,
        "first epoch to plain, best": first / plain,
        "no cache to plain, best": rates["shelfmind, no cache"] / plain,
        "1 worker to plain, 1 thread (later epochs)": rates["shelfmind, 1 worker"] / one,
        "later epochs to plain, squares in memory": ours / in_memory,
    }
    return {name: values.tolist() for name, values in ratios.items()}


def _print(name: str, recipe: Recipe, measured: dict[str, Any]) -> None:
    operators = ", ".join(operator for operator, _ in recipe.augment)
    print(f"\n{name}: {recipe.data.image_size} px from {recipe.data.resize_to}, {operators}; {CORES} cores")
    print(f"  {'images/s (min..max)':>26} {'CPU ms/image':>13}")
    for pipeline, entry in measured["pipelines"].items():
        rates, cpu_ms = entry["images_per_second"], statistics.median(entry["cpu_ms_per_image"])
        spread = f"({min(rates):.0f}..{max(rates):.0f})"
        print(f"  {statistics.median(rates):12.1f} {spread:>13} {cpu_ms:13.2f}  {pipeline}")
    for ratio, values in measured["ratios"].items():
        print(f"  ratio {statistics.median(values):5.2f} ({min(values):.2f}..{max(values):.2f})  {ratio}", flush=True)


def main() -> int:
    """Run the selected measurements. Return the exit status."""
    arguments = _arguments()
    results: dict[str, Any] = {"settings": vars(arguments) | {"cores": CORES}}
    try:
        with tempfile.TemporaryDirectory() as folder:
            data = Path(arguments.data or Path(folder) / "photos")
            if not arguments.data:
                print(f"generating {arguments.images} photos", flush=True)
                generate(data, images=arguments.images)
            catalog = open_catalog(data)
            samples = list(catalog.split("train"))[: arguments.limit]
            _warm(sample.path for sample in samples)
            print(f"{len(samples)} training photos of {data if arguments.data else 'synthetic products'}", flush=True)
            for name in arguments.recipes:
                recipe = load_recipe(name, [f"train.batch_size={arguments.batch_size}"])
                cache = Path(folder) / "cache"
                results[name] = measure(Loading(samples, len(catalog.class_names), recipe, cache), arguments.rounds)
                _print(name, recipe, results[name])
        if arguments.json:
            Path(arguments.json).write_text(json.dumps(results, indent=1) + "\n")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _warm(paths: Iterator[Path]) -> None:
    """Read all files once, so that no pipeline waits for the disk."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda path: len(path.read_bytes()), paths))


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--data", metavar="PATH", help="data set (default: synthetic photos)")
    parser.add_argument("--images", type=int, default=1200, help="photos to generate (default: %(default)s)")
    parser.add_argument("--limit", type=int, help="use at most this many training photos")
    parser.add_argument("--recipes", nargs="+", default=["grocery_cpu", "base"], help="(default: grocery_cpu base)")
    parser.add_argument("--batch-size", type=int, default=32, help="images per batch (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="also write the results to this file")
    parser.add_argument("--quick", action="store_true", help="smoke test: 96 synthetic photos, batch size 8, 1 round")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.images, arguments.batch_size, arguments.rounds, arguments.limit = 96, 8, 1, 64
    if min(arguments.rounds, arguments.batch_size - 1) < 1:
        parser.error("--rounds must be at least 1 and --batch-size at least 2")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
