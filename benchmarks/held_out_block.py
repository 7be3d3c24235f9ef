"""Write a list of a data set whose `val` adds a block of each class's training images to the images of `val`.

    .venv/bin/python benchmarks/held_out_block.py GROCERY_STORE --block 3 --out list.csv

The block is that of `cross_validate.py`: images from the same shops as the training images. The other images of `val`
keep their paths, so that results on the two kinds can be told apart.
"""

from __future__ import annotations

import sys
from pathlib import Path

import mindspore_started  # noqa: F401 - before MindSpore
from command import exit_status, parser_of
from cross_validate import fold_rows

from shelfmind.data import open_catalog
from shelfmind.tables import write_table


def main() -> None:
    """Write the list."""
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--block", type=int, default=3, help="index of the block, from 0 (default: %(default)s)")
    parser.add_argument("--blocks", type=int, default=5, help="number of blocks (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    catalog = open_catalog(arguments.data)
    others = [(str(each.path), catalog.class_names[each.label], "val") for each in catalog.split("val")]
    rows = [*fold_rows(catalog, arguments.block, arguments.blocks), *others]
    write_table(arguments.out, ("path", "label", "split"), rows)


if __name__ == "__main__":
    sys.exit(exit_status(main))
