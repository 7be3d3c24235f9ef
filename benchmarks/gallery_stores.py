"""Compare the gallery's store with LanceDB: bit flips, exact search, import time, in one run.

    python -m venv other && other/bin/python -m pip install -e . lancedb "pyarrow<22" "numpy<2"
    taskset -c 0 other/bin/python benchmarks/gallery_stores.py --json gallery_stores.json

Flips: write a store of 200 vectors, flip one bit at a time, in the requested number of bytes per file (one byte per
file if there are hundreds of files), then read everything. The store may be rejected, read correctly, or read wrongly.

Search: the most similar products among random unit vectors; wall-clock time of one query at a time.

Import: wall-clock time of a new process that only imports the package, median of five.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of, show

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.search import ExactSearch
from shelfmind.gallery.storage import LocalFiles

VECTORS, WIDTH = 200, 64
QUERIES, QUERY_WIDTH = 50, 512
ME = Attribution("benchmark")


@dataclass(frozen=True)
class Flips:
    """The outcome of reading a store after one bit was flipped."""

    refused: int
    as_it_was: int
    something_else: int


class Drawn:
    """Embeds photos with the vectors of a table, in order."""

    def __init__(self, vectors: Floats) -> None:
        self.vectors = vectors

    @property
    def identity(self) -> Mapping[str, Any]:
        """The model of a fictitious network."""
        return {"weights": "drawn", "width": self.vectors.shape[1]}

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return the vector that each photo names."""
        return self.vectors[[int(photo) for photo in photos]]


def write_ours(folder: Path, vectors: Floats) -> None:
    """Create a gallery of one photo per product."""
    embedder = Drawn(vectors)
    gallery = Gallery.create(LocalFiles(folder), embedder, ME)
    gallery.add([Photo(f"s{index}", "photo", b"%d" % index) for index in range(len(vectors))], embedder, ME)


def read_ours(folder: Path) -> object:
    """Return everything in a gallery."""
    gallery = Gallery(LocalFiles(folder))
    entries, vectors = gallery.vectors()
    return [gallery.photo(entry.sha256) for entry in entries], entries, vectors.tobytes(), gallery.state.history


def write_lance(folder: Path, vectors: Floats) -> None:
    """Create a table of the same vectors."""
    import lancedb
    import pyarrow

    column = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(vectors.ravel()), vectors.shape[1])
    names = [f"s{index}" for index in range(len(vectors))]
    lancedb.connect(folder).create_table("rows", pyarrow.table({"sku": names, "vector": column}))


def read_lance(folder: Path) -> object:
    """Return everything in the table."""
    import lancedb

    return lancedb.connect(folder).open_table("rows").to_arrow().to_pydict()


def flipped(folder: Path, read: Callable[[Path], object], places: int) -> Flips:
    """Flip a bit in this many places of each file, one at a time, and read."""
    wanted, rng = read(folder), np.random.default_rng(0)
    refused = same = other = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        for index in rng.integers(0, len(content), places).tolist():
            damaged = bytearray(content)
            damaged[index] ^= 0x40
            path.write_bytes(damaged)
            try:
                got = read(folder)
            except BaseException as error:  # a LanceDB panic does not derive from Exception
                if isinstance(error, KeyboardInterrupt):
                    raise
                refused += 1
            else:
                same, other = same + (got == wanted), other + (got != wanted)
        path.write_bytes(content)
    return Flips(refused, same, other)


def milliseconds(search: Callable[[Floats], object], queries: Floats) -> dict[str, float]:
    """Return the median and 99th percentile of single queries; the first is not counted."""
    search(queries[:1])
    taken = []
    for index in range(len(queries)):
        start = time.perf_counter()
        search(queries[index : index + 1])
        taken.append(1000 * (time.perf_counter() - start))
    return {"p50": float(np.median(taken)), "p99": float(np.quantile(taken, 0.99))}


def searches(count: int, folder: Path) -> dict[str, Any]:
    """Run both exact searches among `count` vectors, and count the queries with the same top product."""
    import lancedb

    rng = np.random.default_rng(1)
    vectors = unit_rows(rng.standard_normal((count, QUERY_WIDTH), dtype=np.float32))
    queries = unit_rows(vectors[rng.integers(0, count, QUERIES)] + 0.05 * rng.standard_normal((QUERIES, QUERY_WIDTH)))
    queries = queries.astype(np.float32)
    ours = ExactSearch([Entry(f"s{index}", "", "") for index in range(count)], vectors)
    write_lance(folder, vectors)
    table = lancedb.connect(folder).open_table("rows")

    def lance(query: Floats) -> list[str]:
        return [row["sku"] for row in table.search(query[0]).distance_type("cosine").limit(5).to_list()]

    agreed = sum(ours(query[None], 1)[0][0].sku == lance(query[None])[0] for query in queries)
    return {
        "ours": milliseconds(lambda query: ours(query, 5), queries),
        "lancedb": milliseconds(lance, queries),
        "same first": f"{agreed} of {QUERIES}",
    }


def seconds_to_import(module: str) -> float:
    """Return the time of a new process, including that of an empty one."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Run everything and print the results."""
    parser = parser_of(__doc__)
    parser.add_argument("--places", type=int, default=40, help="flips per file")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000], help="numbers of vectors to search")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given: argparse.Namespace = parser.parse_args()
    if find_spec("lancedb") is None:
        raise UserError("this compares with LanceDB, which is not installed: pip install lancedb 'pyarrow<22'")
    vectors = unit_rows(np.random.default_rng(0).standard_normal((VECTORS, WIDTH), dtype=np.float32))
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        stores = {"ours": (write_ours, read_ours), "lancedb": (write_lance, read_lance)}
        for name, (write, read) in stores.items():
            folder = Path(scratch) / name
            write(folder, vectors)
            files = len([path for path in folder.rglob("*") if path.is_file()])
            places = given.places if files < VECTORS else 1
            figures[f"flips, {name}"] = {"files": files, **asdict(flipped(folder, read, places))}
        for size in given.sizes:
            figures[f"search among {size:,}"] = searches(size, Path(scratch) / str(size))
    figures["seconds to import"] = {each: seconds_to_import(each) for each in ("lancedb", "shelfmind.gallery.gallery")}
    show(figures, given.json)


if __name__ == "__main__":
    sys.exit(exit_status(main))
