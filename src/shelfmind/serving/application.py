"""The service as an ASGI application: routes, error handling and the OpenAPI description."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shelfmind.errors import UserError
from shelfmind.serving.gate import LOG, Gate, fault
from shelfmind.serving.problems import Problem, problem_response
from shelfmind.serving.routes import gallery, gallery_changes, operation, page, recognition, web_page
from shelfmind.serving.routes.access import require_role
from shelfmind.serving.service import Service

TITLE = "shelfmind"
DESCRIPTION = (
    "Recognise retail products (SKUs) in photos. Send an API key as `Authorization: Bearer sm_...`. Errors are "
    "`application/problem+json` (RFC 9457)."
)
BODY_ERRORS = ("400", "408", "413")
"""Errors that any request with a body may get."""
_RECOGNITION = next(each for each in recognition.router.routes if isinstance(each, APIRoute))
ROUTERS = (recognition, gallery, gallery_changes, operation, page, web_page)


def create_application(service: Service, clock: Callable[[], float] = time.monotonic) -> ASGIApp:
    """Return the ASGI application: the gate and, behind it, the routes. `clock` is used for rate limits."""
    app = described_application()
    app.state.service = service
    return Gate(Shortcut(app, service), service.authenticator, service.limits, service.metrics, clock)


class Shortcut:
    """Bypasses the framework for recognition requests, which halves their overhead.

    The route and its responses are the same. All other requests go to `app`.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != recognition.PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["route"] = _RECOGNITION
        request = Request(scope, receive)
        try:
            response = await recognition.recognize(request, self.service, await require_role(request, recognition.ROLE))
        except UserError as error:
            response = await _on_user_error(request, error)
        await response(scope, receive, send)


def described_application() -> FastAPI:
    """Return the routes and their description, without a service."""
    app = FastAPI(
        title=TITLE,
        version=version("shelfmind"),
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for each in ROUTERS:
        app.include_router(each.router)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(UserError, _on_user_error)
    app.add_exception_handler(Exception, _on_internal_error)
    described = app.openapi

    def openapi() -> dict[str, Any]:
        return _completed(described())

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    """Add the records that only bodies refer to, the security scheme, and the errors as they are sent."""
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for record in (*recognition.SCHEMAS, *gallery_changes.SCHEMAS):
        schema = record.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[record.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    responses = description["paths"][recognition.PATH]["post"]["responses"]
    for path in description["paths"].values():
        for operation_ in path.values():
            if "requestBody" in operation_:
                operation_["responses"].update({each: responses[each] for each in BODY_ERRORS if each in responses})
            _as_problems(operation_["responses"])
    description["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    description["security"] = [{"key": []}]
    return description


def _as_problems(responses: dict[str, Any]) -> None:
    """Describe all errors as problems, in place of the framework's defaults."""
    for status, response in responses.items():
        if status.isdecimal() and int(status) >= 400:
            response["content"] = {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemRecord"}}
            }


async def _on_http_error(request: Request, error: Any) -> Response:
    return problem_response(error, _request_id(request))


async def _on_invalid(request: Request, error: Any) -> Response:
    items = [
        {"where": ".".join(str(part) for part in each["loc"][1:]) or str(each["loc"][0]), "what": each["msg"]}
        for each in error.errors()
    ]
    first = f": {items[0]['where']}: {items[0]['what']}" if items else ""
    problem = Problem(422, f"invalid request{first}", more={"errors": items})
    return problem_response(problem, _request_id(request))


async def _on_user_error(request: Request, error: Any) -> Response:
    """Handle an error that the operator must fix, such as an unreadable gallery or a full disk."""
    LOG.error("request %s: %s", _request_id(request), error)
    problem = Problem(503, "the service cannot do this now; its log has the reason", "not-ready", 5)
    return problem_response(problem, _request_id(request))


async def _on_internal_error(request: Request, error: Any) -> Response:
    """Handle an internal error, which the gate logs."""
    return problem_response(fault(_request_id(request)), _request_id(request))


def _request_id(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", ""))
