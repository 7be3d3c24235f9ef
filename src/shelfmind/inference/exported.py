"""A run as a single file: a network in a format that engines read, with shelfmind's metadata.

The network takes 8-bit squares (N, S, S, 3) and returns probabilities and embeddings. Recipe, classes, temperatures,
classifier and provenance are appended (`carriers`), with a checksum of everything as the last bytes. Reading needs
neither MindSpore nor any package of the format.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, call
from shelfmind.files import write_atomically
from shelfmind.inference.carriers import DIGEST, Archive, Carrier, DamagedError, ProtocolBuffer
from shelfmind.inference.classifier import Classifier
from shelfmind.recipe import Recipe, parse_recipe
from shelfmind.structured_text import parse_json

FORMAT = 1
FACTS, CLASSIFIER = "shelfmind", "shelfmind.classifier"
CARRIERS: dict[str, Carrier] = {
    "onnx": ProtocolBuffer(14),
    "mindir": ProtocolBuffer(13),
    "openvino": Archive(),
}
"""Carriers by format. The fields are `metadata_props` of ONNX's `ModelProto` and `user_info` of MindIR's."""


@dataclass(frozen=True)
class Exported:
    """The content of an exported file.

    Attributes:
        path: path of the file.
        content: the complete content.
        format: a key of `CARRIERS`.
        facts: JSON: ``recipe``, ``class_names``, ``train_images``, ``weights`` (checksum), ``width``, ``precision``,
            ``temperatures`` (by test-time views), ``parity``, ``provenance``.
        classifier: computes logits from embeddings, if the network's classifier is available separately.
    """

    path: Path
    content: bytes
    format: str
    facts: Mapping[str, Any]
    classifier: Classifier | None

    @property
    def recipe(self) -> Recipe:
        """The recipe of preprocessing and prediction."""
        return parse_recipe(self.facts["recipe"], str(self.path))

    @property
    def checksum(self) -> str:
        """The checksum at the end of the file, which `read_exported` verified."""
        return self.content[-DIGEST:].decode()

    @property
    def precision(self) -> str:
        """The precision of computation, a key of `precisions.PRECISIONS`."""
        return str(self.facts["precision"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names by class id."""
        return tuple(self.facts["class_names"])

    @property
    def train_images(self) -> tuple[int, ...]:
        """The number of training images by class id."""
        return tuple(self.facts["train_images"])

    def temperature(self, tta: tuple[str, ...]) -> float:
        """Return the calibration temperature for these views, or 1 if there is none."""
        return next((float(value) for views, value in self.facts["temperatures"] if tuple(views) == tta), 1.0)


def write_exported(
    path: Path, form: str, network: bytes, facts: Mapping[str, Any], classifier: Classifier | None
) -> None:
    """Write a network and its metadata atomically."""
    entries = {FACTS: json.dumps({"format": FORMAT, **facts}, ensure_ascii=False)}
    if classifier is not None:
        entries[CLASSIFIER] = _packed(classifier.as_arrays())
    content = CARRIERS[form].embed(network, entries)
    write_atomically(path, lambda temporary: _write(temporary, content))


def read_exported(path: Path) -> Exported:
    """Read and verify a file.

    Raises:
        UserError: the file is missing, damaged, not an export of shelfmind, or of a newer version.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    form, entries = _carried(path, content)
    try:
        facts = _checked(path, parse_json(entries[FACTS]))
        packed = entries.get(CLASSIFIER)
        classifier = None if packed is None else Classifier.of_arrays(_unpacked(packed))
    except UserError:
        raise
    except Exception as error:  # the checksum is right, so another program wrote it; NumPy raises anything
        raise UserError(f"{path} is damaged: its metadata are invalid ({error}); export it again") from error
    return Exported(path, content, form, facts, classifier)


def _checked(path: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """The metadata, with values of the right types. Raises `UserError` for a newer format, else any exception."""
    if facts["format"] > FORMAT:
        raise UserError(f"{path} was written by a newer shelfmind (format {facts['format']}); update shelfmind")
    return {
        **facts,
        "recipe": dict(facts["recipe"]),
        "class_names": [str(name) for name in facts["class_names"]],
        "train_images": [int(count) for count in facts["train_images"]],
        "temperatures": [(list(views), float(value)) for views, value in facts["temperatures"]],
        "weights": str(facts["weights"]),
        "width": int(facts["width"]),
        "precision": str(facts["precision"]),
    }


def _carried(path: Path, content: bytes) -> tuple[str, Mapping[str, str]]:
    try:
        for form, carrier in CARRIERS.items():
            entries = carrier.extract(content)
            if FACTS in entries:
                return form, entries
    except DamagedError as error:
        raise UserError(f"{path} is damaged: {error}; copy or export it again") from None
    raise UserError(f"{path} is not an export of shelfmind, or is truncated; create one: {call('export', run='RUN')}")


def _packed(arrays: Mapping[str, Floats]) -> str:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return base64.b64encode(stream.getvalue()).decode()


def _unpacked(text: str) -> dict[str, Floats]:
    with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
        return dict(arrays)


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
