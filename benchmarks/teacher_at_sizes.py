"""Measure the accuracy of an exported network on validation photos downscaled to a student's size and upscaled again.

.venv/bin/python benchmarks/teacher_at_sizes.py FILE GROCERY_STORE --sizes 128 96 80 64
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from command import exit_status, parser_of

from shelfmind.data import open_catalog
from shelfmind.images.rescaling import rescaled
from shelfmind.images.squares import open_squares
from shelfmind.inference.engines import AUTO
from shelfmind.inference.predictor import file_predictor

BATCH_SIZE = 32


def main() -> None:
    """Print top-1 at each size."""
    parser = parser_of(__doc__)
    parser.add_argument("file", type=Path, help="exported network")
    parser.add_argument("data", type=Path, help="the Grocery Store data set")
    parser.add_argument("--sizes", type=int, nargs="+", default=[128, 96, 80, 64], help="pixels (default: %(default)s)")
    arguments = parser.parse_args()
    predictor = file_predictor(arguments.file, (), AUTO, BATCH_SIZE)
    catalog = open_catalog(arguments.data)
    squares, samples, _ = open_squares(catalog.split("val"), predictor.recipe.data, lambda _: None)
    right = [predictor.class_names.index(catalog.class_names[sample.label]) for sample in samples]
    size = predictor.recipe.evaluation_size
    for seen in (None, *arguments.sizes):
        images = [squares[at] if seen is None else rescaled(squares[at], seen) for at in range(len(samples))]
        found = np.stack([rescaled(image, size) for image in images])
        parts = [predictor.engine(found[at : at + BATCH_SIZE])[0] for at in range(0, len(found), BATCH_SIZE)]
        top1 = (np.concatenate(parts).argmax(1) == np.array(right)).mean()
        print(f"{'whole' if seen is None else f'{seen} px'}: {100 * top1:.1f}%")


if __name__ == "__main__":
    sys.exit(exit_status(main))
