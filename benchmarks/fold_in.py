"""Measure what folding new products into a run costs old classes and gains for new ones, on Grocery Store.

    taskset -c 0 .venv/bin/python benchmarks/fold_in.py GROCERY_STORE --minutes 10 --fold-minutes 10 --out folded_in
    taskset -c 0 .venv/bin/python benchmarks/fold_in.py GROCERY_STORE --run RUN --fold-minutes 10 --out folded_in

Of the 81 classes, 20 are sampled with the seed and left out of training; or the classes that RUN does not know are new.
Each new class is enrolled with a few of its training photos, then folded in. Old and new classes are evaluated on the
data set's validation photos, which come from other shops and are not used for anything else; for new classes, also by
the gallery alone (the nearest prototype, among new products only). Intervals are 95%, over images. Existing results in
the folder are reused.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import parser_of

from shelfmind.data import open_catalog
from shelfmind.evaluation.bootstrap import hits_interval
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.storage import LocalFiles
from shelfmind.inference.predictor import RunPredictor
from shelfmind.runs.folder import RunFolder
from shelfmind.tables import write_table
from shelfmind.training.imprinting import prototypes

Photos = list[tuple[str, str]]


def lists(arguments: argparse.Namespace) -> tuple[Path, Path, Path]:
    """Write the lists of photos to train on, to enrol, and of new products to evaluate on."""
    catalog = open_catalog(arguments.data)
    random = np.random.default_rng(arguments.seed)
    names = np.array(catalog.class_names)
    if arguments.run is None:
        new = set(names[random.choice(len(names), arguments.unseen, replace=False)].tolist())
    else:
        new = set(names.tolist()) - set(RunFolder(arguments.run).read_classes()[0])
    of: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for sample in catalog.samples:
        of[names[sample.label]][sample.split].append(str(sample.path))
    seen = [(path, name, split) for name in of if name not in new for split in of[name] for path in of[name][split]]
    shots: Photos = []
    for name in sorted(new):
        photos = sorted(of[name]["train"])
        shots += [(photos[index], name) for index in random.permutation(len(photos))[: arguments.shots]]
    evaluated = [(path, name) for name in sorted(new) for path in of[name]["val"]]
    written = tuple(arguments.out / f"{name}.csv" for name in ("seen", "enrolled", "evaluated"))
    write_table(written[0], ("path", "label", "split"), seen)
    for path, rows in zip(written[1:], (shots, evaluated), strict=True):
        write_table(path, ("path", "label"), rows)
    return written


def shelfmind(out: Path, *words: object) -> None:
    """Run a command unless its output exists."""
    if not out.exists() or ("fold-in" in words and not (out / "fold_in.json").exists()):
        subprocess.run([str(Path(sys.executable).with_name("shelfmind")), *map(str, words)], check=True)


def share(right: np.ndarray) -> dict[str, Any]:
    """Return accuracy with its interval."""
    return {"top1": float(right.mean()), "ci95": tuple(hits_interval(right)), "images": len(right)}


def of_new_products(run: Path, gallery: Path, folded: Path, evaluated: Path) -> dict[str, Any]:
    """Return accuracy on photos of new products: gallery alone, imprinted, fine-tuned."""
    catalog = open_catalog(evaluated)
    paths = [sample.path for sample in catalog.samples]
    truth = np.array([catalog.class_names[sample.label] for sample in catalog.samples])
    found = {}
    for step, folder in (("imprinted", folded / "imprinted"), ("fine_tuned", folded)):
        predictor = RunPredictor(RunFolder(folder), calibrated=False)
        guesses = np.concatenate([batch.probabilities.argmax(1) for batch in predictor.of_sources(paths)])
        found[step] = share((np.array(predictor.class_names)[guesses] == truth).astype(np.float64))
    entries, vectors = Gallery(LocalFiles(gallery)).vectors()
    skus = sorted({entry.sku for entry in entries})
    labels = np.array([skus.index(entry.sku) for entry in entries])
    predictor = RunPredictor(RunFolder(run), ("flip",), calibrated=False)
    asked = unit_rows(np.concatenate([batch.embeddings for batch in predictor.of_sources(paths)]))
    nearest = np.array(skus)[(asked @ prototypes(vectors, labels, len(skus)).T).argmax(1)]
    found["gallery_alone"] = share((nearest == truth).astype(np.float64))
    return found


def main() -> None:
    """Create what is missing, and print the results."""
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--run", type=Path, help="fold into this run instead of training one")
    parser.add_argument("--unseen", type=int, default=20)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--fold-minutes", type=float, default=10)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    seen, enrolled, evaluated = lists(arguments)
    run, gallery, folded = arguments.run or out / "run", out / "gallery", out / "folded"
    recipe = ("--recipe", "grocery_cpu", "--seed", arguments.seed, "--max-minutes", arguments.minutes)
    shelfmind(run, "train", seen, *recipe, "--out", run)
    shelfmind(gallery, "gallery", "create", gallery, "--run", run, "--data", enrolled)
    length = ("--max-minutes", arguments.fold_minutes, "--held-out", 0)
    shelfmind(folded, "fold-in", run, "--gallery", gallery, *length, "--out", folded)
    figures = json.loads((folded / "fold_in.json").read_text(encoding="utf-8"))
    new = of_new_products(run, gallery, folded, evaluated)
    print(json.dumps({**figures, "new": new}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
