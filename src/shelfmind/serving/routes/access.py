"""What routes are told of their request: the service, and who asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from shelfmind.serving.callers import Caller
from shelfmind.serving.problems import MEDIA_TYPE, Problem
from shelfmind.serving.schemas import ProblemRecord
from shelfmind.serving.service import Service


async def service_of(request: Request) -> Service:
    """The service that answers."""
    service: Service = request.app.state.service
    return service


async def caller_of(request: Request) -> Caller:
    """Who asks."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


async def require_role(request: Request, role: str) -> Caller:
    """Who asks. Raises `Problem` if that role is not theirs."""
    caller = await caller_of(request)
    if not caller.may(role):
        raise Problem(403, f"this needs a key of the role {role}, and yours is {caller.role or 'none'}")
    return caller


def _with_role(role: str) -> Callable[[Request], Awaitable[Caller]]:
    async def require(request: Request) -> Caller:
        return await require_role(request, role)

    return require


TheService = Annotated[Service, Depends(service_of)]
Anybody = Annotated[Caller, Depends(caller_of)]
Reader = Annotated[Caller, Depends(_with_role("read"))]
Writer = Annotated[Caller, Depends(_with_role("write"))]
Admin = Annotated[Caller, Depends(_with_role("admin"))]

_MEANING = {
    400: "no HTTP request, or a body that is not what its media type says",
    401: "no key, or a wrong one",
    403: "a key of a lower role, or another site asks",
    404: "there is no such thing",
    408: "the body came too slowly",
    409: "it does not fit what is there",
    413: "more than a request may have",
    415: "another media type",
    421: "another host",
    422: "a value that cannot be used",
    429: "too much at once; Retry-After says when to ask again",
    503: "not now; Retry-After says when to ask again",
    504: "the deadline passed",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route, for its description."""
    return {
        status: {"model": ProblemRecord, "description": _MEANING[status], "content": {MEDIA_TYPE: {}}}
        for status in sorted({400, 401, 403, 421, 429, *statuses})
    }
