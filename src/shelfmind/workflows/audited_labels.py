"""Predictions of a run, or of the networks of a label check, for all images of an audited data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.label_errors.held_out import HeldOut, read_held_out
from shelfmind.analysis.label_errors.network_findings import (
    NetworkAudit,
    NetworkFindings,
    NetworkOutputs,
    network_findings,
    source_of_folds,
)
from shelfmind.data.splits import relative_name
from shelfmind.errors import UserError, argument, call
from shelfmind.files import scratch_in_cache
from shelfmind.images.content import hash_files
from shelfmind.images.squares import open_squares
from shelfmind.inference.predict_arrays import open_probabilities, predict_into, read_probabilities
from shelfmind.inference.predictor import RunPredictor
from shelfmind.progress import Counter
from shelfmind.records import Catalog, Sample, require_same_classes, with_classes_of_run
from shelfmind.requests.label_checking import PLAN_FILE
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import History, UnknownHistoryError, read_history
from shelfmind.runs.known_data import group_of
from shelfmind.runs.overlaps import near_copies_of


def label_check_by(run: Path | str, counter: Counter) -> NetworkAudit:
    """A label check for `audit`. `run` is a run folder or an output folder of `find-label-errors`.

    Raises:
        UserError: it is neither, or unfinished; when called, a data set with other classes or images.
    """
    folder = Path(run)
    if (folder / PLAN_FILE).exists():
        if not (folder / "audit.json").exists():
            resume_command = call("find_label_errors", data="DATA", out=folder)
            raise UserError(f"{folder} is an unfinished label check; finish it first with: {resume_command}")
        return lambda catalog: _by_label_check(folder, catalog, counter)
    RunFolder(folder).require()
    return lambda catalog: _by_run(RunFolder(folder), catalog, counter)


def _by_label_check(folder: Path, catalog: Catalog, counter: Counter) -> NetworkFindings:
    held_out = read_held_out(folder / "images.csv", catalog)
    if held_out is None:
        again = call("find_label_errors", data="DATA", out="OUT")
        raise UserError(f"{folder} checked other images than {catalog.root} now contains; check these with: {again}")
    unseen = folder / "unseen.npy"
    unlearnt = np.load(unseen) if unseen.exists() else np.ones(held_out.checkable, np.bool_)
    opinion = NetworkOutputs(
        source=source_of_folds(f"the networks of {folder.name}", unlearnt),
        held_out=held_out,
        probabilities=read_probabilities(folder, len(held_out.class_names)),
        embeddings=lambda fold: np.load(folder / "folds" / str(fold) / "embeddings.npy", mmap_mode="r"),
        unseen=unlearnt,
        root=catalog.root,
    )
    return network_findings(opinion, counter)


def _by_run(run: RunFolder, catalog: Catalog, counter: Counter) -> NetworkFindings:
    predictor = RunPredictor(run, tta=())
    if set(predictor.class_names) != set(catalog.class_names):
        require_same_classes(predictor.class_names, catalog.class_names, str(catalog.root))
    catalog = with_classes_of_run(catalog, predictor.class_names)
    try:
        history = read_history(run, counter)
    except UnknownHistoryError as error:
        raise UnknownHistoryError(error.fact, f"{error.advice}, or omit {argument('run')}") from error
    samples = catalog.samples
    squares, good, _ = open_squares(samples, predictor.recipe.data, counter("preparing images", len(samples)))
    with scratch_in_cache() as scratch:
        embeddings_file = scratch / "embeddings.npy"
        probabilities = open_probabilities(scratch, len(good), len(catalog.class_names))
        progress = counter("asking the network", len(good))
        predict_into(predictor, squares, probabilities=probabilities, embeddings=embeddings_file, progress=progress)
        embeddings = np.load(embeddings_file, mmap_mode="r")
        known, unseen = in_run_splits(catalog, good, history, counter)
        held_out = HeldOut(
            samples=known,
            names=tuple(relative_name(sample.path, catalog.root) for sample in good),
            given=tuple(catalog.class_names[sample.label] for sample in good),
            labels=np.array([sample.label for sample in good], np.int64),
            folds=np.zeros(len(good), np.int64),
            class_names=catalog.class_names,
        )
        opinion = NetworkOutputs(
            source=f"the run {run.root.name}{_calibrated(predictor)}",
            held_out=held_out,
            probabilities=probabilities,
            embeddings=lambda fold: embeddings,
            unseen=unseen,
            root=catalog.root,
            train_images=np.array(predictor.train_images, np.int64),
        )
        return network_findings(opinion, counter)


def _calibrated(predictor: RunPredictor) -> str:
    """A remark on a calibrated run."""
    return "" if predictor.temperature == 1.0 else f" (calibrated, temperature {predictor.temperature:.3f})"


def in_run_splits(
    catalog: Catalog, samples: Sequence[Sample], history: History, counter: Counter
) -> tuple[tuple[Sample, ...], npt.NDArray[np.bool_]]:
    """N usable samples in the splits of the run, and which of them, shape (N,), are held out: the run was trained
    neither on them nor on near-duplicates of them."""
    paths = [sample.path for sample in samples]
    digests = hash_files(paths, counter("hashing files", len(paths)))
    known = tuple(
        replace(sample, split=group_of(catalog, sample, digest, [history]))
        for sample, digest in zip(samples, digests, strict=True)
    )
    untrained = [path for path, digest in zip(paths, digests, strict=True) if history.use(digest) != "train"]
    unseen = set(untrained) - (near_copies_of(untrained, [history], counter) or {}).keys()
    return known, np.array([path in unseen for path in paths], np.bool_)
