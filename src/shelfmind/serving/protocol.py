"""HTTP connections with timeouts for headers, bodies and unread remainders of bodies."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 10.0
"""Seconds from the connection, or from the first byte of a further request, to the end of the header."""
BODY_S, SLOWEST_BYTES_S = 20.0, 16_384.0
"""Seconds allowed for a body, plus one second for every `SLOWEST_BYTES_S` bytes received."""
UNREAD_S = 5.0
"""Seconds to keep reading a body that was already answered, so that the client reads the answer before the close."""
TOO_SLOW = (408, "Request Timeout", "too-slow", "the request arrived too slowly")
NO_HTTP = (400, "Bad Request", "no-http", "not a valid HTTP request, or its URL is too long")


def _refusal(status: int, title: str, kind: str, detail: str) -> bytes:
    """Return a complete response for input that never becomes a request to the application."""
    content = json.dumps({"type": f"urn:shelfmind:{kind}", "title": title, "status": status, "detail": detail})
    head = (
        f"HTTP/1.1 {status} {title}\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
        f"x-content-type-options: nosniff\r\ncache-control: no-store\r\ncontent-length: {len(content)}\r\n\r\n"
    )
    return (head + content).encode()


class TimedProtocol(HttpToolsProtocol):
    """Closes connections that send too slowly, after an error response if none has begun."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._receiving = False
        self._begun = self._answered = 0
        self._body_began, self._body_bytes = 0.0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the timeout of the header."""
        super().connection_made(transport)
        self._start_timer(HEADER_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timeout."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Start the header timeout of a further request."""
        super().on_message_begin()
        self._receiving = True
        self._begun += 1
        self._body_began, self._body_bytes = 0.0, 0
        if self._timer is None:
            self._start_timer(HEADER_S)

    def on_headers_complete(self) -> None:
        """Start the timeout of the body."""
        super().on_headers_complete()
        self._body_began, self._body_bytes = self.loop.time(), 0
        self._start_timer(BODY_S)

    def on_body(self, body: bytes) -> None:
        """Extend the timeout by the bytes received."""
        super().on_body(body)
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        """Stop the timeout: the request is complete."""
        super().on_message_complete()
        self._receiving = False
        self._stop()

    def on_response_complete(self) -> None:
        """Limit the time for the unread rest of an answered request."""
        super().on_response_complete()
        self._answered += 1
        if self._receiving and self._answered == self._begun and not self.transport.is_closing():
            self._start_timer(UNREAD_S, self._abort)

    def send_400_response(self, msg: str) -> None:
        """Send malformed requests the same kind of error as all others."""
        self.transport.write(_refusal(*NO_HTTP))
        self.transport.close()

    def _start_timer(self, seconds: float, then: Any = None) -> None:
        self._stop()
        self._timer = self.loop.call_later(seconds, then or self._on_timeout)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        """Give a body that arrives steadily more time. Close the connection otherwise."""
        self._timer = None
        allowed = BODY_S + self._body_bytes / SLOWEST_BYTES_S
        left = self._body_began + allowed - self.loop.time()
        if self._body_began and self._receiving and left > 0.1:
            self._start_timer(left)
            return
        answered = self.cycle is not None and (self.cycle.response_started and not self.cycle.response_complete)
        if self._receiving and not answered and not self.transport.is_closing():
            self.transport.write(_refusal(*TOO_SLOW))
        self._abort()

    def _abort(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
