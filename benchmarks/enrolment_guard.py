"""Measure the checks at enrolment: detection of planted faults, false alarms on clean products, and time.

    taskset -c 0 python benchmarks/enrolment_guard.py RUN DATA --json enrolment_guard.json

Galleries are sampled from the training photos of DATA, with a fixed number per product and the embeddings of RUN: of
all classes, and of only those that the run was not trained on, if there are any. In a sixth of the products, one photo
is replaced by one of another product; in other galleries, a sixth of the products are enrolled under a second name
with other photos. A finding is correct if it names a planted fault. Any other finding is a false alarm, although it
may point to a real fault of the data or to products that the network does confuse. Seeds 0, 1, ...; 95% Wilson
intervals. Each gallery is checked as created and as calibrated, which compares whitened embeddings; the whitening is
fitted to the photos of the classes that the run was trained on.

Time: of the checks alone, for eight photos added to galleries of random vectors (first with decoding, then cached), and
of all findings of a whole gallery of random vectors without photos.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of, show

from shelfmind.analysis.measuring.measurement import FACTS, Measured
from shelfmind.arrays import Floats, Ints
from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.evaluation.intervals import proportion_interval
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.findings import findings_of, indistinguishable_products, strays
from shelfmind.gallery.guard import Guard
from shelfmind.images.fingerprints import FINGERPRINT
from shelfmind.recognition.whitening import fit_whitening
from shelfmind.runs.folder import RunFolder

NOTHING = Measured(np.zeros(0, np.int64), np.zeros(0, FACTS), np.zeros(0, FINGERPRINT), ())
PLANTED = 6
"""One product in this many has a fault."""
WIDTH = 512
Outcome = tuple[str, int]
"""Whether a product is planted or clean, and whether a finding names it."""


@dataclass(frozen=True)
class Photos:
    """Photos with their vectors (N, D) and product numbers (N,)."""

    paths: Sequence[Path]
    vectors: Floats
    labels: Ints
    known: frozenset[int]

    def whitened(self) -> Photos:
        """Return the vectors as a calibrated gallery compares them."""
        of_known = np.isin(self.labels, list(self.known))
        whitening = fit_whitening(self.vectors[of_known], self.labels[of_known])
        return replace(self, vectors=whitening(self.vectors))

    def shuffled(self, product: int, rng: np.random.Generator) -> Ints:
        """Return the photos of a product in random order."""
        return rng.permutation(np.flatnonzero(self.labels == product))


def photos_of(run: Path, data: Path, kept: Path | None) -> Photos:
    """Return the training photos of a data set, with the run's embeddings and its trained products."""
    catalog = open_catalog(data)
    samples = catalog.split("train")
    paths = [sample.path for sample in samples]
    if kept is not None and kept.exists():
        vectors = np.load(kept)
    else:
        vectors = embedded(run, paths)
        if kept is not None:
            np.save(kept, vectors)
    trained = {*RunFolder(run).read_classes()[0]}
    known = frozenset(number for number, name in enumerate(catalog.class_names) if name in trained)
    return Photos(paths, unit_rows(vectors), np.array([sample.label for sample in samples]), known)


def embedded(run: Path, paths: Sequence[Path]) -> Floats:
    """Return the run's embeddings of photos."""
    from shelfmind.machine.device import start_mindspore

    start_mindspore()
    from shelfmind.inference.embedder import RunEmbedder

    return RunEmbedder(RunFolder(run)).embed((path.read_bytes() for path in paths), len(paths))


def enrolled_of(photos: Photos, rows: Sequence[int], products: Sequence[str]) -> Enrolled:
    """Return a gallery of these photos and products."""
    entries = [Entry(product, f"{row}", f"{row}") for row, product in zip(rows, products, strict=True)]
    return Enrolled(entries, photos.vectors[list(rows)], np.ones(len(rows), np.bool_), NOTHING)


