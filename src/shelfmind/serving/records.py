"""Answers, changes and findings as JSON records. Numbers are not rounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shelfmind.analysis.decisions import Decision
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.findings import Finding
from shelfmind.gallery.gallery import Gallery
from shelfmind.inference.recognizer import TRAINING, Answer, Candidate
from shelfmind.recognition.levels import PRODUCT
from shelfmind.serving.models import Outcome, ServedModel

Record = dict[str, Any]
UNUSABLE = "unusable"


def model_brief(model: ServedModel) -> Record:
    """Return the identification of a model."""
    return {
        "generation": model.generation,
        "engine": model.predictor.engine.name,
        "weights": model.predictor.checksum,
        "gallery_version": model.gallery_version,
    }


def outcome_record(model: ServedModel, outcome: Outcome, name: str, top: int) -> Record:
    """Return the outcome of an image with its best `top` candidates."""
    if outcome.error is not None:
        return _record(name, None, None, [], error=outcome.error)
    if outcome.answer is not None:
        return answer_record(outcome.answer, name, top)
    guesses = model.guesses(outcome, top)
    candidates = [_candidate(each.class_name, each.probability, None, TRAINING, None) for each in guesses]
    return _record(name, PRODUCT, guesses[0].class_name, candidates)


def answer_record(answer: Answer, name: str, top: int) -> Record:
    """Return an answer with its best `top` candidates."""
    family = answer.family
    return _record(
        name,
        answer.level,
        answer.name,
        [_of_candidate(each) for each in answer.candidates[:top]],
        None if family is None else {"name": family.name, "members": list(family.members)},
    )


def finding_record(finding: Finding) -> Record:
    """Return a finding of the guard."""
    return {
        "kind": finding.kind,
        "product": finding.product,
        "sentence": finding.sentence,
        "other": finding.other,
        "photos": photo_records(finding.photos),
        "others": photo_records(finding.others),
    }


def photo_records(entries: Sequence[Entry]) -> list[Record]:
    """Return enrolled photos."""
    return [{"photo": entry.photo, "sha256": entry.sha256} for entry in entries]


def gallery_record(gallery: Gallery) -> Record:
    """Return a summary of a gallery at its newest version."""
    state = gallery.state
    return {
        "version": state.version,
        "first_version": state.first_version,
        "products": len(state.products),
        "photos": sum(len(photos) for photos in state.products.values()),
        "calibrated": state.recognition is not None,
    }


def correction_record(decision: Decision) -> Record:
    """Return a correction of an answer."""
    return {
        "id": decision.id,
        "time": decision.time,
        "reviewer": decision.reviewer,
        "path": decision.path,
        "said": decision.given,
        "decision": decision.decision,
        "label": decision.label,
    }


def _of_candidate(each: Candidate) -> Record:
    reference = None if each.reference is None else {"photo": each.reference.photo, "sha256": each.reference.sha256}
    return _candidate(each.name, each.probability, each.similarity, each.source, reference)


def _candidate(name: str, probability: float, similarity: float | None, source: str, reference: Any) -> Record:
    return {
        "product": name,
        "probability": probability,
        "similarity": similarity,
        "source": source,
        "reference": reference,
    }


def _record(
    name: str,
    level: str | None,
    answer: str | None,
    candidates: list[Record],
    family: Record | None = None,
    error: str | None = None,
) -> Record:
    return {
        "name": name,
        "error": error,
        "level": level,
        "answer": answer,
        "family": family,
        "candidates": candidates,
        "explanation": None,
    }
