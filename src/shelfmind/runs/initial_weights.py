"""The history of a run's initial weights and teachers, stored in the run: photos that they saw count as seen."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.errors import Message, argument
from shelfmind.files import make_folder, write_atomically, write_json
from shelfmind.images.content import hash_files
from shelfmind.nouns import counted
from shelfmind.progress import Counter
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.history import ORIGIN, History, UnknownHistoryError, earlier_folders, read_history, run_of

WARNING_PREFIX = "the initial weights of this run"
"""The start of the warning from `seen_by_initial_weights`."""


def store_earlier_histories(
    run: RunFolder, checkpoint: Path | None, counter: Counter, teachers: Sequence[Path] = ()
) -> None:
    """Store in `run` the histories of the runs of its initial weights and teachers, and of those before them.

    Nothing is stored for weights from elsewhere. If the history of a run or teacher is unknown, that is stored.
    """
    shutil.rmtree(run.before, ignore_errors=True)  # left by a run that was stopped before training started
    kept: list[tuple[History | None, dict[str, Any]]] = []
    for file in ([] if checkpoint is None else [checkpoint]) + list(teachers):
        role = {"teacher": True} if file in teachers else {}
        parent = run_of(file)
        if parent is None:
            kept += [(None, {"run": str(file), **role})] if role else []
            continue
        try:
            chain = read_history(parent, counter).chain
        except UnknownHistoryError:
            kept.append((None, {"run": str(parent.root), **role}))
        else:
            for each in chain:
                taught = {"teacher": True} if each.teacher else role
                kept.append((each, {"run": each.title, "labels": each.learnt_labels, **taught}))
    for folder, (history, origin) in zip(earlier_folders(run, len(kept)), kept, strict=True):
        make_folder(folder)
        if history is not None:
            for name in ("split", "seen"):
                _link(getattr(history.run, name), getattr(RunFolder(folder), name))
        write_json(folder / ORIGIN, origin)


def read_with_caveat(run: RunFolder, counter: Counter) -> tuple[History | None, str | None]:
    """The history of a run (None if unknown), and why it cannot be evaluated on its own images (None if it can)."""
    try:
        history = read_history(run, counter)
    except UnknownHistoryError as error:
        return None, error.fact
    return history, seen_by_initial_weights(history)


def labels_not_trained_on(checkpoint: Path, paths: Sequence[Path], counter: Counter) -> npt.NDArray[np.bool_]:
    """Which of N images have labels that neither the run of these weights nor those before it learnt, shape (N,).

    Raises:
        UnknownHistoryError: the history is unknown.
    """
    run = run_of(checkpoint)
    if run is None:
        return np.ones(len(paths), np.bool_)
    learnt = [each for each in read_history(run, counter).chain if each.learnt_labels]
    digests = hash_files(paths, counter("hashing files", len(paths)))
    return np.array([all(each.own_use(digest) != "train" for each in learnt) for digest in digests], np.bool_)


def seen_by_initial_weights(history: History) -> str | None:
    """A warning if the initial weights or teachers have seen validation or test images of a run; None otherwise.

    For validation, images that were trained on count; for test, also those that were validated on.
    """
    disqualifying_uses = {"val": ("train",), "test": ("train", "val")}
    counts = []
    for split, uses in disqualifying_uses.items():
        own = [row.sha256 for row in history.rows if row.split == split]
        seen = sum(history.earlier_use(digest) in uses for digest in own)
        if seen:
            counts.append(f"{seen:,} of {counted(len(own), f'{split} image')}")
    if not counts:
        return None
    names = " and ".join(each.title for each in history.before)
    if history.has_teachers:
        return Message(
            f"{names}, a teacher of this run, saw {' and '.join(counts)} in training, so they cannot "
            f"evaluate it. Choose another teacher, or share the split of that run: {argument('split_of')}"
        )
    return Message(
        f"{WARNING_PREFIX} are those of {names}, which saw {' and '.join(counts)} in training, so they cannot "
        f"evaluate it. Choose other weights, or share the split of that run: {argument('split_of')}"
    )


def _link(source: Path, target: Path) -> None:
    """Hard-link `target` to `source`, or copy it if links are unsupported; does nothing if `source` does not exist."""
    if source.exists():
        write_atomically(target, _linked(source))


def _linked(source: Path) -> Callable[[Path], None]:
    def write(temporary: Path) -> None:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)

    return write
