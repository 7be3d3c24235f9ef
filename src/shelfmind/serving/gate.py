"""Checks of every request (host, origin, key, rate, body size) and security headers of every response.

Plain ASGI, so that the overhead per request is a few microseconds.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shelfmind.serving.callers import ANONYMOUS, Authenticator, Caller
from shelfmind.serving.limits import Limits
from shelfmind.serving.metrics import Metrics
from shelfmind.serving.problems import Problem, problem_response
from shelfmind.serving.proxies import client_address
from shelfmind.serving.rates import Rates

LOG = logging.getLogger("shelfmind.serving")
PROBES = frozenset({"/healthz", "/readyz"})
SESSION = "/v1/session"
OPEN = PROBES | {"/", "/v1/openapi.json", SESSION}
OPEN_PREFIX = "/page/"
"""Public paths without user data: probes, the OpenAPI description, the page's files, opening a session."""
SMALL_BODY_BYTES = 4096
"""Maximum body size of callers without a role, and of all at `SESSION`, whose JSON is parsed in the event loop."""
SAFE_METHODS = frozenset({"GET", "HEAD"})
MARK = b"x-shelfmind"
"""A header that only the page's scripts send along with the session cookie."""
SAFETY = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""Default headers of every response."""


class Gate:
    """Checks requests before they reach `app`, and completes its responses."""

    def __init__(
        self,
        app: ASGIApp,
        authenticator: Authenticator,
        limits: Limits,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app, self.authenticator, self.limits, self.metrics = app, authenticator, limits, metrics
        self._rates = None if limits.rate is None else Rates(limits.rate, clock)
        self._bodies = Bodies(limits, metrics)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        request_id = secrets.token_hex(8)
        sender = _ResponseSender(send, request_id)
        body = None
        try:
            headers = dict(scope["headers"])
            caller = self._admitted(scope, headers)
            body = self._bodies.of(headers, receive, caller.role is None or scope["path"] == SESSION)
            scope.setdefault("state", {}).update(caller=caller, request_id=request_id)
            await self.app(scope, body, sender)
        except Problem as problem:
            await sender.answer(problem, scope)
        except ClientDisconnect:
            self.metrics.reject("hung_up")
        except Exception:
            LOG.exception("request %s: %s %s failed", request_id, scope["method"], _route(scope))
            await sender.answer(fault(request_id), scope)
        finally:
            if body is not None:
                body.release()
            self.metrics.answered(_method(scope), _route(scope), sender.status, time.monotonic() - began)

    def _admitted(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller:
        path, peer = scope["path"], (scope.get("client") or ("unknown",))[0]
        proxies = self.authenticator.access.proxies
        address = client_address(peer, scope["headers"], proxies) if proxies else peer
        if path in PROBES:
            return Caller(ANONYMOUS, None, address)
        self._require_known_host(headers)
        if scope["method"] not in SAFE_METHODS:
            self._require_own_origin(headers)
        caller = self.authenticator.caller(_text(headers, b"authorization"), _text(headers, b"cookie"), address)
        if caller is None:
            self.metrics.reject("auth")
            raise self.authenticator.wrong_key(address)
        if caller.by_session and scope["method"] not in SAFE_METHODS and MARK not in headers:
            self.metrics.reject("origin")
            raise Problem(403, "changes with a session must come from the page: also send X-Shelfmind: 1")
        if caller.role is None and path not in OPEN and not path.startswith(OPEN_PREFIX):
            self.metrics.reject("auth")
            raise Problem(401, "a key is required: send Authorization: Bearer sm_...")
        if self._rates is not None:
            self._require_rate(caller)
        return caller

    def _require_known_host(self, headers: Mapping[bytes, bytes]) -> None:
        """Reject foreign host names that resolve to this machine's address (DNS rebinding)."""
        access = self.authenticator.access
        if access.hosts is None:
            return
        try:
            name = urlsplit(f"//{_text(headers, b'host') or ''}").hostname
        except ValueError:
            name = None
        if name is None or not access.allows(name):
            self.metrics.reject("host")
            raise Problem(421, "unknown host name; the service must be started with it as an allowed host")

    def _require_own_origin(self, headers: Mapping[bytes, bytes]) -> None:
        """Reject changes by cross-site requests, which browsers mark as such."""
        origin, site = _text(headers, b"origin"), _text(headers, b"sec-fetch-site")
        try:
            foreign = origin is not None and urlsplit(origin).netloc != (_text(headers, b"host") or "")
        except ValueError:
            foreign = True
        if foreign or site in ("cross-site", "same-site"):
            self.metrics.reject("origin")
            raise Problem(403, "cross-site requests are not allowed")

    def _require_rate(self, caller: Caller) -> None:
        assert self._rates is not None
        wait_s = self._rates.wait_s(caller.in_rates)
        if wait_s:
            self.metrics.reject("rate")
            raise Problem(429, f"more than {self._rates.rate:g} requests a second", "rate", wait_s)


def fault(request_id: str) -> Problem:
    """Return the response to an internal error."""
    return Problem(500, f"internal error; the log has the details under {request_id}")


class Bodies:
    """Tracks the memory that request bodies take."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits, self.metrics = limits, metrics
        self.held = 0

    def of(self, headers: Mapping[bytes, bytes], receive: Receive, small: bool) -> Body:
        """Return the body of a request. Raises `Problem` if its declared size exceeds the limit.

        Small bodies do not count towards the common limit, so that callers without a key cannot block the others.
        """
        limit = min(SMALL_BODY_BYTES, self.limits.body_bytes) if small else self.limits.body_bytes
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            self.refuse(limit)
        return Body(self, receive, limit, counts=not small)

    def hold(self, size: int) -> None:
        """Reserve memory, or release it if `size` is negative."""
        self.held += size
        if size:
            self.metrics.upload_bytes.set(self.held)

    def refuse(self, limit: int) -> None:
        """Refuse a body that is too large."""
        self.metrics.reject("body")
        raise Problem(413, f"a request may have at most {limit} bytes", "too-large")


class Body:
    """Receives the body of one request within the limits."""

    def __init__(self, bodies: Bodies, receive: Receive, limit: int, counts: bool) -> None:
        self._bodies, self._receive, self._limit, self._counts = bodies, receive, limit, counts
        self._size = self._held = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        size = len(message.get("body", b""))
        if size:
            self._size += size
            if self._size > self._limit:
                self._bodies.refuse(self._limit)
            if self._counts:
                self._hold(size)
        return message

    def _hold(self, size: int) -> None:
        self._held += size
        self._bodies.hold(size)
        if self._bodies.held > self._bodies.limits.bodies_bytes:
            self._bodies.metrics.reject("body")
            raise Problem(429, "the memory for uploads is full; retry later", "queue-full", 1)

    def release(self) -> None:
        """Release the memory at the end of the request."""
        self._bodies.hold(-self._held)


class _ResponseSender:
    """Adds the security headers to every response."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send, self.request_id = send, request_id
        self.status = 499
        """Status for a client that disconnected before the response."""
        self._started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started, self.status = True, message["status"]
            present = {name for name, _ in message["headers"]}
            added = [(name, value) for name, value in SAFETY.items() if name not in present]
            message["headers"] = [*message["headers"], *added, (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    async def answer(self, problem: Problem, scope: Scope) -> None:
        """Send a problem, unless a response has already begun."""
        if not self._started:
            await problem_response(problem, self.request_id)(scope, _nothing, self)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


def _route(scope: Scope) -> str:
    """Return the pattern of the path. All unknown paths share one, to keep the number of labels small."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "")) or "other"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
