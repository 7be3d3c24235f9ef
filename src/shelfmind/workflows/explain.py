"""Explains predictions of a run: saliency maps and the most similar training images."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np

from shelfmind.data import is_present
from shelfmind.errors import UserError, unknown_name
from shelfmind.files import make_folder, require_free_folder, write_atomically, write_text
from shelfmind.images.decoding import BadImage
from shelfmind.images.squares import Square, open_squares, square
from shelfmind.inference.engines import MINDSPORE
from shelfmind.inference.predict_files import count_images, find_images, require_existing
from shelfmind.inference.prediction_cache import predictions_of
from shelfmind.inference.predictor import Predictor, RunPredictor
from shelfmind.inference.recognizer import recognizer
from shelfmind.pages.explanations import Explanation, Panel, write_explanations
from shelfmind.pages.templates import Picture
from shelfmind.pages.thumbnails import data_uri, thumbnail
from shelfmind.progress import Counter
from shelfmind.records import UNLABELLED, Predictions, Sample
from shelfmind.requests.calling import takes
from shelfmind.requests.measuring import ExplainRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.history import UnknownHistoryError, read_history
from shelfmind.runs.known_data import NEW, open_known
from shelfmind.runs.overlaps import near_copies_of, seen_before
from shelfmind.workflows.explain_gallery import explained_with_gallery
from shelfmind.workflows.likeness import nearest
from shelfmind.workflows.saliency import BATCH, overlays

GUESSES, EDGE = 3, 192
_OUTPUTS = ("index.html", "explanations.jsonl")
_PICTURE = re.compile(r"\d{5,}\.png")


@takes(ExplainRequest)
def explain(request: ExplainRequest, watcher: Observer = SILENT) -> list[Explanation]:
    """Write Grad-CAM overlays of images and the most similar training images to a folder.

    Writes ``index.html``, ``explanations.jsonl`` and one overlay per image.

    Returns:
        The explanation of each image, in order.

    Raises:
        UserError: no run, no images, an unknown class, a network without feature maps, or a folder that is not empty.
    """
    paths, out, class_name, counter = request.paths, request.out, request.class_name, watcher.counter
    for path in paths:
        require_existing(path)
    earlier = _earlier_outputs(out)
    require_free_folder(out, ours=earlier, overwrite=request.overwrite, replaced=False)
    run = RunFolder(request.run)
    found = None if request.gallery is None else recognizer(request.run, request.gallery, MINDSPORE, note=watcher.note)
    predictor: Predictor = RunPredictor(run, tta=()) if found is None else found.predictor
    names = predictor.class_names if found is None else found.columns.names
    if class_name is not None and class_name not in names:
        raise unknown_name("class", class_name, names)
    _, notes = count_images(paths)
    images = list(find_images(paths))
    make_folder(out)
    known = _training_images(run, predictor, notes, counter) if request.neighbours else None
    seen = _seen(run, images, notes, counter)
    for name in sorted(earlier):
        (out / name).unlink(missing_ok=True)
    progress = counter("explaining", len(images))
    panels = []
    for start in range(0, len(images), BATCH):
        group = images[start : start + BATCH]
        if found is None:
            panels += _explained(predictor, group, start, class_name, known, request.neighbours, out)
        else:
            panels += explained_with_gallery(found, group, start, class_name, known, request.neighbours, out)
        progress(len(group))
    panels = [_with_use(panel, seen) for panel in panels]
    explanations = [panel.explanation for panel in panels]
    lines = (json.dumps(asdict(each), ensure_ascii=True) for each in explanations)
    write_text(out / "explanations.jsonl", "\n".join(lines) + "\n")
    write_explanations(out / "index.html", run.root.resolve().name, panels, notes)
    return explanations


def _earlier_outputs(out: Path) -> frozenset[str]:
    """The files of an earlier explanation in `out`; empty if there is none."""
    if not all((out / name).is_file() for name in _OUTPUTS):
        return frozenset()
    return frozenset((*_OUTPUTS, *(path.name for path in out.iterdir() if _PICTURE.fullmatch(path.name))))


def _training_images(run: RunFolder, predictor: Predictor, notes: list[str], counter: Counter) -> Predictions | None:
    """Predictions for the run's own training images, if they still exist."""
    origin = read_json(run.provenance)["data"] if run.provenance.exists() else {}
    data = Path(origin["path"]) if origin else None
    if data is None or not is_present(data):
        gone = "The run does not record the location of its training images, so none"
        if data is not None:
            gone = f"{data} does not exist any more, so no training images"
        notes.append(f"{gone} are shown for comparison.")
        return None
    try:
        catalog = open_known([run], data, origin["format"], counter).catalog
    except UserError as error:  # the classes have changed, or the training images are unknown
        reason = error.fact if isinstance(error, UnknownHistoryError) else str(error)
        notes.append(f"No training images are shown for comparison: {reason}.")
        return None
    if not catalog.split("train"):
        notes.append(f"The run's training images are no longer at {data}, so none are shown for comparison.")
        return None
    samples = catalog.split("train")
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    return predictions_of(predictor, squares, good, bad_files, counter)


