"""A long random life of a gallery beside a dictionary of sets: no difference, at any version."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.gallery import By, Gallery, Photo, verify

ME = By("tester", "because")


def photos(sku: str, *contents: str) -> list[Photo]:
    """Photos of a product with these contents."""
    return [Photo(sku, f"{content}.jpg", content.encode()) for content in contents]


def products(gallery: Gallery) -> dict[str, set[str]]:
    """The names of each product's photos."""
    return {sku: {entry.photo for entry in found.values()} for sku, found in gallery.state.products.items()}


SKUS = [f"s{number}" for number in range(6)]
CONTENTS = [f"c{number}" for number in range(12)]


def change(
    rng: random.Random, gallery: Gallery, embedder: Any, model: dict[str, set[str]], versions: list[dict[str, set[str]]]
) -> None:
    """One random operation on both; what either refuses the other must refuse."""
    sku, other = rng.choice(SKUS), rng.choice(SKUS)
    kind = rng.choice(["add", "add", "add", "remove", "remove photo", "rename", "merge", "rollback"])
    wanted = copy.deepcopy(model)
    refused = False
    if kind == "add":
        chosen = rng.sample(CONTENTS, rng.randint(1, 3))
        wanted.setdefault(sku, set()).update(f"{each}.jpg" for each in chosen)
    elif kind == "rollback":
        back = rng.randrange(len(versions))
        wanted = copy.deepcopy(versions[back])
    elif sku not in model or (kind == "rename" and other in model) or (kind == "merge" and other not in model):
        refused = True
    elif kind == "remove":
        del wanted[sku]
    elif kind == "remove photo":
        photo = rng.choice(sorted(model[sku]))
        wanted[sku].discard(photo)
    elif kind == "rename":
        wanted[other] = wanted.pop(sku)
    else:
        joined = wanted.pop(sku) | wanted.pop(other, set())
        wanted[other] = joined
    wanted = {name: found for name, found in wanted.items() if found}
    actions = {
        "add": lambda: gallery.add(photos(sku, *chosen), embedder, ME),
        "remove": lambda: gallery.remove(sku, ME),
        "remove photo": lambda: gallery.remove(sku, ME, [photo if not refused else "c0.jpg"]),
        "rename": lambda: gallery.rename(sku, other, ME),
        "merge": lambda: gallery.merge([sku, other], other, ME),
        "rollback": lambda: gallery.roll_back(back + 1, ME),
    }
    if refused:
        with pytest.raises(UserError):
            actions[kind]()
        return
    outcome = actions[kind]()
    if outcome.version is not None:
        model.clear()
        model.update(wanted)
        versions.append(copy.deepcopy(model))
    assert model == wanted


@pytest.mark.parametrize("seed", range(4))
def test_a_random_life(seed: int, gallery: Gallery, files, embedder) -> None:
    rng = random.Random(seed)
    model: dict[str, set[str]] = {}
    versions: list[dict[str, set[str]]] = [{}]
    for number in range(120):
        change(rng, gallery, embedder, model, versions)
        if number % 30 == 0:
            gallery = Gallery(files)
        assert products(gallery) == model
    assert gallery.state.version == len(versions)
    for version in range(1, len(versions) + 1, 7):
        assert {
            sku: {e.photo for e in found.values()} for sku, found in gallery.at(version).products.items()
        } == versions[version - 1]
    entries, vectors = Gallery(files).vectors()
    for entry, row in zip(entries, vectors, strict=True):
        np.testing.assert_allclose(row, embedder.vector(entry.photo.removesuffix(".jpg").encode()), atol=1e-6)
    gallery.compact()
    assert products(Gallery(files)) == model
    assert list(verify(files)) == []
