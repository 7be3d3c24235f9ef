"""`expand`: the accuracy of few-shot enrolment, measured by class-disjoint training and enrolment of the other
classes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.data import open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.data.folds import block_folds
from shelfmind.data.list_file import write_list
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.files import make_folder, scratch_in_cache, write_json
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.storage import LocalFiles
from shelfmind.images.plain_vectors import PLAIN_VECTORS, plain_vectors
from shelfmind.images.squares import Squares, open_squares
from shelfmind.inference.embedder import RunEmbedder
from shelfmind.inference.prediction_cache import predictions_of
from shelfmind.inference.predictor import RunPredictor
from shelfmind.nouns import counted
from shelfmind.pages.expansion_report import write_expansion_report
from shelfmind.recognition.episodes import Photos
from shelfmind.recognition.expansion import (
    Expansion,
    Vectors,
    estimates,
    gallery_alone,
    measure,
)
from shelfmind.records import Catalog, Sample
from shelfmind.requests.expanding import PLAN_FILE, REPORT_FILE, RESULT_FILE, ExpandRequest
from shelfmind.requests.shared import RUN_FILE
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.plans import keep_plan
from shelfmind.training.run import resume, train
from shelfmind.training.teaching import refuse_teachers
from shelfmind.training.watching import Watcher
from shelfmind.workflows.gallery_calibration import of_each_class

CALIBRATION_FOLDS = 10
"""Without a test split, val is used for evaluation, and one of this many blocks of each seen class's training photos is
held out for calibration."""
TIMED = 5
"""Number of products whose enrolment is timed."""
PARTS = ("learnt", "calibration", "seen", "shots", "unseen")


@dataclass(frozen=True)
class Parts:
    """The photos of one seed by purpose, see `recognition.expansion.Expansion`; class ids are indices into each part's
    class names."""

    seen_names: tuple[str, ...]
    unseen_names: tuple[str, ...]
    train: tuple[Sample, ...]
    calibration: tuple[Sample, ...]
    seen: tuple[Sample, ...]
    shots: tuple[Sample, ...]
    unseen: tuple[Sample, ...]

    @property
    def learnt(self) -> list[Sample]:
        """The training photos whose embeddings are used."""
        return of_each_class(self.train)


def expand(request: ExpandRequest, watcher: Watcher | None = None) -> dict[str, Any]:
    """Train on some classes, enrol the others from a few photos, and evaluate both, for each random class split.

    Returns:
        The content of `expansion.json`: the results of each seed, and their means with 95% intervals over seeds.

    Raises:
        UserError: too few classes or photos, or settings other than those that the folder was started with.
    """
    watcher = watcher or Watcher()
    refuse_teachers(request.settings, "a teacher that knows the unseen classes would leak them")
    catalog = open_catalog(request.data, request.format, request.seed)
    make_folder(request.out)
    keep_plan(request.out / PLAN_FILE, _plan(request, catalog))
    seeds = []
    for number in range(request.seeds):
        folder = request.out / f"seed-{number}"
        if not (folder / RESULT_FILE).exists():
            watcher.note(f"class split {number + 1} of {request.seeds}")
            write_json(folder / RESULT_FILE, _evaluate_seed(request, catalog, number, folder, watcher))
        seeds.append(read_json(folder / RESULT_FILE))
    result = {"plan": read_json(request.out / PLAN_FILE), "seeds": seeds, "estimates": _estimates(seeds)}
    write_json(request.out / RESULT_FILE, result)
    write_expansion_report(request.out / REPORT_FILE, result)
    return result


def parts_of(catalog: Catalog, unseen_share: float, seed: int) -> Parts:
    """Choose the unseen classes, and the photos for training, calibration, enrolment and evaluation.

    Raises:
        UserError: fewer than two classes on either side, or no photos to evaluate on.
    """
    trained = {sample.label for sample in catalog.split("train")}
    classes = np.array(sorted(trained), np.int64)
    count = round(unseen_share * len(classes))
    if count < 2 or len(classes) - count < 2:
        raise UserError(
            f"{argument('unseen', unseen_share)} of {counted(len(classes), 'class')} leaves "
            f"{counted(count, 'unseen class')}; at least 2 are needed, and at least 2 trained classes"
        )
    unseen = set(np.random.default_rng(seed).permutation(classes)[:count].tolist())
    seen_names = [catalog.class_names[label] for label in classes if label not in unseen]
    unseen_names = [catalog.class_names[label] for label in classes if label in unseen]
    evaluation_split = "test" if catalog.split("test") else "val"
    train, calibration = _training_photos(catalog, evaluation_split, unseen, seed)
    ids = {name: index for names in (seen_names, unseen_names) for index, name in enumerate(names)}

    def of(samples: Sequence[Sample], split: str) -> tuple[Sample, ...]:
        return tuple(Sample(each.path, ids[catalog.class_names[each.label]], split) for each in samples)

    evaluated = [sample for sample in catalog.split(evaluation_split) if sample.label in trained]
    parts = Parts(
        seen_names=tuple(seen_names),
        unseen_names=tuple(unseen_names),
        train=of(train, "train"),
        calibration=of(calibration, "val"),
        seen=of([sample for sample in evaluated if sample.label not in unseen], evaluation_split),
        shots=of([sample for sample in catalog.split("train") if sample.label in unseen], "train"),
        unseen=of([sample for sample in evaluated if sample.label in unseen], evaluation_split),
    )
    if not parts.seen or not parts.unseen:
        raise UserError(f"{catalog.root} has no photos in {evaluation_split} to evaluate on")
    if not parts.calibration:
        raise UserError(f"{catalog.root} has too few photos per class to hold some out for calibration")
    return parts


def _training_photos(
    catalog: Catalog, evaluation_split: str, unseen: set[int], seed: int
) -> tuple[list[Sample], list[Sample]]:
    """Photos of seen classes for training and for calibration, which uses val unless val is needed for evaluation.

    In that case a contiguous block of each class's photos is held out, because consecutive photos are too similar for
    calibration.
    """
    train = [sample for sample in catalog.split("train") if sample.label not in unseen]
    trained = {sample.label for sample in train}
    val = [sample for sample in catalog.split("val") if sample.label in trained]
    if evaluation_split == "test" and val:
        return train, val
    labels: Ints = np.array([sample.label for sample in train], np.int64)
    folds = block_folds([str(sample.path) for sample in train], labels, CALIBRATION_FOLDS)
    held_out = folds == seed % CALIBRATION_FOLDS
    kept = [sample for sample, out in zip(train, held_out, strict=True) if not out]
    return kept, [sample for sample, out in zip(train, held_out, strict=True) if out]


def _plan(request: ExpandRequest, catalog: Catalog) -> dict[str, Any]:
    return {
        "data": str(request.data.absolute()),
        "digest": data_digest(catalog),
        "unseen": request.unseen,
        "shots": list(request.shots),
        "draws": request.draws,
        "false_accepts": request.false_accepts,
        "seed": request.seed,
        "max_minutes": request.max_minutes,
        "recipe": request.settings.model_dump(mode="json"),
    }


def _evaluate_seed(
    request: ExpandRequest, catalog: Catalog, number: int, folder: Path, watcher: Watcher
) -> dict[str, Any]:
    """All measurements for one class split."""
    parts = parts_of(catalog, request.unseen, request.seed + number)
    _trained(request, parts, number, folder, watcher)
    embedder = RunEmbedder(RunFolder(folder / "run"), watcher.counter)
    plain, squares = expansion_of(parts, embedder.predictor, watcher)
    expansion = plain.whitened()
    kinds = _vectors(plain, squares)
    total = len(request.shots) * request.draws
    progress = watcher.counter("enrolling and evaluating", total)
    figures: dict[str, list[dict[str, float]]] = {}
    alone: dict[str, dict[str, list[dict[str, float]]]] = {kind: {} for kind in kinds}
    for shots in request.shots:
        for draw in range(request.draws):
            found = measure(expansion, shots, draw, request.false_accepts)
            figures.setdefault(str(shots), []).append(asdict(found))
            for kind, vectors in kinds.items():
                baseline = gallery_alone(expansion, vectors, shots, draw)
                alone[kind].setdefault(str(shots), []).append(asdict(baseline))
            progress(1)
    return {
        "seed": request.seed + number,
        "unseen": list(parts.unseen_names),
        "seen_classes": len(parts.seen_names),
        "photos": {name: len(getattr(expansion, name)) for name in PARTS},
        "figures": figures,
        "galleries": alone,
        "seconds_to_enrol": _enrolment_seconds(embedder, parts, max(request.shots)),
        "photos_enrolled": max(request.shots),
    }


def _trained(request: ExpandRequest, parts: Parts, number: int, folder: Path, watcher: Watcher) -> None:
    """Train on the seen classes, or resume."""
    run = folder / "run"
    if (run / "metrics.json").exists():
        return
    if (run / RUN_FILE).exists():
        resume(run, watcher)
        return
    shutil.rmtree(run, ignore_errors=True)
    write_list(folder / "seen.csv", [*parts.train, *parts.calibration], parts.seen_names)
    training = TrainRequest(
        data=folder / "seen.csv",
        recipe=request.settings,
        out=run,
        seed=request.seed + number,
        max_minutes=request.max_minutes,
        max_bad_fraction=request.max_bad_fraction,
        format="csv",
        offline=request.offline,
    )
    train(training, watcher=watcher)


def expansion_of(parts: Parts, predictor: RunPredictor, watcher: Watcher) -> tuple[Expansion, Squares]:
    """A run's outputs for the usable photos, and these photos, part by part."""
    samples = [getattr(parts, name) for name in PARTS]
    flat = [sample for part in samples for sample in part]
    squares, good, _ = open_squares(flat, predictor.recipe.data, watcher.counter("checking images", len(flat)))
    predictions = predictions_of(predictor, squares, good, (), watcher.counter)
    photos = Photos(
        unit_rows(predictions.embeddings),
        predictions.labels,
        predictions.probabilities,
        predictor.logits(predictions.embeddings),
    )
    usable = {sample.path for sample in good}
    ends = np.cumsum([sum(sample.path in usable for sample in part) for part in samples])
    rows = np.split(np.arange(len(good)), ends[:-1])
    return Expansion(parts.seen_names, parts.unseen_names, *(photos.rows(each) for each in rows)), squares


