"""CPU time to open and to read the cached squares of a data set: `python benchmarks/square_cache.py DATA`.

Prints, for the first (empty) and two further openings, the CPU seconds of opening, of the first pass, which verifies
every checksum, and of a second pass, which touches one pixel of each square. Set SHELFMIND_CACHE to an empty folder.
"""

from __future__ import annotations

import argparse
import time

from shelfmind.data import open_catalog
from shelfmind.images.squares import in_order, open_squares
from shelfmind.recipe import load_recipe


def main() -> None:
    """Measure, and print a row per opening."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--recipe", default="grocery_cpu")
    parser.add_argument("--openings", type=int, default=3)
    arguments = parser.parse_args()
    samples = open_catalog(arguments.data).split("train")
    data = load_recipe(arguments.recipe).data
    print(f"{len(samples)} squares of {data.resize_to} px")
    print("| opening | first pass | second pass | CPU seconds")
    for _ in range(arguments.openings):
        times = [time.process_time()]
        squares, _, _ = open_squares(samples, data)
        times.append(time.process_time())
        for _ in range(2):
            for image in in_order(squares):
                assert image[0, 0, 0] >= 0  # touches the page
            times.append(time.process_time())
        print("| " + " | ".join(f"{after - before:.3f}" for before, after in zip(times, times[1:], strict=False)))


if __name__ == "__main__":
    main()
