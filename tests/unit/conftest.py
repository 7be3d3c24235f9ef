"""Made-up photos, predictions and opinions of networks, for tests of several rooms."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from shelfmind.analysis.label_errors.held_out import HeldOut
from shelfmind.analysis.label_errors.network_findings import NetworkOutputs
from shelfmind.records import BadFile, Predictions, Sample

MakePhoto = Callable[..., Image.Image]
Floats = npt.NDArray[np.float64]
Maker = Callable[..., Predictions]
CLASS_NAMES = ("可乐 330ml", "可乐 500ml", "酱油", "蜂蜜", "others")
PHOTOS_EACH = 30
MISLABELLED = (3, 70)


@pytest.fixture(scope="session")
def make_photo() -> MakePhoto:
    """A photo of this seed: textures of all sizes, coloured boxes and lines, no two seeds alike; RGB."""

    def make(seed: int, width: int = 220, height: int = 180) -> Image.Image:
        rng = np.random.default_rng(seed)
        pixels = np.full((height, width, 3), 110.0)
        for side in (3, 6, 12, 24, 48, 96):
            noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).resize((width, height))
            pixels += (np.asarray(noise, np.float32) - 128) * 0.28
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(photo)
        for _ in range(8):
            x, y = rng.integers(0, width), rng.integers(0, height)
            colour = tuple(int(value) for value in rng.integers(0, 230, 3))
            draw.rectangle((x, y, x + int(rng.integers(8, 60)), y + int(rng.integers(8, 60))), fill=colour)
            draw.line((x, y, int(rng.integers(0, width)), int(rng.integers(0, height))), fill=colour, width=2)
        return photo.filter(ImageFilter.GaussianBlur(0.5))

    return make


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """An image as the bytes of a file."""

    def encode(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
        stream = io.BytesIO()
        image.save(stream, kind, **options)  # type: ignore[arg-type]
        return stream.getvalue()

    return encode


def predictions_of(
    labels: Sequence[int],
    rows: Sequence[Sequence[float]] | Floats,
    names: Sequence[str] | None = None,
    paths: Sequence[str] | None = None,
    bad_files: Sequence[BadFile] = (),
) -> Predictions:
    probabilities = np.array(rows, np.float32).reshape(len(labels), -1 if len(rows) else len(names or "ab"))
    classes = probabilities.shape[1]
    return Predictions(
        paths=tuple(paths or [f"photos/{i}.jpg" for i in range(len(labels))]),
        labels=np.array(labels, np.int64),
        probabilities=probabilities,
        embeddings=np.zeros((len(labels), 1), np.float32),
        class_names=tuple(names or [f"class {i}" for i in range(classes)]),
        bad_files=tuple(bad_files),
    )


@pytest.fixture(scope="session")
def make_predictions() -> Maker:
    """Predictions from labels and rows of probabilities."""
    return predictions_of


@pytest.fixture(scope="session")
def random_predictions() -> Maker:
    """Predictions of `images` over `classes` by chance, right about as often as `skill` says; `grid` makes ties."""

    def make(images: int, classes: int, seed: int, skill: float = 0.5, grid: bool = False) -> Predictions:
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, classes, images)
        scores = rng.integers(1, 4, (images, classes)) * 1.0 if grid else rng.exponential(size=(images, classes))
        scores[np.arange(images), labels] += np.where(rng.random(images) < skill, 6.0, 0.0)
        return predictions_of(labels.tolist(), scores / scores.sum(axis=1, keepdims=True))

    return make


@pytest.fixture
def opinion(tmp_path: Path) -> NetworkOutputs:
    """Five classes, the first two alike; two images are labelled as another class."""
    generator = np.random.default_rng(0)
    truth = np.repeat(np.arange(5), PHOTOS_EACH)
    centres = 4 * np.eye(5, 8)
    centres[1] = centres[0] + 0.4 * np.eye(1, 8, 6)[0]
    embeddings = (centres[truth] + 0.3 * generator.normal(size=(5 * PHOTOS_EACH, 8))).astype(np.float32)
    logits = 8 * np.eye(5)[truth] + generator.normal(size=(5 * PHOTOS_EACH, 5))
    logits[truth < 2, :2] = 4 + 2 * generator.normal(size=(2 * PHOTOS_EACH, 2))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = truth.copy()
    labels[list(MISLABELLED)] = 3, 4
    splits = ["train" if index % 3 else "test" for index in range(len(truth))]
    samples = [Sample(tmp_path / f"{index}.jpg", int(labels[index]), splits[index]) for index in range(len(truth))]
    held_out = HeldOut(
        samples=tuple(samples),
        names=tuple(f"{index}.jpg" for index in range(len(truth))),
        given=tuple(CLASS_NAMES[label] for label in labels),
        labels=labels.astype(np.int64),
        folds=np.zeros(len(truth), np.int64),
        class_names=CLASS_NAMES,
    )
    unseen = np.array([split == "test" for split in splits])
    return NetworkOutputs(
        "a run", held_out, probabilities.astype(np.float32), lambda fold: embeddings, unseen, tmp_path
    )


@dataclass(frozen=True)
class Planted:
    """`wrong` (N,) are the planted errors, `true` (N,) the classes that are shown, -1 for none of them."""

    held_out: HeldOut
    probabilities: npt.NDArray[np.float32]
    embeddings: npt.NDArray[np.float32]
    true: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.bool_]


def make_planted(
    classes: int = 8, each: int = 30, errors: int = 12, foreign: int = 3, folds: int = 3, noise: float = 0.35
) -> Planted:
    """Images scatter around the directions of their classes; the network says what it sees, not what is written."""
    rng = np.random.default_rng(0)
    directions = np.linalg.qr(rng.normal(size=(classes + 1, 32)).T)[0].T
    true = np.repeat(np.arange(classes), each)
    labels = true.copy()
    places = rng.permutation(len(true))
    wrong = np.zeros(len(true), np.bool_)
    wrong[places[: errors + foreign]] = True
    labels[places[:errors]] = (true[places[:errors]] + rng.integers(1, classes, errors)) % classes
    true[places[errors : errors + foreign]] = -1
    embeddings = directions[true] + noise * rng.normal(size=(len(true), 32)) / np.sqrt(8)
    logits = 8 * embeddings @ directions[:classes].T + 0.3 * rng.normal(size=(len(true), classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = tuple(f"{label}/{place}.jpg" for place, label in enumerate(labels))
    class_names = tuple(f"class {label}" for label in range(classes))
    held_out = HeldOut(
        tuple(Sample(Path("/data") / name, int(label), "train") for name, label in zip(names, labels, strict=True)),
        names,
        tuple(class_names[label] for label in labels),
        labels,
        np.arange(len(labels)) % folds,
        class_names,
    )
    return Planted(held_out, probabilities.astype(np.float32), embeddings.astype(np.float32), true, wrong)


@pytest.fixture(scope="session")
def planted() -> Planted:
    """The data set that the tests share; they must not change it."""
    return make_planted()


@pytest.fixture(scope="session")
def plant() -> Callable[..., Planted]:
    """Makes others."""
    return make_planted