def _vectors(expansion: Expansion, squares: Squares) -> dict[str, Vectors]:
    """The vectors to compare galleries by: the network's embeddings, and baselines without a network."""
    found = {
        "embedding": Vectors(
            expansion.learnt.vectors, expansion.seen.vectors, expansion.shots.vectors, expansion.unseen.vectors
        )
    }
    ends = np.cumsum([len(getattr(expansion, part)) for part in PARTS])
    for kind in PLAIN_VECTORS:
        rows = plain_vectors((squares[index] for index in range(len(squares))), kind)
        learnt, _, seen, shots, unseen = np.split(rows, ends[:-1])
        found[kind] = Vectors(learnt, seen, shots, unseen)
    return found


def _enrolment_seconds(embedder: RunEmbedder, parts: Parts, photos: int) -> float:
    """The median time to enrol a product with this many photos, with the model loaded."""
    by = Attribution("expand")
    with scratch_in_cache() as scratch:
        gallery = Gallery.create(LocalFiles(scratch / "gallery"), embedder, by)
        seconds = []
        for product in range(min(TIMED + 1, len(parts.unseen_names))):
            chosen = [sample for sample in parts.shots if sample.label == product][:photos]
            began = time.perf_counter()
            gallery.add(
                [Photo(parts.unseen_names[product], each.path.name, each.path) for each in chosen], embedder, by
            )
            seconds.append(time.perf_counter() - began)
    return round(median(seconds[1:]), 3)  # the first is a warm-up


def _estimates(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over seeds with intervals, for the recogniser and each gallery, by the number of photos."""

    kinds = seeds[0]["galleries"]
    return {
        "recogniser": _by_shots([seed["figures"] for seed in seeds]),
        "galleries": {kind: _by_shots([seed["galleries"][kind] for seed in seeds]) for kind in kinds},
    }


def _by_shots(seeds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        shots: {name: asdict(each) for name, each in estimates([seed[shots] for seed in seeds]).items()}
        for shots in seeds[0]
    }
