"""Dependencies of routes: the service and the caller with its role."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from shelfmind.serving.callers import Caller
from shelfmind.serving.problems import MEDIA_TYPE, Problem
from shelfmind.serving.schemas import ProblemRecord
from shelfmind.serving.service import Service


async def service_of(request: Request) -> Service:
    """Return the service."""
    service: Service = request.app.state.service
    return service


async def caller_of(request: Request) -> Caller:
    """Return the caller."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def require_role(request: Request, role: str) -> Caller:
    """Return the caller. Raises `Problem` if it lacks the role."""
    caller = await caller_of(request)
    if not caller.may(role):
        raise Problem(403, f"this request needs a key with the role {role}; yours has {caller.role or 'none'}")
    return caller


def _with_role(role: str) -> Callable[[Request], Awaitable[Caller]]:
    async def require(request: Request) -> Caller:
        return await require_role(request, role)

    return require


TheService = Annotated[Service, Depends(service_of)]
AnyCaller = Annotated[Caller, Depends(caller_of)]
Reader = Annotated[Caller, Depends(_with_role("read"))]
Writer = Annotated[Caller, Depends(_with_role("write"))]
Admin = Annotated[Caller, Depends(_with_role("admin"))]

_MEANING = {
    400: "Malformed HTTP request, or a body that does not match its media type",
    401: "Missing or invalid key",
    403: "The key's role does not suffice, or a cross-site request",
    404: "Not found",
    408: "The body arrived too slowly",
    409: "Conflict with the current state",
    413: "The request exceeds a limit",
    415: "Unsupported media type",
    421: "Unknown host name",
    422: "Invalid value",
    429: "Too many requests. Retry after the time in Retry-After",
    503: "Temporarily unavailable. Retry after the time in Retry-After",
    504: "The deadline passed",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI descriptions of a route's errors."""
    return {
        status: {"model": ProblemRecord, "description": _MEANING[status], "content": {MEDIA_TYPE: {}}}
        for status in sorted({400, 401, 403, 421, 429, *statuses})
    }
