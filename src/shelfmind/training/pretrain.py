"""Pretraining on the user's own photos: self-supervised, or on broader classes, with a readout of what it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from shelfmind.data import open_catalog
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError
from shelfmind.evaluation.readout import Readout, read_out
from shelfmind.files import write_json
from shelfmind.images.content import hash_files
from shelfmind.inference.predictor import Predictor
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.records import Catalog, Predictions
from shelfmind.runs.folder import RunFolder
from shelfmind.training.clock import require_one_length
from shelfmind.training.run import read_origin, resume, train
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import evaluation_folder, predict_split


def pretrain(
    data: Path | str | None,
    *,
    out: Path | str,
    recipe: Recipe | str | None = None,
    overrides: Sequence[str] = (),
    broader: Path | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    max_minutes: float | None = None,
    max_bad_fraction: float = 0.01,
    format: str | None = None,
    watcher: Watcher | None = None,
) -> Readout | None:
    """Pretrain on the training images of `data` into the run `out`, which `train --init OUT` starts from.

    Without labels (the recipe ``pretrain``), or on `broader` classes, a CSV with the columns ``class,broader`` (the
    recipe ``default``). A task without labels reads none; the readout at the end reads those of train and val to say
    what the embeddings are worth for the data's own classes, and writes ``readout.json``. Without `data` the run `out`
    goes on. Other arguments as in `train`.

    Returns:
        the readout, or None if there is no validation split.
    """
    require_one_length(epochs, max_minutes)
    watcher = watcher or Watcher()
    if data is None:
        resume(out, watcher)
    else:
        name = recipe or ("pretrain" if broader is None else "default")
        if isinstance(name, Recipe) and overrides:
            raise UserError("overrides go with a recipe's name, not with a Recipe")
        settings = load_recipe(name, overrides) if isinstance(name, str) else name
        if broader is not None and settings.train.task != "classify":
            raise UserError(
                f"--broader gives labels, which the task {settings.train.task} does not read; take a recipe that "
                "classifies, such as --recipe default"
            )
        train(
            data,
            recipe=settings,
            broader=broader,
            out=out,
            epochs=epochs,
            seed=seed,
            max_minutes=max_minutes,
            max_bad_fraction=max_bad_fraction,
            format=format,
            watcher=watcher,
        )
    return read_out_run(RunFolder(Path(out)), watcher)


def read_out_run(run: RunFolder, watcher: Watcher) -> Readout | None:
    """Judge a run's embeddings by its own training and validation images, and keep the figures in the run."""
    predictor = Predictor(run, tta=(), calibrated=False)
    origin = read_origin(run)
    origin.require_data(run)
    data_set = open_catalog(origin.data, origin.format, origin.seed)
    catalog = with_split(data_set, run.split, hash_files([sample.path for sample in data_set.samples]))
    if not catalog.split("val"):
        watcher.note("no validation split, so nothing to read out on")
        return None
    known, asked = (_embedded(predictor, catalog, split, watcher) for split in ("train", "val"))
    if len(set(known.labels.tolist())) < 2:
        raise UserError(f"{catalog.root} has training images of one class only")
    readout = read_out(known.embeddings, known.labels, asked.embeddings, asked.labels)
    write_json(run.root / "readout.json", asdict(readout))
    return readout


def _embedded(predictor: Predictor, catalog: Catalog, split: str, watcher: Watcher) -> Predictions:
    folder = evaluation_folder(predictor.run.root, split)
    return predict_split(predictor, catalog, split, 1.0, folder, watcher.counter)
