"""A tiny exported network that tells photos by their colour, made without MindSpore, and a gallery of its vectors."""

from __future__ import annotations

import functools
import io
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution
from shelfmind.gallery.stores import open_files
from shelfmind.inference.classifier import Classifier
from shelfmind.inference.embedder import PhotoEmbedder, photo_embedder
from shelfmind.inference.exported import write_exported
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.recognition.fusion import Fusion
from shelfmind.recognition.rule import COUNTS, LEARNT, WHITENING, Rule
from shelfmind.recognition.unknowns import Rejection

COLOURS = {"红茶": (220, 30, 30), "绿茶": (30, 200, 60), "blue soda": (20, 60, 220)}
WEIGHTS = np.array([[8, -4, -4], [-4, 8, -4], [-4, -4, 8]], np.float32)
YELLOW = (230, 220, 20)


def encoded(colour: tuple[int, int, int], seed: int = 0, size: int = 40, form: str = "JPEG") -> bytes:
    """A photo of about one colour."""
    noise = np.random.default_rng(seed).integers(-15, 16, (size, size + 8, 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(noise + np.array(colour), 0, 255).astype(np.uint8)).save(stream, form)
    return stream.getvalue()


def write_network(
    path: Path,
    weights: np.ndarray = WEIGHTS,
    checksum: str = "tiny",
    temperatures: Sequence[tuple[Sequence[str], float]] = (),
) -> Path:
    """Mean colours as embeddings, a linear classifier on them; temperatures by test-time views."""
    plain = Recipe().model_dump(mode="json")
    plain["data"].update(resize_to=32, image_size=32, evaluation_size=32)
    plain["evaluation"].update(tta=[], batch_size=8)
    facts = {
        "recipe": parse_recipe(plain, "test").model_dump(mode="json"),
        "class_names": list(COLOURS),
        "train_images": [2, 2, 2],
        "weights": checksum,
        "width": 3,
        "precision": "fp32",
        "temperatures": list(temperatures),
        "parity": {"onnx": {"images_per_second": 1.0}},
    }
    network = _network().replace(_raw(WEIGHTS), _raw(weights))
    write_exported(path, "onnx", network, facts, Classifier(np.asarray(weights, np.float32)))
    return path


@functools.cache
def _network() -> bytes:
    """Made by a process of its own: ONNX and MindSpore want two kinds of protocol buffers in one."""
    return subprocess.run([sys.executable, __file__], capture_output=True, check=True).stdout


def _raw(weights: np.ndarray) -> bytes:
    return np.ascontiguousarray(weights.T, np.float32).tobytes()


def _made() -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Cast", ["images"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Mul", ["means", "scale"], ["embeddings"]),
        helper.make_node("MatMul", ["embeddings", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    names = ("probabilities", "embeddings")
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in names]
    scale = numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")
    weight = numpy_helper.from_array(np.ascontiguousarray(WEIGHTS.T), "weight")
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", "h", "w", 3])
    graph = helper.make_graph(nodes, "tiny", [images], outputs, [scale, weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def calibrate(gallery: Gallery, embedder: PhotoEmbedder) -> None:
    """As `gallery calibrate` would, with numbers that suit mean colours."""
    vectors = unit_rows(np.array(list(COLOURS.values()), np.float32))
    fusion, rejection = Fusion(1.0, 0.0, 0.0, 0.0, 60.0, -55.0, 0.0), Rejection("max_probability", 0.0, 0.0, 0.01, 10)
    rule = Rule(fusion, rejection, None, 9, "classes")
    whitening = np.concatenate([np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32)])
    arrays = {LEARNT: vectors, WHITENING: whitening}
    record = {**rule.as_record(), "summary": "made up", COUNTS: [1, 1, 1]}
    gallery.set_recognition(record, arrays, embedder, Attribution("test"))


def write_gallery(place: Path, network: Path) -> Path:
    """A gallery with one product, of no class of the network's, calibrated."""
    embedder = photo_embedder(network)
    made = Gallery.create(open_files(place), embedder, Attribution("test"))
    made.add([Photo("yellow 500 ml", f"{n}.jpg", encoded(YELLOW, n)) for n in range(3)], embedder, Attribution("test"))
    calibrate(made, embedder)
    return place


if __name__ == "__main__":
    sys.stdout.buffer.write(_made())
