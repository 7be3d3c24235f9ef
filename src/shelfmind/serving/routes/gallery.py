"""``/v1/gallery``: read enrolled products."""

from __future__ import annotations

import hashlib
import io
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from PIL import Image
from starlette.responses import Response

from shelfmind.errors import UserError
from shelfmind.images.decoding import BadImage, open_image
from shelfmind.serving.problems import Problem
from shelfmind.serving.records import Record, gallery_record, photo_records
from shelfmind.serving.routes.access import Reader, TheService, problems
from shelfmind.serving.schemas import GallerySummary, HistoryPage, SkuPhotos, SkusPage

Sku = Annotated[str, Path(description="Name of a product, percent-encoded, including slashes.", max_length=300)]
Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Query(ge=1, le=1000)]
EDGES = (64, 128, 256, 512, 1024)
QUALITY = 82
BINARY = {"type": "string", "format": "binary"}
router = APIRouter(prefix="/v1/gallery", tags=["gallery"])


@router.get("", response_model=GallerySummary, responses=problems(404, 503), summary="Describe the gallery")
def describe_gallery(service: TheService, caller: Reader) -> Any:
    """Return its newest version and its size."""
    with service.served_gallery.read() as gallery:
        return gallery_record(gallery)


@router.get("/skus", response_model=SkusPage, responses=problems(404, 422, 503), summary="List or search products")
def list_skus(
    service: TheService,
    caller: Reader,
    search: Annotated[str, Query(max_length=300, description="Part of the name, case-insensitive.")] = "",
    after: Annotated[str | None, Query(max_length=300, description="Last name of the previous page.")] = None,
    limit: Count = 100,
) -> Any:
    """Return products, sorted by name."""
    with service.served_gallery.read() as gallery:
        wanted = search.casefold()
        names = sorted(sku for sku in gallery.state.products if wanted in sku.casefold())
        rest = [sku for sku in names if after is None or sku > after]
        rows = [_sku(sku, gallery.state.products[sku]) for sku in rest[:limit]]
    return {"skus": rows, "next": rest[limit - 1] if len(rest) > limit else None, "total": len(names)}


@router.get(
    "/skus/{sku:path}", response_model=SkuPhotos, responses=problems(404, 503), summary="List the photos of a product"
)
def show_sku(service: TheService, caller: Reader, sku: Sku) -> Any:
    """Return each photo with its checksum, which `/v1/gallery/photos` accepts."""
    return {"sku": sku, "photos": photo_records(service.served_gallery.require_product(sku))}


@router.get("/history", response_model=HistoryPage, responses=problems(404, 422, 503), summary="List changes")
def list_changes(
    service: TheService,
    caller: Reader,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="Only versions before this one.")] = None,
    limit: Count = 100,
) -> Any:
    """Return who changed what, when and why, newest first."""
    with service.served_gallery.read() as gallery:
        changes = [each for each in reversed(gallery.state.history) if before is None or each.version < before]
    rows = [vars(each) for each in changes[:limit]]
    return {"changes": rows, "next": rows[-1]["version"] if len(changes) > limit else None}


@router.get(
    "/photos/{sha256}",
    responses={
        200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}},
        **problems(404, 422, 503),
    },
    response_class=Response,
    summary="Get an enrolled photo",
)
def show_photo(
    request: Request,
    service: TheService,
    caller: Reader,
    sha256: Sha256,
    edge: Annotated[int, Query(description=f"Longer side in pixels: one of {', '.join(map(str, EDGES))}.")] = 256,
) -> Response:
    """Return a re-encoded JPEG with at most `edge` pixels on its longer side."""
    if edge not in EDGES:
        raise Problem(422, f"edge must be one of {', '.join(map(str, EDGES))}")
    tag = f'"{hashlib.sha256(f"{sha256} {edge}".encode()).hexdigest()[:32]}"'
    kept = {"ETag": tag, "Cache-Control": "private, max-age=3600"}
    with service.served_gallery.read() as gallery:
        if not gallery.state.skus_with(sha256):
            raise Problem(404, "no product has this photo", "gone")
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=kept)
        try:
            content = gallery.photo(sha256)
        except UserError:
            raise Problem(404, "this photo is damaged", "gone") from None
    return Response(_small(content, edge), media_type="image/jpeg", headers=kept)


def _small(content: bytes, edge: int) -> bytes:
    try:
        image = open_image(content, draft_size=(edge, edge))
    except BadImage:
        raise Problem(404, "this photo is damaged", "gone") from None
    image.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def _sku(sku: str, photos: Any) -> Record:
    return {"sku": sku, "photos": len(photos), "cover": next(iter(photos))}
