"""Many objects are asked for and fetched by many requests at a time, and workers of a cluster need not ask again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError
from shelfmind.images.content import hash_files
from shelfmind.images.examining import examine_on_cluster
from shelfmind.images.file_cache import FileCache
from shelfmind.images.photo_files import read_file, stream_ahead
from shelfmind.images.square_cache import keys_of
from shelfmind.images.squares import DecodedOnDemand, in_order
from shelfmind.inference.forward import Forward
from shelfmind.inference.parts import Item, plan_of
from shelfmind.inference.predictor import Predictor
from shelfmind.inference.replicas import on_cluster
from shelfmind.object_stores.objects import fetch_all, forget, objects_below
from shelfmind.object_stores.store import StoreError
from shelfmind.progress import count_silently
from shelfmind.recipe import DataRecipe, Recipe
from shelfmind.records import Catalog, Sample

AT_ONCE = 16
COUNT = 2 * AT_ONCE
PATHS = [Path(f"test://shop/{number}.jpg") for number in range(COUNT)]
RECIPE = Recipe.model_validate({"data": {"image_size": 16, "resize_to": 20}, "evaluation": {"batch_size": 4}})


class Dark:
    """An engine that finds every image dark."""

    name, identity, version, width = "dark fp32", "dark fp32", "1", 1

    def parallel(self, batch_size: int) -> Dark:
        return self

    def __call__(self, images: Any) -> tuple[Any, Any]:
        return np.ones((len(images), 1), np.float32), np.ones((len(images), 1), np.float32)

    def logits(self, embeddings: Any) -> None:
        return None


class OtherProcess:
    """A cluster with one worker, whose process has seen nothing yet."""

    def map(self, make: Callable[[], Any], tasks: Iterable[tuple[Any, Any]], describe: Any) -> Iterator[Any]:
        given = list(tasks)
        forget()
        compute = make()
        return ((key, compute(task)) for key, task in given)


@pytest.fixture
def photos(store: Any) -> Any:
    """The store with photos, which answers only many requests at a time."""
    stream = io.BytesIO()
    Image.new("RGB", (20, 20)).save(stream, "PNG")
    store.contents = {f"shop/{number}.jpg": stream.getvalue() for number in range(COUNT)}
    store.close_gates(AT_ONCE, AT_ONCE)
    return store


@pytest.fixture
def predictor(tmp_path: Path) -> Predictor:
    return Predictor(tmp_path, RECIPE, ("dark",), (1,), "0", (), 1.0, Forward(Dark(), 4, share=3))


def digest(paths: list[Path], predictor: Predictor) -> None:
    data_digest(Catalog(tuple(Sample(path, 0, "train") for path in paths), ("a",), Path("test://shop"), "csv"))


def plan(paths: list[Path], predictor: Predictor) -> None:
    plan_of(predictor, [Item(str(path)) for path in paths], "shop", "exact", 8)


@pytest.mark.parametrize(
    "use",
    [digest, plan, lambda paths, _: keys_of(paths), lambda paths, _: fetch_all(paths, count_silently)],
    ids=["digest", "plan", "keys", "shards"],
)
def test_versions_are_asked_for_many_at_a_time(photos: Any, predictor: Predictor, use: Any) -> None:
    photos.close_gates(asking=AT_ONCE)
    use(PATHS, predictor)
    assert len(photos.asked) == COUNT
    use(PATHS, predictor)
    assert len(photos.asked) == COUNT


def test_versions_of_known_photos_are_asked_for_many_at_a_time(photos: Any) -> None:
    first = hash_files(PATHS)
    forget()
    photos.fetched.clear()
    photos.close_gates(asking=AT_ONCE)
    assert hash_files(PATHS) == first
    assert photos.fetched == []


def test_missing_objects_are_asked_for_once(photos: Any) -> None:
    photos.contents.clear()
    keys_of(PATHS)
    keys_of(PATHS)
    assert len(photos.asked) == COUNT


def test_a_store_that_is_away_is_an_error(photos: Any) -> None:
    photos.failures = [StoreError("no route to host", True)] * 500
    with pytest.raises(UserError, match="no route to host"):
        keys_of(PATHS)


@pytest.mark.parametrize("listed", [True, False])
def test_photos_of_a_prediction_are_fetched_many_at_a_time(photos: Any, predictor: Predictor, listed: bool) -> None:
    paths = objects_below(Path("test://shop")) if listed else PATHS
    assert [each.error for each in predictor.stream(paths)] == [None] * COUNT


@pytest.mark.parametrize(
    "use",
    [
        lambda squares, _: in_order(squares),
        lambda squares, _: in_order(squares, reversed(range(COUNT))),
        lambda squares, predictor: predictor.embed_squares(squares),
    ],
    ids=["training", "other order", "prediction"],
)
def test_photos_without_cached_squares_are_fetched_many_at_a_time(photos: Any, predictor: Predictor, use: Any) -> None:
    squares = DecodedOnDemand(PATHS, DataRecipe(image_size=16, resize_to=20))
    assert len(list(use(squares, predictor))) == COUNT
    assert len(photos.fetched) == COUNT


def test_what_is_no_object_is_not_held_back() -> None:
    source = iter([1, 2, 3])
    stream = stream_ahead(source, lambda _: None)
    assert [next(stream), next(source), next(stream)] == [1, 2, 3]


def test_workers_that_predict_use_the_versions_that_the_caller_has_seen(photos: Any) -> None:
    items = [Item(str(path)) for path in PATHS]
    (found,) = on_cluster(OtherProcess(), lambda: read_all)(iter([(0, items)]))  # type: ignore[arg-type]
    assert found == (0, b"".join(photos.contents.values()))
    assert len(photos.asked) == len(photos.fetched) == COUNT


def test_workers_that_measure_use_the_versions_that_the_caller_has_seen(photos: Any, tmp_path: Path) -> None:
    with FileCache(tmp_path / "sizes.sqlite") as cache:
        examine_on_cluster(OtherProcess(), PATHS, size, file_cache=cache, progress=lambda _: None)  # type: ignore[arg-type]
        found = cache.recall([str(path).encode() for path in PATHS])
    assert {int(each.content or b"") for each in found.values()} == {len(photos.contents["shop/0.jpg"])}
    assert len(found) == len(photos.asked) == len(photos.fetched) == COUNT


def read_all(items: Any) -> bytes:
    return b"".join(read_file(Path(item.path)) for item in stream_ahead(iter(items), lambda item: Path(item.path)))


def size(index: int, path: Path) -> tuple[bytes, bool]:
    return str(len(read_file(path))).encode(), True
