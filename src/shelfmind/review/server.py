"""The local server of the review page: loopback only, with a secret in its address, serving only page and pictures."""

from __future__ import annotations

import hmac
import json
import secrets
import socketserver
import sys
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from shelfmind.cookies import cookie_of
from shelfmind.errors import UserError
from shelfmind.pages.web_files import SHARED_FILES, WebFile, web_files
from shelfmind.review.pictures import EDGES, NoPicture
from shelfmind.structured_text import parse_json

LOOPBACK = "127.0.0.1"
_HOSTS = frozenset({LOOPBACK, "localhost"})
_MAX_BODY_BYTES = 64 * 1024
_NAMES = (
    "card.js",
    "chooser.js",
    "details.js",
    "feed.js",
    "group.js",
    "review.css",
    "review.js",
    "server.js",
    "words.js",
)
_PAGE = {
    "/": WebFile("review/page/index.html"),
    **{f"/{name}": file for name, file in {**web_files("review/page", _NAMES), **SHARED_FILES}.items()},
}
_SAFETY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Reviewed(Protocol):
    """The items under review, by number. `Deck` documents the methods; `images` are the names of pictures."""

    images: list[str]

    def overview(self) -> dict[str, Any]: ...
    def cards(self, numbers: Sequence[int]) -> list[dict[str, Any]]: ...
    def examples(self, class_number: int) -> list[int]: ...
    def news(self, since: int) -> dict[str, Any]: ...
    def decide(self, number: int, decision: str, label: str | None) -> dict[str, Any]: ...
    def undo(self, number: int | None) -> dict[str, Any]: ...


class Renders(Protocol):
    """Renders pictures of the items under review."""

    def render(self, name: str, size: str, /) -> tuple[bytes, str]:
        """Return a picture as JPEG, and its ETag. Raises `NoPicture`."""


