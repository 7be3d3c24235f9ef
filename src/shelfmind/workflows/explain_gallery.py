"""Explains answers of a run with a gallery by the similarity of a photo to the enrolled photo that it matched."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from shelfmind.arrays import Floats
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.files import write_atomically
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.images.squares import Square, square
from shelfmind.inference.predictor import Batch
from shelfmind.inference.recognizer import Answer, Candidate, Recognizer
from shelfmind.pages.explanations import Explanation, Likeness, Panel
from shelfmind.pages.templates import Picture
from shelfmind.pages.thumbnails import data_uri, thumbnail
from shelfmind.records import Predictions
from shelfmind.workflows.likeness import nearest
from shelfmind.workflows.saliency import overlays, similarity_overlays

GUESSES, EDGE = 3, 192
_NOTHING = Picture(None, "")


def explained_with_gallery(
    found: Recognizer,
    paths: Sequence[Path],
    first: int,
    product: str | None,
    known: Predictions | None,
    neighbours: int,
    out: Path,
) -> list[Panel]:
    """Panels of photos: a map for `product`, or for the best name, with the matching enrolled photos and the most
    similar training images. `first` is the number of the first overlay written to `out`."""
    squares: list[Square] = []
    errors: list[str | None] = []
    for path in paths:
        try:
            squares.append(square(path, found.predictor.recipe.data))
            errors.append(None)
        except BadImage as error:
            errors.append(error.reason)
    if not squares:
        return [_unusable(path, error) for path, error in zip(paths, errors, strict=True)]
    batch = Batch(tuple(map(str, paths)), tuple(errors), *found.predictor.ask(squares))
    rows = iter(range(len(squares)))
    panels = []
    for number, (path, answer) in enumerate(zip(paths, found.answers(batch, len(found.columns.names)), strict=True)):
        if answer.error is not None:
            panels.append(_unusable(path, answer.error))
            continue
        row = next(rows)
        asked = next(each for each in answer.candidates if product in (None, each.name))
        picture = _overlay(found, squares[row], asked)
        name = f"{first + number:05d}.png"
        write_atomically(out / name, partial(picture.save, format="PNG"))
        panels.append(_panel(found, path, answer, asked, name, picture, known, batch.embeddings[row], neighbours))
    return panels


def _overlay(found: Recognizer, image: Square, asked: Candidate) -> Image.Image:
    """The map of a class, or of the similarity to the enrolled photo that matched."""
    if asked.reference is None:
        label = found.predictor.class_names.index(asked.name)
        return overlays(found.predictor, [image], np.array([label], np.int64))[0]
    return similarity_overlays(found.predictor, [image], found.gallery.vector(asked.reference.sha256)[None])[0]


def _panel(
    found: Recognizer,
    path: Path,
    answer: Answer,
    asked: Candidate,
    name: str,
    picture: Image.Image,
    known: Predictions | None,
    embedding: Floats,
    neighbours: int,
) -> Panel:
    matched = [each for each in answer.candidates if each.reference is not None][:neighbours]
    likeness = [Likeness(each.reference.photo, each.name, each.similarity, True) for each in matched if each.reference]
    beside = [_enrolled(found, each) for each in matched]
    trained = () if known is None else nearest(known, unit_rows(embedding[None])[0], neighbours)
    explanation = Explanation(
        path=str(path),
        asked=asked.name,
        guesses=tuple((each.name, each.probability) for each in answer.candidates[:GUESSES]),
        overlay=name,
        neighbours=(*likeness, *trained),
        answer=answer.name or answer.level,
    )
    pictures = (*beside, *(Picture(thumbnail(Path(each.path)), each.path) for each in trained))
    return Panel(explanation, Picture(thumbnail(path), str(path)), Picture(data_uri(picture, EDGE), name), pictures)


def _enrolled(found: Recognizer, candidate: Candidate) -> Picture:
    """The enrolled photo that matched a candidate."""
    assert candidate.reference is not None
    content = found.gallery.photo(candidate.reference.sha256)
    return Picture(data_uri(open_image(content)), candidate.reference.photo)


def _unusable(path: Path, error: str | None) -> Panel:
    return Panel(Explanation(str(path), error=error), _NOTHING, _NOTHING, ())
