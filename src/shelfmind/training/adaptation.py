"""Adapts a run to a new shop: re-estimates batch-norm statistics on its unlabelled photos (AdaBN)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from mindspore import Tensor, nn

from shelfmind.batching import batched, joined_at_the_end
from shelfmind.errors import UserError
from shelfmind.files import atomic_folder, require_free_folder, write_json
from shelfmind.images.checking import reject_too_many_bad
from shelfmind.images.decoding import BadImage
from shelfmind.images.preparation import prepared
from shelfmind.images.squares import Square, square
from shelfmind.inference.engines import MINDSPORE
from shelfmind.inference.engines.choice import engine_of_run
from shelfmind.inference.engines.mindspore import network_of
from shelfmind.inference.predict_files import find_images, require_existing
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import interruptible
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from shelfmind.models.network import Network, eagerly
from shelfmind.nouns import counted
from shelfmind.progress import Progress
from shelfmind.recipe import DataRecipe, Recipe
from shelfmind.records import BadFile
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import AdaptRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.adaptation import ADAPTED
from shelfmind.runs.folder import RunFolder, copy_without_weights, read_json

MIN_PHOTOS = 16
"""Minimum number of photos; statistics of fewer do not generalise beyond them."""
Statistics = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Adaptation:
    """The result of an adaptation.

    Attributes:
        images: number of photos used.
        weight: their share in the new statistics; the rest are the run's statistics.
        shift: mean distance of their channel means from the run's, in the run's standard deviations.
        bad_files: unusable photos.
        bad_list: the file that lists them, if there are any.
    """

    images: int
    weight: float
    shift: float
    bad_files: tuple[BadFile, ...] = ()
    bad_list: Path | None = None


@takes(AdaptRequest)
def adapt(request: AdaptRequest, watcher: Observer = SILENT) -> Adaptation:
    """Mix a run's batch-norm statistics with those of unlabelled photos, into a new run (Li et al., "Adaptive Batch
    Normalization", 2018; mixed as in Schneider et al., "Improving robustness against common corruptions by covariate
    shift adaptation", NeurIPS 2020, equation 2).

    No weights are trained and no labels are read. Statistics are computed on unaugmented images at the prediction size,
    in batches of photos in random order.

    Returns:
        The number of photos used, and the distance of their statistics from the run's.

    Raises:
        UserError: no run, an existing folder, too few photos or too many bad ones, a network without batch
            normalisation, statistics that are not finite.
    """
    source, out = RunFolder(request.run), request.out
    source.require()
    require_free_folder(out)
    for path in request.paths:
        require_existing(path)
    recipe = source.read_recipe()
    paths = sampled_paths(request.paths, request.most)
    reading = _Reading(recipe.data, watcher.counter("collecting statistics", len(paths)))
    class_names, _ = source.read_classes()
    network = network_of(engine_of_run(MINDSPORE, source, recipe, len(class_names), None)[0])
    norms = {name: cell for name, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)}
    if not norms:
        raise UserError(f"{recipe.model.name} has no batch normalisation, so there is nothing to adapt")
    found = statistics_of(network, norms, reading.squares(paths), recipe)
    bad_list = out.with_name(f"{out.name}.bad_files.csv")
    bad_list.unlink(missing_ok=True)  # left by an earlier attempt
    if reading.bad:
        reject_too_many_bad(reading.bad, len(paths), request.max_bad_fraction, bad_list)
    images = len(paths) - len(reading.bad)
    if images < MIN_PHOTOS:
        raise UserError(f"adaptation needs at least {MIN_PHOTOS} usable photos, got {counted(images, 'photo')}")
    _require_finite(found)
    mixed, shift = _mixed(load_checkpoint(source.weights), found, request.weight)
    outcome = Adaptation(images, request.weight, shift, tuple(reading.bad), bad_list if reading.bad else None)
    _write(source, out, mixed, outcome, request)
    return outcome


def sampled_paths(named: Sequence[str], most: int) -> list[Path]:
    """The files that `named` refers to, in a fixed random order; at most `most` of them."""
    paths = list(find_images(named))
    if not paths:
        raise UserError(f"no images in {', '.join(named)}")
    return [paths[index] for index in np.random.default_rng(0).permutation(len(paths))[:most]]


@dataclass
class _Reading:
    """Reads photos as squares and records unusable ones with the reason."""

    data: DataRecipe
    progress: Progress
    bad: list[BadFile] = field(default_factory=list)

    def squares(self, paths: Sequence[Path]) -> Iterator[Square]:
        """The usable photos, in order."""
        cores = available_cores()
        for path, outcome in zip(paths, map_ahead(self._read, paths, ahead=4 * cores, workers=cores), strict=True):
            if isinstance(outcome, str):
                self.bad.append(BadFile(path, outcome))
            else:
                yield outcome
            self.progress(1)

    def _read(self, path: Path) -> Square | str:
        try:
            return square(path, self.data)
        except BadImage as error:
            return error.reason


def statistics_of(
    network: Network, norms: dict[str, nn.BatchNorm2d], squares: Iterator[Square], recipe: Recipe
) -> dict[str, tuple[Statistics, Statistics]]:
    """Mean and variance of the inputs of each normalisation layer, (C,) each, by the law of total variance over
    batches.

    During this pass, every normalisation uses the statistics of the current batch, as in training. So a batch has at
    least two images: MindSpore's variance of a single value, which is all that a channel has where images are pooled
    to one pixel, is not a number.
    """
    sums = {name: np.zeros((2, norm.num_features)) for name, norm in norms.items()}
    images = 0
    for norm in norms.values():
        norm.set_train(True)
    with eagerly(), interruptible():
        for group in joined_at_the_end(batched(squares, recipe.evaluation.batch_size), least=2):
            for norm in norms.values():
                norm.moving_mean.set_data(Tensor(np.zeros(norm.num_features, np.float32)))
                norm.moving_variance.set_data(Tensor(np.zeros(norm.num_features, np.float32)))
            network(Tensor(prepared(group, recipe)))
            for name, norm in norms.items():
                mean, variance = (
                    moving.asnumpy().astype(np.float64) / norm.momentum  # weight of a batch in the moving statistics
                    for moving in (norm.moving_mean, norm.moving_variance)
                )
                sums[name] += len(group) * np.stack([mean, variance + mean**2])
            images += len(group)
    averages = {name: total / max(images, 1) for name, total in sums.items()}
    return {name: (mean, np.maximum(squared - mean**2, 0.0)) for name, (mean, squared) in averages.items()}


def _require_finite(found: dict[str, tuple[Statistics, Statistics]]) -> None:
    for name, (mean, variance) in found.items():
        if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
            raise UserError(
                f"the statistics of {name} are not finite numbers: check that the run predicts, and that its "
                "evaluation.batch_size is at least 2"
            )


def _mixed(
    checkpoint: Checkpoint, found: dict[str, tuple[Statistics, Statistics]], weight: float
) -> tuple[Checkpoint, float]:
    """The checkpoint with the mixed statistics, and the distance of the new means from the old ones."""
    arrays, shifts = dict(checkpoint.arrays), []
    for name, (mean, variance) in found.items():
        means, variances = f"{name}.moving_mean", f"{name}.moving_variance"
        shifts.append(np.abs(mean - arrays[means]) / np.sqrt(arrays[variances] + 1e-5))
        for key, new in ((means, mean), (variances, variance)):
            arrays[key] = ((1 - weight) * arrays[key] + weight * new).astype(np.float32)
    return Checkpoint(arrays, checkpoint.kind), float(np.concatenate(shifts).mean())


def _write(source: RunFolder, out: Path, mixed: Checkpoint, outcome: Adaptation, request: AdaptRequest) -> None:
    """Write the new run atomically: the old run's files, the mixed weights, and a record of the origin of the
    statistics."""
    summary = {key: value for key, value in asdict(outcome).items() if key in ("images", "weight", "shift")}
    record = {"of": str(source.root.absolute()), "photos": [str(Path(path).absolute()) for path in request.paths]}
    with atomic_folder(out) as folder:
        target = copy_without_weights(source, folder)
        write_json(target.provenance, {**read_json(source.provenance), ADAPTED: {**record, **summary}})
        save_checkpoint(target.last, mixed)
        target.select(target.last)
        target.seal()
