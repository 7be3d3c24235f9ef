"""The web page: static files that are the same for all users and fetch their content from the service."""

from __future__ import annotations

import hashlib
from functools import cache

from fastapi import APIRouter, Request, Response

from shelfmind.pages.web_files import SHARED_FILES, WebFile, web_files
from shelfmind.serving.problems import Problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOLDER = "serving/page"
_STYLES = ("batch.css", "gallery.css", "page.css", "recognise.css", "shelf.css")
_SCRIPTS = (
    "answer.js",
    "api.js",
    "batch.js",
    "boxes.js",
    "chinese.js",
    "chooser.js",
    "correction.js",
    "crops.js",
    "csv.js",
    "dialogs.js",
    "english.js",
    "enrolment.js",
    "gallery.js",
    "history.js",
    "intake.js",
    "main.js",
    "product.js",
    "recognise.js",
    "reports.js",
    "sending.js",
    "server_words.js",
    "session.js",
    "shelf.js",
    "stage.js",
    "tally.js",
    "words.js",
)
PAGE: dict[str, WebFile] = {
    "/": WebFile(f"{_FOLDER}/index.html"),
    **{
        f"/page/{name}": file
        for name, file in {**web_files(_FOLDER, (*_STYLES, *_SCRIPTS, "shelfmind.webmanifest")), **SHARED_FILES}.items()
    },
}
"""All files, by path."""
router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/page/{name:path}", methods=["GET", "HEAD"])
async def show_page(request: Request) -> Response:
    """Return a file of the page. Browsers cache it and revalidate it on each use."""
    file = PAGE.get(request.url.path)
    if file is None:
        raise Problem(404, "the page has no such file")
    tag = _tag(file)
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache", "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers, media_type=file.media_type)


@cache
def _tag(file: WebFile) -> str:
    return f'"{hashlib.sha256(file.content).hexdigest()[:32]}"'
