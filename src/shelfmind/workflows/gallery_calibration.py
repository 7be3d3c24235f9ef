"""Calibrates the joint answers of a run and a gallery on held-out photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.batching import evenly_sampled
from shelfmind.data.broader import read_broader
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import ChangeOutcome
from shelfmind.images.squares import open_squares
from shelfmind.inference.prediction_cache import embeddings_of, predictions_of
from shelfmind.nouns import counted, shortened
from shelfmind.progress import Counter
from shelfmind.recognition.answers import Columns
from shelfmind.recognition.episodes import Episode, Photos, untrained
from shelfmind.recognition.evidence import References, TrainingPhotos
from shelfmind.recognition.families import found_families
from shelfmind.recognition.fusion import fit_fusion
from shelfmind.recognition.levels import ProductFamily, families_of_broader
from shelfmind.recognition.rehearsals import rehearse
from shelfmind.recognition.rule import COUNTS, LEARNT, TEMPERATURE, WHITENING, Rule, fit_rule
from shelfmind.recognition.whitening import fit_whitening
from shelfmind.records import Predictions, Sample
from shelfmind.requests.galleries import GalleryCalibrateRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.known_data import chosen_split, open_known, samples_of, split_names
from shelfmind.runs.overlaps import refuse_seen
from shelfmind.workflows.galleries import author_of, embedder_of, opened

if TYPE_CHECKING:
    from shelfmind.inference.predictor import RunPredictor

MAX_TRAINING_PHOTOS, MIN_PER_CLASS = 6000, 4
MAX_PER_PRODUCT = 16
"""Maximum number of enrolled photos per product for rehearsal."""
MIN_REHEARSED, MAX_REHEARSED, MAX_VALUES = 500, 5000, 12_000_000
"""Limits of the held-out photos, and of the enrolled ones, for rehearsal: their number, and photos times classes, of
which each takes about 150 bytes."""


@dataclass(frozen=True)
class Calibrated:
    """The fitted rule, and the new version of the gallery."""

    rule: Rule
    outcome: ChangeOutcome


def calibrate(request: GalleryCalibrateRequest, watcher: Observer = SILENT) -> Calibrated:
    """Fit the weights of classifier and gallery, the rejection of unknown objects, and the answer levels.

    Returns:
        The fitted rule with its metrics, and the new version.

    Raises:
        UserError: no gallery, a run other than the gallery's, data without training photos of the run or without
            held-out photos, too few of these for the rate or the precision, or the test split.
    """
    if "test" in split_names(request.split):
        raise UserError(f"calibrating on the test split would invalidate test results; use {argument('split', 'val')}")
    from shelfmind.inference.predictor import RunPredictor

    gallery = opened(request)
    embedder = embedder_of(gallery, request.run, request.engine, request.batch, watcher)
    predictor = embedder.predictor
    if not isinstance(predictor, RunPredictor):
        raise UserError(f"calibration needs the run folder, not an exported file; give {argument('run', 'RUN')}")
    trained, asked = _samples(request, predictor, watcher)
    vectors, labels = _embedded(predictor, trained, watcher.counter)
    whitening = fit_whitening(vectors, labels)
    learnt = TrainingPhotos.of(whitening(vectors), labels, len(predictor.class_names))
    held_out = _photos(predictor, _predicted(predictor, asked, watcher.counter)).whitened(whitening)
    enrolled, products = _enrolled(gallery, predictor, watcher.counter)
    enrolled = enrolled.whitened(whitening)
    names = predictor.class_names
    found = rehearse(held_out, learnt, names, enrolled, products, request.false_accepts)
    families = _families(request, found.fusing, held_out, learnt, enrolled, products, names)
    rule = fit_rule(found, false_accepts=request.false_accepts, precision=request.precision, families=families)
    record = {
        **rule.as_record(),
        "summary": f"calibrated on {counted(rule.photos, 'photo')} for {request.false_accepts:.1%} false accepts",
        "engine": predictor.engine.name,
        "products": len(gallery.state.products),
        COUNTS: learnt.counts.tolist(),
        TEMPERATURE: predictor.temperature,
    }
    arrays = {LEARNT: learnt.vectors, WHITENING: whitening.as_array()}
    return Calibrated(rule, gallery.set_recognition(record, arrays, embedder, author_of(request)))


def _samples(
    request: GalleryCalibrateRequest, predictor: RunPredictor, watcher: Observer
) -> tuple[list[Sample], list[Sample]]:
    """Training photos of the run, and held-out photos to calibrate on."""
    known = open_known(
        [predictor.run],
        request.data,
        request.format,
        watcher.counter,
        allow_seen=request.allow_seen,
        further_names=(),
    )
    learnt = len(predictor.class_names)
    others = known.catalog.class_names[learnt:]
    if others:
        unknown = counted(len(others), "class")
        watcher.note(f"note: left out: {unknown} unknown to the run ({shortened(others)})")
    split = chosen_split(known.catalog, request.split)
    if not request.allow_seen and "train" in split_names(split):
        listing = predictor.run.root / "evaluation" / split / "seen.csv"
        refuse_seen(known.catalog.split("train"), known.histories, "which is overconfident on them", listing)
    trained = of_each_class([sample for sample in known.catalog.split("train") if sample.label < learnt])
    if not trained:
        raise UserError(
            f"{request.data} contains no training photo of {predictor.run.root}, and their embeddings are needed; "
            "give the data set that it was trained on"
        )
    asked = [sample for sample in samples_of(known.catalog, split) if sample.label < learnt]
    if not asked:
        raise UserError(f"{request.data} has no photo in {split} of a class of {predictor.run.root}")
    return trained, evenly_sampled(asked, most_rehearsed(learnt))


def most_rehearsed(classes: int) -> int:
    """The greatest number of held-out photos, and of enrolled ones, that are rehearsed with this many classes."""
    return max(MIN_REHEARSED, min(MAX_REHEARSED, MAX_VALUES // classes))


def of_each_class(samples: Sequence[Sample]) -> list[Sample]:
    """A sample of training photos for the prototypes: equally many per class, evenly spaced, about
    `MAX_TRAINING_PHOTOS` in total but at least `MIN_PER_CLASS` per class."""
    by_class: dict[int, list[Sample]] = {}
    for sample in samples:
        by_class.setdefault(sample.label, []).append(sample)
    most = max(MIN_PER_CLASS, MAX_TRAINING_PHOTOS // max(1, len(by_class)))
    return [each for label in sorted(by_class) for each in evenly_sampled(by_class[label], most)]


def _embedded(predictor: RunPredictor, samples: Sequence[Sample], counter: Counter) -> tuple[Floats, Ints]:
    """Unit vectors (N, D) and labels (N,) of the usable photos."""
    squares, good, _ = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    labels: Ints = np.array([sample.label for sample in good], np.int64)
    return unit_rows(embeddings_of(predictor, squares, good, counter)), labels


def _predicted(predictor: RunPredictor, samples: Sequence[Sample], counter: Counter) -> Predictions:
    squares, good, bad = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    return predictions_of(predictor, squares, good, bad, counter)


def _photos(predictor: RunPredictor, predictions: Predictions) -> Photos:
    logits = predictor.logits(predictions.embeddings)
    return Photos(unit_rows(predictions.embeddings), predictions.labels, predictions.probabilities, logits)


def _enrolled(gallery: Gallery, predictor: RunPredictor, counter: Counter) -> tuple[Photos, tuple[str, ...]]:
    """Predictions for the enrolled photos of products that are not trained classes, or of evenly sampled ones of these
    products, and their names."""
    classes = len(predictor.class_names)
    new = sorted(untrained(gallery.state.products, predictor.class_names))
    products = evenly_sampled(new, most_rehearsed(classes) // MAX_PER_PRODUCT)
    entries = [
        entry
        for sku in products
        for entry in evenly_sampled(list(gallery.state.products[sku].values()), MAX_PER_PRODUCT)
    ]
    progress = counter("predicting enrolled photos", len(entries))
    probabilities: list[Floats] = [np.zeros((0, classes), np.float32)]
    embeddings: list[Floats] = [np.zeros((0, predictor.engine.width), np.float32)]
    for batch in predictor.of_sources(gallery.photos(entry.sha256 for entry in entries)):
        bad = next((error for error in batch.errors if error is not None), None)
        if bad is not None:
            raise UserError(f"a photo of {gallery.files} is unusable: {bad}")
        probabilities.append(batch.probabilities)
        embeddings.append(batch.embeddings)
        progress(len(batch.names))
    ids = {sku: index for index, sku in enumerate(products)}
    labels: Ints = np.array([ids[entry.sku] for entry in entries], np.int64)
    together = np.concatenate(embeddings)
    return (
        Photos(unit_rows(together), labels, np.concatenate(probabilities), predictor.logits(together)),
        tuple(products),
    )


def _families(
    request: GalleryCalibrateRequest,
    episodes: Sequence[Episode],
    held_out: Photos,
    learnt: TrainingPhotos,
    enrolled: Photos,
    products: Sequence[str],
    class_names: Sequence[str],
) -> tuple[ProductFamily, ...]:
    """The families for answers at a target precision: from the given table, else found by clustering."""
    if request.precision is None:
        return ()
    columns = Columns(class_names, products)
    if request.families is not None:
        return families_of_broader(columns.names, read_broader(request.families))
    references = References.of([products[each] for each in enrolled.labels], enrolled.vectors)
    return found_families(fit_fusion([each.part for each in episodes]), held_out, learnt, enrolled, references, columns)
