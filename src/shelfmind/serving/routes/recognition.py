"""``/v1/recognize``: recognise the products in images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from shelfmind.errors import UserError
from shelfmind.serving.batching import Ticket
from shelfmind.serving.explaining import METHOD, covered, picture, sensitivity
from shelfmind.serving.models import Outcome, ServedModel
from shelfmind.serving.problems import Problem
from shelfmind.serving.recognising import ClientDisconnectedError, PendingRequest, require_open, require_room, ticket_of
from shelfmind.serving.records import UNUSABLE, Record, answer_record, model_brief, outcome_record
from shelfmind.serving.routes.access import Reader, TheService, problems
from shelfmind.serving.schemas import FORM, Recognition, RecognitionRequest, multipart
from shelfmind.serving.service import Service
from shelfmind.serving.uploads import Form, number_field, read_form, switch_field, wrong_images

MAX_CANDIDATES, MAX_EXPLAINED, MAX_TIMEOUT_MS = 100, 4, 120_000
OPTIONS: dict[str, Any] = {
    "top": {"type": "integer", "minimum": 1, "maximum": MAX_CANDIDATES, "default": 5},
    "together": {"type": "boolean", "default": False},
    "explain": {"type": "boolean", "default": False},
    "timeout_ms": {"type": "integer", "minimum": 1, "maximum": MAX_TIMEOUT_MS},
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": multipart({**FORM, **OPTIONS}, ["image"]),
            "application/json": {
                "schema": {"$ref": "#/components/schemas/RecognitionRequest"},
                "example": {"images": [{"name": "cola.jpg", "content": "/9j/4AAQSkZJRgABAQ..."}], "top": 3},
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    },
    "parameters": [
        {
            "in": "header",
            "name": "X-Timeout-Ms",
            "required": False,
            "schema": OPTIONS["timeout_ms"],
            "description": "The deadline in milliseconds, if it is not in the body.",
        },
        *({"in": "query", "name": name, "required": False, "schema": schema} for name, schema in OPTIONS.items()),
    ],
}
PATH, ROLE = "/v1/recognize", "read"
router = APIRouter(tags=["recognition"])
SCHEMAS = (RecognitionRequest,)
"""Records that only the OpenAPI description refers to."""


@router.post(
    PATH,
    response_model=Recognition,
    responses=problems(408, 413, 415, 422, 504),
    openapi_extra=_BODY,
    summary="Recognise the products in images",
)
async def recognize(request: Request, service: TheService, caller: Reader) -> Response:
    """Return an answer for each image, or one for all images with `together`. Unusable images have an `error`.

    Images of concurrent requests are computed in batches. A request is dropped when its deadline passes or its client
    disconnects. Options may be in the body or in the query.
    """
    require_open(service.batcher, service.metrics)
    form = await read_form(request, service.limits.images)
    header = request.headers.get("x-timeout-ms")
    fields = form.fields if header is None else {"timeout_ms": header, **form.fields}
    top = number_field(fields, "top", 5, 1, MAX_CANDIDATES)
    together, explain = switch_field(fields, "together"), switch_field(fields, "explain")
    timeout_s = service.limits.timeout_s
    if "timeout_ms" in fields:
        timeout_s = number_field(fields, "timeout_ms", MAX_TIMEOUT_MS, 1, MAX_TIMEOUT_MS) / 1000
    _require_possible(form, service, together, explain)
    waiting = PendingRequest(request.receive, timeout_s, service.metrics)
    try:
        content = await _answered(form, service, waiting, top, together, explain)
    except ClientDisconnectedError:
        return Response(status_code=499)  # the client is gone
    finally:
        waiting.end()
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    return Response(body, media_type="application/json")


def _require_possible(form: Form, service: Service, together: bool, explain: bool) -> None:
    if not form.images:
        raise Problem(422, "the request has no image; send it as a part named image")
    if together and service.gallery is None:
        raise Problem(422, "one answer for several photos needs a gallery, and this service has none")
    if explain and len(form.images) > MAX_EXPLAINED:
        raise Problem(422, f"explain takes at most {MAX_EXPLAINED} images per request")
    require_room(service.batcher, form.images)


async def _answered(
    form: Form, service: Service, waiting: PendingRequest, top: int, together: bool, explain: bool
) -> Record:
    model, names = service.models.current, [image.name for image in form.images]
    sources = [image.content for image in form.images]
    ticket, future = ticket_of(
        service.batcher, lambda done: Ticket(model, sources, waiting.deadline, done, top, explain)
    )
    await waiting.through(service.batcher, ticket, future)
    outcomes = [outcome for outcome in ticket.outcomes if outcome is not None]
    errors = [outcome.error for outcome in outcomes]
    records = [outcome_record(model, outcome, name, top) for outcome, name in zip(outcomes, names, strict=True)]
    for record in records:
        best = record["candidates"][0]["probability"] if record["candidates"] else None
        service.metrics.recognised(record["level"] or UNUSABLE, best)
    if all(errors):
        raise wrong_images(names, errors)
    one = None
    if together:
        one = await _together(model, outcomes, names, top)
    if explain:
        for number, record in enumerate(records):
            if number in ticket.squares:
                record["explanation"] = await _explained(model, service, waiting, ticket, number, record)
    return {"model": model_brief(model), "answers": records, "together": one}


async def _together(model: ServedModel, outcomes: Sequence[Outcome], names: Sequence[str], top: int) -> Record:
    from starlette.concurrency import run_in_threadpool

    good = [number for number, outcome in enumerate(outcomes) if outcome.error is None]
    used = [names[number] for number in good]
    try:
        answer = await run_in_threadpool(model.together, [outcomes[number] for number in good], top)
    except UserError as error:
        raise Problem(422, str(error)) from error
    return {**answer_record(answer, used[0], top), "names": used}


async def _explained(
    model: ServedModel, service: Service, waiting: PendingRequest, ticket: Ticket, number: int, record: Record
) -> Record:
    square, best = ticket.squares[number], record["candidates"][0]
    asked, future = ticket_of(
        service.batcher, lambda done: Ticket(model, covered(square), waiting.deadline, done, MAX_CANDIDATES)
    )
    require_room(service.batcher, asked.items)
    await waiting.through(service.batcher, asked, future)
    scores = []
    for outcome in asked.outcomes:
        assert outcome is not None
        candidates = outcome_record(model, outcome, "", MAX_CANDIDATES)["candidates"]
        scores.append(next((each["probability"] for each in candidates if each["product"] == best["product"]), 0.0))
    found = sensitivity(best["probability"], scores)
    return {
        "method": METHOD,
        "product": best["product"],
        "grid": [[float(value) for value in row] for row in found],
        "overlay": picture(square, found),
    }