def _seen(run: RunFolder, images: Sequence[Path], notes: list[str], counter: Counter) -> dict[str, str]:
    """How the run has used those images that it has seen, or near-duplicates of them, by path: one of `SEEN`."""
    try:
        history = read_history(run, counter)
    except UnknownHistoryError as error:
        notes.append(f"It is unknown whether the run has seen these photos: {error.fact}.")
        return {}
    samples = [Sample(path, UNLABELLED, NEW) for path in images]
    uses = {str(sample.path): use for sample, use, _ in seen_before(samples, [history])}
    others = [path for path in images if str(path) not in uses]
    return {**dict.fromkeys(map(str, near_copies_of(others, [history], counter) or ()), "near-copy"), **uses}


def _with_use(panel: Panel, seen: Mapping[str, str]) -> Panel:
    """The panel, with how the run has used its image."""
    explanation = panel.explanation
    use = None if explanation.error is not None else seen.get(explanation.path)
    return panel if use is None else replace(panel, explanation=replace(explanation, seen=use))


def _explained(
    predictor: Predictor,
    paths: Sequence[Path],
    first: int,
    class_name: str | None,
    known: Predictions | None,
    neighbours: int,
    out: Path,
) -> list[Panel]:
    squares: list[Square] = []
    errors: dict[int, str] = {}
    for index, path in enumerate(paths):
        try:
            squares.append(square(path, predictor.recipe.data))
        except BadImage as error:
            errors[index] = error.reason
    nothing = Picture(None, "")
    if not squares:
        return [Panel(Explanation(str(path), error=errors[n]), nothing, nothing, ()) for n, path in enumerate(paths)]
    probabilities, embeddings = predictor.ask(squares)
    names = predictor.class_names
    asked = probabilities.argmax(1) if class_name is None else np.full(len(squares), names.index(class_name))
    explained = iter(zip(squares, overlays(predictor, squares, asked), probabilities, embeddings, asked, strict=True))
    panels = []
    for index, path in enumerate(paths):
        if index in errors:
            panels.append(Panel(Explanation(str(path), error=errors[index]), nothing, nothing, ()))
            continue
        _, picture, chances, embedding, label = next(explained)
        name = f"{first + index:05d}.png"
        write_atomically(out / name, partial(picture.save, format="PNG"))
        best = np.argsort(-chances, kind="stable")[:GUESSES]
        likeness = () if known is None else nearest(known, embedding, neighbours)
        explanation = Explanation(
            path=str(path),
            asked=names[label],
            guesses=tuple((names[guess], float(chances[guess])) for guess in best),
            overlay=name,
            neighbours=likeness,
        )
        beside = tuple(Picture(thumbnail(Path(each.path)), each.path) for each in likeness)
        laid = Picture(data_uri(picture, EDGE), name)
        panels.append(Panel(explanation, Picture(thumbnail(path), str(path)), laid, beside))
    return panels
