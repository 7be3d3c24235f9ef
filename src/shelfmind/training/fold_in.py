"""Folds a gallery into a run: enrolled products become classes, by imprinting and fine-tuning with rehearsal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.data import absolute, is_present
from shelfmind.data.splits import with_split
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.bootstrap import hits
from shelfmind.evaluation.forgetting import NewClasses, OldClasses, new_classes, old_classes
from shelfmind.files import atomic_folder, require_free_folder, write_json, write_text
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import absolute_place, open_files
from shelfmind.images.content import hash_files
from shelfmind.inference.embedder import RunEmbedder
from shelfmind.inference.predictor import RunPredictor
from shelfmind.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from shelfmind.models.weights import Start
from shelfmind.nouns import counted
from shelfmind.progress import Counter, tell
from shelfmind.recipe import Recipe, model_kind
from shelfmind.records import Catalog, Predictions, Sample
from shelfmind.requests.calling import takes
from shelfmind.requests.improving import FoldInRequest
from shelfmind.requests.shared import MAX_BAD_FRACTION
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.history import read_history, write_history
from shelfmind.runs.initial_weights import store_earlier_histories
from shelfmind.runs.known_data import open_with_run_classes
from shelfmind.runs.provenance import describe_origin, describe_weights
from shelfmind.training.imprinting import Seen, imprinted, is_linear, prototypes
from shelfmind.training.joining import Joined, joined
from shelfmind.training.run import read_origin, resume
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import evaluation_folder, predict_split

EPOCHS = 10
RATE_SHARE = 0.1
"""Fraction of the run's learning rate: old classes start near the optimum."""
SAMPLING = "class"
"""Class-balanced sampling: rare classes are sampled as often as frequent ones."""
PRIOR_LOSSES = ("class_balanced", "balanced_softmax", "ldam")
"""Losses that handle class imbalance themselves; they keep the run's sampling."""
MAX_PER_CLASS, MAX_EMBEDDED = 20, 4096
"""Training photos per trained class whose embeddings are used before new classes are imprinted."""
ENROLLED, IMPRINTED, OUTCOME = "enrolled", "imprinted", "fold_in.json"


@dataclass(frozen=True)
class FoldInOutcome:
    """What was folded in, with its cost and gain.

    `enrolled` is the number of the gallery's photos that are trained on, together with `rehearsed` photos of the run;
    `held_out` are used for evaluation only. `old` and `new` are the results of old and new classes on validation
    images, None if there are none. `training_s` is the duration of the fine-tuning.
    """

    gallery_version: int
    old_classes: int
    new_classes: tuple[str, ...]
    enrolled: int
    rehearsed: int
    held_out: int
    old: OldClasses | None
    new: NewClasses | None
    training_s: float


@takes(FoldInRequest)
def fold_in(request: FoldInRequest, watcher: Watcher | None = None) -> FoldInOutcome:
    """Make the products of a gallery classes of a run, in a new run.

    Their classifier rows are imprinted from the prototypes of their photos (Qi et al., "Low-Shot Learning with
    Imprinted Weights", CVPR 2018). Then the whole network is fine-tuned on them and, against forgetting, on the run's
    own training photos. The result is an ordinary run; its `fold_in.json` records the loss of old classes and the
    accuracy of new ones on validation images. An interrupted call is resumed.

    Returns:
        What was folded in, with the results of old and new classes.

    Raises:
        UserError: a gallery that is empty or of other weights, an existing folder, missing training photos, a run that
            learnt no products.
    """
    watcher = watcher or Watcher()
    out = RunFolder(request.out)
    if not out.recipe.exists():
        _prepare(request, watcher)
    begun = _require_same_start(request)
    resume(out.root, watcher)
    outcome = _measured(RunFolder(request.run), out, begun, watcher)
    write_json(out.root / OUTCOME, asdict(outcome))
    return outcome


def folding_recipe(recipe: Recipe, epochs: int | None, start: Path) -> Recipe:
    """The recipe for continuing from imprinted weights: at the run's last image size, with a small learning rate and
    class-balanced sampling, and without selecting an epoch, so that no validation image influences the weights."""
    loss_balances = recipe.loss.name in PRIOR_LOSSES
    train = {
        "epochs": epochs or EPOCHS,
        "lr": recipe.train.lr * RATE_SHARE,
        "stages": (),
        "sampling": recipe.train.sampling if loss_balances else SAMPLING,
        "trainable": "all",
        "keep": "last",
        "snapshots": 0,
    }
    data = {"image_size": recipe.stages[-1].image_size, "evaluation_size": recipe.evaluation_size}
    return recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update=data),
            "model": recipe.model.model_copy(update={"weights": str(start)}),
            "distillation": type(recipe.distillation)(),
            "train": recipe.train.model_copy(update=train),
        }
    )


