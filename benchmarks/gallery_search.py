"""Compare the gallery's search with exact search and FAISS (flat, HNSW): time, recall, memory, in one run.

    python -m venv other && other/bin/python -m pip install -e . faiss-cpu "numpy<2"
    taskset -c 0 other/bin/python benchmarks/gallery_search.py --json gallery_search.json

Vectors are 512 wide. "products" are distributed like networks' embeddings: 20 products per brand, 5 photos per product,
with a variance along the i-th direction proportional to 1/i; queries are further photos of these products. "random" are
independent directions on a sphere, as are their queries: the hardest case, which no index solves.

Each query is passed to every search in turn, one at a time, on one thread. Both wall-clock and CPU time are reported,
for machines that are not idle. Recall at 1 is the share of queries whose first photo is as similar as that of exact
search. HNSW (32 links, 40 candidates when building) uses the fewest candidates that reach a recall of 0.99 on separate
queries; `--hnsw` caches its indexes in a folder, with their build cost. Memory is the growth of the process.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import gc
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from command import exit_status, parser_of

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.files import write_json
from shelfmind.gallery.cells import CellSearch, search_of
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.search import ExactSearch

WIDTH, TOP = 512, 5
PHOTOS, PRODUCTS = 5, 20
SPREAD = 0.7
"""Distance of products from their brand, and of photos from their product; brands are 1 apart."""
LINKS, AT_BUILDING = 32, 40
CANDIDATES = (16, 32, 64, 128, 256, 512, 1024, 2048)
Ask = Callable[[Floats], float]
"""Maps one query (1, D) to the similarity of the best photo."""


def product_vectors(count: int, asked: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return unit vectors (count, D) of products' photos, and (asked, D) of queries."""
    scale = np.arange(1, WIDTH + 1, dtype=np.float32) ** -0.5
    scale /= np.linalg.norm(scale)

    def apart(rows: int) -> Floats:
        return rng.standard_normal((rows, WIDTH), dtype=np.float32) * scale

    products = count // PHOTOS
    brands = apart(max(1, products // PRODUCTS))
    centres = brands[rng.integers(0, len(brands), products)] + SPREAD * apart(products)
    vectors = np.repeat(centres, PHOTOS, axis=0)
    for start in range(0, count, 50_000):
        chunk = vectors[start : start + 50_000]
        chunk += SPREAD * apart(len(chunk))
        chunk /= np.linalg.norm(chunk, axis=1, keepdims=True)
    return vectors, unit_rows(centres[rng.integers(0, products, asked)] + SPREAD * apart(asked))


def random_vectors(count: int, asked: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return independent unit vectors (count, D), and queries (asked, D)."""
    vectors = rng.standard_normal((count, WIDTH), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, unit_rows(rng.standard_normal((asked, WIDTH), dtype=np.float32))


VECTORS = {"products": product_vectors, "random": random_vectors}


class Measured:
    """Build cost in seconds and MB."""

    def __enter__(self) -> Measured:
        gc.collect()
        self.start, self.processor, self.memory = time.perf_counter(), time.process_time(), megabytes()
        return self

    def __exit__(self, *_: object) -> None:
        gc.collect()
        self.figures = {
            "built in s": round(time.perf_counter() - self.start, 1),
            "processor s": round(time.process_time() - self.processor, 1),
            "MB": round(megabytes() - self.memory),
        }


def megabytes() -> float:
    """Return the memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def entries_of(count: int) -> list[Entry]:
    """Return entries with five photos per product."""
    digits = f"{0:048x}"
    return [
        Entry(f"s{index // PHOTOS:07d}", f"{index * 0x9E3779B97F4A7C15 % 2**64:016x}{digits}", "")
        for index in range(count)
    ]


def hnsw(vectors: Floats, kept: Path) -> tuple[Any, dict[str, float]]:
    """Return FAISS's index and its build cost, from the cache if present."""
    import faiss

    notes = kept.with_suffix(".json")
    if not kept.exists():
        index = faiss.IndexHNSWFlat(WIDTH, LINKS, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = AT_BUILDING
        with Measured() as building:
            index.add(vectors)
        write_json(notes, building.figures)
        faiss.write_index(index, str(kept))
        return index, building.figures
    return faiss.read_index(str(kept)), json.loads(notes.read_text())


def tuned(index: Any, questions: Floats, wanted: Floats) -> int:
    """Return the fewest candidates that reach a recall of 0.99, or the maximum tried."""
    for candidates in CANDIDATES:
        index.hnsw.efSearch = candidates
        if as_like(index.search(questions, 1)[0][:, 0], wanted) >= 0.99:
            break
    return candidates


def as_like(found: npt.ArrayLike, wanted: npt.ArrayLike) -> float:
    """Return the share of results as similar as those of exact search."""
    return float(np.mean(np.asarray(found) >= np.asarray(wanted) - 1e-5))


def best_of(vectors: Floats, questions: Floats) -> Floats:
    """Return the similarity of the best photo to each query."""
    chunks = (questions @ vectors[start : start + 50_000].T for start in range(0, len(vectors), 50_000))
    return np.maximum.reduce([chunk.max(axis=1) for chunk in chunks])


def asked(searches: dict[str, Ask], questions: Floats, wanted: Floats) -> dict[str, dict[str, float]]:
    """Time each query with every search in turn; the first is not counted."""
    clocks = {"ms": time.perf_counter, "processor ms": time.process_time}
    taken: dict[str, dict[str, list[float]]] = {name: {clock: [] for clock in clocks} for name in searches}
    found: dict[str, list[float]] = {name: [] for name in searches}
    for number, question in enumerate(questions):
        for name, ask in searches.items():
            start = {clock: read() for clock, read in clocks.items()}
            similarity = ask(question[None])
            if number:
                for clock, read in clocks.items():
                    taken[name][clock].append(1000 * (read() - start[clock]))
                found[name].append(similarity)
    figures: dict[str, dict[str, float]] = {}
    for name in searches:
        figures[name] = {"recall@1": as_like(found[name], wanted[1:])}
        for clock, values in taken[name].items():
            figures[name] |= {f"p{share} {clock}": round(float(np.percentile(values, share)), 2) for share in (50, 99)}
    return figures


def measured(kind: str, count: int, asking: int, folder: Path, with_hnsw: bool) -> dict[str, Any]:
    """Run all searches among this many vectors of a kind."""
    import faiss

    faiss.omp_set_num_threads(1)
    vectors, questions = VECTORS[kind](count, 2 * asking + 1, np.random.default_rng(0))
    wanted = best_of(vectors, questions)
    entries = entries_of(count)
    built: dict[str, dict[str, Any]] = {}
    cells = folder / f"{kind}-{count}.cells"
    cells.unlink(missing_ok=True)
    with Measured() as building:
        ours = search_of(entries, vectors, cells)
    built["gallery"] = building.figures | {"search": type(ours).__name__}
    if isinstance(ours, CellSearch):
        looked = ours.cells
        built["gallery"] |= {"cells": len(looked.centres), "reach": round(looked.reach, 4), "compared": looked.compared}
        del ours
        with Measured() as building:
            ours = search_of(entries, vectors, cells)
        built["gallery"]["opened in s, processor s"] = list(building.figures.values())[:2]
    exact = ExactSearch(entries, vectors)
    with Measured() as building:
        flat = faiss.IndexFlatIP(WIDTH)
        flat.add(vectors)
    built["FAISS flat"] = building.figures
    searches: dict[str, Ask] = {
        "gallery": lambda question: ours(question, TOP)[0][0].similarity,
        "exact": lambda question: exact(question, TOP)[0][0].similarity,
        "FAISS flat": lambda question: float(flat.search(question, TOP)[0][0, 0]),
    }
    if with_hnsw:
        index, built["FAISS HNSW"] = hnsw(vectors, folder / f"{kind}-{count}.hnsw")
        candidates = tuned(index, questions[asking + 1 :], wanted[asking + 1 :])
        built["FAISS HNSW"]["candidates"] = candidates
        searches["FAISS HNSW"] = lambda question: float(index.search(question, TOP)[0][0, 0])
    figures = asked(searches, questions[: asking + 1], wanted[: asking + 1])
    return {name: figures[name] | built.get(name, {}) for name in searches}


def main() -> None:
    """Run everything and print the results."""
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="vectors")
    parser.add_argument("--questions", type=int, default=500, help="queries per search")
    parser.add_argument("--kinds", nargs="+", choices=VECTORS, default=list(VECTORS))
    parser.add_argument("--hnsw-up-to", type=int, default=1_000_000, help="skip HNSW for more vectors than this")
    parser.add_argument("--hnsw", type=Path, help="cache HNSW's indexes in this folder")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given: argparse.Namespace = parser.parse_args()
    if find_spec("faiss") is None:
        raise UserError("this compares with FAISS, which is not installed: pip install faiss-cpu")
    figures: dict[str, Any] = {}
    with TemporaryDirectory() as scratch:
        folder = given.hnsw or Path(scratch)
        for kind in given.kinds:
            for count in given.sizes:
                found = measured(kind, count, given.questions, folder, count <= given.hnsw_up_to)
                figures[f"{kind}, {count:,}"] = found
                for name, figure in found.items():
                    print(f"{kind}, {count:,}, {name}: {figure}", flush=True)
                if given.json is not None:
                    write_json(given.json, figures)


if __name__ == "__main__":
    sys.exit(exit_status(main))
