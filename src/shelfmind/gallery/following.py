"""A search that follows the changes of its gallery: recent changes are searched separately."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.files import cache_folder, keep_most_recent
from shelfmind.gallery.cells import search_of
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.search import ExactSearch, LocalSearch, Match, Search, merged
from shelfmind.gallery.vectors import gathered

FEW_CHANGES = 2_000
"""Number of changed photos after which everything is reloaded; or a twentieth of all photos, if that is more."""
KEPT_CELLS = 16


class FollowingSearch(Search, Protocol):
    """A search of a gallery as of the last `refresh`."""

    def refresh(self) -> None:
        """Advance to the gallery's newest version."""


class GallerySearch:
    """Holds a gallery's vectors in memory and searches them exactly or by cells."""

    def __init__(self, gallery: Gallery, kept: Path | None = None) -> None:
        """`kept` is the cache file for the cells of a large gallery. Raises `UserError` for a damaged gallery."""
        self.gallery, self.kept = gallery, kept
        self.searches: list[LocalSearch] = []
        self.head, self.embedder = gallery.state.head, gallery.state.embedder
        self._read_all()

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D), most similar first."""
        found = [search(queries, top) for search in self.searches]
        if len(found) == 1:
            return found[0]
        return [merged(parts, top) for parts in zip(*found, strict=True)]

    def refresh(self) -> None:
        """Advance to the newest version. Only vectors of new photos are read, or all of them after many changes."""
        self.gallery.refresh()
        state = self.gallery.state
        if state.head == self.head:
            return
        if state.embedder != self.embedder:
            self._read_all()
            return
        now = {(each.sku, each.sha256): each for each in state.entries()}
        gone = [row for key, row in self.rows.items() if key not in now]
        new = [each for key, each in now.items() if key not in self.rows]
        if len(gone) + len(new) > max(FEW_CHANGES, len(self.rows) // 20):
            self._read_all()
            return
        parts: list[LocalSearch] = [self.base.without(gone)] if self.rows else []
        if new:
            parts.append(ExactSearch(new, self._vectors_of(new)))
        self.searches, self.head = parts or [self.base], state.head

    def _read_all(self) -> None:
        entries, vectors = self.gallery.vectors()
        self.base = search_of(entries, vectors, self.kept)
        self.rows = {(each.sku, each.sha256): row for row, each in enumerate(entries)}
        self.photos = {each.sha256: row for row, each in enumerate(entries)}
        self.searches = [self.base]
        self.head, self.embedder = self.gallery.state.head, self.gallery.state.embedder

    def _vectors_of(self, new: Sequence[Entry]) -> Floats:
        """Return the vectors of new photos. Those that another product had are already in memory."""
        state = self.gallery.state
        unread = [each.sha256 for each in new if each.sha256 not in self.photos]
        read = gathered(self.gallery.files, [state.located[sha] for sha in unread], int(state.embedder["width"]))
        rows = dict(zip(unread, read, strict=True))
        return np.stack(
            [
                self.base.vectors[self.photos[each.sha256]] if each.sha256 in self.photos else rows[each.sha256]
                for each in new
            ]
        )


def cells_cache(gallery: Gallery, whitening: str | None = None) -> Path:
    """Return the cache file for a gallery's cells. It depends on the weights, and on the checksum of the `whitening`
    for cells of whitened vectors."""
    folder = cache_folder() / "galleries"
    keep_most_recent(folder, "*.cells", KEPT_CELLS - 1)
    embedder = {key: value for key, value in gallery.state.embedder.items() if key != "run"}
    whitened = [] if whitening is None else [whitening]
    named = json.dumps([str(gallery.files), embedder, *whitened], sort_keys=True)
    return folder / f"{checksum(named.encode())[:32]}.cells"
