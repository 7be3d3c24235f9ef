"""Time of answering from a calibrated gallery, by number of enrolled photos, on drawn outputs of a network.

    taskset -c 0 python benchmarks/gallery_recognition.py --products 1000 10000 100000

This is what `predict --gallery` and `serve --gallery` do with a batch after the network: cosines to all photos, fusion,
rejection and the five best names. Prints wall-clock and CPU milliseconds per photo on one thread (medians), and the
peak memory so far. The network has `--classes`, with as many training photos as `gallery calibrate` keeps.
"""

from __future__ import annotations

import one_thread  # noqa: F401 - before NumPy

# isort: split
import resource
import statistics
import sys
import time

import numpy as np
from command import exit_status, parser_of

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.answers import Columns, answers_of
from shelfmind.recognition.evidence import References, TrainingPhotos, evidence
from shelfmind.recognition.fusion import Fusion
from shelfmind.recognition.rule import Rule
from shelfmind.recognition.unknowns import Rejection
from shelfmind.workflows.gallery_calibration import MAX_TRAINING_PHOTOS, MIN_PER_CLASS

RULE = Rule(Fusion(1, 1, 1, 5, 5, 0, 0), Rejection("photo", 0.5, 0.0, 0.01, 1_000), None, 1_000, "enrolled products")
BATCHES, ROUNDS, TOP = (1, 4, 16), 7, 5


def main() -> None:
    """Measure every number of products."""
    parser = parser_of(__doc__)
    parser.add_argument("--products", type=int, nargs="+", required=True)
    parser.add_argument("--photos", type=int, default=20, help="photos per product")
    parser.add_argument("--classes", type=int, default=1_000, help="classes of the network")
    parser.add_argument("--width", type=int, default=256, help="values per embedding")
    arguments = parser.parse_args()
    for products in arguments.products:
        measure(products, arguments.photos, arguments.classes, arguments.width)


def measure(products: int, photos: int, classes: int, width: int) -> None:
    """Time batches of all sizes, the first one uncounted."""
    generator = np.random.default_rng(0)

    def vectors(count: int) -> Floats:
        found = generator.standard_normal((count, width), dtype=np.float32)
        found /= np.linalg.norm(found, axis=1, keepdims=True)
        return found

    names = [f"product {number:06d}" for number in range(products)]
    references = References.of([name for name in names for _ in range(photos)], vectors(products * photos))
    kept = max(MIN_PER_CLASS, MAX_TRAINING_PHOTOS // classes)
    learnt = TrainingPhotos.of_counts(vectors(classes * kept), [kept] * classes)
    columns = Columns([f"class {number}" for number in range(classes)], references.names)
    for batch in BATCHES:
        wall, cpu = [], []
        for _ in range(ROUNDS):
            queries = unit_rows(vectors(batch))
            probabilities = np.full((batch, classes), 1 / classes, np.float32)
            began, worked = time.perf_counter(), time.process_time()
            answers = answers_of(evidence(probabilities, queries, learnt, references), RULE, columns)
            for row in range(batch):
                answers.best(row, TOP)
            cpu.append((time.process_time() - worked) / batch * 1000)
            wall.append((time.perf_counter() - began) / batch * 1000)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        figures = f"{statistics.median(wall[1:]):.1f} ms, CPU {statistics.median(cpu[1:]):.1f} ms a photo"
        print(
            f"{products * photos:,} photos, {classes:,} classes, batch of {batch}: {figures}, {peak:,.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(exit_status(main))
