"""The gallery of a service, with concurrent reads and changes, also by other services and commands."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, nearest
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution, ChangeOutcome
from shelfmind.gallery.stores import open_files
from shelfmind.images.decoding import BadImage
from shelfmind.progress import count_silently
from shelfmind.serving.batching import Batcher, Ticket
from shelfmind.serving.problems import Problem
from shelfmind.serving.reloading import Models
from shelfmind.serving.uploads import Image, wrong_images
from shelfmind.workflows.guarding import guard_of

EMBEDDING_S = 600.0
"""Maximum time in seconds that an enrolment waits for its embeddings."""


class QueuedEmbedder:
    """Computes embeddings through the service's queue, so that they share the engine with all other requests."""

    def __init__(self, models: Models, batcher: Batcher, now: Callable[[], float]) -> None:
        self.model, self.batcher, self._now = models.current, batcher, now

    @property
    def identity(self) -> Mapping[str, Any]:
        """The identity of the model."""
        assert self.model.recognizer is not None
        return self.model.recognizer.embedder.identity

    def embed(self, photos: Iterable[bytes], total: int) -> Floats:
        """Return embeddings (N, D) of encoded photos. Raises `UserError` for a photo that cannot be used."""
        vectors: list[Floats] = []
        waiting = list(photos)
        size = max(1, self.batcher.capacity // 2)
        for start in range(0, len(waiting), size):
            vectors += self._of(waiting[start : start + size])
        return np.stack(vectors) if vectors else np.zeros((0, self.model.predictor.engine.width), np.float32)

    def _of(self, photos: Sequence[bytes]) -> list[Floats]:
        done = threading.Event()
        ticket = Ticket(self.model, photos, self._now() + EMBEDDING_S, lambda _: done.set())
        self.batcher.submit(ticket, patient=True)
        done.wait()
        if ticket.failure is not None:
            raise ticket.failure
        found = []
        for outcome in ticket.outcomes:
            if outcome is None or outcome.embedding is None:
                raise UserError(f"a photo cannot be used: {None if outcome is None else outcome.error}")
            found.append(outcome.embedding)
        return found


class ServedGallery:
    """Reads and changes the newest version of a gallery for requests. Thread-safe."""

    def __init__(
        self, place: str, models: Models, batcher: Batcher, most_pixels: int, now: Callable[[], float]
    ) -> None:
        self.models, self.batcher, self.most_pixels, self._now = models, batcher, most_pixels, now
        self._reader, self._writer = Gallery(open_files(place)), Gallery(open_files(place))
        self._reading, self._writing = threading.Lock(), threading.Lock()

    @contextmanager
    def read(self) -> Any:
        """Provide the newest version of the gallery to this thread exclusively."""
        with self._reading:
            self._reader.refresh()
            yield self._reader

    def enrol(self, sku: str, images: Sequence[Image], by: Attribution, strict: bool) -> ChangeOutcome:
        """Enrol photos of a product.

        Raises:
            Problem: there is no photo, or one cannot be used.
            UserError: the gallery refuses the change; with `strict` a `SuspiciousEnrolmentError` if the guard
                has findings.
        """
        self._require_usable(images)
        photos = [Photo(sku, image.name, image.content) for image in images]
        with self._writing:
            embedder = QueuedEmbedder(self.models, self.batcher, self._now)
            guard = guard_of(self._writer, count_silently, embedder.model.predictor.class_names)
            return self._writer.add(photos, embedder, by, strict, guard)

    def change(self, do: Callable[[Gallery], ChangeOutcome]) -> ChangeOutcome:
        """Make any other change. Raises `UserError` if the gallery refuses it."""
        with self._writing:
            return do(self._writer)

    def require_product(self, sku: str) -> list[Entry]:
        """Return the photos of a product. Raises `Problem` with similar names if there is none."""
        with self.read() as gallery:
            products = gallery.state.products
            if sku not in products:
                hint = nearest(sku, products)
                raise Problem(404, f"there is no product '{sku}'{f'; {hint}' if hint else ''}", "gone")
            return list(products[sku].values())

    def _require_usable(self, images: Sequence[Image]) -> None:
        if not images:
            raise Problem(422, "the request has no photo; send it as a part named photo")
        errors = [self._fault(image) for image in images]
        if any(errors):
            raise wrong_images([image.name for image in images], errors)

    def _fault(self, image: Image) -> str | None:
        try:
            self.models.current.square(image.content, self.most_pixels)
        except BadImage as error:
            return error.reason
        return None
