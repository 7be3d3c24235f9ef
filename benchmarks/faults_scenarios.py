"""The jobs that `faults.py` disturbs: their commands, and what must hold after a kill and at the end."""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from faults_place import Ended, Place, Work

from shelfmind.analysis.decisions import append_decision, decide, read_decisions
from shelfmind.errors import UserError
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.storage import LocalFiles
from shelfmind.gallery.verification import verify
from shelfmind.images import square_cache
from shelfmind.images.squares import CachedSquares, open_squares
from shelfmind.inference.exported import read_exported
from shelfmind.recipe import DataRecipe
from shelfmind.records import Predictions, Sample
from shelfmind.runs.folder import CACHES, RunFolder

COLOURS = {"红茶": (220, 30, 30), "绿茶": (30, 200, 60), "blue soda": (20, 60, 220)}
"""The products of the photos, and the colours by which the network of the tests tells them apart."""
PER_CLASS = {"train": 8, "val": 3}
SQUARES = DataRecipe(image_size=32, resize_to=32, evaluation_size=32)
TINY = [
    word
    for value in (
        "data.image_size=32", "data.resize_to=32", "data.evaluation_size=32", "train.stages=[]", "train.batch_size=4",
        "train.epochs=2", "train.checkpoint_steps=2", "train.ema_decay=0.9", "evaluation.batch_size=4",
        "model.arguments={widths: [8], depths: [1], attention: none}", "train.kernels=mindspore", "train.amp=off",
    )
    for word in ("--set", value)
]  # fmt: skip
DECISIONS = 400


@dataclass(frozen=True)
class Scenario:
    """A job of one or several commands, run with the place as the working directory.

    `resumed` are the commands after a kill, given how the process ended, `faults` what is found right after it.
    `result` must be that of an undisturbed job. Of `needs`, the inputs, each is made once: photos, the network of the
    tests ("network"), or a trained run ("run").
    """

    works: Sequence[Work]
    resumed: Callable[[Place, Ended], Sequence[Work]]
    faults: Callable[[Place, Ended], Iterator[str]]
    result: Callable[[Place], Any]
    needs: frozenset[str] = frozenset({"photos"})
    mindspore: bool = False


