"""Check photos before they are enrolled, or a whole gallery, with the checks of `findings`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from shelfmind.analysis.measuring.contents import Content, measure_contents
from shelfmind.analysis.measuring.measurement import Measured, facts_path
from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.findings import Finding, findings_of
from shelfmind.progress import Counter, count_silently

_CHUNK_VALUES = 1 << 24
Read = Callable[[str], bytes]
"""Returns the bytes of a photo by its SHA-256."""


@dataclass(frozen=True)
class Guard:
    """Finds problems with new photos.

    `trained` are prototypes (D,) of the classes that the network was trained on. `compared` transforms the gallery's
    vectors into the unit vectors (N, D) that recognition compares; the prototypes are computed from such vectors.
    """

    counter: Counter = count_silently
    trained: Mapping[str, Floats] = field(default_factory=dict)
    compared: Callable[[Floats], Floats] = np.asarray

    def __call__(
        self, known: tuple[Sequence[Entry], Floats], new: tuple[Sequence[Entry], Floats], read: Read
    ) -> list[Finding]:
        """Return the findings in new photos, given the enrolled ones.

        Only these photos are decoded: the new ones, those of their products, and for each new photo the most similar
        photo of another product, which may be a near-duplicate. Photos measured before are not decoded again.
        """
        entries = [*known[0], *new[0]]
        vectors = self.compared(np.concatenate([known[1], new[1]]))
        checked = np.arange(len(entries)) >= len(known[0])
        skus = {entry.sku for entry in new[0]}
        of_products = [row for row, entry in enumerate(entries) if entry.sku in skus]
        alike = _most_similar([entry.sku not in skus for entry in known[0]], known[1], new[1])
        rows = np.unique(np.concatenate([np.array(of_products, np.int64), alike]))
        measured = self._measured(entries, rows, read)
        return findings_of(Enrolled(entries, vectors, checked, measured, self.trained, self.counter))

    def whole(self, entries: Sequence[Entry], vectors: Floats, read: Read) -> Enrolled:
        """Return all photos of a gallery, for a check of all of them."""
        measured = self._measured(entries, np.arange(len(entries)), read)
        checked = np.ones(len(entries), np.bool_)
        return Enrolled(entries, self.compared(vectors), checked, measured, self.trained, self.counter)

    def _measured(self, entries: Sequence[Entry], rows: Ints, read: Read) -> Measured:
        contents = [Content(entries[row].sha256, entries[row].photo) for row in rows.tolist()]
        progress = self.counter("measuring photos", len(contents))
        measured = measure_contents(contents, read, cache=facts_path(), progress=progress)
        return replace(measured, indices=rows[measured.indices])


def _most_similar(eligible: Iterable[bool], known: Floats, new: Floats) -> Ints:
    """Return the rows of the eligible known vectors that are most similar to the new ones, without repetitions."""
    rows = np.flatnonzero(list(eligible))
    if not len(rows):
        return rows
    found = [
        rows[(new[part] @ known.T)[:, rows].argmax(axis=1)] for part in row_chunks(len(new), len(known), _CHUNK_VALUES)
    ]
    return np.asarray(np.unique(np.concatenate(found)), np.int64)
