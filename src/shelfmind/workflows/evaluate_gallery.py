"""Evaluates a run with a gallery: trained classes, enrolled products and unknown objects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from shelfmind.arrays import Floats, Ints
from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.images.checking import note_bad_files, reject_too_many_bad
from shelfmind.images.squares import open_squares
from shelfmind.inference.adaptation import require_unadapted
from shelfmind.inference.prediction_cache import predictions_of
from shelfmind.inference.predictor import Batch
from shelfmind.inference.recognizer import Recognizer, recognizer
from shelfmind.nouns import counted
from shelfmind.pages.evaluation_report import write_evaluation_report
from shelfmind.progress import tell
from shelfmind.recognition.answers import Decisions, answers_of
from shelfmind.recognition.figures import RecognitionFigures, recognition_figures
from shelfmind.records import Predictions, Sample, as_probabilities
from shelfmind.requests.measuring import GALLERY_REPORT, EvaluateRequest
from shelfmind.requests.watching import Observer
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.known_data import KnownData, chosen_split, open_known, samples_of
from shelfmind.runs.overlaps import refuse_seen
from shelfmind.runs.rules import engine_under
from shelfmind.top_probabilities import gathered
from shelfmind.workflows.difficulties import References, slices_of
from shelfmind.workflows.evaluate import evaluation_folder, references_of, write_tables
from shelfmind.workflows.evaluated_images import UNSEEN, notes_on

_CHUNK_VALUES = 4_000_000


def evaluate_with_gallery(request: EvaluateRequest, gallery: str, watcher: Observer) -> Evaluation:
    """Evaluate one run with a gallery on one split of a data set, see `evaluate_runs`.

    Enrolled photos are left out, since they would match themselves. Classes that are neither trained nor enrolled are
    unknown objects; all other metrics refer to known ones. Writes to ``evaluation/<split>/gallery/``, and the report to
    ``gallery_report.html``.
    """
    run = RunFolder(request.runs[0])
    require_unadapted(request.rules, request.runs)
    engine = engine_under(request.rules, request.engine)
    found = recognizer(request.runs[0], gallery, engine, request.batch, note=watcher.note)
    names = found.columns.names
    known = open_known(
        [run],
        request.data,
        request.format,
        watcher.counter,
        allow_seen=request.allow_seen,
        further_names=names[len(found.predictor.class_names) :],
    )
    tell(known.catalog.notes, watcher.note)
    split = chosen_split(known.catalog, request.split)
    folder = evaluation_folder(run.root, split) / "gallery"
    samples, enrolled = _not_enrolled(known, samples_of(known.catalog, split), found)
    if not request.allow_seen:
        evaluated = [sample for sample in samples if sample.split in UNSEEN]
        refuse_seen(evaluated, known.histories, "so they cannot test it", folder / "seen.csv")
    squares, good, bad = open_squares(
        samples, found.predictor.recipe.data, watcher.counter("checking images", len(samples))
    )
    reject_too_many_bad(bad, len(samples), request.max_bad_fraction, folder / "bad_files.csv")
    tell(note_bad_files(bad, len(samples), folder / "bad_files.csv"), watcher.note)
    predicted = predictions_of(found.predictor, squares, good, bad, watcher.counter)
    predictions, figures = _answered(found, predicted)
    notes = list(notes_on(known, split))
    if enrolled:
        notes.append(
            f"{counted(enrolled, 'photo')} of the split {'is' if enrolled == 1 else 'are'} enrolled: not evaluated"
        )
    sizes = _photos_of(found)
    whitened = replace(predictions, embeddings=found.whitening(unit_rows(predictions.embeddings)))
    compared = _references_of(found)
    evaluation = replace(
        evaluate(predictions, sizes, split=split, tta=found.predictor.tta, notes=notes),
        warnings=run.read_warnings(),
        engine=found.predictor.engine.name,
        recognition=figures.to_json(),
        slices=slices_of(found.predictor.recipe.data, known.catalog, whitened, compared, sizes, watcher.counter),
    )
    with run.new_results():
        write_tables(evaluation, predictions, folder)
        write_evaluation_report(
            run.root / GALLERY_REPORT,
            name=f"{run.root.resolve().name} + {Path(gallery).name}",
            data=request.data.resolve().name,
            recipe_text=run.recipe.read_text(encoding="utf-8"),
            history=run.read_log(),
            evaluation=evaluation,
            predictions=predictions,
            catalog_notes=known.catalog.notes,
            train_counts=sizes,
            provenance=read_json(run.provenance) if run.provenance.exists() else {},
            references=references_of(known.catalog),
            errors_file=f"evaluation/{split}/gallery/errors.csv",
            recognition=figures,
        )
    return evaluation


def _not_enrolled(known: KnownData, samples: Sequence[Sample], found: Recognizer) -> tuple[list[Sample], int]:
    """Labelled samples whose photo is not in the gallery, and the number of those that are."""
    digests = {sample.path: digest for sample, digest in zip(known.ungrouped.samples, known.digests, strict=True)}
    enrolled = {bytes.fromhex(entry.sha256) for entry in found.entries}
    kept = [sample for sample in samples if digests[sample.path] not in enrolled]
    return kept, len(samples) - len(kept)


def _answered(found: Recognizer, predicted: Predictions) -> tuple[Predictions, RecognitionFigures]:
    """The probabilities of all names for photos of known products, and the metrics of all photos."""
    names, decisions = found.columns.names, list[Decisions]()
    rows: Ints = np.flatnonzero(predicted.labels < len(names))
    if not len(rows):
        raise UserError("no photo shows a trained class or an enrolled product, so accuracy cannot be measured")

    def of_known_products() -> Iterator[Floats]:
        for part in row_chunks(len(predicted), len(names), _CHUNK_VALUES):
            paths = predicted.paths[part]
            batch = Batch(paths, (None,) * len(paths), predicted.probabilities[part], predicted.embeddings[part])
            answers = answers_of(found.evidence(batch), found.rule, found.columns)
            decisions.append(answers.decisions)
            yield answers.probabilities[predicted.labels[part] < len(names)]

    known = Predictions(
        paths=tuple(predicted.paths[row] for row in rows),
        labels=predicted.labels[rows],
        probabilities=as_probabilities(gathered(of_known_products(), len(rows), len(names))),
        embeddings=predicted.embeddings[rows],
        class_names=names,
        bad_files=predicted.bad_files,
        seconds=predicted.seconds,
    )
    return known, recognition_figures(Decisions.joined(decisions), predicted.labels, found.rule)


def _photos_of(found: Recognizer) -> Ints:
    """The number of training images and enrolled photos of each name, (K,)."""
    counts = np.zeros(len(found.columns.names), np.int64)
    np.add.at(counts, found.columns.ids, np.append(found.predictor.train_images, found.references.counts))
    return counts


def _references_of(found: Recognizer) -> References | None:
    """The whitened reference photos of each name: training photos stored in the gallery, and enrolled photos."""
    learnt, enrolled = found.learnt, found.references
    products = np.repeat(np.arange(len(enrolled.names)), enrolled.counts)
    columns = np.append(learnt.labels, learnt.classes + products)
    vectors = np.concatenate([learnt.vectors, enrolled.vectors])
    return References(vectors, found.columns.ids[columns]) if len(columns) else None
