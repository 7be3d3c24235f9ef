"""A random life of a gallery beside a dictionary: no difference, at any version. `benchmarks/` has a longer one."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.verification import verify

ME = Attribution("tester", "because")
MODEL = Path(__file__).parents[3] / "benchmarks" / "gallery_model.py"


@pytest.fixture(scope="module")
def model() -> Any:
    """The dictionary that does what a gallery must do."""
    spec = importlib.util.spec_from_file_location("gallery_model", MODEL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(4))
def test_a_random_life(seed: int, gallery: Gallery, files, embedder, model) -> None:
    rng = random.Random(seed)
    versions: list[dict[str, frozenset[str]]] = [{}]
    for number in range(120):
        operation = model.random_operation(rng, len(versions))
        wanted = model.applied(operation, versions)
        forgotten = operation["kind"] == "rollback" and operation["version"] < gallery.state.first_version
        if wanted is None or forgotten:
            with pytest.raises(UserError):
                model.performed(operation, gallery, embedder, ME)
        else:
            made = model.performed(operation, gallery, embedder, ME)
            assert (made is None) == (wanted == versions[-1]) or operation["kind"] == "compact"
            versions += [wanted] if made is not None else []
        if number % 30 == 0:
            gallery = Gallery(files)
        assert model.products(gallery.state) == versions[-1]
    assert gallery.state.version == len(versions)
    for version in range(gallery.state.first_version, len(versions) + 1, 7):
        assert model.products(gallery.at(version)) == versions[version - 1]
    entries, vectors = Gallery(files).vectors()
    for entry, row in zip(entries, vectors, strict=True):
        np.testing.assert_allclose(row, embedder.vector(entry.photo.removesuffix(".jpg").encode()), atol=1e-6)
    gallery.compact(ME)
    assert model.products(Gallery(files).state) == versions[-1]
    assert verify(files) == []
