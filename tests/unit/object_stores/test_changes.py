"""A command sees one state of a store, the next one what has changed since."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.data import open_catalog
from shelfmind.errors import UserError
from shelfmind.images.photo_files import file_exists, read_file
from shelfmind.inference.forward import Forward
from shelfmind.inference.predictor import Predictor
from shelfmind.object_stores.objects import objects_below, one_state
from shelfmind.recipe import Recipe
from shelfmind.requests.tool import DoctorRequest
from shelfmind.verbs import VERBS

SHOP = Path("test://shop")


RECIPE = Recipe.model_validate({"data": {"image_size": 16, "resize_to": 20}, "evaluation": {"batch_size": 4}})


class Brightness:
    """An engine that remembers how bright images are."""

    name, identity, version, width = "brightness fp32", "brightness fp32", "1", 1

    def __init__(self) -> None:
        self.seen: list[float] = []

    def parallel(self, batch_size: int) -> None:
        return None

    def __call__(self, images: Any) -> tuple[Any, Any]:
        self.seen.append(float(images.mean()))
        return np.ones((len(images), 1), np.float32), np.ones((len(images), 1), np.float32)

    def logits(self, embeddings: Any) -> None:
        return None


def photo(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (40, 40, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture
def shop(store: Any) -> Any:
    """The store with photos of two products."""
    store.contents = {f"shop/{name}/{number}.jpg": photo(number + 10 * ord(name)) for name in "ab" for number in (0, 1)}
    return store


def by_a_verb() -> list[Path]:
    found: list[Path] = VERBS["doctor"].run(DoctorRequest())
    return found


def by_a_function() -> list[Path]:
    return sorted(sample.path for sample in open_catalog(SHOP).samples)


@pytest.mark.parametrize("photos", [by_a_verb, by_a_function])
def test_the_next_command_sees_new_photos(
    shop: Any, photos: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfmind.verbs._load", lambda _: lambda request: objects_below(SHOP))
    assert len(photos()) == 4
    shop.contents["shop/a/new.jpg"] = photo(5)
    assert len(photos()) == 5


def test_a_command_sees_one_state(shop: Any) -> None:
    def seen() -> tuple[list[Path], bytes, bool]:
        return objects_below(SHOP), read_file(SHOP / "a" / "0.jpg"), file_exists(SHOP / "a" / "new.jpg")

    with one_state():
        before = seen()
        shop.contents |= {"shop/a/new.jpg": photo(5), "shop/a/0.jpg": photo(6)}
        with one_state():
            open_catalog(SHOP)
            assert seen() == before
        assert seen() == before
    with one_state():
        assert [len(seen()[0]), *seen()[1:]] == [5, photo(6), True]


def test_a_change_during_a_command_stops_only_that_one(shop: Any) -> None:
    path = SHOP / "a" / "0.jpg"
    with one_state():
        objects_below(SHOP)
        shop.contents["shop/a/0.jpg"] = photo(6)
        with pytest.raises(UserError, match=r"it was changed while it was being read; run the command again$"):
            read_file(path)
    with one_state():
        assert read_file(path) == photo(6)


def test_a_predictor_sees_changes(shop: Any, tmp_path: Path) -> None:
    engine = Brightness()
    predictor = Predictor(tmp_path, RECIPE, ("dark",), (1,), "0", (), 1.0, Forward(engine, 4))
    for seed in (6, 7):
        shop.contents["shop/a/0.jpg"] = photo(seed)
        predictor.predict([SHOP / "a" / "0.jpg"])
    assert engine.seen[0] != engine.seen[1]
