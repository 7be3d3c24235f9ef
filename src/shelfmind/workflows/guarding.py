"""The guard that checks enrolled photos, including trained classes if the gallery is calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.progress import Counter
from shelfmind.recognition.evidence import TrainingPhotos
from shelfmind.recognition.rule import COUNTS, LEARNT, WHITENING
from shelfmind.recognition.whitening import Whitening
from shelfmind.runs.folder import RunFolder


def guard_of(gallery: Gallery, counter: Counter, class_names: Sequence[str]) -> Guard:
    """A guard that compares photos as recognition in the newest version of the gallery does.

    `class_names` are those of the run, empty if unknown.
    """
    gallery.refresh()
    fitted = gallery.recognition()
    if fitted is None:
        return Guard(counter)
    record, arrays = fitted
    learnt = TrainingPhotos.of_counts(arrays[LEARNT], record[COUNTS])
    known = (
        zip(class_names, learnt.prototypes, learnt.counts, strict=True) if len(class_names) == learnt.classes else ()
    )
    trained = {name: prototype for name, prototype, count in known if count}
    return Guard(counter, trained, Whitening.of_array(arrays[WHITENING]))


def class_names_of(gallery: Gallery) -> tuple[str, ...]:
    """The class names of the run of a gallery; empty if the run does not exist any more."""
    recorded = str(gallery.state.embedder.get("run", ""))
    try:
        return RunFolder(Path(recorded)).read_classes()[0] if recorded else ()
    except UserError:
        return ()
