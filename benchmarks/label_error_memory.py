"""Measure memory and time of scoring, flagging and ranking 345,000 labels of 2,388 classes, compared with cleanlab.

    .venv/bin/python benchmarks/label_error_memory.py --folder /tmp/somewhere
    .venv/bin/python benchmarks/label_error_memory.py --folder /tmp/somewhere --images 200000 --classes 100000

Synthetic out-of-fold probabilities are written in chunks (3.3 GB of 32-bit values, a long tail of classes, 5% of the
labels wrong) with 16-bit embeddings of 256 values for each of five folds; all are deleted afterwards. Each method runs
in a separate process and reports its peak resident memory (VmHWM, which includes pages of the mapped file that the
system could drop at any time) and the peak of its anonymous memory alone (sampled 20 times per second). *Everything*
also finds confusable families and multiple appearances, as the whole command does. If there are too many probabilities
for a file, the 100 most probable classes of each image are written, and cleanlab is left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from command import parser_of

from shelfmind.inference.predict_arrays import MOST_MAPPED, open_probabilities, read_probabilities
from shelfmind.top_probabilities import KEPT, TopProbabilities

FOLDS, WIDTH, CHUNK = 5, 256, 5000
METHODS = ("ours", "everything", "cleanlab", "cleanlab batched")


def write_synthetic(folder: Path, images: int, classes: int) -> None:
    """Write labels, probabilities and embeddings of a network with an accuracy of 90%."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sizes = (np.arange(classes) + 3.0) ** -0.8
    true = np.concatenate(
        [np.arange(classes).repeat(2), rng.choice(classes, images - 2 * classes, p=sizes / sizes.sum())]
    )
    labels = true.copy()
    wrong = rng.random(images) < 0.05
    labels[wrong] = rng.integers(classes, size=int(wrong.sum()))
    seen = np.where(rng.random(images) < 0.9, true, rng.integers(classes, size=images))
    np.savez(folder / "labels.npz", labels=labels, wrong=labels != true, folds=rng.integers(FOLDS, size=images))
    probabilities = open_probabilities(folder, images, classes)
    centres = rng.normal(size=(classes, WIDTH)).astype(np.float32)
    embeddings = [
        np.lib.format.open_memmap(folder / f"embeddings{fold}.npy", "w+", np.float16, (images, WIDTH))
        for fold in range(FOLDS)
    ]
    for start in range(0, images, CHUNK):
        rows = slice(start, min(start + CHUNK, images))
        width = KEPT if isinstance(probabilities, TopProbabilities) else classes
        values = rng.random((rows.stop - rows.start, width), np.float32) ** 8
        values *= rng.uniform(0.02, 0.5, (len(values), 1)).astype(np.float32) / values.sum(axis=1, keepdims=True)
        if isinstance(probabilities, TopProbabilities):
            others = seen[rows, None] + rng.integers(1, classes // KEPT, (len(values), 1)) * np.arange(KEPT)
            values[:, 0] += 1 - values.sum(axis=1)
            probabilities.ids[rows], probabilities.values[rows] = others % classes, values
        else:
            values[np.arange(len(values)), seen[rows]] += 1 - values.sum(axis=1)
            probabilities[rows] = values
        for fold in range(FOLDS):
            scatter = rng.standard_normal((len(values), WIDTH), np.float32)
            embeddings[fold][rows] = centres[true[rows]] + scatter
    for array in (probabilities, *embeddings):
        array.flush()
    (folder / "classes").write_text(str(classes))


def run_ours(folder: Path, everything: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Score, flag and rank as `find_label_errors` does, and find examples for each suspect."""
    from shelfmind.analysis.label_errors.check import check_labels
    from shelfmind.analysis.label_errors.files import find_suspects, write_label_errors
    from shelfmind.analysis.label_errors.held_out import HeldOut
    from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, describe
    from shelfmind.analysis.suspects import write_suspects
    from shelfmind.records import Sample

    archive = np.load(folder / "labels.npz")
    labels, count = archive["labels"], int((folder / "classes").read_text())
    probabilities = read_probabilities(folder, count)
    names = tuple(f"train/{place}.jpg" for place in range(len(labels)))
    classes = tuple(f"class {label:04d}" for label in range(count))
    samples = tuple(Sample(Path(name), int(label), "train") for name, label in zip(names, labels, strict=True))
    given = tuple(classes[label] for label in labels)
    held_out = HeldOut(samples, names, given, labels, archive["folds"], classes)

    def embeddings(fold: int) -> np.ndarray:
        return np.load(folder / f"embeddings{fold}.npy", mmap_mode="r")

    check = check_labels(probabilities, held_out, embeddings)
    write_label_errors(folder / "label_errors.csv", check, held_out)
    suspects = find_suspects(check, held_out, embeddings)
    write_suspects(folder / "suspects.jsonl", suspects)
    if everything:
        unseen = np.ones(len(labels), np.bool_)
        describe(NetworkOutputs("drawn", held_out, probabilities, embeddings, unseen, folder), check, suspects)
    return check.score > 0.5, check.score


def run_everything(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """`run_ours`, and all that the report shows."""
    return run_ours(folder, everything=True)


def run_cleanlab(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Run cleanlab's filter and ranking on the whole array."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels = np.load(folder / "labels.npz")["labels"]
    probabilities = np.load(folder / "probabilities.npy", mmap_mode="r")
    flagged = find_label_issues(labels, probabilities, n_jobs=1)
    return flagged, 1 - get_label_quality_scores(labels, probabilities)


def run_cleanlab_batched(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Run cleanlab's filter for arrays larger than memory; it ranks only flagged labels."""
    from cleanlab.experimental.label_issues_batched import find_label_issues_batched

    labels = np.load(folder / "labels.npz")["labels"]
    issues = find_label_issues_batched(
        labels, pred_probs_file=str(folder / "probabilities.npy"), batch_size=CHUNK, n_jobs=1, verbose=False
    )
    flagged = np.zeros(len(labels), bool)
    flagged[issues] = True
    score = np.zeros(len(labels))
    score[issues] = np.linspace(1, 0.5, len(issues))
    return flagged, score


def measure(method: str, folder: Path) -> dict[str, Any]:
    """Run one method in this process and return its cost."""
    from sklearn.metrics import average_precision_score

    run = dict(zip(METHODS, (run_ours, run_everything, run_cleanlab, run_cleanlab_batched), strict=True))[method]
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            peak[0] = max(peak[0], _status("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    flagged, score = run(folder)
    seconds = time.perf_counter() - began
    over.set()
    watcher.join()
    wrong = np.load(folder / "labels.npz")["wrong"]
    return {
        "seconds": round(seconds, 1),
        "peak_resident_mib": _status("VmHWM") // 1024,
        "peak_anonymous_mib": peak[0] // 1024,
        "flagged": int(flagged.sum()),
        "precision": round(float(wrong[flagged].mean()), 4),
        "recall": round(float(flagged[wrong].mean()), 4),
        "average_precision": round(float(average_precision_score(wrong, score)), 4),
    }


def main() -> int:
    """Write the data, measure each method in a separate process, delete the data. Return the exit status."""
    arguments = _arguments()
    folder: Path = arguments.folder
    if arguments.method:
        print(json.dumps(measure(arguments.method, folder)))
        return 0
    values = arguments.images * arguments.classes
    kept = arguments.classes if values <= MOST_MAPPED else 2 * KEPT
    needed = arguments.images * (4 * kept + 2 * WIDTH * FOLDS)
    if shutil.disk_usage(folder.parent).free < 1.5 * needed:
        print(f"error: {folder.parent} has less than {1.5 * needed / 2**30:.0f} GB free", file=sys.stderr)
        return 2
    try:
        began = time.perf_counter()
        write_synthetic(folder, arguments.images, arguments.classes)
        print(f"written {needed / 2**30:.1f} GB in {time.perf_counter() - began:.0f} s", flush=True)
        for method in METHODS if values <= MOST_MAPPED else METHODS[:2]:
            command = [sys.executable, __file__, "--folder", str(folder), "--method", method]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            last = done.stdout.strip().splitlines()[-1:] or [f"failed: {done.stderr.strip().splitlines()[-1:]}"]
            print(f"{method}: {last[0]}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _status(key: str) -> int:
    """Return a memory value of this process in KiB, from Linux."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return int(text.split(f"{key}:")[1].split()[0])


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="temporary folder; deleted afterwards")
    parser.add_argument("--images", type=int, default=345_000, help="(default: %(default)s)")
    parser.add_argument("--classes", type=int, default=2388, help="(default: %(default)s)")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
