"""Further routes of the web page: sessions, corrections and reports."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from shelfmind.analysis.decisions import KINDS
from shelfmind.images.decoding import BadImage
from shelfmind.serving.callers import SESSION_S
from shelfmind.serving.problems import Problem
from shelfmind.serving.records import Record, correction_record
from shelfmind.serving.routes.access import AnyCaller, Reader, TheService, Writer, problems
from shelfmind.serving.schemas import (
    FORM,
    CorrectionRecord,
    CorrectionsPage,
    ReportsPage,
    SessionRecord,
    SessionRequest,
    multipart,
)
from shelfmind.serving.service import Service
from shelfmind.serving.uploads import Form, read_form, text_field

REPORT_POLICY = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "frame-ancestors 'self'"
)
"""Reports embed their styles, scripts and images. The sandbox isolates them from the session."""
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": multipart(
                {
                    "image": {**FORM["image"], "maxItems": 1},
                    "said": {"type": "string", "maxLength": 300, "description": "The recogniser's answer."},
                    "decision": {"type": "string", "enum": list(KINDS), "default": "relabel"},
                    "label": {"type": "string", "maxLength": 300, "description": "The correct product, of a relabel."},
                },
                ["image"],
            ),
        },
    }
}
router = APIRouter(tags=["page"])


@router.post("/v1/session", status_code=204, responses=problems(422), summary="Open a browser session")
async def open_session(request: Request, service: TheService, caller: AnyCaller, body: SessionRequest) -> Response:
    """Set an HttpOnly, same-site cookie. It expires after 12 hours, or when the key is revoked."""
    key = service.authenticator.keys.of_text(body.key.strip())
    if key is None:
        service.metrics.reject("auth")
        raise service.authenticator.wrong_key(caller.address)
    response = Response(status_code=204)
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    response.set_cookie(
        service.authenticator.cookie,
        service.authenticator.session_of(key),
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return response


@router.get("/v1/session", response_model=SessionRecord, responses=problems(), summary="Describe the caller")
async def show_session(service: TheService, caller: AnyCaller) -> Any:
    """Return the caller's name and role. The role is null if a key is needed and there is no session."""
    return {"name": caller.name, "role": caller.role, "needs_key": service.authenticator.needs_key}


@router.delete("/v1/session", status_code=204, responses=problems(), summary="Leave")
async def close_session(service: TheService, caller: AnyCaller) -> Response:
    """Delete the session cookie."""
    response = Response(status_code=204)
    response.delete_cookie(service.authenticator.cookie, httponly=True, samesite="strict")
    return response


@router.post(
    "/v1/corrections",
    status_code=201,
    response_model=CorrectionRecord,
    responses=problems(408, 409, 413, 415, 422, 503),
    openapi_extra=_BODY,
    summary="Correct an answer",
)
async def add_correction(request: Request, service: TheService, caller: Writer) -> Any:
    """Save the image and the decision. `shelfmind prepare` turns them into training data."""
    form = await read_form(request, 1)
    return await run_in_threadpool(_corrected, service, caller, form)


@router.post(
    "/v1/corrections/{id}/undo",
    response_model=CorrectionRecord,
    responses=problems(404, 409, 503),
    summary="Undo a correction",
)
def undo_correction(service: TheService, caller: Writer, id: str) -> Any:
    """Undo a correction. The log keeps both entries."""
    try:
        found = service.written(
            caller, "correction.undo", {"id": id[:64]}, lambda: service.corrections.take_back(id, caller.name)
        )
    except LookupError:
        raise Problem(404, "there is no such correction, or it has been undone", "gone") from None
    return correction_record(found)


@router.get("/v1/corrections", response_model=CorrectionsPage, responses=problems(422, 503), summary="Corrections")
def list_corrections(service: TheService, caller: Reader, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Any:
    """Return the active corrections, newest first."""
    found = service.corrections.standing()
    return {"corrections": [correction_record(each) for each in found[:limit]], "total": len(found)}


@router.get("/v1/reports", response_model=ReportsPage, responses=problems(), summary="List reports")
def list_reports(service: TheService, caller: Reader) -> Any:
    """Return the available reports of the run, its gallery and the audit."""
    there = [(name, title) for name, (title, path) in service.reports.items() if path.is_file()]
    return {"reports": [{"name": name, "title": title, "href": f"/v1/reports/{name}"} for name, title in there]}


@router.get(
    "/v1/reports/{name}",
    responses={200: {"content": {"text/html": {"schema": {"type": "string"}}}}, **problems(404)},
    response_class=Response,
    summary="Get a report",
)
def show_report(service: TheService, caller: Reader, name: str) -> Response:
    """Return a self-contained HTML page."""
    _, path = service.reports.get(name, (None, None))
    try:
        content = b"" if path is None else path.read_bytes()
    except OSError:
        content = b""
    if not content:
        raise Problem(404, "there is no such report", "gone")
    headers = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "private, no-cache"}
    return Response(content, media_type="text/html", headers=headers)


def _corrected(service: Service, caller: Any, form: Form) -> Record:
    if len(form.images) != 1:
        raise Problem(422, "send one image")
    image = form.images[0]
    predicted, label = (
        text_field(form.fields, "said", "", 300).strip(),
        text_field(form.fields, "label", "", 300).strip(),
    )
    decision = text_field(form.fields, "decision", "relabel" if label else "keep")
    try:
        service.models.current.square(image.content, service.limits.pixels)
        what = {"image": image.name, "said": predicted, "decision": decision, "label": label}
        made = service.written(
            caller,
            "correction.add",
            what,
            lambda: service.corrections.add(image.content, predicted, decision, label or None, caller.name),
        )
    except BadImage as error:
        raise Problem(422, f"the image cannot be used: {error.reason}") from error
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return correction_record(made)
