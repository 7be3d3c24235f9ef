"""Measure how well `gallery discover` groups new products, and how quickly a group is enrolled.

    shelfmind train seen.csv --recipe grocery_cpu --max-minutes 60 --out RUN
    taskset -c 0 .venv/bin/python benchmarks/discovery.py RUN all.csv --json discovery.json

The data set contains the classes that the run was trained on, and others. A few training photos of each trained class
are enrolled; the photos of the other classes are grouped: all of them, a fixed number per class, and a long tail.
Baselines in the same run: average linkage of cosines, cut where it groups the gallery's own products best, and HDBSCAN.

Enrolling: wall-clock time from a decision on a group of eight photos until a newly opened gallery contains the product.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from command import exit_status, parser_of
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.cluster import HDBSCAN

from shelfmind.analysis.same_product import SameProduct, group_photos
from shelfmind.arrays import Floats, Ints
from shelfmind.data import open_catalog
from shelfmind.evaluation.clustering import agreement
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.files import write_json
from shelfmind.gallery.changes import checksum
from shelfmind.gallery.discovery_folder import NEW, Discovery, FoundPhoto, Group
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.review.enrolling import Enrolments

TAIL = (2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 25, 30, 40)
CUTS = np.linspace(0.02, 1, 50)
ME = Attribution("benchmark")
Grouping = Callable[[Floats, Ints, Floats], Ints]
"""Maps the gallery's vectors with labels, and the photos' vectors, to the group of each photo."""


def ours(references: Floats, labels: Ints, vectors: Floats) -> Ints:
    """Group as `gallery discover` does."""
    model = SameProduct.fit(references, labels)
    assert model is not None
    return group_photos(model, model.coordinates(vectors))


def average(references: Floats, labels: Ints, vectors: Floats) -> Ints:
    """Group by average linkage, cut where the gallery's own photos agree best with their products."""
    tree = linkage(references.astype(np.float64), "average", "cosine")
    best = max(CUTS, key=lambda cut: agreement(fcluster(tree, cut, "distance"), labels).adjusted_rand)
    return np.asarray(fcluster(linkage(vectors.astype(np.float64), "average", "cosine"), best, "distance"))


def hdbscan(references: Floats, labels: Ints, vectors: Floats) -> Ints:
    """Group by HDBSCAN with groups of at least three; noise stays ungrouped."""
    found = HDBSCAN(min_cluster_size=3, copy=True).fit_predict(vectors)
    return np.where(found < 0, 10**6 + np.arange(len(found)), found)


METHODS: dict[str, Grouping] = {"ours": ours, "average linkage": average, "HDBSCAN": hdbscan}


class Kept:
    """Embeds photos by looking up their vectors in a table, by content."""

    identity: dict[str, Any]

    def __init__(self, contents: Iterable[bytes], vectors: Floats) -> None:
        self.vectors = {checksum(content): row for content, row in zip(contents, vectors, strict=True)}
        self.identity = {"weights": "benchmark", "width": vectors.shape[1]}

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return the vectors."""
        return np.stack([self.vectors[checksum(photo)] for photo in photos])


def main() -> None:
    """Embed, group by each method, enrol, and write the results."""
    arguments = _arguments()
    paths, vectors, labels, seen, trained_on = embedded(arguments.run, arguments.data)
    random = np.random.default_rng(arguments.seed)
    classes = np.unique(labels[~seen])

    def some(indices: Ints, counts: dict[int, int]) -> Ints:
        picked = [random.permutation(indices[labels[indices] == label])[:count] for label, count in counts.items()]
        return np.concatenate(picked)

    enrolled = some(np.flatnonzero(seen & trained_on), dict.fromkeys(np.unique(labels[seen]).tolist(), arguments.shots))
    new = np.flatnonzero(~seen & trained_on)
    tail = np.resize(np.array(TAIL), len(classes)).tolist()
    asked = {
        "all photos": new,
        f"{arguments.each} of each": some(new, dict.fromkeys(classes.tolist(), arguments.each)),
        "long tail": some(new, dict(zip(classes.tolist(), tail, strict=True))),
    }
    grouped = [
        {
            "photos": name,
            "method": method,
            **asdict(agreement(group(vectors[enrolled], labels[enrolled], vectors[of]), labels[of])),
        }
        for name, of in asked.items()
        for method, group in METHODS.items()
    ]
    for row in grouped:
        print(
            f"{row['photos']:12} {row['method']:16} accuracy {row['accuracy']:.3f}  adjusted Rand "
            f"{row['adjusted_rand']:.3f}  {row['groups']} groups of {row['products']} products"
        )
    seconds = enrolling(paths, vectors, enrolled, new[: 8 * arguments.repeats])
    print(f"enrolled after {statistics.median(seconds):.3f} s (median of {len(seconds)}, most {max(seconds):.3f} s)")
    if arguments.json is not None:
        write_json(arguments.json, {"grouped": grouped, "enrolled_after_s": seconds, "seed": arguments.seed})


def embedded(run: Path, data: Path) -> tuple[list[Path], Floats, Ints, Any, Any]:
    """Paths, vectors (N, D) and labels of a data set, and which photos are of trained classes and in train."""
    from shelfmind.inference.embedder import RunEmbedder
    from shelfmind.machine.device import start_mindspore
    from shelfmind.runs.folder import RunFolder

    start_mindspore()
    embedder = RunEmbedder(RunFolder(run))
    catalog = open_catalog(data)
    trained = set(embedder.predictor.class_names)
    paths = [sample.path for sample in catalog.samples]
    vectors = unit_rows(embedder.embed((path.read_bytes() for path in paths), len(paths)))
    labels = np.array([sample.label for sample in catalog.samples], np.int64)
    seen = np.array([catalog.class_names[label] in trained for label in labels])
    return paths, vectors, labels, seen, np.array([sample.split == "train" for sample in catalog.samples])


def enrolling(paths: list[Path], vectors: Floats, enrolled: Ints, new: Ints) -> list[float]:
    """Return the seconds from each decision on eight photos until a newly opened gallery contains the product."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        files = LocalFiles(Path(folder) / "gallery")
        kept = Kept((paths[index].read_bytes() for index in enrolled), vectors[enrolled])
        gallery = Gallery.create(files, kept, ME)
        gallery.add([Photo(f"p{index}", paths[index].name, paths[index]) for index in enrolled], kept, ME)
        groups = [
            Group(
                number + 1,
                NEW,
                1.0,
                None,
                tuple(FoundPhoto(str(paths[index]), checksum(paths[index].read_bytes())) for index in of),
            )
            for number, of in enumerate(np.split(new, range(8, len(new), 8)))
        ]
        found = Discovery(str(files), kept.identity, {}, tuple(groups), (), (), (), vectors[new])
        enrolments = Enrolments(found, gallery, Path(folder) / "review.jsonl", "benchmark", lambda _: Guard())
        for group in groups:
            began = time.perf_counter()
            enrolments.decide(group, "enrol", f"new {group.number}", "benchmark")
            assert f"new {group.number}" in Gallery(files).state.products
            seconds.append(time.perf_counter() - began)
    return seconds


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--shots", type=int, default=8, help="enrolled photos per trained class")
    parser.add_argument("--each", type=int, default=8, help="photos per new class, in the second measurement")
    parser.add_argument("--repeats", type=int, default=20, help="number of groups to enrol")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(exit_status(main))
