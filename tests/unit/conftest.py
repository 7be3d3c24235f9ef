"""A made-up photo for the tests that look at pixels."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

MakePhoto = Callable[..., Image.Image]


@pytest.fixture(scope="session")
def make_photo() -> MakePhoto:
    """A photo of this seed: textures of all sizes, coloured boxes and lines, no two seeds alike; RGB."""

    def make(seed: int, width: int = 220, height: int = 180) -> Image.Image:
        rng = np.random.default_rng(seed)
        pixels = np.full((height, width, 3), 110.0)
        for side in (3, 6, 12, 24, 48, 96):
            noise = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).resize((width, height))
            pixels += (np.asarray(noise, np.float32) - 128) * 0.28
        photo = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        draw = ImageDraw.Draw(photo)
        for _ in range(8):
            x, y = rng.integers(0, width), rng.integers(0, height)
            colour = tuple(int(value) for value in rng.integers(0, 230, 3))
            draw.rectangle((x, y, x + int(rng.integers(8, 60)), y + int(rng.integers(8, 60))), fill=colour)
            draw.line((x, y, int(rng.integers(0, width)), int(rng.integers(0, height))), fill=colour, width=2)
        return photo.filter(ImageFilter.GaussianBlur(0.5))

    return make


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """An image as the bytes of a file."""

    def encode(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
        stream = io.BytesIO()
        image.save(stream, kind, **options)  # type: ignore[arg-type]
        return stream.getvalue()

    return encode
