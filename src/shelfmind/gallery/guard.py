"""Looks at photos before they are enrolled, and at a whole gallery: what `findings` finds, with what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shelfmind.analysis.measuring.contents import Content, facts_path, measure_contents
from shelfmind.analysis.measuring.measurement import Measured
from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.findings import Finding, findings_of
from shelfmind.progress import Counter, count_silently

_CHUNK_VALUES = 1 << 24
Read = Callable[[str], bytes]
"""Gives the bytes of a photo by its SHA-256."""


@dataclass(frozen=True)
class Guard:
    """Finds what is wrong with new photos.

    `trained` are prototypes (D,) of classes that the network was trained on; `compared` makes unit vectors (N, D) of
    those in the gallery, as they are compared when photos are recognised. The prototypes are made of such.
    """

    counter: Counter = count_silently
    trained: Mapping[str, Floats] = field(default_factory=dict)
    compared: Callable[[Floats], Floats] = np.asarray

    def __call__(
        self, known: tuple[Sequence[Entry], Floats], new: tuple[Sequence[Entry], Floats], read: Read
    ) -> list[Finding]:
        """What is found in new photos and vectors beside the known ones.

        Decoded are the new photos, those of their products and, as it may be a copy, the photo of another product that
        each is most like; none of them if it was measured before.
        """
        entries = [*known[0], *new[0]]
        vectors = self.compared(np.concatenate([known[1], new[1]]))
        asked = np.arange(len(entries)) >= len(known[0])
        skus = {entry.sku for entry in new[0]}
        of_products = [row for row, entry in enumerate(entries) if entry.sku in skus]
        alike = _most_alike([entry.sku not in skus for entry in known[0]], known[1], new[1])
        rows = np.unique(np.concatenate([np.array(of_products, np.int64), alike]))
        measured = self._measured(entries, rows, read)
        return findings_of(Enrolled(entries, vectors, asked, measured, self.trained, self.counter))

    def whole(self, entries: Sequence[Entry], vectors: Floats, read: Read) -> Enrolled:
        """All photos of a gallery, to be asked about."""
        measured = self._measured(entries, np.arange(len(entries)), read)
        asked = np.ones(len(entries), np.bool_)
        return Enrolled(entries, self.compared(vectors), asked, measured, self.trained, self.counter)

    def _measured(self, entries: Sequence[Entry], rows: Ints, read: Read) -> Measured:
        contents = [Content(entries[row].sha256, entries[row].photo) for row in rows.tolist()]
        progress = self.counter("measuring photos", len(contents))
        measured = measure_contents(contents, read, cache=facts_path(), progress=progress)
        return replace(measured, indices=rows[measured.indices])


def _most_alike(eligible: Iterable[bool], known: Floats, new: Floats) -> Ints:
    """The row of the eligible known vector that each new one is most like, each once."""
    rows = np.flatnonzero(list(eligible))
    if not len(rows):
        return rows
    found = [
        rows[(new[part] @ known.T)[:, rows].argmax(axis=1)] for part in row_chunks(len(new), len(known), _CHUNK_VALUES)
    ]
    return np.asarray(np.unique(np.concatenate(found)), np.int64)
