"""Explains what a run says of images: where it looked, and which training images are most like them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.errors import unknown_name
from shelfmind.evaluation.rows import unit_rows
from shelfmind.files import make_folder, require_free_folder, write_text, write_whole
from shelfmind.images.decoding import BadImage
from shelfmind.images.squares import Square, open_squares, square
from shelfmind.inference.kept_predictions import predictions_of
from shelfmind.inference.predict_files import count_images, find_images, require_something
from shelfmind.inference.predictor import Predictor
from shelfmind.pages.explanations import Explanation, Likeness, Panel, write_explanations
from shelfmind.pages.templates import Picture
from shelfmind.pages.thumbnails import data_address, thumbnail
from shelfmind.progress import Counter, count_silently
from shelfmind.records import Predictions
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.history import UntoldError
from shelfmind.runs.known_data import open_known
from shelfmind.workflows.saliency import BATCH, overlays

NEIGHBOURS, GUESSES, EDGE = 4, 3, 192
_OUTPUTS = ("index.html", "explanations.jsonl")
_PICTURE = re.compile(r"\d{5,}\.png")


def explain(
    run: Path | str,
    paths: Sequence[str],
    *,
    out: Path,
    class_name: str | None = None,
    neighbours: int = NEIGHBOURS,
    overwrite: bool = False,
    counter: Counter = count_silently,
) -> list[Explanation]:
    """Write Grad-CAM overlays of images, with the nearest training images beside them, into the folder `out`.

    Args:
        run: a run of a convolutional network.
        paths: images, folders or patterns.
        out: the folder to make: ``index.html``, ``explanations.jsonl`` and a picture an image.
        class_name: the class to explain; what the run guesses for each image if not given.
        neighbours: how many training images to show; 0 for none.
        overwrite: replace an earlier explanation in `out`; nothing else is ever removed.
        counter: told of the progress.

    Raises:
        UserError: no run, no images, an unknown class, a network without feature maps, an `out` that is not empty.
    """
    for path in paths:
        require_something(path)
    earlier = _earlier_outputs(out)
    require_free_folder(out, ours=earlier, overwrite=overwrite)
    predictor = Predictor(RunFolder(Path(run)), tta=())
    names = predictor.class_names
    if class_name is not None and class_name not in names:
        raise unknown_name("class", class_name, names)
    _, notes = count_images(paths)
    images = list(find_images(paths))
    make_folder(out)
    known = _training_images(predictor, notes, counter) if neighbours else None
    for name in sorted(earlier):
        (out / name).unlink(missing_ok=True)
    progress = counter("explaining", len(images))
    panels = []
    for start in range(0, len(images), BATCH):
        group = images[start : start + BATCH]
        panels += _explained(predictor, group, start, class_name, known, neighbours, out)
        progress(len(group))
    explanations = [panel.explanation for panel in panels]
    lines = (json.dumps(asdict(each), ensure_ascii=True) for each in explanations)
    write_text(out / "explanations.jsonl", "\n".join(lines) + "\n")
    write_explanations(out / "index.html", predictor.run.root.resolve().name, panels, notes)
    return explanations


def _earlier_outputs(out: Path) -> frozenset[str]:
    """The files in `out` that an earlier explanation wrote; none where there was no such thing."""
    if not all((out / name).is_file() for name in _OUTPUTS):
        return frozenset()
    return frozenset((*_OUTPUTS, *(path.name for path in out.iterdir() if _PICTURE.fullmatch(path.name))))


def _training_images(predictor: Predictor, notes: list[str], counter: Counter) -> Predictions | None:
    """What the run says of its own training images, if they are still there."""
    run = predictor.run
    origin = read_json(run.provenance)["data"] if run.provenance.exists() else {}
    data = Path(origin["path"]) if origin else None
    if data is None or not data.exists():
        notes.append(f"The run's training images are no longer at {data}, so none are shown beside.")
        return None
    try:
        catalog = open_known([run], data, origin["format"], counter).catalog
    except UntoldError as error:
        notes.append(f"No training images are shown beside: {error}.")
        return None
    if not catalog.split("train"):
        notes.append(f"None of the run's training images is at {data} any more, so none are shown beside.")
        return None
    samples = catalog.split("train")
    squares, good, bad_files = open_squares(samples, predictor.recipe.data, counter("checking images", len(samples)))
    return predictions_of(predictor, squares, good, bad_files, counter)


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
    for place, path in enumerate(paths):
        try:
            squares.append(square(path, predictor.recipe.data))
        except BadImage as error:
            errors[place] = error.reason
    nothing = Picture(None, "")
    if not squares:
        return [Panel(Explanation(str(path), error=errors[n]), nothing, nothing, ()) for n, path in enumerate(paths)]
    probabilities, embeddings = predictor.ask(squares)
    names = predictor.class_names
    asked = probabilities.argmax(1) if class_name is None else np.full(len(squares), names.index(class_name))
    drawn = iter(zip(squares, overlays(predictor, squares, asked), probabilities, embeddings, asked, strict=True))
    panels = []
    for place, path in enumerate(paths):
        if place in errors:
            panels.append(Panel(Explanation(str(path), error=errors[place]), nothing, nothing, ()))
            continue
        _, picture, chances, embedding, label = next(drawn)
        name = f"{first + place:05d}.png"
        write_whole(out / name, partial(picture.save, format="PNG"))
        best = np.argsort(-chances, kind="stable")[:GUESSES]
        likeness = () if known is None else _nearest(known, embedding, neighbours)
        explanation = Explanation(
            path=str(path),
            asked=names[label],
            guesses=tuple((names[guess], float(chances[guess])) for guess in best),
            overlay=name,
            neighbours=likeness,
        )
        beside = tuple(Picture(thumbnail(Path(each.path)), each.path) for each in likeness)
        laid = Picture(data_address(picture, EDGE), name)
        panels.append(Panel(explanation, Picture(thumbnail(path), str(path)), laid, beside))
    return panels


def _nearest(known: Predictions, embedding: npt.NDArray[np.float32], count: int) -> tuple[Likeness, ...]:
    cosines = unit_rows(known.embeddings) @ unit_rows(embedding[None])[0]
    best = np.argsort(-cosines, kind="stable")[:count]
    return tuple(
        Likeness(known.paths[place], known.class_names[known.labels[place]], float(cosines[place])) for place in best
    )
