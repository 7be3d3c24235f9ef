"""The page of explanations: Grad-CAM maps and the most similar training images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shelfmind.files import write_text
from shelfmind.pages.templates import Picture, page_template, path_shortener
from shelfmind.pages.words import say

SEEN = {
    "train": say("the run was trained on this photo, so the result says little about new photos"),
    "val": say("this photo is one of the validation images that selected the run's weights"),
    "near-copy": say("near-duplicate of a training photo of this run"),
}
"""Cautions about photos that the run has seen."""


@dataclass(frozen=True)
class Likeness:
    """A training image or enrolled photo similar to the explained image: path, class and cosine similarity of the
    embeddings."""

    path: str
    class_name: str
    similarity: float
    enrolled: bool = False


@dataclass(frozen=True)
class Explanation:
    """An explained image, or the reason why it could not be explained.

    `asked` is the class that the map explains, `guesses` the most probable classes with their probabilities, `overlay`
    the name of the picture next to the page. `seen` is how the run has seen the photo: one of `SEEN`, or None. With a
    gallery, `answer` is a product, a family, ``undecided`` or ``unknown``.
    """

    path: str
    asked: str = ""
    guesses: tuple[tuple[str, float], ...] = ()
    overlay: str = ""
    neighbours: tuple[Likeness, ...] = ()
    error: str | None = None
    seen: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class Panel:
    """The pictures of one explanation: the image, the overlaid map, and the neighbours."""

    explanation: Explanation
    image: Picture
    overlay: Picture
    neighbours: tuple[Picture, ...]

    @property
    def likenesses(self) -> list[tuple[Picture, Likeness]]:
        """Return the neighbours' pictures with their descriptions."""
        return list(zip(self.neighbours, self.explanation.neighbours, strict=True))


def write_explanations(path: Path, run: str, panels: Sequence[Panel], notes: Sequence[str]) -> None:
    """Write the self-contained page; `run` is the name of the run."""
    shown = path_shortener([panel.explanation.path for panel in panels])
    template = page_template("pages/explanations.html.j2")
    page = template.render(title=say("Explanations for {}", run), panels=panels, notes=notes, shown=shown, seen=SEEN)
    write_text(path, page)
