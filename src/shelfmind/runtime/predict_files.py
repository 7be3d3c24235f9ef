"""`predict` for files: finds them, streams them through a run and writes the outcome in constant memory."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shelfmind.data.checking import refuse_too_many_bad
from shelfmind.data.listing import list_images, natural_key
from shelfmind.errors import UserError
from shelfmind.progress import Counter, Progress, count_silently
from shelfmind.records import BadFile
from shelfmind.runtime.outputs import ArrayWriter, check_output, write_arrays, write_predictions
from shelfmind.runtime.predict import Prediction, Predictor, Source
from shelfmind.runtime.run_folder import RunFolder

SHOWN = 20


@dataclass
class Outcome:
    """What became of the files: how many, the first few predictions, and the bad ones."""

    images: int = 0
    shown: list[Prediction] = field(default_factory=list)
    bad_files: list[BadFile] = field(default_factory=list)
    bad_list: Path | None = None

    def note(self, prediction: Prediction) -> Prediction:
        """Count one prediction."""
        self.images += 1
        if len(self.shown) < SHOWN:
            self.shown.append(prediction)
        if prediction.error is not None:
            self.bad_files.append(BadFile(Path(prediction.source), prediction.error))
        return prediction


def predict_files(
    run: Path | str,
    paths: Sequence[str],
    *,
    top: int = 5,
    out: Path | None = None,
    tta: Sequence[str] | None = None,
    counter: Counter = count_silently,
) -> Outcome:
    """Predict all images that `paths` (files, folders, patterns) name, in order; `out` decides the form of the output.

    A file that cannot be used keeps its row in ``.csv`` and ``.jsonl``; with any `out` it is also listed with its
    reason in ``<out>.bad_files.csv``.

    Raises:
        UserError: a path that names nothing, an output that cannot be written, no run.
    """
    if out is not None:
        check_output(out)
    for path in paths:
        require_something(path)
    predictor = Predictor(RunFolder(Path(run)), tta)
    total = sum(1 for _ in find_images(paths))
    if total == 0:
        raise UserError(f"there is no image in {', '.join(paths)}")
    outcome = Outcome()
    progress = counter("predicting", total)
    files: Iterator[Source] = find_images(paths)
    if out is not None and out.suffix == ".npz":
        write_arrays(out, predictor.class_names, lambda arrays: _to_arrays(predictor, files, arrays, outcome, progress))
    else:
        noted = _noted(predictor.stream(files, top), outcome, progress)
        if out is None:
            for _ in noted:
                pass
        else:
            write_predictions(out, noted, min(top, len(predictor.class_names)))
    if outcome.bad_files and out is not None:
        outcome.bad_list = out.with_name(f"{out.name}.bad_files.csv")
        refuse_too_many_bad(outcome.bad_files, outcome.images, 1.0, outcome.bad_list)
    return outcome


def require_something(path: str) -> None:
    """Refuse a path that names nothing."""
    if os.path.lexists(path) or (glob.has_magic(path) and next(glob.iglob(path, recursive=True), None) is not None):
        return
    raise UserError(f"{path}: no such file or folder, and no pattern that matches one")


def find_images(paths: Sequence[str]) -> Iterator[Path]:
    """The files that `paths` name: files as they are, folders with all images below them, patterns sorted."""
    for path in paths:
        if os.path.isdir(path):
            yield from list_images(Path(path)).images
        elif os.path.lexists(path):
            yield Path(path)
        else:
            for match in sorted(glob.iglob(path, recursive=True), key=natural_key):
                yield from list_images(Path(match)).images if os.path.isdir(match) else (Path(match),)


def _noted(predictions: Iterable[Prediction], outcome: Outcome, progress: Progress) -> Iterator[Prediction]:
    for prediction in predictions:
        progress(1)
        yield outcome.note(prediction)


def _to_arrays(
    predictor: Predictor, files: Iterable[Source], arrays: ArrayWriter, outcome: Outcome, progress: Progress
) -> None:
    for names, errors, probabilities, embeddings in predictor.stream_arrays(files):
        good = [name for name, error in zip(names, errors, strict=True) if error is None]
        if good:
            arrays.add(good, probabilities, embeddings)
        for name, error in zip(names, errors, strict=True):
            outcome.note(Prediction(name, (), error))
        progress(len(names))
