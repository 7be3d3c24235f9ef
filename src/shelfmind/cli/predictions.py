"""The table of predictions: as many as fit, with distinguishable names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Column, Table
from rich.text import Text

from shelfmind.urls import shown_url

if TYPE_CHECKING:  # not needed without a gallery
    from shelfmind.inference.predictor import Prediction
    from shelfmind.inference.recognizer import Answer

ELLIPSIS = "…"
_MIN_NAME_CELLS, _MIN_PATH_CELLS = 16, 20
"""Minimum cells of a shortened text; a prediction is left out rather than shortened further."""
_PATH_HEAD = 0.25
"""Share of the head in a shortened path: the tail is more informative."""
_MAX_PATH_CELLS = 24
_SHARE = len(" 100.0%")
_BORDER = 3
"""Cells between the contents of two columns; plus one before the first."""


@dataclass(frozen=True)
class Layout:
    """Number of predictions shown, and cells for the path and the class name; None: not shortened."""

    guesses: int
    path: int | None = None
    name: int | None = None


def predictions_table(predictions: Sequence[Prediction], top: int, width: int) -> Table:
    """The predictions in `width` cells: predictions are left out and texts shortened in the middle, but kept distinct.

    Long paths lose their common folder, which becomes the title. If not even one prediction fits, texts are wrapped.
    """
    folder, paths = _without_shared_folder([prediction.source for prediction in predictions])
    guessed = [[guess.class_name for guess in prediction.guesses[:top]] for prediction in predictions]
    most = max(map(len, guessed), default=0)
    layout = _layout(set(paths), guessed, most, width) if most else Layout(1)
    columns = None if layout.name is None else layout.name + _SHARE
    table = Table(
        Column("image", width=layout.path, overflow="fold"),
        *(Column(f"guess {rank}", width=columns, overflow="fold") for rank in range(1, layout.guesses + 1)),
        title=None if folder is None else Text(folder),
    )
    for prediction, path in zip(predictions, paths, strict=True):
        cells = [
            f"{with_ellipsis(guess.class_name, layout.name)} {guess.probability:.1%}"
            for guess in prediction.guesses[: layout.guesses]
        ]
        texts = (with_ellipsis(path, layout.path, _PATH_HEAD), *(cells or [f"unusable: {prediction.error}"]))
        table.add_row(*map(Text, texts))  # as Text: a name in brackets is not markup
    if layout.guesses < most:
        table.caption = f"{layout.guesses} of {most} predictions fit here; write all with --out predictions.csv"
    return table


def answers_table(answers: Sequence[Answer]) -> Table:
    """The answers by classifier and gallery, with the best product and the photo or classifier behind it.

    Paths lose their common folder, which becomes the title, and are shortened if they stay distinguishable.
    """
    folder, paths = _without_shared_folder([answer.source for answer in answers])
    cells = _MAX_PATH_CELLS if _apart(set(paths), _MAX_PATH_CELLS, _PATH_HEAD) else None
    table = Table(
        *(Column(name, overflow="fold") for name in ("image", "answer", "nearest product", "similarity", "by")),
        title=None if folder is None else Text(folder),
    )
    for answer, whole in zip(answers, paths, strict=True):
        path = with_ellipsis(whole, cells, _PATH_HEAD)
        if answer.error is not None:
            table.add_row(Text(path), Text(f"unusable: {answer.error}"), "", "", "")
            continue
        best = answer.candidates[0]
        by = best.source if best.reference is None else f"{best.source}: {best.reference.photo}"
        shown = (path, answer.words, f"{best.name} {best.probability:.1%}", f"{best.similarity:.2f}", by)
        table.add_row(*map(Text, shown))
    return table


def with_ellipsis(text: str, cells: int | None, head_share: float = 0.5) -> str:
    """Shorten the text to at most `cells` terminal cells with an ellipsis; Chinese characters take two cells."""
    if cells is None or cell_len(text) <= cells:
        return text
    room = max(0, cells - cell_len(ELLIPSIS))
    head = _beginning(text, int(room * head_share))
    tail = _beginning(text[::-1], room - cell_len(head))[::-1]
    return f"{head}{ELLIPSIS}{tail}"


def _layout(paths: set[str], guessed: Sequence[Sequence[str]], most: int, width: int) -> Layout:
    """The largest number of predictions with distinguishable names and paths."""
    longest_path = _longest(paths, "image")
    least_path = next(
        (
            cells
            for cells in range(min(_MIN_PATH_CELLS, longest_path), longest_path)
            if _apart(paths, cells, _PATH_HEAD)
        ),
        longest_path,
    )
    for guesses in range(most, 0, -1):
        names = {name for row in guessed for name in row[:guesses]}
        longest_name = _longest(names, "guess")
        room = width - 1 - _BORDER * (guesses + 1) - _SHARE * guesses
        name = min(longest_name, (room - least_path) // guesses)
        if name >= min(longest_name, _MIN_NAME_CELLS) and _apart(names, name):
            return Layout(guesses, min(longest_path, room - guesses * name), name)
    return Layout(1)


def _without_shared_folder(paths: Sequence[str]) -> tuple[str | None, list[str]]:
    """The common folder and the paths relative to it, if any path is long; else None and the paths."""
    folders = {os.path.dirname(path) for path in paths}
    if _longest(paths, "") <= _MIN_PATH_CELLS or len({os.path.isabs(folder) for folder in folders}) > 1:
        return None, list(paths)
    folder = os.path.commonpath(folders)
    if not folder or folder == os.sep:
        return None, list(paths)
    return shown_url(folder), [os.path.relpath(path, folder) for path in paths]


def _apart(texts: set[str], cells: int, head_share: float = 0.5) -> bool:
    return len({with_ellipsis(text, cells, head_share) for text in texts}) == len(texts)


def _longest(texts: Iterable[str], heading: str) -> int:
    return max(map(cell_len, [heading, *texts]))


def _beginning(text: str, cells: int) -> str:
    """The longest prefix that fits."""
    taken = 0
    for index, letter in enumerate(text):
        taken += cell_len(letter)
        if taken > cells:
            return text[:index]
    return text
