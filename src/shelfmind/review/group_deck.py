"""The groups of a discovery under review and the decisions on them: the page's queries and updates."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shelfmind.analysis.decisions import Decision
from shelfmind.arrays import Floats
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.discovery_folder import Group, Nearest
from shelfmind.review.deck import MAX_CARDS, MAX_EXAMPLES
from shelfmind.review.enrolling import Enrolments, decided_groups
from shelfmind.review.group_pictures import reference_name

MAX_PHOTOS, MAX_REFERENCES = 12, 3
"""Maximum number of pictures of a group, and of the product next to it, on a card."""


class GroupDeck:
    """The state of one reviewer's page. Groups, images and products are identified by number. Thread-safe."""

    def __init__(self, enrolments: Enrolments, reviewer: str, language: str | None = None) -> None:
        self.enrolments, self.reviewer, self.language = enrolments, reviewer, language
        self.groups = enrolments.found.groups
        self._numbers = {group.key: number for number, group in enumerate(self.groups)}
        self._vectors = enrolments.found.vectors_of()
        self._lock = threading.RLock()
        self.images: list[str] = []
        self._image_numbers: dict[str, int] = {}
        self.products: list[str] = []
        self._register_products()

    def overview(self) -> dict[str, Any]:
        """Return everything the page needs before it shows a card: one list per column, one entry per group."""
        with self._lock:
            self._register_products()
            product_ids = {name: number for number, name in enumerate(self.products)}
            return {
                "mode": "groups",
                "reviewer": self.reviewer,
                "data": self.enrolments.name,
                "log": str(self.enrolments.log.path),
                "language": self.language,
                "notice": None,
                "classes": self.products,
                "given": [None for _ in self.groups],
                "suggested": [product_ids.get(each.nearest.sku) if each.nearest else None for each in self.groups],
                "kind": [group.kind for group in self.groups],
                **self._news([group.key for group in self.groups]),
            }

    def cards(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """Return the details of some groups. Raises `LookupError` for an unknown number or too many of them."""
        if len(numbers) > MAX_CARDS:
            raise LookupError(f"at most {MAX_CARDS} cards may be requested at once")
        with self._lock:
            standing = self.enrolments.standing()
            return [self._card(number, standing) for number in numbers]

    def examples(self, class_number: int) -> list[int]:
        """Return photos of a product."""
        with self._lock:
            if not 0 <= class_number < len(self.products):
                raise LookupError(class_number)
            return self._references(self.products[class_number], None, MAX_EXAMPLES)

    def news(self, since: int) -> dict[str, Any]:
        """Return the current decisions on groups that were changed after the first `since` lines of the log."""
        with self._lock:
            self.enrolments.standing()
            lines = self.enrolments.log.decisions
            if not 0 <= since <= len(lines):  # the log was replaced
                return {**self._news(self._numbers), "all": True}
            return self._news(dict.fromkeys(line.path for line in lines[since:] if line.path in self._numbers))

    def decide(self, number: int, decision: str, label: str | None) -> dict[str, Any]:
        """Enrol, merge or discard a group, and return the current state.

        Raises `LookupError` for an unknown group, `ValueError` for an invalid decision, and `UserError` if it cannot be
        applied.
        """
        group = self._group(number)
        warnings = self.enrolments.decide(group, decision, None if label is None else label.strip(), self.reviewer)
        with self._lock:
            return {**self._news([group.key]), "warnings": list(warnings)}

    def undo(self, number: int | None) -> dict[str, Any]:
        """Undo this reviewer's decision on a group, or the last one, and return the group; None if there was none.

        Raises the same errors as `decide`.
        """
        with self._lock:
            own = {key: each for key, each in self.enrolments.standing().items() if each.reviewer == self.reviewer}
            if number is None:
                order = {line.id: position for position, line in enumerate(self.enrolments.log.decisions)}
                of_these = [each for key, each in own.items() if key in self._numbers]
                last = max(of_these, key=lambda each: order[each.id], default=None)
            else:
                last = own.get(self._group(number).key)
            if last is None:
                self.enrolments.apply_pending()
                return {"undone": None, **self._news(())}
            self.enrolments.take_back(last)
            gone = last.label if last.label not in self.enrolments.products() else None
            return {"undone": self._numbers[last.path], "gone": gone, **self._news([last.path])}

    def decided(self) -> int:
        """The number of groups with a decision."""
        return decided_groups(self.groups, self.enrolments.standing())

    def _register_products(self) -> None:
        """Append new products, so that the numbers of those that open pages know stay valid."""
        known = set(self.products)
        self.products += [name for name in self.enrolments.products() if name not in known]

    def _news(self, keys: Iterable[str]) -> dict[str, Any]:
        standing = self.enrolments.standing()
        states = {
            self._numbers[key]: [standing[key].as_seen_by(self.reviewer)] if key in standing else [] for key in keys
        }
        return {
            "version": len(self.enrolments.log.decisions),
            "decided": decided_groups(self.groups, standing),
            "states": states,
        }

    def _group(self, number: int) -> Group:
        if not 0 <= number < len(self.groups):
            raise LookupError(number)
        return self.groups[number]

    def _card(self, number: int, standing: dict[str, Decision]) -> dict[str, Any]:
        group = self._group(number)
        nearest = self._nearest(number, standing)
        return {
            "number": number,
            "group": group.number,
            "photos": [self._image(photo.path) for photo in group.photos[:MAX_PHOTOS]],
            "total": len(group.photos),
            "likeness": group.likeness,
            "path": group.photos[0].path,
            "nearest": None
            if nearest is None
            else {
                "name": nearest.sku,
                "similarity": nearest.similarity,
                "images": self._references(nearest.sku, nearest.sha256, MAX_REFERENCES),
            },
        }

    def _nearest(self, number: int, standing: dict[str, Decision]) -> Nearest | None:
        """Return the product most similar to a group, among those of the discovery and those enrolled from it since."""
        found = [self.groups[number].nearest]
        for key, decision in standing.items():
            other = self._numbers.get(key)
            if decision.label is not None and other is not None and other != number:
                similarity, row = mean_similarity(self._vectors[number], self._vectors[other])
                photo = self.groups[other].photos[row]
                found.append(Nearest(decision.label, similarity, photo.sha256))
        there = [each for each in found if each is not None and each.sku in self.enrolments.gallery.state.products]
        return max(there, key=lambda each: each.similarity, default=None)

    def _references(self, sku: str, first: str | None, most: int) -> list[int]:
        photos: dict[str, Entry] = self.enrolments.gallery.state.products.get(sku, {})
        shas = sorted(photos, key=lambda sha256: sha256 != first)
        return [self._image(reference_name(sha256)) for sha256 in shas[:most]]

    def _image(self, name: str) -> int:
        if name not in self._image_numbers:
            self._image_numbers[name] = len(self.images)
            self.images.append(name)
        return self._image_numbers[name]


def mean_similarity(photos: Floats, others: Floats) -> tuple[float, int]:
    """Return the mean similarity of photos (N, D) to their nearest of others (M, D), and the overall nearest one."""
    similarities = photos @ others.T
    return float(similarities.max(1).mean()), int(np.argmax(similarities.max(0)))