def contents(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a folder by name."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def same(works: Sequence[Work]) -> Callable[[Place, Ended], Sequence[Work]]:
    """Resume by running everything again."""
    return lambda place, ended: works


def unless(out: str, works: Sequence[Work]) -> Callable[[Place, Ended], Sequence[Work]]:
    """Resume by running everything again, unless the folder is there, and therefore complete."""
    return lambda place, ended: [] if (place.root / out).exists() else works


def no_faults(place: Place, ended: Ended) -> Iterator[str]:
    """Nothing is left that could be opened."""
    yield from ()


def damaged_databases(place: Place, ended: Ended) -> Iterator[str]:
    """Yield the caches of examined files that SQLite finds damaged."""
    for path in sorted((place.root / "cache").glob("*.sqlite")):
        with closing(sqlite3.connect(path)) as database:
            (found,) = database.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            yield f"{path.name}: {found}"


# Auditing: the caches of checks, measurements and fingerprints, and a folder written at once

AUDIT = [["audit", "photos", "--out", "audit"]]


def audited(place: Place) -> Any:
    """Return what an audit found, without its duration."""
    figures = json.loads((place.root / "audit" / "audit.json").read_text())
    return {name: value for name, value in figures.items() if "second" not in name}, contents(
        place.root / "audit"
    ).keys()


# Caching: decoded squares


def decode() -> None:
    """Decode all photos into the cache, in shards of six squares."""
    square_cache.SHARD_BYTES = 6 * 32 * 32 * 3
    open_squares(samples(Path("photos")), SQUARES)


def samples(photos: Path) -> list[Sample]:
    """Return all photos of a folder, with absolute paths."""
    return [Sample(path.absolute(), 0, "train") for path in sorted(photos.rglob("*.jpg"))]


def cached(place: Place) -> list[str]:
    """Return the checksum of each square that is read through the cache, decoded again if it is damaged or missing."""
    paths = [sample.path for sample in samples(place.root / "photos")]
    squares = CachedSquares(paths, SQUARES, square_cache.SquareCache(place.root / "cache" / "squares", SQUARES))
    return [hashlib.sha256(squares[index].tobytes()).hexdigest() for index in range(len(squares))]


# Gallery


def gallery_works() -> list[Work]:
    """Return a life of a gallery: created, enrolled, renamed, merged, reduced, compacted, rolled back."""
    photos = [f"photos/train/{name}" for name in COLOURS]
    return [
        ["gallery", "create", "shelf", "--run", "network.onnx"],
        ["gallery", "add", "shelf", photos[0], "--sku", "红茶"],
        ["gallery", "add", "shelf", *(f"{photos[1]}/{number}.jpg" for number in range(4)), "--sku", "green"],
        ["gallery", "rename", "shelf", "green", "绿茶"],
        ["gallery", "add", "shelf", photos[2], "--sku", "blue"],
        ["gallery", "remove", "shelf", "红茶", "--photo", "3.jpg"],
        ["gallery", "merge", "shelf", "blue", "绿茶", "--into", "all"],
        ["gallery", "rollback", "shelf", "6"],
        ["gallery", "compact", "shelf"],
        ["gallery", "remove", "shelf", "blue"],
    ]


GALLERY = gallery_works()


def version_of(place: Place) -> int:
    """Return the newest version of the gallery; 0 if there is none."""
    if not (place.root / "shelf" / "changes").is_dir():
        return 0
    try:
        return Gallery(LocalFiles(place.root / "shelf")).state.version
    except UserError:
        return 0


def gallery_faults(place: Place, ended: Ended) -> Iterator[str]:
    """Yield damaged files, and acknowledged changes that are lost."""
    version = version_of(place)
    if version not in (ended.done, ended.done + 1):
        yield f"{ended.done} changes were acknowledged, the version is {version}"
    if version:
        yield from (f"{fault.file} {fault.what}" for fault in verify(LocalFiles(place.root / "shelf")))


def enrolled(place: Place) -> Any:
    """Return the products with the checksums of their photos, the versions, and all vectors."""
    gallery = Gallery(LocalFiles(place.root / "shelf"))
    entries, vectors = gallery.vectors()
    products = sorted(
        (entry.sku, entry.sha256, vector.round(5).tolist()) for entry, vector in zip(entries, vectors, strict=True)
    )
    return products, [(each.version, each.kind, each.detail) for each in gallery.state.history]


# Export

EXPORT: list[Work] = [["export", "run"]]


def network_facts(path: Path) -> dict[str, Any]:
    """Return what determines the answers of an exported file."""
    found = read_exported(path)
    return {name: value for name, value in found.facts.items() if name not in ("parity", "provenance")}


def damaged_export(place: Place, ended: Ended) -> Iterator[str]:
    """Yield an exported file that cannot be read."""
    for path in place.root.glob("run/network.*"):
        try:
            network_facts(path)
        except UserError as error:
            yield str(error)


def exported(place: Place) -> Any:
    """Return what determines the answers of the export."""
    return network_facts(place.root / "run" / "network.onnx")


# Prepare


def half_prepared(place: Place, ended: Ended) -> Iterator[str]:
    """Yield a folder that is incomplete, and changed photos."""
    if contents(place.root / "photos") != contents(place.inputs / "photos"):
        yield "the photos have changed"
    if (place.root / "clean").exists() and not (place.root / "clean" / "prepare.json").exists():
        yield "the folder is incomplete"


PREPARE: list[Work] = [
    ["prepare", "photos", "--out", "clean", "--link", "copy", "--val-fraction", "0.2", "--decisions", "review.jsonl"]
]


# Batch work

PREDICT: list[Work] = [
    ["predict", "network.onnx", "photos", "--engine", "onnx", "--out", f"answers.{form}"]
    for form in ("npz", "csv", "jsonl")
]
EMBED: list[Work] = [
    ["embed", "network.onnx", "photos", "--engine", "onnx", "--out", "vectors.parquet", "--part-size", "4"]
]


def predicted(place: Place) -> Any:
    """Return the answers of all three files."""
    found = Predictions.load(place.root / "answers.npz")
    texts = [(place.root / f"answers.{form}").read_text(encoding="utf-8-sig") for form in ("csv", "jsonl")]
    return found.paths, found.probabilities.round(5).tolist(), found.embeddings.round(5).tolist(), *texts


def half_predicted(place: Place, ended: Ended) -> Iterator[str]:
    """Yield an acknowledged file that is missing, and one that is incomplete."""
    for number, form in enumerate(("npz", "csv", "jsonl")):
        path = place.root / f"answers.{form}"
        if number < ended.done and not path.exists():
            yield f"{path.name} is lost"
        if path.exists() and form == "npz":
            Predictions.load(path)
        elif path.exists() and len(path.read_text().splitlines()) < sum(PER_CLASS.values()) * len(COLOURS):
            yield f"{path.name} is incomplete"


def embedded(place: Place) -> Any:
    """Return all rows of the table."""
    import pyarrow.parquet as parquet

    rows = parquet.read_table(place.root / "vectors.parquet").to_pylist()
    return [(row["path"], np.round(row["embedding"], 5).tolist()) for row in rows]


# Decisions of a review


def review() -> None:
    """Decide on photos, one after the other; print each that is acknowledged."""
    log = Path("decided.jsonl")
    first = len(read_decisions(log)) if log.exists() else 0
    for number in range(first, DECISIONS):
        append_decision(log, decide("Wang", f"a/{number}.jpg", "a", "keep"))
        print(f"decided {number}", flush=True)


def lost_decisions(place: Place, ended: Ended) -> Iterator[str]:
    """Yield acknowledged decisions that are lost."""
    log = place.root / "decided.jsonl"
    kept = len(read_decisions(log)) if log.exists() else 0
    said = ended.said.count("decided ")
    if kept not in (said, said + 1):
        yield f"{said} decisions were acknowledged, {kept} are kept"


def decided(place: Place) -> Any:
    """Return the photos of all decisions, in order."""
    return [decision.path for decision in read_decisions(place.root / "decided.jsonl")]


# Training

TRAIN: list[Work] = [["train", "photos", "--out", "run", "--seed", "3", *TINY]]


def resumed_training(place: Place, ended: Ended) -> Sequence[Work]:
    """Resume the run, or start again if it has no recipe yet, as the command advises."""
    return [["train", "--resume", "run"]] if (place.root / "run" / "recipe.yaml").exists() else TRAIN


def run_faults(place: Place, ended: Ended) -> Iterator[str]:
    """Yield epochs that were announced and are lost, and files that cannot be read."""
    run = RunFolder(place.root / "run")
    if not run.recipe.exists():
        return
    run.read_recipe()
    run.read_classes()
    told, kept = ended.said.count("\nepoch "), len(run.read_log())
    if run.state.exists() and kept < told - 1:
        yield f"{told} epochs were announced, {kept} are in the log"
    yield from damaged_checkpoints(place)


def damaged_checkpoints(place: Place) -> Iterator[str]:
    """Yield checkpoints that cannot be read; they are read in a process of its own."""
    said = place.aside / "checkpoints.json"
    place_of = place.root / "run"

    def read() -> None:
        said.write_text(json.dumps(weights(place_of)))

    ended = place.run([read])
    if ended.status:
        yield f"checkpoints cannot be read: {ended.said}"


def weights(run: Path) -> dict[str, str]:
    """Return the checksum of each checkpoint's arrays."""
    from shelfmind.models.checkpoint import checksum, load_checkpoint

    return {path.name: checksum(load_checkpoint(path).arrays, "", "") for path in sorted(run.glob("*.ckpt"))}


def trained(place: Place) -> Any:
    """Return the weights, averages and optimizer state, the figures of the log, and the names of all files."""
    faults = list(damaged_checkpoints(place))
    run = RunFolder(place.root / "run")
    timed = ("images_per_second", "elapsed_s")
    log = [{name: value for name, value in entry.items() if name not in timed} for entry in run.read_log()]
    names = [name for name in contents(run.root) if not name.startswith(CACHES)]
    return faults, json.loads((place.aside / "checkpoints.json").read_text()), log, names


ENROLLED = frozenset({"photos", "network"})
SCENARIOS: dict[str, Scenario] = {
    "audit": Scenario(AUDIT, unless("audit", AUDIT), damaged_databases, audited),
    "caching": Scenario([decode], same([decode]), no_faults, cached),
    "gallery": Scenario(GALLERY, lambda place, ended: GALLERY[version_of(place) :], gallery_faults, enrolled, ENROLLED),
    "prepare": Scenario(PREPARE, unless("clean", PREPARE), half_prepared, lambda place: contents(place.root / "clean")),
    "predict": Scenario(PREDICT, lambda place, ended: PREDICT[ended.done :], half_predicted, predicted, ENROLLED),
    "embed": Scenario(EMBED, same(EMBED), no_faults, embedded, ENROLLED),
    "review": Scenario([review], same([review]), lost_decisions, decided),
    "export": Scenario(EXPORT, same(EXPORT), damaged_export, exported, frozenset({"photos", "run"}), True),
    "train": Scenario(TRAIN, resumed_training, run_faults, trained, mindspore=True),
}


IMPORTED = (
    "shelfmind.cli",
    "shelfmind.inference.engines.onnx",
    "shelfmind.inference.predict_files",
    "shelfmind.workflows.audit",
    "shelfmind.workflows.galleries",
    "shelfmind.workflows.prepare",
)
ON_MINDSPORE = ("mindspore", "shelfmind.exporting.export", "shelfmind.training.run")


def import_all(mindspore: bool) -> None:
    """Import what the commands need, so that a forked process is at work at once."""
    for name in (*IMPORTED, *(ON_MINDSPORE if mindspore else ())):
        importlib.import_module(name)
    sys.stdout.flush()
