"""Errors in RFC 9457 format. They report the cause and the remedy, but nothing about the server."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
_NAMESPACE = "urn:shelfmind:"


class Problem(HTTPException):
    """An error response. `kind` identifies it for programs, `more` has further members."""

    def __init__(
        self,
        status: int,
        detail: str,
        kind: str | None = None,
        retry_after_s: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(max(1, math.ceil(retry_after_s)))}
        if status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = "Bearer"
        super().__init__(status, detail, headers)
        self.kind, self.more = kind, dict(more or {})


def problem_response(error: HTTPException, request_id: str = "") -> Response:
    """Return an error as a response."""
    kind = getattr(error, "kind", None)
    content = {
        "type": "about:blank" if kind is None else f"{_NAMESPACE}{kind}",
        "title": HTTPStatus(error.status_code).phrase,
        "status": error.status_code,
        "detail": error.detail,
        "request_id": request_id,
        **getattr(error, "more", {}),
    }
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(body, error.status_code, dict(error.headers or {}), MEDIA_TYPE)
