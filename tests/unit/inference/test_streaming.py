"""Many images: a thread a core takes a few all the way; order, bad images and answers are those of one call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.inference.batch_sizes import CANDIDATES, fastest_batch_size, forward_of
from shelfmind.inference.forward import Forward
from shelfmind.inference.predictor import Predictor
from shelfmind.recipe import Recipe

RECIPE = Recipe.model_validate({"data": {"image_size": 16, "resize_to": 20}, "evaluation": {"batch_size": 4}})


class Mean:
    """Two classes: how red an image is and how red it is not. It remembers how it was asked."""

    name, version, width = "mean fp32", "1", 3

    def __init__(self, in_parallel: bool = True) -> None:
        self.in_parallel = in_parallel
        self.asked: list[tuple[int, str]] = []

    def parallel(self, batch_size: int) -> Mean | None:
        return self if self.in_parallel else None

    def __call__(self, images: Any) -> tuple[Any, Any]:
        self.asked.append((len(images), threading.current_thread().name))
        means = images.mean((1, 2), dtype=np.float32) / 255
        return np.stack([means[:, 0], 1 - means[:, 0]], 1), means

    def logits(self, embeddings: Any) -> None:
        return None


@pytest.fixture
def make_predictor(tmp_path: Path) -> Callable[..., Predictor]:
    def make(engine: Mean, share: int = 3, reduced: bool = False) -> Predictor:
        forward = Forward(engine, RECIPE.evaluation.batch_size, share=share)
        return Predictor(tmp_path, RECIPE, ("red", "other"), (1, 1), "0", (), 1.0, forward, reduced)

    return make


def photos(count: int) -> list[Any]:
    """Each redder than the one before; every fifth is no image."""
    made: list[Any] = []
    for number in range(count):
        made.append(b"broken" if number % 5 == 3 else np.full((20, 20, 3), (number, 0, 0), np.uint8))
    return made


@pytest.mark.parametrize("in_parallel", [True, False])
@pytest.mark.parametrize("count", [1, 3, 4, 40])
def test_order_and_bad_images_are_kept(make_predictor: Callable[..., Predictor], in_parallel: bool, count: int) -> None:
    engine = Mean(in_parallel)
    found = list(make_predictor(engine).stream(photos(count)))
    assert [each.source for each in found] == [f"image {number}" for number in range(count)]
    for number, each in enumerate(found):
        assert (each.error is None) == (number % 5 != 3)
        if each.error is None:
            redness = next(guess.probability for guess in each.guesses if guess.class_name == "red")
            assert redness == pytest.approx(number / 255)
    most = 3 if in_parallel and count > 3 else RECIPE.evaluation.batch_size
    assert max((asked for asked, _ in engine.asked), default=0) <= most


def test_the_main_thread_asks_an_engine_that_takes_one_call_and_for_a_few(
    make_predictor: Callable[..., Predictor],
) -> None:
    """MindSpore can only be interrupted there; a few images get all cores."""
    for engine, count in ((Mean(False), 40), (Mean(True), 3)):
        make_predictor(engine).predict(photos(count))
        assert {thread for _, thread in engine.asked} == {threading.current_thread().name}
    engine = Mean(True)
    make_predictor(engine).predict(photos(40))
    assert threading.current_thread().name not in {thread for _, thread in engine.asked}


def test_images_are_not_fetched_far_ahead(make_predictor: Callable[..., Predictor]) -> None:
    fetched = 0

    def endless() -> Iterator[Any]:
        nonlocal fetched
        while True:
            fetched += 1
            yield np.zeros((20, 20, 3), np.uint8)

    from shelfmind.machine.cores import available_cores

    for in_parallel in (True, False):
        fetched = 0
        answers = make_predictor(Mean(in_parallel)).stream(endless())
        for _ in range(10):
            next(answers)
        assert fetched <= 10 + 3 * (2 * available_cores() + 3)
        answers.close()


def test_large_jpegs_are_decoded_smaller_if_asked(make_predictor: Callable[..., Predictor], tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC).save(tmp_path / "large.jpg", quality=90)
    exact, quick = (
        next(make_predictor(Mean(), reduced=reduced).of_sources([tmp_path / "large.jpg"])).embeddings
        for reduced in (False, True)
    )
    assert 0 < np.abs(exact - quick).max() < 0.01


def test_the_fastest_batch_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path))
    monkeypatch.setattr("shelfmind.inference.batch_sizes.ROUND_S", 0.002)
    assert forward_of(Mean(False), RECIPE, (), "auto").share == forward_of(Mean(False), RECIPE, (), None).share
    engine = Mean()
    chosen = fastest_batch_size(engine, RECIPE)
    assert chosen in CANDIDATES
    measured = len(engine.asked)
    assert forward_of(engine, RECIPE, (), "auto").share == chosen
    assert len(engine.asked) == measured
    (tmp_path / "batch_sizes.json").write_text("[broken")
    assert fastest_batch_size(engine, RECIPE) in CANDIDATES
    assert len(engine.asked) > measured
    assert forward_of(engine, RECIPE, (), 5).share == 5


def test_an_engine_that_computes_alone_is_asked_with_the_given_batch(make_predictor: Callable[..., Predictor]) -> None:
    engine = Mean(in_parallel=False)
    predictor = make_predictor(engine)
    vars(predictor)["forward"] = forward_of(engine, RECIPE, (), 7)
    list(predictor.of_squares(np.zeros((16, 20, 20, 3), np.uint8)))
    assert [count for count, _ in engine.asked] == [7, 7, 2]
