"""Thumbnails embedded in reports."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from shelfmind.images.decoding import BadImage, open_image

EDGE = 128  # shown at 96 CSS pixels: extra detail for high-density screens


def thumbnail(source: Path | bytes) -> str | None:
    """Return an image, given as a file or as encoded bytes, as a JPEG ``data:`` URI of at most 128 pixels.

    None if it cannot be opened.
    """
    try:
        image = open_image(source)
    except (BadImage, OSError):
        return None
    return data_uri(image)


def data_uri(image: Image.Image, edge: int = EDGE) -> str:
    """Return the image as a JPEG ``data:`` URI with a longer side of at most `edge` pixels; `image` is not changed."""
    small = image.copy()
    small.thumbnail((edge, edge), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=76, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
