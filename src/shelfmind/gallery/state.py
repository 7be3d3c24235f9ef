"""The content of a gallery at one version, as the result of its changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from shelfmind.errors import unknown_name
from shelfmind.gallery.changes import COMPACTION, Base, Change, DamagedFileError, Entry, Summary

NOTHING = ""
"""The `previous` checksum of the first change."""


@dataclass
class GalleryState:
    """The products with their photos, and the file with each photo's vector.

    `head` is the checksum of the newest change, `first_version` the oldest version that can be restored, `recognition`
    the fitted recognition parameters for these weights, if any.
    """

    version: int = 0
    head: str = NOTHING
    first_version: int = 1
    embedder: Mapping[str, Any] = field(default_factory=dict)
    recognition: Mapping[str, Any] | None = None
    products: dict[str, dict[str, Entry]] = field(default_factory=dict)
    located: dict[str, tuple[str, int]] = field(default_factory=dict)
    history: list[Summary] = field(default_factory=list)

    @classmethod
    def of_base(cls, base: Base) -> GalleryState:
        """Return the state of a base."""
        state = cls(base.version, base.head, base.version, base.embedder, base.recognition)
        state.history = list(base.history)
        state._enter(base.entries)
        state._locate(base.vectors, base.embedded)
        return state

    def apply(self, change: Change, head: str) -> None:
        """Advance to the next version. Raises `DamagedFileError` if the change does not fit."""
        if change.embedder is not None:
            self.embedder = change.embedder
            self.located = {}
            self.recognition = None
        if change.recognition is not None:
            self.recognition = change.recognition
        for entry in change.removed:
            photos = self.products.get(entry.sku, {})
            if photos.pop(entry.sha256, None) is None:
                raise DamagedFileError(change.name, f"it removes a photo that '{entry.sku}' does not have")
            if not photos:
                del self.products[entry.sku]
        self._enter(change.added)
        self._locate(change.vectors, change.embedded)
        self.version, self.head = change.summary.version, head
        if change.summary.kind == COMPACTION:
            self._forget()
        self.history.append(change.summary)

    def entries(self) -> Iterator[Entry]:
        """Yield all photos of all products, sorted by product name."""
        for sku in sorted(self.products):
            yield from self.products[sku].values()

    def photos_of(self, sku: str) -> dict[str, Entry]:
        """Return the photos of a product by checksum. Raises `UserError` with similar names if there is none."""
        if sku not in self.products:
            raise unknown_name("product", sku, self.products)
        return self.products[sku]

    def skus_with(self, sha256: str) -> list[str]:
        """Return the products that a photo is filed under."""
        return sorted(sku for sku, photos in self.products.items() if sha256 in photos)

    def skus_of_photos(self, shas: Iterable[str]) -> dict[str, list[str]]:
        """Return the products that each of these photos is filed under, by one pass over all products."""
        found: dict[str, list[str]] = {sha256: [] for sha256 in shas}
        for sku, photos in self.products.items():
            for sha256 in photos.keys() & found.keys():  # takes as long as the smaller of the two
                found[sha256].append(sku)
        return {sha256: sorted(skus) for sha256, skus in found.items()}

    def _forget(self) -> None:
        """Drop everything that no current product uses, as its files may be deleted at any time."""
        self.first_version = self.version
        named = {sha256 for photos in self.products.values() for sha256 in photos}
        self.located = {sha256: where for sha256, where in self.located.items() if sha256 in named}

    def _enter(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            self.products.setdefault(entry.sku, {})[entry.sha256] = entry

    def _locate(self, vectors: str | None, embedded: tuple[str, ...]) -> None:
        if vectors is not None:
            self.located.update({sha256: (vectors, row) for row, sha256 in enumerate(embedded)})
