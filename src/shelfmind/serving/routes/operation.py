"""Routes for operators: the model, probes and metrics."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Response

from shelfmind.errors import UserError
from shelfmind.serving.metrics import TYPE
from shelfmind.serving.problems import Problem
from shelfmind.serving.records import gallery_record, model_brief
from shelfmind.serving.routes.access import Admin, Reader, TheService, problems
from shelfmind.serving.schemas import ModelRecord, ReloadRecord, StatusRecord

LOG = logging.getLogger("shelfmind.serving")
router = APIRouter(tags=["operation"])


@router.get("/v1/model", response_model=ModelRecord, responses=problems(503), summary="Describe the model")
def describe_model(service: TheService, caller: Reader) -> Any:
    """Return the current model, its classes and the limits of a request."""
    now, limits = service.models.current, service.limits
    gallery = None
    if service.gallery is not None:
        with service.gallery.read() as opened:
            gallery = gallery_record(opened)
    predictor = now.predictor
    return {
        **model_brief(now),
        "name": predictor.place.name,
        "engine_version": predictor.engine.version,
        "precision": now.precision,
        "classes": len(predictor.class_names),
        "class_names": list(predictor.class_names),
        "views": list(predictor.tta),
        "temperature": predictor.temperature,
        "loaded_at": now.loaded_at,
        "gallery": gallery,
        "limits": {
            "max_images": limits.images,
            "max_body_bytes": limits.body_bytes,
            "max_pixels": limits.pixels,
            "queue": limits.queue,
        },
        "version": version("shelfmind"),
        "trouble": None if service.models.trouble is None else "a new run or gallery could not be loaded; see the log",
    }


@router.post(
    "/v1/model/reload",
    response_model=ReloadRecord,
    responses=problems(409, 503),
    summary="Reload the run and the gallery",
)
def reload_model(service: TheService, caller: Admin) -> Any:
    """Load a new run or gallery now. If that fails (409), the current ones continue to serve."""

    def do() -> Any:
        try:
            return service.models.reload()
        except UserError as error:
            raise UserError(f"the new run or gallery cannot be loaded: {error}") from error

    try:
        found = service.written(caller, "model.reload", {}, do)
    except Problem as problem:
        if problem.status_code == 409:  # otherwise the reason is in the log already
            LOG.warning("%s", problem.detail)
        raise Problem(409, "the new run or gallery cannot be loaded; see the log") from problem
    if found.changed:
        service.notify_others()
    return {**model_brief(found.model), "changed": found.changed}


@router.get("/healthz", response_model=StatusRecord, summary="Liveness probe")
async def health(service: TheService) -> Any:
    """Return 200 as long as the process responds."""
    return {"status": "ok"}


@router.get("/readyz", response_model=StatusRecord, responses=problems(503), summary="Readiness probe")
async def ready(service: TheService) -> Any:
    """Return 200, or 503 once the service is shutting down."""
    if service.stopping:
        raise Problem(503, "the service is shutting down", "not-ready", 1)
    return {"status": "ready"}


@router.get(
    "/metrics",
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
    response_class=Response,
    summary="Metrics for Prometheus",
)
def metrics(service: TheService, caller: Reader) -> Response:
    """Return the metrics, summed over all processes of the service."""
    return Response(service.metrics.text(), headers={"Content-Type": TYPE})
