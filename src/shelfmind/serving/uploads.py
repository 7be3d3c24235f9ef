"""Parse the images and options of a request: multipart, JSON with base64, or a single raw image."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from shelfmind.nouns import counted
from shelfmind.serving.multipart import parts
from shelfmind.serving.problems import Problem
from shelfmind.structured_text import parse_json

INLINE_BYTES = 1 << 18
"""Bodies up to this size are parsed in the event loop, larger ones in a thread."""
MAX_OTHER_PARTS = 32
MAX_TEXT_BYTES = 1 << 16
MAX_NAME_LENGTH = 255
_PLAIN = frozenset({"", "application/octet-stream"})
_ENCODED_NAME = re.compile(rb";\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Image:
    """An encoded image and its file name."""

    name: str
    content: bytes


@dataclass
class Form:
    """The images and other fields of a request."""

    images: list[Image] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)


async def read_form(request: Request, most_images: int) -> Form:
    """Read and parse the body of a request. Fields of the body override those of the query.

    Raises:
        Problem: unsupported media type, malformed body, or too many images.
    """
    body = await request.body()
    media_type = request.headers.get("content-type", "")
    query = dict(request.query_params)
    if len(body) > INLINE_BYTES:
        return await run_in_threadpool(parse_form, body, media_type, query, most_images)
    return parse_form(body, media_type, query, most_images)


def parse_form(body: bytes, media_type: str, query: Mapping[str, Any], most_images: int) -> Form:
    """See `read_form`."""
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = _of_multipart(body, media_type, most_images)
    elif kind == "application/json":
        form = _of_json(body, most_images)
    elif kind.startswith("image/") or kind in _PLAIN:
        form = Form([Image("image", body)] if body else [])
    else:
        raise Problem(415, "send multipart/form-data, application/json or image/*")
    return Form(form.images, {**query, **form.fields})


def _of_multipart(body: bytes, media_type: str, most_images: int) -> Form:
    from python_multipart.multipart import parse_options_header

    _, options = parse_options_header(media_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise Problem(400, "multipart/form-data must name its boundary")
    form, others = Form(), 0
    for part in parts(body, boundary):
        disposition = part.headers.get(b"content-disposition", b"")
        _, options = parse_options_header(disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        file = _file_name(disposition, options)
        if file is not None or name.removesuffix("s") in ("image", "photo"):
            _require_few(len(form.images) + 1, most_images)
            form.images.append(Image(_clean_name(file or "", len(form.images)), part.content))
            continue
        others += 1
        if others > MAX_OTHER_PARTS or len(part.content) > MAX_TEXT_BYTES:
            raise Problem(400, "too many other fields, or a field is too long")
        form.fields[name] = part.content.decode("utf-8", "replace")
    return form


def _file_name(disposition: bytes, options: Mapping[bytes, bytes]) -> str | None:
    """Return the file name, plain as browsers send it or percent-encoded (RFC 5987)."""
    plain = options.get(b"filename")
    if plain is not None:
        return plain.decode("utf-8", "replace")
    encoded = _ENCODED_NAME.search(disposition)
    return None if encoded is None else unquote_to_bytes(encoded[1]).decode("utf-8", "replace")


def _of_json(body: bytes, most_images: int) -> Form:
    try:
        content = parse_json(body or b"{}")
    except ValueError:
        raise Problem(400, "the body is not valid JSON") from None
    if not isinstance(content, dict):
        raise Problem(422, "the body must be a JSON object")
    found: list[Any] = []
    for name in ("image", "images", "photo", "photos"):
        given = content.pop(name, [])
        found += given if isinstance(given, list) else [given]
    _require_few(len(found), most_images)
    return Form([_image(each, number) for number, each in enumerate(found)], content)


def _image(given: Any, number: int) -> Image:
    named = given if isinstance(given, dict) else {"content": given}
    text, name = named.get("content"), named.get("name", "")
    if not isinstance(text, str) or not isinstance(name, str):
        raise Problem(422, 'an image must be base64 or {"name": ..., "content": base64}')
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return Image(_clean_name(name, number), base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        raise Problem(422, f"image {number} is not valid base64") from None


def _require_few(images: int, most: int) -> None:
    if images > most:
        raise Problem(413, f"a request may have at most {counted(most, 'image')}", "too-large")


def _clean_name(name: str, number: int) -> str:
    """Return a file name without folders and unprintable characters. It is for display only and never opened."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(each for each in last if each.isprintable())[:MAX_NAME_LENGTH] or f"image {number}"


def number_field(fields: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    """Return a field as an integer. Raises `Problem` for anything else."""
    given = fields.get(name, default)
    text = str(given).strip()
    if isinstance(given, bool) or not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise _invalid(name, f"must be a whole number from {low} to {high}")
    if not low <= int(text) <= high:
        raise _invalid(name, f"must be from {low} to {high}")
    return int(text)


def switch_field(fields: Mapping[str, Any], name: str, default: bool = False) -> bool:
    """Return a field as a boolean. Raises `Problem` for anything else."""
    given = str(fields.get(name, default)).strip().lower()
    if given not in ("true", "false", "1", "0"):
        raise _invalid(name, "must be true or false")
    return given in ("true", "1")


def text_field(fields: Mapping[str, Any], name: str, default: str | None = None, longest: int = 1000) -> str:
    """Return a field as text. Raises `Problem` for anything else, or if it is missing and has no default."""
    given = fields.get(name, default)
    if not isinstance(given, str):
        raise _invalid(name, "is missing" if given is None else "must be text")
    if len(given) > longest or any(ord(each) < 32 or 0xD800 <= ord(each) < 0xE000 for each in given):
        raise _invalid(name, f"must be at most {longest} printable characters")
    return given


def _invalid(name: str, what: str) -> Problem:
    return Problem(422, f"{name} {what}", more={"errors": [{"where": name, "what": what}]})


def wrong_images(names: Sequence[str], errors: Sequence[str | None]) -> Problem:
    """Return the error that no image can be used, with the reason for each."""
    more = [{"where": name, "what": error} for name, error in zip(names, errors, strict=True) if error]
    first = f": {more[0]['where']}: {more[0]['what']}" if more else ""
    return Problem(422, f"no image can be used{first}", more={"errors": more})
