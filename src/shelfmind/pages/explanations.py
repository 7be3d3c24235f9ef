"""The page that shows what a run looked at, and the training images most like it."""

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
"""What the page says of a photo that the run knows."""


@dataclass(frozen=True)
class Likeness:
    """A training image like the one explained, or an enrolled photo: its path, its class and the cosine of their
    embeddings."""

    path: str
    class_name: str
    similarity: float
    enrolled: bool = False


@dataclass(frozen=True)
class Explanation:
    """One image explained, or the reason why it cannot be.

    `asked` is the class that the map speaks for, `guesses` the most probable classes with their probabilities,
    `overlay` the name of the picture written beside the page. `seen` says how the run knows the photo: one of `SEEN`,
    or None. With a gallery, `answer` is what it is given as: a product, a family, ``undecided`` or ``unknown``.
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
    """What the page shows of one explanation: the image, the map over it, and the neighbours' pictures."""

    explanation: Explanation
    image: Picture
    overlay: Picture
    neighbours: tuple[Picture, ...]

    @property
    def likenesses(self) -> list[tuple[Picture, Likeness]]:
        """The neighbours' pictures with what they are."""
        return list(zip(self.neighbours, self.explanation.neighbours, strict=True))


def write_explanations(path: Path, run: str, panels: Sequence[Panel], notes: Sequence[str]) -> None:
    """Write the page, which needs nothing outside itself; `run` is the name of the run."""
    shown = path_shortener([panel.explanation.path for panel in panels])
    template = page_template("pages/explanations.html.j2")
    page = template.render(title=say("Explanations for {}", run), panels=panels, notes=notes, shown=shown, seen=SEEN)
    write_text(path, page)