def _prepare(request: FoldInRequest, watcher: Watcher) -> None:
    """Write the new run as it is before fine-tuning, atomically."""
    source, counter = RunFolder(request.run), watcher.counter
    final = absolute(request.out)
    require_free_folder(final)
    recipe = source.read_recipe()
    _require_products(source, recipe)
    gallery = Gallery(open_files(str(request.gallery)))
    embedder = RunEmbedder(source, counter)
    entries, vectors = gallery.vectors()
    gallery.require_embedder(embedder)  # of the version that was read
    history = read_history(source, counter)
    names = source.read_classes()[0]
    join = joined(entries, names, history, request.held_out, request.seed, str(request.gallery))
    rehearsal = _rehearsal(request, source, watcher)
    _report(join, watcher)
    weights = load_checkpoint(source.weights)
    seen = None
    if is_linear(weights.arrays):
        seen = _embedded_samples(embedder.predictor, rehearsal.split("train"), request.seed, counter)
    arrays = imprinted(weights.arrays, _directions(join, entries, vectors), seen)
    with atomic_folder(final) as folder:
        run, start = RunFolder(folder), RunFolder(folder / IMPRINTED)
        catalog = _catalog(join, rehearsal, gallery, folder, counter)
        settings = folding_recipe(recipe, request.epochs, final / IMPRINTED / start.weights.name)
        counts = catalog.class_counts("train")
        start.root.mkdir()
        write_text(start.recipe, recipe.dump())
        start.write_classes(catalog.class_names, counts)
        save_checkpoint(start.weights, Checkpoint(arrays, model_kind(recipe, len(catalog.class_names))))
        origin = describe_origin(
            final / run.split.name,
            catalog,
            request.seed,
            {**request.to_json(), "max_bad_fraction": MAX_BAD_FRACTION},  # read when resuming
            describe_weights(Start(source.weights)),
        )
        write_json(run.provenance, {**origin, "fold_in": _start_record(request, source, gallery, join)})
        run.write_classes(catalog.class_names, counts)
        write_text(run.recipe, settings.dump())
        store_earlier_histories(run, source.weights, counter)
        write_history(run, catalog, counter)


def _require_products(run: RunFolder, recipe: Recipe) -> None:
    if recipe.train.task != "classify":
        raise UserError(f"{run.root} learnt no products (task {recipe.train.task}), so there are no classes to add to")
    if run.broader.exists():
        raise UserError(f"{run.root} learnt broader classes, not products; use a run that learnt products")


def _rehearsal(request: FoldInRequest, source: RunFolder, watcher: Watcher) -> Catalog:
    """The run's own data set with the run's split. Raises `UserError` if photos are missing."""
    origin = read_origin(source)
    data = request.data or origin.data
    give = f"give their new location with {argument('data')}"
    if not is_present(data):
        raise UserError(f"the photos that {source.root} was trained on are no longer at {data}: {give}")
    known_format = origin.format if request.data is None else None
    listed = open_with_run_classes(source, data, request.format or known_format, origin.seed)
    paths = [sample.path for sample in listed.samples]
    digests = hash_files(paths, watcher.counter("hashing files", len(paths)))
    found = with_split(listed, source.split, digests)
    readable = {path for path, digest in zip(paths, digests, strict=True) if digest is not None}
    own = len(read_history(source, watcher.counter).training_rows)
    gone = own - sum(sample.path in readable for sample in found.split("train"))
    if gone > MAX_BAD_FRACTION * own:
        photos = counted(own, "photo")
        raise UserError(f"{gone:,} of {photos} that {source.root} was trained on are no longer in {data}: {give}")
    tell(found.notes, watcher.note)
    return found


def _report(join: Joined, watcher: Watcher) -> None:
    new, photos = counted(len(join.new), "new class"), counted(len(join.trained), "enrolled photo")
    watcher.note(f"{new}, {photos} to train on, {len(join.held_out)} held out to evaluate on")
    if join.kept_out:
        held = counted(join.kept_out, "enrolled photo is", "enrolled photos are")
        watcher.note(f"{held} in val or test of the run and not trained on")
    if join.relabelled:
        moved = counted(len(join.relabelled), "training photo is", "training photos are")
        watcher.note(f"{moved} filed under another product in the gallery; the gallery's label is used")


def _directions(join: Joined, entries: list[Entry], vectors: Floats) -> Floats:
    """The prototypes of the new classes (N, D)."""
    rows = [(row, join.imprinting[each.sha256]) for row, each in enumerate(entries) if each.sha256 in join.imprinting]
    chosen = np.array([row for row, _ in rows], np.int64)
    labels = np.array([label - join.old for _, label in rows], np.int64)
    return prototypes(vectors[chosen], labels, len(join.new))


def _embedded_samples(predictor: RunPredictor, samples: tuple[Sample, ...], seed: int, counter: Counter) -> Seen:
    """Embeddings of some training photos of each trained class."""
    chosen = _sample_each_class(samples, seed)
    progress = counter("embedding trained classes", len(chosen))
    rest = iter(chosen)
    embeddings: list[Floats] = []
    labels: list[int] = []
    for batch in predictor.of_sources(sample.path for sample in chosen):
        asked = zip(islice(rest, len(batch.names)), batch.errors, strict=True)
        labels += [sample.label for sample, error in asked if error is None]
        embeddings += [batch.embeddings] if batch.embeddings.size else []
        progress(len(batch.names))
    if not embeddings:
        raise UserError("none of the run's training photos can be read")
    return Seen(np.concatenate(embeddings), np.array(labels, np.int64))


