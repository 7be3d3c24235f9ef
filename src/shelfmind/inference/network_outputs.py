"""The outputs of a network for many files: computed in this process, or read from the parts that a cluster computed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.inference.parts import Item, Parts
from shelfmind.inference.predictor import Batch, Guess, Prediction, Predictor, Source
from shelfmind.inference.replicas import Compute, Replica, on_cluster
from shelfmind.machine.cluster import Cluster
from shelfmind.progress import Progress

PART_SIZE = 1024
"""Images in a part of `predict` on a cluster: a multiple of usual batch sizes, so that parts rarely change batches."""
BEST_GUESSES, WHOLE_ARRAYS = ".jsonl", ".npz"
"""What parts contain, as the endings of their files."""


class Outputs(Protocol):
    """The outputs for all files, in order, in constant memory."""

    def predictions(self, top: int) -> Iterator[Prediction]:
        """Yield the `top` guesses for each file."""

    def batches(self) -> Iterator[Batch]:
        """Yield probabilities and embeddings."""


@dataclass(frozen=True)
class ComputedOutputs:
    """Outputs that are computed as they are read."""

    predictor: Predictor
    files: Iterable[Source]

    def predictions(self, top: int) -> Iterator[Prediction]:
        """Yield the `top` guesses for each file."""
        return self.predictor.stream(self.files, top)

    def batches(self) -> Iterator[Batch]:
        """Yield probabilities and embeddings."""
        return self.predictor.of_sources(self.files)


@dataclass(frozen=True)
class FinishedOutputs:
    """Outputs in the files of parts."""

    files: Sequence[Path]

    def predictions(self, top: int) -> Iterator[Prediction]:
        """Yield the `top` guesses for each file."""
        for file in self.files:
            with open(file, encoding="utf-8") as lines:
                yield from map(_prediction, lines)

    def batches(self) -> Iterator[Batch]:
        """Yield probabilities and embeddings."""
        for file in self.files:
            yield from _unpacked(file)


@contextmanager
def outputs_of_cluster(
    cluster: Cluster, parts: Parts, items: Sequence[Item], replica: Replica, top: int | None, progress: Progress
) -> Iterator[Outputs]:
    """Compute the outputs in parts, which are deleted if the context succeeds, else continued next time.

    With `top` None they are whole arrays, else guesses.
    """
    parts.open()
    make = partial(_packing, replica) if top is None else partial(_predicting, replica, top)
    for done in parts.run(items, PART_SIZE, on_cluster(cluster, make)):
        progress(done)
    yield FinishedOutputs(parts.finished())
    parts.delete()


def _predicting(replica: Replica, top: int) -> Compute:
    predictor = replica.load()

    def compute(items: Sequence[Item]) -> bytes:
        return "".join(map(_line, predictor.stream((Path(item.path) for item in items), top))).encode()

    return compute


def _packing(replica: Replica) -> Compute:
    predictor = replica.load()
    return lambda items: _packed(list(predictor.of_sources(Path(item.path) for item in items)))


def _line(prediction: Prediction) -> str:
    """A prediction as JSON, to the last bit."""
    guesses = [(guess.class_name, guess.probability) for guess in prediction.guesses]
    return json.dumps([prediction.source, guesses, prediction.error]) + "\n"


def _prediction(line: str) -> Prediction:
    source, guesses, error = json.loads(line)
    return Prediction(source, tuple(Guess(*guess) for guess in guesses), error)


def _packed(batches: Sequence[Batch]) -> bytes:
    """Consecutive batches as arrays; their limits are kept, because products of matrices depend on them."""
    stream = io.BytesIO()
    texts = json.dumps([(batch.names, batch.errors) for batch in batches]).encode()
    np.savez(
        stream,
        texts=np.frombuffer(texts, np.uint8),
        probabilities=np.concatenate([batch.probabilities for batch in batches]),
        embeddings=_rows(batches),
    )
    return stream.getvalue()


def _rows(batches: Sequence[Batch]) -> Floats:
    """The embeddings of all usable images; a batch without any has no width."""
    found = [batch.embeddings for batch in batches if len(batch.embeddings)]
    return np.concatenate(found) if found else np.zeros((0, 0), np.float32)


def _unpacked(file: Path) -> Iterator[Batch]:
    with np.load(file, allow_pickle=False) as arrays:
        texts = json.loads(arrays["texts"].tobytes())
        probabilities, embeddings = arrays["probabilities"], arrays["embeddings"]
    start = 0
    for names, errors in texts:
        end = start + sum(error is None for error in errors)
        yield Batch(tuple(names), tuple(errors), probabilities[start:end], embeddings[start:end])
        start = end
