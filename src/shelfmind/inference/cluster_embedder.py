"""Computes embeddings of photos to enrol on a cluster."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.files import cache_folder, keep_most_recent, make_folder, write_bytes
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.embedder import PhotoEmbedder
from shelfmind.inference.predictor import EXACT
from shelfmind.inference.replicas import Replica
from shelfmind.machine.cluster import Cluster
from shelfmind.nouns import counted

PHOTOS_PER_PART = 256
BYTES_PER_PART = 1 << 24
"""Photos travel through the cluster: a part has at most this many bytes, unless it is a single photo."""
MAX_PARTS = 4096
"""Number of parts of interrupted or rejected enrolments that the cache keeps."""


class ClusterEmbedder(PhotoEmbedder):
    """Computes the embeddings of `embedder` with the workers of a cluster, which get the photos through it.

    Parts are cached by the content of their photos until `forget`, so that an interrupted enrolment resumes.
    """

    def __init__(self, embedder: PhotoEmbedder, cluster: Cluster, engine: str, batch: BatchSize) -> None:
        super().__init__(embedder.predictor, embedder.counter)
        self.cluster = cluster
        self.replica = Replica.of(embedder.predictor, engine, batch, EXACT)
        self.folder = cache_folder() / "enrolment"
        self.used: list[Path] = []
        make_folder(self.folder)
        keep_most_recent(self.folder, "*.npy", MAX_PARTS)

    def _batches(self, photos: Iterable[bytes], progress: Any) -> Iterator[Floats]:
        """Yield the vectors of parts of the photos, in order."""
        parts: list[Path] = []
        lengths: dict[Path, int] = {}

        def missing() -> Iterator[tuple[Path, list[bytes]]]:
            for part in _parts(photos):
                file = self.folder / f"{self._digest(part)}.npy"
                parts.append(file)
                if file.exists() or file in lengths:
                    progress(len(part))
                else:
                    lengths[file] = len(part)
                    yield file, part

        for file, content in self.cluster.map(partial(_embedding, self.replica), missing(), _describe):
            write_bytes(file, content)
            progress(lengths[file])
        self.used += parts
        yield from (np.load(file, allow_pickle=False) for file in parts)

    def _digest(self, part: list[bytes]) -> str:
        found = hashlib.sha256(f"{self.replica.facts}|{self.replica.tta}".encode())
        for photo in part:
            found.update(hashlib.sha256(photo).digest())
        return found.hexdigest()

    def forget(self) -> None:
        """Delete the cached parts that were used: the gallery has their vectors."""
        for file in self.used:
            file.unlink(missing_ok=True)


def _parts(photos: Iterable[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size = 0
    for photo in photos:
        if part and (len(part) == PHOTOS_PER_PART or size + len(photo) > BYTES_PER_PART):
            yield part
            part, size = [], 0
        part.append(photo)
        size += len(photo)
    if part:
        yield part


def _embedding(replica: Replica) -> Callable[[list[bytes]], bytes]:
    """In a worker: the function that computes the vectors of a part."""
    embedder = PhotoEmbedder(replica.load())

    def embed(photos: list[bytes]) -> bytes:
        stream = io.BytesIO()
        np.save(stream, embedder.embed(photos, len(photos)))
        return stream.getvalue()

    return embed


def _describe(photos: list[bytes]) -> str:
    return counted(len(photos), "photo to enrol", "photos to enrol")
