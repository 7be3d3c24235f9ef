"""A gallery modelled as a dictionary, and random operations on both; used by `gallery_random.py` and a test."""

from __future__ import annotations

import random
from typing import Any

from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.reader import Embedder
from shelfmind.gallery.state import GalleryState

SKUS = [f"s{number}" for number in range(8)]
CONTENTS = [f"c{number}" for number in range(16)]
KINDS = {"add": 30, "remove": 8, "remove photo": 10, "rename": 10, "merge": 8, "rollback": 10, "compact": 1}
Products = dict[str, frozenset[str]]
"""The model: the photos of each product."""
Operation = dict[str, Any]


def random_operation(rng: random.Random, newest: int) -> Operation:
    """Return a random operation, possibly on something that does not exist."""
    (kind,) = rng.choices(list(KINDS), list(KINDS.values()))
    return {
        "kind": kind,
        "sku": rng.choice(SKUS),
        "other": rng.choice(SKUS),
        "photos": rng.sample(CONTENTS, rng.randint(1, 3) if kind == "add" else 1),
        "version": max(1, newest - rng.randint(0, 30)),
    }


def applied(operation: Operation, versions: list[Products]) -> Products | None:
    """Return the model after the operation, given all versions so far; None if it must be rejected."""
    products, sku, other = dict(versions[-1]), operation["sku"], operation["other"]
    kind, photos = operation["kind"], frozenset(operation["photos"])
    if kind == "add":
        products[sku] = products.get(sku, frozenset()) | photos
    elif kind == "rollback":
        return versions[operation["version"] - 1] if operation["version"] <= len(versions) else None
    elif kind == "remove" and sku in products:
        del products[sku]
    elif kind == "remove photo" and photos <= products.get(sku, frozenset()):
        products[sku] -= photos
    elif kind == "rename" and sku in products and other not in products:
        products[other] = products.pop(sku)
    elif kind == "merge" and sku in products and other in products:
        products[other] |= products.pop(sku) if sku != other else frozenset()
    elif kind != "compact":
        return None
    return {name: found for name, found in products.items() if found}


def performed(operation: Operation, gallery: Gallery, embedder: Embedder, by: Attribution) -> int | None:
    """Apply it to the gallery. Return the new version, if any. Raises `UserError` if it is rejected."""
    sku, other = operation["sku"], operation["other"]
    names = [f"{content}.jpg" for content in operation["photos"]]
    if operation["kind"] == "compact":
        before, by_whom = gallery.state.version, (by.author, by.reason)
        gallery.compact(by)
        made = [each.version for each in gallery.state.history[before:] if (each.author, each.reason) == by_whom]
        return made[-1] if made else None
    return {
        "add": lambda: gallery.add([Photo(sku, name, name[:-4].encode()) for name in names], embedder, by),
        "remove": lambda: gallery.remove(sku, by),
        "remove photo": lambda: gallery.remove(sku, by, names),
        "rename": lambda: gallery.rename(sku, other, by),
        "merge": lambda: gallery.merge([sku, other], other, by),
        "rollback": lambda: gallery.roll_back(operation["version"], by),
    }[operation["kind"]]().version


def products(state: GalleryState) -> Products:
    """Return the photos of each product."""
    return {
        sku: frozenset(entry.photo.removesuffix(".jpg") for entry in found.values())
        for sku, found in state.products.items()
    }