def _sample_each_class(samples: tuple[Sample, ...], seed: int) -> list[Sample]:
    order = np.random.default_rng(seed).permutation(len(samples))
    taken: dict[int, int] = {}
    chosen = []
    for index in order.tolist():
        label = samples[index].label
        taken[label] = taken.get(label, 0) + 1
        if taken[label] <= MAX_PER_CLASS:
            chosen.append(samples[index])
    return chosen[:MAX_EMBEDDED]


def _catalog(join: Joined, rehearsal: Catalog, gallery: Gallery, folder: Path, counter: Counter) -> Catalog:
    """The run's photos, and the enrolled photos, which are written to the folder."""
    digests = hash_files([sample.path for sample in rehearsal.samples])
    own = [
        replace(sample, label=join.relabelled.get(digest or b"", sample.label)) if sample.split == "train" else sample
        for sample, digest in zip(rehearsal.samples, digests, strict=True)
    ]
    place = folder / ENROLLED
    place.mkdir()
    progress = counter("writing photos", len(join.trained) + len(join.held_out))
    for split, photos in (("train", join.trained), ("val", join.held_out)):
        contents = gallery.photos(entry.sha256 for entry, _ in photos)
        for (entry, label), content in zip(photos, contents, strict=True):
            path = place / f"{entry.sha256}{Path(entry.photo).suffix.lower()}"
            path.write_bytes(content)
            own.append(Sample(path, label, split))
            progress(1)
    return Catalog(tuple(own), join.class_names, folder, "csv", rehearsal.notes, rehearsal.named_splits)


def _start_record(request: FoldInRequest, source: RunFolder, gallery: Gallery, join: Joined) -> dict[str, Any]:
    """The new run's record of the original run and the gallery."""
    return {
        "run": str(absolute(source.root)),
        "gallery": absolute_place(request.gallery),
        "gallery_version": gallery.state.version,
        "gallery_checksum": gallery.state.head,
        "old_classes": join.old,
        "enrolled": len(join.trained),
        "held_out": len(join.held_out),
    }


def _require_same_start(request: FoldInRequest) -> dict[str, Any]:
    """The record of how a folder was started. Raises `UserError` if it is finished, or was started differently."""
    out = RunFolder(request.out)
    origin = read_json(out.provenance) if out.provenance.exists() else {}
    begun = origin.get("fold_in")
    if begun is None or (out.root / OUTCOME).exists():
        what = "a finished run" if begun else "a run of another kind"
        raise UserError(f"{out.root} is {what}; choose another {argument('out')}")
    asked = {
        **request.to_json(),
        "run": str(absolute(request.run)),
        "gallery": absolute_place(request.gallery),
    }
    had = {**origin["command"], "run": begun["run"], "gallery": begun["gallery"]}
    different = [name for name, value in asked.items() if had.get(name) != value]
    if different:
        raise UserError(
            f"{out.root} was started with another {argument(different[0])}; repeat the original command, or choose "
            f"another {argument('out')}"
        )
    return dict(begun)


def _measured(source: RunFolder, out: RunFolder, begun: dict[str, Any], watcher: Watcher) -> FoldInOutcome:
    """Evaluate the original run, the imprinted one and the fine-tuned one on the same validation images."""
    origin = read_origin(out)
    listed = open_with_run_classes(out, origin.data, origin.format, origin.seed)
    catalog = with_split(listed, out.split, hash_files([sample.path for sample in listed.samples]))
    old: OldClasses | None = None
    new: NewClasses | None = None
    if catalog.split("val"):
        steps = (source, RunFolder(out.root / IMPRINTED), out)
        validated = [_validated(run, catalog, watcher) for run in steps]
        before, imprinting, tuned = map(hits, validated)
        known = validated[0].labels < begun["old_classes"]
        old = old_classes(before[known], imprinting[known], tuned[known])
        new = new_classes(imprinting[~known], tuned[~known])
    return FoldInOutcome(
        gallery_version=begun["gallery_version"],
        old_classes=begun["old_classes"],
        new_classes=out.read_classes()[0][begun["old_classes"] :],
        enrolled=begun["enrolled"],
        rehearsed=len(catalog.split("train")) - begun["enrolled"],
        held_out=begun["held_out"],
        old=old,
        new=new,
        training_s=float(out.read_log()[-1]["elapsed_s"]),
    )


def _validated(run: RunFolder, catalog: Catalog, watcher: Watcher) -> Predictions:
    predictor = RunPredictor(run, calibrated=False)
    return predict_split(predictor, catalog, "val", 1.0, evaluation_folder(run.root, "val"), watcher.counter)
