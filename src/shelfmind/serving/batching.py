"""Continuous batching: the images of all requests share one queue; one thread per core decodes or computes them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from shelfmind.images.decoding import BadImage
from shelfmind.images.squares import Square
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.models import Outcome, ServedModel

SMOOTHING, FIRST_GUESS = 0.1, 20.0
"""Smoothing factor and initial value of a thread's throughput in images/s, which sets Retry-After for a full queue."""
ABANDONED = "abandoned"
"""The error of images whose request was abandoned."""


class QueueFullError(Exception):
    """The queue has no room for the images."""


class Ticket:
    """The images of one request in the queue: encoded images or squares.

    `finished` is called once, by any thread, when every image has its outcome or an `Outcome.error`. After `abandon`
    nothing more is computed for it. `deadline` is in `time.monotonic`, `top` is the number of candidates.
    """

    def __init__(
        self,
        model: ServedModel,
        sources: Sequence[bytes | Square],
        deadline: float,
        finished: Callable[[Ticket], None],
        top: int = 1,
        keep_squares: bool = False,
    ) -> None:
        self.model, self.deadline, self.top, self.keep_squares = model, deadline, top, keep_squares
        self.squares: dict[int, Square] = {}
        self.outcomes: list[Outcome | None] = [None] * len(sources)
        self.failure: Exception | None = None
        self._abandoned = False
        self._missing = len(sources)
        self._finished = finished
        self.items = [
            Item(self, number, source, None) if isinstance(source, bytes) else Item(self, number, None, source)
            for number, source in enumerate(sources)
        ]

    def abandon(self) -> None:
        """Cancel the remaining work."""
        self._abandoned = True

    @property
    def is_over(self) -> bool:
        """Whether it was abandoned or its deadline has passed."""
        return self._abandoned or self.failure is not None or time.monotonic() > self.deadline

    def settle(self, number: int, outcome: Outcome) -> None:
        """Store the outcome of an image. Call it with the queue's lock held."""
        self.outcomes[number] = outcome
        self._missing -= 1
        if not self._missing:
            self._finished(self)


