"""A run as one file: an ONNX graph that any engine reads, and what shelfmind needs beside it.

The graph takes 8-bit squares (N, S, S, 3) and gives probabilities and embeddings. Recipe, classes, temperatures, the
classifier and where all of it comes from lie in the model's metadata, written behind the graph; the last entry is a
checksum of everything before it. Reading it takes neither MindSpore nor the package onnx.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, call
from shelfmind.files import write_atomically
from shelfmind.inference.classifier import Classifier
from shelfmind.recipe import Recipe, parse_recipe

FORMAT = 1
FACTS, CLASSIFIER, CHECKSUM = "shelfmind", "shelfmind.classifier", "shelfmind.sha256"
_METADATA_FIELD = 14
"""Of ONNX's `ModelProto`: repeated pairs of a key and a value."""


@dataclass(frozen=True)
class Exported:
    """What an exported file holds.

    Attributes:
        path: the file.
        content: the ONNX model.
        facts: JSON: ``recipe``, ``class_names``, ``train_images``, ``weights`` (checksum), ``width``, ``precision``,
            ``temperatures`` (by test-time views), ``parity``, ``provenance``.
        classifier: from embeddings to logits, if the network's is known by itself.
    """

    path: Path
    content: bytes
    facts: Mapping[str, Any]
    classifier: Classifier | None

    @property
    def recipe(self) -> Recipe:
        """How images are prepared and predicted."""
        return parse_recipe(self.facts["recipe"], str(self.path))

    @property
    def class_names(self) -> tuple[str, ...]:
        """By class id."""
        return tuple(self.facts["class_names"])

    @property
    def train_images(self) -> tuple[int, ...]:
        """How many images the run was trained on, by class id."""
        return tuple(self.facts["train_images"])

    def temperature(self, tta: tuple[str, ...]) -> float:
        """What probabilities are calibrated with; 1 if nothing fits these views."""
        return next((float(value) for views, value in self.facts["temperatures"] if tuple(views) == tta), 1.0)


def write_exported(path: Path, graph: bytes, facts: Mapping[str, Any], classifier: Classifier | None) -> None:
    """Write a graph and what belongs to it, whole or not at all."""
    content = graph + _entry(FACTS, json.dumps({"format": FORMAT, **facts}, ensure_ascii=False))
    if classifier is not None:
        content += _entry(CLASSIFIER, _packed(classifier.as_arrays()))
    content += _entry(CHECKSUM, hashlib.sha256(content).hexdigest())
    write_atomically(path, lambda temporary: _write(temporary, content))


def read_exported(path: Path) -> Exported:
    """Read and verify a file.

    Raises:
        UserError: there is none, it is damaged, it is no export of shelfmind or one of a newer version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    last = len(_entry(CHECKSUM, "0" * 64))
    metadata = _metadata(content)
    if FACTS not in metadata or CHECKSUM not in metadata:
        raise UserError(
            f"{path} is no file that shelfmind exported, or is cut off; make one: {call('export', run='RUN')}"
        )
    if hashlib.sha256(content[:-last]).hexdigest() != metadata[CHECKSUM]:
        raise UserError(f"{path} is damaged: its checksum is another; copy or export it again")
    facts = json.loads(metadata[FACTS])
    if facts["format"] > FORMAT:
        raise UserError(f"{path} was written by a newer shelfmind (format {facts['format']}); update shelfmind")
    packed = metadata.get(CLASSIFIER)
    classifier = None if packed is None else Classifier.of_arrays(_unpacked(packed))
    return Exported(path, content, facts, classifier)


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of an ONNX model; empty if this is none."""
    try:
        pairs = [dict(_fields(value)) for field, value in _fields(content) if field == _METADATA_FIELD]
        return {pair[1].decode(): pair[2].decode() for pair in pairs}
    except (IndexError, KeyError, ValueError):
        return {}


def _fields(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The fields of a protocol buffer by their numbers; of numbers nothing but their place is read."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        if tag & 7 == 0:
            _, place = _varint(content, place)
            continue
        if tag & 7 != 2:
            raise ValueError("no such field in an ONNX model")
        size, place = _varint(content, place)
        if place + size > len(content):
            raise ValueError("cut off")
        yield tag >> 3, content[place : place + size]
        place += size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 127) << shift
        place += 1
        if byte < 128:
            return value, place
        shift += 7


def _entry(key: str, value: str) -> bytes:
    """A pair of the metadata, as it is appended to a model."""
    pair = b"".join(_delimited(number, text.encode()) for number, text in ((1, key), (2, value)))
    return _delimited(_METADATA_FIELD, pair)


def _delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes([*made, value])


def _packed(arrays: Mapping[str, Floats]) -> str:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return base64.b64encode(stream.getvalue()).decode()


def _unpacked(text: str) -> dict[str, Floats]:
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
        return dict(arrays)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
