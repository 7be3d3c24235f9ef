"""Merges the products of a gallery with the classes and photos of a run: new classes, training photos, held-out
photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shelfmind.data.classes import normalise_class_name
from shelfmind.data.splits import stratified_split
from shelfmind.errors import UserError, call
from shelfmind.gallery.changes import Entry
from shelfmind.nouns import counted, shortened
from shelfmind.runs.history import History

MIN_TO_HOLD_OUT = 5
"""Minimum photos of a new product for some of them to be held out."""


@dataclass(frozen=True)
class Joined:
    """The classes of run and gallery combined, and the use of each enrolled photo.

    `class_names` are the run's, then the new ones, sorted. `trained` and `held_out` are photos that are new to the run,
    each with its class id; `relabelled` are training photos of the run that the gallery files under another product, by
    SHA-256. `kept_out` is the number of photos that stay in the run's val or test, `known` of those it already trained
    on.
    """

    class_names: tuple[str, ...]
    old: int
    trained: tuple[tuple[Entry, int], ...]
    held_out: tuple[tuple[Entry, int], ...]
    relabelled: Mapping[bytes, int]
    kept_out: int
    known: int

    @property
    def new(self) -> tuple[str, ...]:
        """The names of the new classes."""
        return self.class_names[self.old :]

    @property
    def imprinting(self) -> dict[str, int]:
        """The photos from which new classes are imprinted: SHA-256 to class id."""
        enrolled = {entry.sha256: label for entry, label in self.trained if label >= self.old}
        moved = {digest.hex(): label for digest, label in self.relabelled.items() if label >= self.old}
        return {**enrolled, **moved}


def joined(
    entries: Sequence[Entry], names: Sequence[str], history: History, held_out: float, seed: int, gallery: str
) -> Joined:
    """Merge the photos of the gallery called `gallery` into the classes called `names` of the run with this history.

    A product with the (normalised) name of a trained class is that class. Photos in the run's val or test stay there.
    Of a new product with at least `MIN_TO_HOLD_OUT` photos, the share `held_out` is held out, too.

    Raises:
        UserError: no products or nothing new, a photo under two products, names that are equal once normalised, a
            product whose photos are all held out by the run.
    """
    if not entries:
        raise UserError(f"{gallery} has no products; enrol some: {call('gallery_add', gallery=gallery, data='DATA')}")
    _refuse_two_products(entries, gallery)
    skus = _by_normalised_name(entries, gallery)
    ids = {normalise_class_name(name): label for label, name in enumerate(names)}
    new = sorted(sku for normalised, sku in skus.items() if normalised not in ids)
    ids.update((normalise_class_name(sku), len(names) + index) for index, sku in enumerate(new))
    labelled = [(entry, ids[normalise_class_name(entry.sku)]) for entry in entries]
    unknown: list[tuple[Entry, int]] = []
    relabelled: dict[bytes, int] = {}
    uses: Counter[str] = Counter()
    for entry, label in labelled:
        digest = bytes.fromhex(entry.sha256)
        use = history.own_use(digest)
        if use is None:
            unknown.append((entry, label))
        elif use == "train" and ids[normalise_class_name(_label_in(history, digest))] != label:
            relabelled[digest] = label
        else:
            uses[use] += 1
    measuring = _held_out(unknown, len(names), held_out, seed)
    result = Joined(
        class_names=(*names, *new),
        old=len(names),
        trained=tuple(pair for pair, chosen in zip(unknown, measuring, strict=True) if not chosen),
        held_out=tuple(pair for pair, chosen in zip(unknown, measuring, strict=True) if chosen),
        relabelled=relabelled,
        kept_out=uses["val"] + uses["test"],
        known=uses["train"],
    )
    _require_new_products(result, gallery)
    return result


def _label_in(history: History, digest: bytes) -> str:
    return history.rows[history.first_rows[digest]].label


def _refuse_two_products(entries: Sequence[Entry], gallery: str) -> None:
    skus: dict[str, Entry] = {}
    for entry in entries:
        first = skus.setdefault(entry.sha256, entry)
        if first.sku != entry.sku:
            remove = call("gallery_remove", gallery=gallery, sku=entry.sku, photos=[entry.sha256[:12]])
            raise UserError(
                f"the photo {entry.photo} is filed under both {first.sku} and {entry.sku}; remove one of the two: "
                f"{remove}"
            )


def _by_normalised_name(entries: Sequence[Entry], gallery: str) -> dict[str, str]:
    """The products by their normalised names."""
    skus: dict[str, str] = {}
    for sku in dict.fromkeys(entry.sku for entry in entries):
        first = skus.setdefault(normalise_class_name(sku), sku)
        if first != sku:
            merge = call("gallery_merge", gallery=gallery, skus=[first, sku], into=first)
            raise UserError(f"the product names '{first}' and '{sku}' look the same; rename one of them, or: {merge}")
    return skus


def _held_out(photos: Sequence[tuple[Entry, int]], old: int, share: float, seed: int) -> list[bool]:
    """Whether each photo is held out."""
    counts = Counter(label for _, label in photos)
    enough = [index for index, (_, label) in enumerate(photos) if label >= old and counts[label] >= MIN_TO_HOLD_OUT]
    chosen = [False] * len(photos)
    if enough and share > 0:
        labels = np.array([photos[index][1] for index in enough], np.int64)
        for index, split in zip(enough, stratified_split(labels, {"val": share}, seed), strict=True):
            chosen[index] = bool(split == "val")
    return chosen


def _require_new_products(result: Joined, gallery: str) -> None:
    if not result.trained and not result.relabelled:
        raise UserError(f"nothing to fold in: the run already knows all photos of {gallery}")
    with_photos = set(result.imprinting.values())
    lacking = [
        name for label, name in enumerate(result.class_names) if label >= result.old and label not in with_photos
    ]
    if lacking:
        raise UserError(
            f"all photos of {counted(len(lacking), 'product')} ({shortened(lacking)}) are held out by the run for "
            f"validation or test, so none are left to train on; add others: "
            f"{call('gallery_add', gallery=gallery, sku=lacking[0], photos=['PHOTO'])}"
        )
