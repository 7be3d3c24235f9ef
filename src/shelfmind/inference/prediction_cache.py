"""A cache of a run's predictions and embeddings, so that no command computes them twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Floats
from shelfmind.errors import UserError
from shelfmind.files import keep_most_recent, make_folder, write_atomically
from shelfmind.images.photo_files import ask_stores, file_status
from shelfmind.images.squares import Squares
from shelfmind.inference.predictor import Predictor
from shelfmind.progress import Counter, count_silently
from shelfmind.records import BadFile, Predictions, Sample

MAX_FILES = 12
"""Number of files that a run keeps, the most recently used ones."""


def predictions_of(
    predictor: Predictor,
    squares: Squares,
    samples: Sequence[Sample],
    bad_files: Sequence[BadFile] = (),
    counter: Counter = count_silently,
) -> Predictions:
    """Return the predictions of prepared `squares`, from the cache in the run's folder or newly computed.

    Cache entries depend on the run's weights and recipe, the engine with its exported file, the test-time views and the
    files (path, size, time). Labels are taken from the samples, so that corrections take effect immediately. Damaged
    entries are recomputed. If the run folder is read-only, nothing is cached.
    """
    path = _place(predictor, samples, ".npz")
    kept = _read(path, samples)
    if kept is not None:
        counter("using cached predictions", len(samples))(len(samples))
        return replace(kept, labels=_labels(samples), bad_files=tuple(bad_files))
    predictions = predictor.predict_squares(squares, samples, bad_files, counter("predicting", len(samples)))
    _keep(path, predictions.save)
    return predictions


def embeddings_of(
    predictor: Predictor, squares: Squares, samples: Sequence[Sample], counter: Counter = count_silently
) -> Floats:
    """Return the embeddings (N, D) of prepared `squares`, cached like predictions, without probabilities."""
    path = _place(predictor, samples, ".embeddings.npz")
    kept = _read_embeddings(path, len(samples))
    if kept is not None:
        counter("using cached embeddings", len(samples))(len(samples))
        return kept
    embeddings = predictor.embed_squares(squares, counter("embedding", len(samples)))
    _keep(path, partial(_write_embeddings, embeddings))
    return embeddings


def _place(predictor: Predictor, samples: Sequence[Sample], suffix: str) -> Path:
    return predictor.place / "evaluation" / "kept" / f"{_key(predictor, samples)}{suffix}"


def _keep(path: Path, write: Callable[[Path], None]) -> None:
    with suppress(UserError, OSError):  # a read-only run or a full disk: not an error for a cache
        make_folder(path.parent)
        write_atomically(path, write)
        keep_most_recent(path.parent, "*.npz", MAX_FILES)


def _key(predictor: Predictor, samples: Sequence[Sample]) -> str:
    network = f"{predictor.checksum}|{predictor.recipe.dump()}|{predictor.tta}|{predictor.temperature}"
    digest = hashlib.sha256(f"{network}|{predictor.engine.identity}".encode())
    ask_stores([sample.path for sample in samples])
    for sample in samples:
        status = file_status(sample.path)
        line = f"{sample.path}|{status.size}|{status.mtime_ns}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _read(path: Path, samples: Sequence[Sample]) -> Predictions | None:
    if not path.exists():
        return None
    try:
        kept = Predictions.load(path)
    except UserError:
        return None
    with suppress(OSError):
        os.utime(path)
    return kept if kept.paths == tuple(str(sample.path) for sample in samples) else None


def _write_embeddings(embeddings: Floats, path: Path) -> None:
    with open(path, "wb") as stream:
        np.savez(stream, embeddings=embeddings)


def _read_embeddings(path: Path, images: int) -> Floats | None:
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            kept: Floats = archive["embeddings"]
    except Exception:  # missing or damaged: the headers of archive and array are parsed by code that can raise anything
        return None
    with suppress(OSError):
        os.utime(path)
    return kept if len(kept) == images else None


def _labels(samples: Sequence[Sample]) -> npt.NDArray[np.int64]:
    return np.array([sample.label for sample in samples], np.int64)