@dataclass(eq=False)
class Item:
    """An image of a ticket: encoded at first, a square once decoded."""

    ticket: Ticket
    number: int
    source: bytes | None
    square: Square | None
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """Answers images in batches of up to `max_batch`, or the engine's preferred size if None.

    Batching is continuous: a free worker computes the images that are decoded, and those that arrive in the meantime
    form the next batch. Workers pick the most urgent task: compute a full batch, decode, or compute a partial batch,
    which free workers share. With `max_delay_s` an image waits up to this long for others even if a worker is free. A
    single batch uses all cores, concurrent ones one core each, if the engine supports it. The answers are thus those
    of `Predictor.predict` for the same batch. An engine without concurrent calls gets one at a time, while other
    workers decode ahead.
    """

    def __init__(
        self, workers: int, max_batch: int | None, max_delay_s: float, capacity: int, metrics: Metrics, most_pixels: int
    ) -> None:
        self.max_batch, self.max_delay_s, self.capacity = max_batch, max_delay_s, capacity
        self.metrics, self.most_pixels = metrics, most_pixels
        self._changed = threading.Condition()
        self._waiting: deque[Item] = deque()
        self._decoded: dict[ServedModel, deque[Item]] = {}
        self._inside = self._computing = self._idle = 0
        self.speed = FIRST_GUESS
        self._closed = False
        self._threads = [threading.Thread(target=self._work, name=f"batch-{n}", daemon=True) for n in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def depth(self) -> int:
        """Number of images waiting or in progress."""
        return self._inside

    def submit(self, ticket: Ticket, patient: bool = False) -> None:
        """Queue the images of a ticket. A `patient` caller (not an event loop) waits until there is room.

        Raises:
            QueueFullError: there is no room for all of them.
        """
        with self._changed:
            while self._inside and self._inside + len(ticket.items) > self.capacity and patient:
                self._changed.wait()
            if self._inside + len(ticket.items) > self.capacity and not patient:
                raise QueueFullError
            self._inside += len(ticket.items)
            self._waiting.extend(item for item in ticket.items if item.square is None)
            squares = [item for item in ticket.items if item.square is not None]
            if squares:
                self._decoded.setdefault(ticket.model, deque()).extend(squares)
            self.metrics.queue(self._inside)
            self._changed.notify_all()

    def close(self) -> None:
        """Finish the accepted images, then stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def _next(self) -> Callable[[], None] | None:
        """Return the most urgent task, or None when all is done and the queue is closed."""
        with self._changed:
            while True:
                now = time.monotonic()
                if (batch := self._due(now, full=bool(self._waiting))) is not None:
                    return batch
                if self._waiting:
                    return partial(self._decode, self._waiting.popleft())
                if self._closed and not self._inside:
                    return None
                self._idle += 1
                self._changed.wait(self._patience(now))
                self._idle -= 1

    def _due(self, now: float, full: bool) -> Callable[[], None] | None:
        """Return a batch to compute now. With `full`, only a full one, as there is more to decode."""
        for model, items in self._decoded.items():
            size = model.batch_size(self.max_batch)
            ripe = len(items) >= size or (not full and self._ripe(items[0], now))
            if ripe and (self._computing == 0 or model.takes_several):
                fair = -(-len(items) // (1 + self._idle)) if model.takes_several else len(items)
                batch = [items.popleft() for _ in range(min(size, fair))]
                if not items:
                    del self._decoded[model]
                self._computing += 1
                alone = self._idle == len(self._threads) - 1 and not self._waiting and not self._decoded
                return partial(self._compute, model, batch, alone)
        return None

    def _ripe(self, oldest: Item, now: float) -> bool:
        return self._closed or now - oldest.since >= self.max_delay_s

    def _patience(self, now: float) -> float | None:
        """Return the seconds until a partial batch is due."""
        possible = (items for model, items in self._decoded.items() if not self._computing or model.takes_several)
        oldest = [items[0].since for items in possible]
        return max(0.0005, min(oldest) + self.max_delay_s - now) if oldest else None

    def _decode(self, item: Item) -> None:
        began = time.monotonic()
        self.metrics.waited(began - item.since)
        if item.ticket.is_over:
            self._settle([(item, Outcome(error=ABANDONED))])
            return
        assert item.source is not None
        try:
            item.square = item.ticket.model.square(item.source, self.most_pixels)
        except BadImage as error:
            self._settle([(item, Outcome(error=error.reason))])
            return
        except Exception as error:
            self._fail([item], error)
            return
        self.metrics.decoded(time.monotonic() - began)
        item.source, item.since = None, time.monotonic()
        with self._changed:
            self._decoded.setdefault(item.ticket.model, deque()).append(item)
            self._changed.notify_all()

    def _compute(self, model: ServedModel, batch: list[Item], alone: bool) -> None:
        wanted = [item for item in batch if not item.ticket.is_over]
        given_up = [(item, Outcome(error=ABANDONED)) for item in batch if item not in wanted]
        try:
            began = time.monotonic()
            squares = [item.square for item in wanted if item.square is not None]
            top = max((item.ticket.top for item in wanted), default=1)
            outcomes = model.outcomes(squares, top, concurrent=not alone) if squares else []
            if squares:
                seconds = time.monotonic() - began
                self.metrics.computed(seconds, len(squares))
                self.speed += SMOOTHING * (len(squares) / seconds - self.speed)
        except Exception as error:
            self._fail(wanted, error)
            outcomes, wanted = [], []
        finally:
            with self._changed:
                self._computing -= 1
                self._changed.notify_all()
        self._settle([*given_up, *zip(wanted, outcomes, strict=True)])

    def _fail(self, items: Sequence[Item], error: Exception) -> None:
        for item in items:
            item.ticket.failure = error
        self._settle([(item, Outcome(error=ABANDONED)) for item in items])

    def _settle(self, outcomes: Sequence[tuple[Item, Outcome]]) -> None:
        with self._changed:
            for item, outcome in outcomes:
                if item.ticket.keep_squares and item.square is not None:
                    item.ticket.squares[item.number] = item.square
                item.source = item.square = None
                item.ticket.settle(item.number, outcome)
            self._inside -= len(outcomes)
            self.metrics.queue(self._inside)
            self._changed.notify_all()
