"""``/v1/gallery``: enrol, rename, merge, remove and restore. Each change is one version and is logged for audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from shelfmind.gallery.gallery import MAX_NAME_LENGTH, Gallery
from shelfmind.gallery.plan import Attribution, ChangeOutcome
from shelfmind.serving.callers import Caller
from shelfmind.serving.problems import Problem
from shelfmind.serving.records import Record, finding_record, gallery_record
from shelfmind.serving.routes.access import TheService, Writer, problems
from shelfmind.serving.routes.gallery import Sku
from shelfmind.serving.schemas import (
    FORM,
    ChangeRecord,
    EnrolmentRequest,
    MergeRequest,
    RenameRequest,
    RollbackRequest,
    multipart,
)
from shelfmind.serving.service import Service
from shelfmind.serving.uploads import Form, read_form, switch_field, text_field

Reason = Annotated[str, Query(max_length=1000)]
SCHEMAS = (EnrolmentRequest,)
"""Records that only the OpenAPI description refers to."""
OPTIONS: dict[str, Any] = {
    "strict": {"type": "boolean", "default": True},
    "reason": {"type": "string", "maxLength": 1000},
}
_FIELDS = {"sku": {"type": "string", "minLength": 1, "maxLength": MAX_NAME_LENGTH}, "photo": FORM["image"], **OPTIONS}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": multipart(_FIELDS, ["sku", "photo"]),
            "application/json": {"schema": {"$ref": "#/components/schemas/EnrolmentRequest"}},
        },
    },
    "parameters": [
        {"in": "query", "name": name, "required": False, "schema": schema} for name, schema in OPTIONS.items()
    ],
}
router = APIRouter(prefix="/v1/gallery", tags=["gallery"])


@router.post(
    "/skus",
    status_code=201,
    response_model=ChangeRecord,
    responses={
        200: {"model": ChangeRecord, "description": "All photos were already enrolled"},
        **problems(404, 408, 409, 413, 415, 422, 503),
    },
    openapi_extra=_BODY,
    summary="Enrol photos of a product",
)
async def enrol_photos(request: Request, response: Response, service: TheService, caller: Writer) -> Any:
    """Enrol a new product, or more photos of an existing one.

    If the guard has findings, the enrolment is refused (409, with the findings) unless `strict` is false. In that case
    they are returned as warnings.
    """
    gallery = service.served_gallery
    form = await read_form(request, service.limits.images)
    sku, reason = _name(form), text_field(form.fields, "reason", "")
    strict = switch_field(form.fields, "strict", True)
    what = {"sku": sku, "photos": [image.name for image in form.images], "strict": strict, "reason": reason}

    def do() -> ChangeOutcome:
        return gallery.enrol(sku, form.images, Attribution(caller.name, reason), strict)

    changed = await run_in_threadpool(_changed, service, caller, "gallery.enrol", what, do)
    if changed["version"] is None:
        response.status_code = 200
    return changed


@router.patch(
    "/skus/{sku:path}", response_model=ChangeRecord, responses=problems(404, 409, 422, 503), summary="Rename a product"
)
def rename_sku(service: TheService, caller: Writer, sku: Sku, body: RenameRequest) -> Any:
    """Give a product a new, unused name."""
    service.served_gallery.require_product(sku)
    _require_name(body.name)
    what = {"sku": sku, "name": body.name, "reason": body.reason}
    return _done(service, caller, "gallery.rename", what, lambda gallery, by: gallery.rename(sku, body.name, by))


@router.delete(
    "/skus/{sku:path}",
    response_model=ChangeRecord,
    responses=problems(404, 409, 422, 503),
    summary="Remove a product or some of its photos",
)
def remove_sku(
    service: TheService,
    caller: Writer,
    sku: Sku,
    photo: Annotated[
        list[str], Query(max_length=1000, description="Checksums, or at least their first 8 digits.")
    ] = [],  # noqa: B006
    reason: Reason = "",
) -> Any:
    """Remove a product or photos. Restoring an earlier version undoes it."""
    there = service.served_gallery.require_product(sku)
    for each in photo:
        if not any(entry.photo == each or (len(each) >= 8 and entry.sha256.startswith(each)) for entry in there):
            raise Problem(404, f"the product has no photo {each[:64]}", "gone")
    what = {"sku": sku, "photos": photo, "reason": reason}
    return _done(service, caller, "gallery.remove", what, lambda gallery, by: gallery.remove(sku, by, photo))


@router.post("/merge", response_model=ChangeRecord, responses=problems(404, 409, 422, 503), summary="Merge products")
def merge_skus(service: TheService, caller: Writer, body: MergeRequest) -> Any:
    """Merge products into one: one of them, another existing product, or a new name."""
    for sku in body.skus:
        service.served_gallery.require_product(sku)
    _require_name(body.into)
    what = body.model_dump()
    return _done(service, caller, "gallery.merge", what, lambda gallery, by: gallery.merge(body.skus, body.into, by))


@router.post(
    "/rollback",
    response_model=ChangeRecord,
    responses=problems(404, 409, 422, 503),
    summary="Restore an earlier version",
)
def roll_back(service: TheService, caller: Writer, body: RollbackRequest) -> Any:
    """Restore a version. Later changes stay in the history."""
    with service.served_gallery.read() as gallery:
        first, last = gallery.state.first_version, gallery.state.version
    if not first <= body.version <= last:
        raise Problem(404, f"the gallery has versions {first} to {last}", "gone")
    return _done(
        service, caller, "gallery.rollback", body.model_dump(), lambda gallery, by: gallery.roll_back(body.version, by)
    )


def _done(
    service: Service,
    caller: Caller,
    action: str,
    what: Mapping[str, Any],
    do: Callable[[Gallery, Attribution], ChangeOutcome],
) -> Record:
    by = Attribution(caller.name, str(what["reason"]))
    return _changed(service, caller, action, what, lambda: service.served_gallery.change(lambda each: do(each, by)))


def _changed(
    service: Service, caller: Caller, action: str, what: Mapping[str, Any], do: Callable[[], ChangeOutcome]
) -> Record:
    outcome = service.written(caller, action, what, do)
    service.after_change()
    with service.served_gallery.read() as gallery:
        now = gallery_record(gallery)
    return {
        "version": outcome.version,
        "detail": outcome.detail,
        "warnings": list(outcome.warnings),
        "findings": [finding_record(each) for each in outcome.findings],
        "gallery": now,
    }


def _name(form: Form) -> str:
    sku = text_field(form.fields, "sku", longest=MAX_NAME_LENGTH)
    _require_name(sku)
    return sku


def _require_name(sku: str) -> None:
    if not sku.strip() or sku != sku.strip() or not sku.isprintable():
        raise Problem(422, "a product's name must be printable, without leading or trailing spaces")
