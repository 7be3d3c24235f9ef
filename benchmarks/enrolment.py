"""Measure the seconds until a product with eight photos is enrolled, with a loaded network, and until it is recognised.

python benchmarks/enrolment.py RUN GALLERY DATA: a calibrated gallery of the run, which is copied, and a data set whose
classes are enrolled under other names, with the same checks as `gallery add`. Prints one line per product.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median

import shelfmind
from shelfmind.data import open_catalog
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.progress import count_silently
from shelfmind.workflows.guarding import guard_of

PHOTOS = 8


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("gallery", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--products", type=int, default=10)
    given = parser.parse_args()
    catalog = open_catalog(given.data)
    with tempfile.TemporaryDirectory() as scratch:
        place = shutil.copytree(given.gallery, Path(scratch) / "gallery")
        recognizer = shelfmind.recognizer(given.run, gallery=place)
        adding = Gallery(LocalFiles(place))
        enrolling, answering = [], []
        for label in range(given.products):
            name = f"new {catalog.class_names[label]}"
            paths = [sample.path for sample in catalog.samples if sample.label == label and sample.split == "train"]
            photos = [Photo(name, path.name, path) for path in paths[:PHOTOS]]
            began = time.perf_counter()
            guard = guard_of(adding, count_silently, recognizer.predictor.class_names)
            adding.add(photos, recognizer.embedder, Attribution("benchmark"), guard=guard)
            enrolled = time.perf_counter()
            answer = recognizer.recognize(paths[0], top=10_000)[0]
            answered = time.perf_counter()
            assert name in {candidate.name for candidate in answer.candidates}
            enrolling.append(enrolled - began)
            answering.append(answered - enrolled)
            print(f"{name}: enrolled in {enrolling[-1]:.2f} s, recognised {answering[-1]:.2f} s later", flush=True)
    print(f"first {enrolling[0]:.2f} s, then median {median(enrolling[1:]):.2f} s, at most {max(enrolling[1:]):.2f} s")
    print(f"recognised: median {median(answering[1:]):.2f} s, at most {max(answering[1:]):.2f} s")


if __name__ == "__main__":
    main()
