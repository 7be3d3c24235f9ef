"""HTTP connections that do not wait for ever: for a header, for a body, or for what nobody reads any more."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 10.0
"""From the connection, or from the first byte of a further request, to the end of the header."""
BODY_S, SLOWEST_BYTES_S = 20.0, 16_384.0
"""For a body: so long, and longer by a second for so many bytes that have come."""
UNREAD_S = 5.0
"""For the rest of a body that was answered already, so that the client reads the answer before the line is cut."""
TOO_SLOW = (408, "Request Timeout", "too-slow", "the request came too slowly")
NO_HTTP = (400, "Bad Request", "no-http", "this is no HTTP request, or its address is too long")


def _refusal(status: int, title: str, kind: str, detail: str) -> bytes:
    """A whole answer, where there is no request that the application could be asked with."""
    said = json.dumps({"type": f"urn:shelfmind:{kind}", "title": title, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
        f"x-content-type-options: nosniff\r\ncache-control: no-store\r\ncontent-length: {len(said)}\r\n\r\n"
    )
    return (head + said).encode()


class TimedProtocol(HttpToolsProtocol):
    """Cuts the line of whoever sends too slowly, with an answer where none has begun."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._receiving = False
        self._begun = self._answered = 0
        self._body_began, self._body_bytes = 0.0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a header."""
        super().connection_made(transport)
        self._await(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A further request on this connection has its time, too."""
        super().on_message_begin()
        self._receiving = True
        self._begun += 1
        if self._timer is None:
            self._await(HEADER_S)

    def on_headers_complete(self) -> None:
        """From now on it is the body that may be late."""
        super().on_headers_complete()
        self._body_began, self._body_bytes = self.loop.time(), 0
        self._await(BODY_S)

    def on_body(self, body: bytes) -> None:
        """What comes steadily may take longer."""
        super().on_body(body)
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        super().on_message_complete()
        self._receiving = False
        self._stop()

    def on_response_complete(self) -> None:
        """What is still to come of the request does not count for long; a further one has its own time."""
        super().on_response_complete()
        self._answered += 1
        if self._receiving and self._answered == self._begun and not self.transport.is_closing():
            self._await(UNREAD_S, self._cut)

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read as a request, as everything else is refused."""
        self.transport.write(_refusal(*NO_HTTP))
        self.transport.close()

    def _await(self, seconds: float, then: Any = None) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, then or self._late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """Give a body that comes steadily more time; cut everything else."""
        self._timer = None
        allowed = BODY_S + self._body_bytes / SLOWEST_BYTES_S
        left = self._body_began + allowed - self.loop.time()
        if self._body_began and self._receiving and left > 0.1:
            self._await(left)
            return
        answered = self.cycle is not None and (self.cycle.response_started and not self.cycle.response_complete)
        if self._receiving and not answered and not self.transport.is_closing():
            self.transport.write(_refusal(*TOO_SLOW))
        self._cut()

    def _cut(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
