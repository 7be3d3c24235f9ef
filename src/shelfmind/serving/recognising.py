"""Pass requests through the queue, with limits, deadlines and cancellation when the client disconnects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from starlette.types import Receive

from shelfmind.nouns import counted
from shelfmind.serving.batching import Batcher, QueueFullError, Ticket
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.problems import Problem

DONE, LATE, GONE = "done", "late", "gone"


class ClientDisconnectedError(Exception):
    """The client has disconnected."""


class PendingRequest:
    """Watches one request for its deadline and for its client to disconnect."""

    def __init__(self, receive: Receive, timeout_s: float, metrics: Metrics) -> None:
        self.deadline = time.monotonic() + timeout_s
        self.metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._disconnected = False
        self._on_end: Callable[[], None] = lambda: None
        self._watch = self._loop.create_task(self._watch_disconnect(receive))

    async def _watch_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._disconnected = True
        self._on_end()

    async def through(self, batcher: Batcher, ticket: Ticket, future: asyncio.Future[str]) -> None:
        """Wait until all images of a ticket have outcomes.

        Raises:
            Problem: the queue is full (429) or the deadline passed (504).
            ClientDisconnectedError: the client has disconnected.
        """
        try:
            batcher.submit(ticket)
        except QueueFullError:
            raise _full(batcher, self.metrics) from None

        def end(how: str) -> None:
            if not future.done():
                future.set_result(how)

        self._on_end = lambda: end(GONE)
        if self._disconnected:
            end(GONE)
        timer = self._loop.call_at(self._loop.time() + self.deadline - time.monotonic(), end, LATE)
        try:
            how = await future
        finally:
            timer.cancel()
            ticket.abandon()
        if how == GONE:
            self.metrics.reject("hung_up")
            raise ClientDisconnectedError
        if how == LATE or time.monotonic() > self.deadline:
            self.metrics.reject("deadline")
            raise Problem(504, "the request's deadline passed before the answer was ready", "deadline")
        if ticket.failure is not None:
            raise ticket.failure

    def end(self) -> None:
        """Stop watching: the request is answered."""
        self._watch.cancel()


def ticket_of(
    batcher: Batcher, make: Callable[[Callable[[Ticket], None]], Ticket]
) -> tuple[Ticket, asyncio.Future[str]]:
    """Return a ticket and a future of the running event loop that is done when the ticket is."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[str] = loop.create_future()

    def settle() -> None:
        if not future.done():
            future.set_result(DONE)

    def finished(_: Ticket) -> None:
        try:
            loop.call_soon_threadsafe(settle)
        except RuntimeError:  # the event loop is closed, so no client is waiting
            pass

    return make(finished), future


def require_open(batcher: Batcher, metrics: Metrics) -> None:
    """Refuse a request before its body is read if the queue is full."""
    if batcher.depth >= batcher.capacity:
        raise _full(batcher, metrics)


def _full(batcher: Batcher, metrics: Metrics) -> Problem:
    metrics.reject("queue")
    wait_s = batcher.depth / max(batcher.speed, 1.0)
    return Problem(429, "the queue is full; retry later", "queue-full", wait_s)


def require_room(batcher: Batcher, images: Sequence[object]) -> None:
    """Refuse a request with more images than the queue's capacity."""
    if len(images) > batcher.capacity:
        raise Problem(413, f"the queue holds at most {counted(batcher.capacity, 'image')}", "too-large")
