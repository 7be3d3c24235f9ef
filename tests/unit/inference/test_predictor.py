"""A predictor does not change, prepares images by its recipe, and calibrates all that it says alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from shelfmind.evaluation.calibration import TemperatureScaling, temperature_scaled
from shelfmind.recipe import Recipe
from shelfmind.records import Sample

CLASSES = ("可乐", "雪碧", "水")
RECIPE = Recipe.model_validate(
    {
        "data": {"image_size": 32, "resize_to": 40},
        "model": {"name": "resnet18", "arguments": {"widths": [4, 4, 4, 4], "depths": [1, 1, 1, 1]}},
        "evaluation": {"batch_size": 4},
    }
)
TEMPERATURE = 4.0


@pytest.fixture
def make_run(tmp_path: Path, mindspore: Any) -> Callable[..., Any]:
    """Make a run folder of a small network of random weights, the same each time."""
    from shelfmind.files import write_text
    from shelfmind.models import create_model
    from shelfmind.models.checkpoint import Checkpoint, save_checkpoint
    from shelfmind.recipe import model_kind
    from shelfmind.runs.folder import RunFolder

    def make(name: str = "run", recipe: Recipe = RECIPE) -> RunFolder:
        run = RunFolder(tmp_path / name)
        run.root.mkdir()
        write_text(run.recipe, recipe.dump())
        run.write_classes(CLASSES, (3, 3, 3))
        model = create_model(recipe.model.name, len(CLASSES), 1, **recipe.model.arguments)
        arrays = {p.name: 3 * p.asnumpy() for p in model.get_parameters()}
        save_checkpoint(run.weights, Checkpoint(arrays, model_kind(recipe, len(CLASSES))))
        return run

    return make


@pytest.fixture
def calibrated(make_run: Callable[..., Any]) -> Any:
    """A run with a temperature."""
    from shelfmind.inference.predictor import RunPredictor
    from shelfmind.runs.calibration import write_temperature

    run = make_run()
    write_temperature(
        run,
        TemperatureScaling(TEMPERATURE, 0.3, 0.1, 50, TEMPERATURE, True, "", 0.1, None),
        RunPredictor(run).checksum,
        (),
        "val",
    )
    return run


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    generator = np.random.default_rng(0)
    paths = [tmp_path / f"照片 {number}.png" for number in range(9)]
    for path in paths:
        Image.fromarray(generator.integers(0, 256, (50, 70, 3), np.uint8)).save(path)
    return paths


def squares_of(photos: list[Path], recipe: Recipe) -> np.ndarray:
    from shelfmind.images.squares import square

    return np.stack([square(path, recipe.data) for path in photos])


def test_it_does_not_change(make_run: Callable[..., Any]) -> None:
    from shelfmind.inference.predictor import RunPredictor

    predictor = RunPredictor(make_run())
    for name in ("recipe", "temperature", "tta", "model", "forward", "anything"):
        with pytest.raises(AttributeError):
            setattr(predictor, name, None)


def test_another_recipe_is_used_throughout(make_run: Callable[..., Any], photos: list[Path]) -> None:
    """A larger size, as FixRes tries it: what the run says of it is what a run of that recipe says."""
    from shelfmind.inference.predictor import RunPredictor
    from shelfmind.training.fixres import at_size

    larger = at_size(RECIPE, 48)  # of squares of 60 pixels, which are shrunk by averaging; the run's are of 40
    changed = RunPredictor(make_run("one"), recipe=larger)
    expected = RunPredictor(make_run("other", larger))
    squares = squares_of(photos, larger)
    samples = [Sample(path, 0, "val") for path in photos]
    np.testing.assert_array_equal(
        changed.predict_squares(squares, samples).probabilities,
        expected.predict_squares(squares, samples).probabilities,
    )
    assert changed.predict(photos) == expected.predict(photos)


def test_a_recipe_of_another_network_is_refused(make_run: Callable[..., Any]) -> None:
    from shelfmind.errors import UserError
    from shelfmind.inference.predictor import RunPredictor

    other = RECIPE.model_copy(update={"model": RECIPE.model.model_copy(update={"name": "resnet34"})})
    with pytest.raises(UserError, match="resnet34"):
        RunPredictor(make_run(), recipe=other)


def test_all_predictions_are_calibrated_alike(calibrated: Any, photos: list[Path], tmp_path: Path) -> None:
    from shelfmind.inference.predict_arrays import predict_into
    from shelfmind.inference.predict_files import predict_files
    from shelfmind.inference.predictor import RunPredictor

    predictor, plain = RunPredictor(calibrated), RunPredictor(calibrated, calibrated=False)
    assert (predictor.temperature, plain.temperature) == (TEMPERATURE, 1.0)
    squares = squares_of(photos, RECIPE)
    raw = np.concatenate([batch.probabilities for batch in plain.of_squares(squares)])
    expected = temperature_scaled(raw, TEMPERATURE)
    assert np.abs(expected - raw).max() > 0.01

    together = predictor.predict_squares(squares, [Sample(path, 0, "val") for path in photos])
    np.testing.assert_array_equal(together.probabilities, expected)
    into = np.zeros((len(photos), 3), np.float32)
    predict_into(predictor, squares, probabilities=into, embeddings=tmp_path / "e.npy")
    np.testing.assert_array_equal(into, expected)
    streamed = np.concatenate([batch.probabilities for batch in predictor.of_sources(photos)])
    np.testing.assert_array_equal(streamed, expected)
    guesses = [prediction.guesses[0].probability for prediction in predictor.stream(photos)]
    np.testing.assert_array_equal(guesses, expected.max(1).astype(float))
    predict_files(calibrated.root, [str(path) for path in photos], out=tmp_path / "p.npz")
    with np.load(tmp_path / "p.npz") as archive:
        np.testing.assert_array_equal(archive["probabilities"], expected)


def test_bad_images_keep_their_places(make_run: Callable[..., Any], photos: list[Path], tmp_path: Path) -> None:
    from shelfmind.inference.predictor import RunPredictor

    bad = tmp_path / "bad.png"
    bad.touch()
    mixed = [bad, *photos[:4], bad, *photos[4:], bad]
    batches = list(RunPredictor(make_run()).of_sources(mixed))
    assert [name for batch in batches for name in batch.names] == [str(path) for path in mixed]
    for batch in batches:
        assert [error is not None for error in batch.errors] == [name == str(bad) for name in batch.names]
        assert len(batch.probabilities) == sum(error is None for error in batch.errors) <= 4
    assert [prediction.error is None for prediction in RunPredictor(make_run("b")).stream([bad] * 3)] == [False] * 3
