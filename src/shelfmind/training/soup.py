"""Weight soups: the average weights of several epochs of one run, as a new run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from shelfmind.errors import UserError, setting
from shelfmind.evaluation.bootstrap import hits, paired_interval
from shelfmind.evaluation.intervals import Interval, caveat_of_gain, too_few_images
from shelfmind.files import atomic_folder, require_free_folder, write_json
from shelfmind.inference.predictor import RunPredictor
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from shelfmind.nouns import counted
from shelfmind.progress import Counter
from shelfmind.records import Catalog, Predictions
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import SOUP_FILE, SoupKind, SoupRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder, copy_without_weights
from shelfmind.runs.known_data import open_known
from shelfmind.training.run import read_origin
from shelfmind.workflows.evaluate import evaluation_folder, predict_split


@dataclass(frozen=True)
class Soup:
    """Top-1 on `images` validation images of the run and of the soup, the gain with a paired 95% interval, why it may
    be due to chance (`doubt`, None if it is significant), and the epochs in the soup."""

    kind: SoupKind
    epochs: tuple[int, ...]
    top1_before: float
    top1: float
    gain: float
    gain_ci95: Interval
    images: int
    too_few_images: bool
    doubt: str | None


@takes(SoupRequest)
def soup(request: SoupRequest, watcher: Observer = SILENT) -> Soup:
    """Average snapshots of a run (Wortsman et al., "Model soups", ICML 2022) into a new run.

    ``uniform`` averages all. ``greedy`` (algorithm 1) starts with the best snapshot on validation and adds the others
    from best to worst, each only if validation top-1 does not drop. Running statistics are averaged like weights. The
    new run appears when it is complete: an interrupted call leaves nothing.

    Returns:
        The epochs in the soup, and the gain on validation.

    Raises:
        UserError: fewer than two snapshots, no validation images, an existing folder.
    """
    source, counter = RunFolder(request.run), watcher.counter
    source.require()
    require_free_folder(request.out)
    snapshots = source.snapshots()
    if len(snapshots) < 2:
        raise UserError(
            f"{source.root} has {counted(len(snapshots), 'snapshot')}; a soup needs at least two: "
            f"train with {setting('train.snapshots', 5)}"
        )
    predictor = RunPredictor(source, calibrated=False)
    origin = read_origin(source)
    origin.require_data(source)
    catalog = open_known([source], origin.data, origin.format, counter).catalog
    if not catalog.split("val"):
        raise UserError(f"{catalog.root} has no validation images to select snapshots on")
    before = _predicted(predictor, catalog, counter)
    checkpoints = {epoch: load_checkpoint(path) for epoch, path in snapshots.items()}
    with atomic_folder(request.out) as folder:
        target = copy_without_weights(source, folder)
        epochs = tuple(sorted(checkpoints))
        if request.kind == "greedy":
            epochs = _select_greedily(target, catalog, checkpoints, counter)
        after = _validated_average(target, catalog, [checkpoints[epoch] for epoch in epochs], counter)
        outcome = _compared(request.kind, epochs, before, after)
        target.seal()
        write_json(target.root / SOUP_FILE, {"of": str(source.root.absolute()), **asdict(outcome)})
    return outcome


def average_checkpoints(checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """The mean of every array, summed in float64."""
    arrays = {
        name: np.mean([each.arrays[name] for each in checkpoints], axis=0, dtype=np.float64).astype(first.dtype)
        for name, first in checkpoints[0].arrays.items()
    }
    return Checkpoint(arrays, checkpoints[0].kind)


def _select_greedily(
    target: RunFolder, catalog: Catalog, checkpoints: dict[int, Checkpoint], counter: Counter
) -> tuple[int, ...]:
    alone = {
        epoch: float(hits(_validated_average(target, catalog, [checkpoint], counter)).mean())
        for epoch, checkpoint in checkpoints.items()
    }
    best, *others = sorted(alone, key=lambda epoch: (-alone[epoch], -epoch))
    chosen, top1 = [best], alone[best]
    for epoch in others:
        tried = [checkpoints[each] for each in (*chosen, epoch)]
        figure = float(hits(_validated_average(target, catalog, tried, counter)).mean())
        if figure >= top1:
            chosen, top1 = [*chosen, epoch], figure
    return tuple(sorted(chosen))


def _compared(kind: SoupKind, epochs: tuple[int, ...], before: Predictions, after: Predictions) -> Soup:
    differences = hits(after) - hits(before)
    interval, images = paired_interval(differences), len(differences)
    return Soup(
        kind,
        epochs,
        float(hits(before).mean()),
        float(hits(after).mean()),
        float(differences.mean()),
        interval,
        images,
        too_few_images(images),
        caveat_of_gain(interval, images),
    )


def _validated_average(
    target: RunFolder, catalog: Catalog, checkpoints: Sequence[Checkpoint], counter: Counter
) -> Predictions:
    """Write the average to `target`, and validate it."""
    save_checkpoint(target.last, average_checkpoints(checkpoints))
    target.select(target.last)
    return _predicted(RunPredictor(target, calibrated=False), catalog, counter)


def _predicted(predictor: RunPredictor, catalog: Catalog, counter: Counter) -> Predictions:
    return predict_split(predictor, catalog, "val", 1.0, evaluation_folder(predictor.run.root, "val"), counter)
