"""Pretraining on the user's photos: self-supervised or on broader classes, with an evaluation of the embeddings."""

from __future__ import annotations

from dataclasses import asdict

from shelfmind.data import open_catalog
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError
from shelfmind.evaluation.readout import Readout, evaluate_embeddings
from shelfmind.files import write_json
from shelfmind.images.content import hash_files
from shelfmind.inference.predictor import RunPredictor
from shelfmind.records import Catalog, Predictions
from shelfmind.requests.calling import takes
from shelfmind.requests.training import PretrainRequest, RecipeRequest, TrainRequest
from shelfmind.runs.folder import RunFolder
from shelfmind.training.run import read_origin, resume, train
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import evaluation_folder, predict_split


@takes(PretrainRequest)
def pretrain(request: PretrainRequest, watcher: Watcher | None = None) -> Readout | None:
    """Pretrain on a data set's training images into a run to use as initial weights for `train`, or resume one.

    Either without labels (the recipe ``pretrain``), or on broader classes (the recipe ``default``). Self-supervised
    training reads no labels; the final readout uses the labels of train and val to measure how well the embeddings
    separate the data's own classes, and writes ``readout.json``.

    Returns:
        The readout, or None if there is no validation split.

    Raises:
        UserError: invalid input.
    """
    watcher = watcher or Watcher()
    if request.resume is not None:
        resume(request.resume, watcher)
    else:
        shared = {name: getattr(request, name) for name in RecipeRequest.model_fields if name != "recipe"}
        train(TrainRequest(**shared, recipe=request.chosen_recipe, broader=request.broader), watcher=watcher)
    return read_out_run(RunFolder(request.run), watcher)


def read_out_run(run: RunFolder, watcher: Watcher) -> Readout | None:
    """Evaluate a run's embeddings on its own training and validation images, and store the results in the run."""
    predictor = RunPredictor(run, tta=(), calibrated=False)
    origin = read_origin(run)
    origin.require_data(run)
    data_set = open_catalog(origin.data, origin.format, origin.seed)
    catalog = with_split(data_set, run.split, hash_files([sample.path for sample in data_set.samples]))
    if not catalog.split("val"):
        watcher.note("no validation split, so no readout")
        return None
    known, asked = (_embedded(predictor, catalog, split, watcher) for split in ("train", "val"))
    if len(set(known.labels.tolist())) < 2:
        raise UserError(f"{catalog.root} has training images of one class only; the readout needs two")
    readout = evaluate_embeddings(known.embeddings, known.labels, asked.embeddings, asked.labels)
    with run.new_results():
        write_json(run.root / "readout.json", asdict(readout))
    return readout


def _embedded(predictor: RunPredictor, catalog: Catalog, split: str, watcher: Watcher) -> Predictions:
    folder = evaluation_folder(predictor.run.root, split)
    return predict_split(predictor, catalog, split, 1.0, folder, watcher.counter)
