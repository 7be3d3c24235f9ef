"""`predict` with a gallery: recognise images of files with classifier and gallery together."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from shelfmind.inference.outputs import write_arrays, write_text
from shelfmind.inference.predictor import Batch
from shelfmind.inference.recognizer import Answer, Candidate, Recognizer
from shelfmind.prediction_files import PredictionWriter
from shelfmind.records import UNLABELLED

OnAnswer = Callable[[Answer], Answer]


def answer_files(
    found: Recognizer,
    batches: Iterable[Batch],
    *,
    top: int,
    out: Path | None,
    together: bool,
    note: OnAnswer,
    only_top: bool = False,
) -> None:
    """Answer for images by the network's outputs for them, or with `together` for the one object that all of them show,
    and write the answers to `out`. With `together`, unusable images follow the answer.

    `note` is called with each answer. With `only_top`, an ``.npz`` has only the most probable names of each image.
    """
    if out is not None and out.suffix == ".npz":
        names = found.columns.names
        write_arrays(out, names, lambda arrays: _to_arrays(found, batches, arrays, top, note), only_top=only_top)
        return
    answers = (
        _together(found, list(batches), top)
        if together
        else (answer for batch in batches for answer in found.answers(batch, top))
    )
    noted = map(note, answers)
    if out is None:
        for _ in noted:
            pass
    else:
        write_answers(out, noted, min(top, len(found.columns.names)))


def _together(found: Recognizer, batches: Sequence[Batch], top: int) -> Iterator[Answer]:
    """Yield the answer for the object, then one with the reason for each unusable image."""
    yield found.together(batches, top)
    for batch in batches:
        for name, error in zip(batch.names, batch.errors, strict=True):
            if error is not None:
                yield Answer.unusable(name, error)


def write_answers(path: Path, answers: Iterable[Answer], top: int) -> None:
    """Write a stream of answers as ``.csv`` or ``.jsonl`` in constant memory. Unusable inputs have the reason."""
    write_rows = _write_csv if path.suffix == ".csv" else _write_json_lines
    write_text(path, lambda stream: write_rows(stream, answers, top))


def as_record(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON values."""
    if answer.error is not None:
        return {"path": answer.source, "error": answer.error}
    family = None if answer.family is None else {"name": answer.family.name, "members": list(answer.family.members)}
    paths = {"paths": list(answer.together)} if answer.together else {}
    return {
        "path": answer.source,
        **paths,
        "level": answer.level,
        "answer": answer.name,
        "family": family,
        "candidates": [_candidate(each) for each in answer.candidates],
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    reference = candidate.reference
    return {
        "product": candidate.name,
        "probability": round(candidate.probability, 6),
        "similarity": round(candidate.similarity, 6),
        "source": candidate.source,
        "reference": None if reference is None else {"photo": reference.photo, "sha256": reference.sha256},
    }


def _write_json_lines(stream: IO[str], answers: Iterable[Answer], top: int) -> None:
    for answer in answers:
        stream.write(json.dumps(as_record(answer), ensure_ascii=False) + "\n")


_CANDIDATE_COLUMNS = ("product", "probability", "similarity", "source", "reference")


def _write_csv(stream: IO[str], answers: Iterable[Answer], top: int) -> None:
    writer = csv.writer(stream)
    header = [f"{name}_{rank}" for rank in range(1, top + 1) for name in _CANDIDATE_COLUMNS]
    writer.writerow(["path", "level", "answer", *header, "error"])
    for answer in answers:
        cells = [cell for each in answer.candidates[:top] for cell in _cells(each)]
        cells += [""] * (len(header) - len(cells))
        level = "" if answer.error is not None else answer.level
        path = "; ".join(answer.together) or answer.source
        writer.writerow([path, level, answer.name or "", *cells, answer.error or ""])


def _cells(candidate: Candidate) -> list[str]:
    reference = "" if candidate.reference is None else candidate.reference.photo
    shares = (f"{candidate.probability:.6f}", f"{candidate.similarity:.6f}")
    return [candidate.name, *shares, candidate.source, reference]


def _to_arrays(found: Recognizer, batches: Iterable[Batch], arrays: PredictionWriter, top: int, note: OnAnswer) -> None:
    for batch in batches:
        answers, good = None, [name for name, error in zip(batch.names, batch.errors, strict=True) if error is None]
        if good:
            answers = found.answered(batch)
            arrays.add(good, np.full(len(good), UNLABELLED), answers.probabilities, batch.embeddings)
        for answer in found.named(batch, answers, top):
            note(answer)