def wrong_photos(
    photos: Photos, pool: Sequence[int], shots: int, rng: np.random.Generator
) -> Iterator[tuple[str, int]]:
    """Return the outcomes for products with a photo of another product: ("right", 1), ("false", 1), ..."""
    rows = {product: list(photos.shuffled(product, rng)[:shots]) for product in pool}
    planted: dict[int, int] = {}
    for product in rng.permutation(pool)[: max(1, len(pool) // PLANTED)].tolist():
        other = int(rng.choice([each for each in pool if each != product]))
        spare = [row for row in photos.shuffled(other, rng).tolist() if row not in rows[other]]
        if spare:
            rows[product][0] = planted[product] = spare[0]
    enrolled = enrolled_of(photos, *zip(*((row, str(each)) for each, of in rows.items() for row in of), strict=True))
    found = {(int(each.product), int(entry.photo)) for each in strays(enrolled) for entry in each.photos[:1]}
    pairs = {product for product, _ in found if len(rows[product]) == 2}  # findings name both photos
    for product, row in planted.items():
        yield "planted", int((product, row) in found or product in pairs)
    clean = [(each, row) for each, of in rows.items() for row in of if planted.get(each) != row]
    for product, row in clean:
        yield "clean", int((product, row) in found and not (product in pairs and product in planted))


def second_names(
    photos: Photos, pool: Sequence[int], shots: int, rng: np.random.Generator
) -> Iterator[tuple[str, int]]:
    """Return the same for products that are enrolled twice."""
    twice = set(rng.permutation(pool)[: max(1, len(pool) // PLANTED)].tolist())
    rows: list[int] = []
    products: list[str] = []
    for product in pool:
        of = photos.shuffled(product, rng).tolist()
        count = min(shots, len(of) // 2)
        rows += of[:count]
        products += [str(product)] * count
        if product in twice:
            rows += of[count : 2 * count]
            products += [f"{product} again"] * count
    enrolled = enrolled_of(photos, rows, products)
    found = {frozenset((each.product, str(each.other))) for each in indistinguishable_products(enrolled)}
    for product in twice:
        yield "planted", int(frozenset((str(product), f"{product} again")) in found)
    alarmed = {name.removesuffix(" again") for pair in found for name in pair if len({n.split()[0] for n in pair}) > 1}
    for product in pool:
        yield "clean", int(str(product) in alarmed)


Trial = Callable[[Photos, Sequence[int], int, np.random.Generator], Iterator[Outcome]]
TRIALS: dict[str, Trial] = {"a wrong photo": wrong_photos, "one product, two names": second_names}


def shares(trial: Trial, photos: Photos, pool: Sequence[int], shots: int, seeds: int) -> dict[str, Any]:
    """Return the share of planted faults found, and the false-alarm rate."""
    outcomes = [each for seed in range(seeds) for each in trial(photos, pool, shots, np.random.default_rng(seed))]
    figures = {}
    for side, name in (("planted", "found"), ("clean", "false alarms")):
        hits = [hit for where, hit in outcomes if where == side]
        figures[name] = [sum(hits), len(hits), *(round(each, 3) for each in proportion_interval(sum(hits), len(hits)))]
    return figures


def random_gallery(products: int, photos: int) -> tuple[list[Entry], Floats]:
    """Return photos whose vectors scatter around one direction per product."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((products, WIDTH), dtype=np.float32)
    vectors = np.repeat(centres, photos, axis=0) + rng.standard_normal((products * photos, WIDTH), dtype=np.float32)
    names = [f"product {number:06d}" for number in range(products) for _ in range(photos)]
    return [Entry(name, f"{row:064x}", f"{row}.jpg") for row, name in enumerate(names)], unit_rows(vectors)


def seconds(work: Callable[[], object]) -> dict[str, float]:
    """Wall-clock and CPU time."""
    start = time.perf_counter(), time.process_time()
    work()
    return {"wall": round(time.perf_counter() - start[0], 3), "processor": round(time.process_time() - start[1], 3)}


def seconds_to_guard(paths: Sequence[Path], products: int) -> dict[str, dict[str, float]]:
    """Time eight new photos of a new product against this many products of eight photos, without decoding."""
    entries, vectors = random_gallery(products, 8)
    content = {checksum(path.read_bytes()): path for path in paths[:9]}
    shas = list(content)
    entries = [Entry(each.sku, shas[8], each.photo) for each in entries]  # the photo that each may duplicate
    new = [Entry("new", sha256, content[sha256].name) for sha256 in shas[:8]]
    own = unit_rows(np.random.default_rng(1).standard_normal((8, WIDTH), dtype=np.float32))
    return {
        name: seconds(lambda: Guard()((entries, vectors), (new, own), lambda sha256: content[sha256].read_bytes()))
        for name in ("first", "again")
    }


def seconds_of_all(products: int, photos: int) -> dict[str, float]:
    """Time all findings of a whole gallery."""
    entries, vectors = random_gallery(products, photos)
    return seconds(lambda: findings_of(Enrolled(entries, vectors, np.ones(len(entries), np.bool_), NOTHING)))


def main() -> None:
    """Run everything and print the results."""
    parser = parser_of(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, help="cache of the run's embeddings (.npy)")
    parser.add_argument("--shots", type=int, nargs="+", default=[2, 3, 5, 8, 16], help="photos per product")
    parser.add_argument("--seeds", type=int, default=10, help="galleries of each kind")
    parser.add_argument(
        "--products",
        type=int,
        nargs="+",
        default=[100, 1_000, 10_000],
        help="products of galleries with random vectors",
    )
    parser.add_argument("--json", type=Path, help="write the results to this file")
    given: argparse.Namespace = parser.parse_args()
    photos = photos_of(given.run, given.data, given.vectors)
    everything = sorted({*photos.labels.tolist()})
    unseen = [product for product in everything if product not in photos.known]
    if len(everything) < PLANTED:
        raise UserError(f"{given.data} has too few products for galleries of them")
    figures: dict[str, Any] = {}
    for where, pool in (("all products", everything), ("unseen products", unseen)):
        for shots in given.shots if len(pool) >= PLANTED else ():
            for what, trial in TRIALS.items():
                for how, compared in (("", photos), (", calibrated", photos.whitened())):
                    name = f"{what}, {where}, {shots} photos{how}"
                    figures[name] = shares(trial, compared, pool, shots, given.seeds)
    with tempfile.TemporaryDirectory() as cache:
        for products in given.products:
            os.environ["SHELFMIND_CACHE"] = f"{cache}/{products}"
            figures[f"seconds to guard 8 photos, {products:,} products of 8"] = seconds_to_guard(photos.paths, products)
    for products in given.products:
        figures[f"seconds of all findings, {products:,} products of 5"] = seconds_of_all(products, 5)
    show(figures, given.json)


if __name__ == "__main__":
    sys.exit(exit_status(main))
