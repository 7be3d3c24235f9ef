"""`embed` in one process compared with workers of a Ray cluster on the same machine:

    RAY_worker_niceness=0 ray start --head --num-cpus=2 --include-dashboard=false
    python benchmarks/cluster.py network.onnx --workers 1 --workers 2

Prints, for interleaved rounds, the seconds of the whole call, the seconds until the first part, and the images per
second from then on. Stops if an output differs from the first one.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from shelfmind import embed
from shelfmind.requests.watching import Observer

SIDES = (360, 480)
PART_SIZE = 64


class Clock(Observer):
    """The time of each finished part."""

    def __init__(self) -> None:
        self.parts: list[tuple[float, int]] = []

    def counter(self, what: str, total: int | None, unit: str = "images") -> Callable[[int], None]:
        """Keep the time of each part."""
        return lambda done: self.parts.append((time.perf_counter(), done))


def make_photos(folder: Path, count: int) -> None:
    """JPEG files of 360 x 480 pixels: smooth random colours, seed 0."""
    random = np.random.default_rng(0)
    for number in range(count):
        small = Image.fromarray(random.integers(0, 256, (12, 9, 3), dtype=np.uint8))
        small.resize(SIDES, Image.Resampling.BICUBIC).save(folder / f"{number:06}.jpg", quality=90)


def measured(run: Path, photos: Path, **more: Any) -> tuple[bytes, tuple[float, float, float]]:
    """The output; seconds in total, seconds until the first part, and images per second after it."""
    clock, out = Clock(), photos.parent / "embeddings.parquet"
    began = time.perf_counter()
    embed(run, out, [str(photos)], part_size=PART_SIZE, watcher=clock, **more)
    total = time.perf_counter() - began
    content = out.read_bytes()
    out.unlink()
    (first, _), (last, _) = clock.parts[0], clock.parts[-1]
    return content, (total, first - began, sum(done for _, done in clock.parts[1:]) / (last - first))


def main() -> None:
    """Measure one process and clusters."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--ray", default="auto")
    parser.add_argument("--workers", type=int, action="append", default=[])
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ways: dict[str, dict[str, Any]] = {"one process": {}}
    ways |= {f"workers: {each}": {"ray": given.ray, "workers": each} for each in given.workers}
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        make_photos(photos, given.photos)
        outputs = set[bytes]()
        for _ in range(given.rounds):
            for name, more in ways.items():
                output, times = measured(given.run, photos, engine=given.engine, **more)
                outputs.add(output)
                assert len(outputs) == 1, f"{name}: the output differs"
                found[name].append(times)
    for name, rounds in found.items():
        total, first, speed = (statistics.median(each) for each in zip(*rounds, strict=True))
        speeds = [each[2] for each in rounds]
        print(
            f"{name}: {total:.1f} s, first part after {first:.1f} s, then {speed:.0f} images/s "
            f"({min(speeds):.0f} to {max(speeds):.0f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