class ReviewServer(ThreadingHTTPServer):
    """Serves one deck on the loopback address. Open `address` in the browser: it contains the secret."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, deck: Reviewed, pictures: Renders) -> None:
        self.deck, self.pictures = deck, pictures
        self.token = secrets.token_urlsafe(24)
        self.review = secrets.token_urlsafe(9)
        """Identifies this process. All numbers, also those of pictures, have a meaning in one process only."""
        super().__init__((LOOPBACK, port), Handler)

    def server_bind(self) -> None:
        """Bind without a reverse DNS lookup, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore browsers that disconnect during a response."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The URL of the page, including the secret."""
        return f"http://{LOOPBACK}:{self.server_port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """The name of the cookie with the secret. It depends on the port, as browsers share cookies between ports."""
        return f"shelfmind_{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Handles the requests of a browser."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "shelfmind", ""
    timeout = 60

    def do_GET(self) -> None:
        """Serve the page, its data and pictures."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Decisions."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""

    def _answer(self, respond: Callable[[], None]) -> None:
        try:
            respond()
        except _Refused as refusal:
            self._refuse(refusal.status, refusal.reason)
        except (LookupError, NoPicture):
            self._refuse(HTTPStatus.NOT_FOUND, "not found")
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except UserError as error:
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))

    def _get(self) -> None:
        self._require_own_host()
        address = urlsplit(self.path)
        query = parse_qs(address.query)
        if address.path == "/" and "token" in query:
            self._admit(query["token"][0])
            return
        self._require_token()
        self._require_this_review()
        if address.path in _PAGE:
            file = _PAGE[address.path]
            self._send(HTTPStatus.OK, file.content, file.media_type, "no-cache")
        elif address.path == "/api/review":
            self._send_json({**self.server.deck.overview(), "review": self.server.review})
        elif address.path == "/api/cards":
            numbers = [int(number) for number in query.get("numbers", [""])[0].split(",") if number]
            self._send_json(self.server.deck.cards(numbers))
        elif address.path == "/api/examples":
            self._send_json(self.server.deck.examples(int(query.get("class", ["-1"])[0])))
        elif address.path == "/api/news":
            self._send_json(self.server.deck.news(int(query.get("since", ["0"])[0])))
        else:
            self._send_picture(address.path)

    def _post(self) -> None:
        self._require_own_host()
        self._require_token()
        self._require_own_page()
        self._require_this_review()
        body = self._body()
        number = body.get("number")
        if self.path == "/api/decide":
            label = body.get("label")
            if not isinstance(number, int) or not isinstance(label, str | None):
                raise ValueError("a decision needs a number, and its label must be text")
            self._send_json(self.server.deck.decide(number, str(body.get("decision")), label))
        elif self.path == "/api/undo":
            if not isinstance(number, int | None):
                raise ValueError("the number must be an integer")
            self._send_json(self.server.deck.undo(number))
        else:
            raise LookupError(self.path)

    def _require_own_host(self) -> None:
        """Accept only loopback host names, to prevent DNS rebinding."""
        if urlsplit(f"//{self.headers.get('Host', '')}").hostname not in _HOSTS:
            raise _Refused(HTTPStatus.FORBIDDEN, "this page is available at http://127.0.0.1 only")

    def _require_token(self) -> None:
        if not self._is_token(cookie_of(self.headers.get("Cookie", ""), self.server.cookie)):
            raise _Refused(
                HTTPStatus.FORBIDDEN, "open the address that `shelfmind review` printed, including its token"
            )

    def _require_own_page(self) -> None:
        """Require that changes come from this page. Browsers do not send this header or Origin from another site."""
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            raise _Refused(HTTPStatus.FORBIDDEN, "cross-site requests are not allowed")
        if self.headers.get("X-Shelfmind") != "review":
            raise _Refused(HTTPStatus.FORBIDDEN, "decisions must come from the review page")

    def _require_this_review(self) -> None:
        """Refuse a page that an earlier review at the same address served: its numbers mean something else here."""
        if self.headers.get("X-Shelfmind-Review", self.server.review) != self.server.review:
            raise _Refused(HTTPStatus.CONFLICT, "this page belongs to an earlier review; reload it")

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.server.token.encode())

    def _admit(self, token: str) -> None:
        """Store the secret in a cookie, and remove it from the address."""
        if not self._is_token(token):
            raise _Refused(HTTPStatus.FORBIDDEN, "invalid token: this review has ended, or another is running here")
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", f"{self.server.cookie}={token}; Path=/; HttpOnly; SameSite=Strict")
        self._finish(b"", "no-store")

    def _body(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the request has no length or is too long")
        body = parse_json(self.rfile.read(int(length)))
        if not isinstance(body, dict):
            raise ValueError("the request must be a JSON object")
        return body

    def _send_picture(self, path: str) -> None:
        parts = path.split("/")
        if parts[:-2] != ["", "image", self.server.review] or parts[-2] not in EDGES or not parts[-1].isdecimal():
            raise LookupError(path)
        content, tag = self.server.pictures.render(self.server.deck.images[int(parts[-1])], parts[-2])
        if self.headers.get("If-None-Match") == tag:
            self._send(HTTPStatus.NOT_MODIFIED, b"", "image/jpeg", "private, max-age=3600", tag)
        else:
            self._send(HTTPStatus.OK, content, "image/jpeg", "private, max-age=3600", tag)

    def _send_json(self, content: Any) -> None:
        self._send(HTTPStatus.OK, json.dumps(content).encode(), "application/json", "no-store")

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True  # the rest of the request is not read
        if self.path.startswith("/api/"):
            self._send(status, json.dumps({"error": reason}).encode(), "application/json", "no-store")
        else:
            self._send(status, f"{reason}\n".encode("utf-8", "replace"), "text/plain; charset=utf-8", "no-store")

    def _send(self, status: HTTPStatus, content: bytes, kind: str, cache_control: str, tag: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if tag is not None:
            self.send_header("ETag", tag)
        self._finish(content, cache_control)

    def _finish(self, content: bytes, cache_control: str) -> None:
        for name, value in _SAFETY.items():
            self.send_header(name, value)
        self.send_header("Cache-Control", cache_control)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


class _Refused(Exception):  # noqa: N818 - a descriptive name
    """A response other than 200."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason
