"""Time and memory of fitting the answers of a gallery, by number of classes, on drawn outputs of a network.

    python benchmarks/gallery_calibration_memory.py --classes 2388

As many photos are rehearsed as `gallery calibrate` would rehearse: held-out ones, and enrolled ones of products with 16
photos each. Embedding the photos is not included.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
from command import exit_status, parser_of

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.episodes import MIN_CLASSES, Photos
from shelfmind.recognition.evidence import TrainingPhotos
from shelfmind.recognition.rehearsals import rehearse
from shelfmind.recognition.rule import fit_rule
from shelfmind.recognition.whitening import fit_whitening
from shelfmind.workflows.gallery_calibration import MAX_PER_PRODUCT, MIN_PER_CLASS, most_rehearsed

NOISE, SHARPNESS = 0.9, 12.0


def main() -> None:
    """Fit, and print CPU seconds and the peak memory."""
    parser = parser_of(__doc__)
    parser.add_argument("--classes", type=int, required=True)
    parser.add_argument("--width", type=int, default=128, help="values per embedding")
    arguments = parser.parse_args()
    classes, photos = arguments.classes, most_rehearsed(arguments.classes)
    products = max(MIN_CLASSES, photos // MAX_PER_PRODUCT)
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(classes + products, arguments.width)).astype(np.float32)
    heads = unit_rows(centres[:classes])

    def vectors(labels: Ints) -> Floats:
        noise = NOISE * generator.normal(size=(len(labels), arguments.width))
        return unit_rows(centres[labels] + noise.astype(np.float32))

    def drawn(labels: Ints, first: int) -> Photos:
        found = vectors(labels)
        logits = SHARPNESS * (found @ heads.T)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return Photos(found, labels - first, powers / powers.sum(axis=1, keepdims=True), logits)

    trained = np.repeat(np.arange(classes), MIN_PER_CLASS)
    learnt = vectors(trained)
    held_out = drawn(generator.integers(0, classes, photos), 0)
    enrolled = drawn(classes + np.repeat(np.arange(products), MAX_PER_PRODUCT), classes)
    began = time.process_time()
    whitening = fit_whitening(learnt, trained)
    rehearsals = rehearse(
        held_out.whitened(whitening),
        TrainingPhotos.of(whitening(learnt), trained, classes),
        [f"class {index}" for index in range(classes)],
        enrolled.whitened(whitening),
        [f"product {index}" for index in range(products)],
        0.05,
    )
    fit_rule(rehearsals, false_accepts=0.05)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.process_time() - began
    print(
        f"{classes:,} classes, {photos:,} held-out photos, {len(enrolled):,} enrolled: {seconds:.0f} s, {peak:,.0f} MiB"
    )


if __name__ == "__main__":
    sys.exit(exit_status(main))
