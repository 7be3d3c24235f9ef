"""Simulates the camera: blur, exposure, uneven light, glare, noise, and JPEG compression."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from shelfmind.arrays import Floats
from shelfmind.shelf_generator.shot import Shot


def take_photo(scene: Image.Image, shot: Shot, rng: np.random.Generator) -> Image.Image:
    """The photo of a scene with degradations by camera and lighting."""
    if shot.blur_px >= 0.3:
        scene = scene.filter(ImageFilter.GaussianBlur(shot.blur_px))
    sideways = rng.random() < 0.6
    if shot.motion_px >= 0.5:
        scene = scene.filter(ImageFilter.BoxBlur((shot.motion_px, 0.0) if sideways else (0.0, shot.motion_px)))
    pixels = np.asarray(scene).astype(np.float32)
    height, width, _ = pixels.shape
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    turn = float(rng.uniform(0, 2 * np.pi))
    slope = 0.5 * shot.unevenness
    light = shot.exposure * (1 + slope * np.float32(np.cos(turn)) * x + slope * np.float32(np.sin(turn)) * y)
    tint = 1 + shot.tint * (rng.permutation(3).astype(np.float32) - 1) / 2
    pixels *= light[..., None]
    pixels *= tint
    lamp, sensor = rng.spawn(2)
    if shot.glare:
        pixels += (255 - pixels) * _glare(x, y, shot.glare, lamp)[..., None]
    pixels += shot.noise * sensor.standard_normal((height, width, 1), np.float32)
    return Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8))


def _glare(x: Floats, y: Floats, peak: float, rng: np.random.Generator) -> Floats:
    """Coverage with white, 0..1: the spot of a lamp, or the streak of a tube across the picture."""
    cx, cy = (float(centre) for centre in rng.uniform(-0.6, 0.6, 2))
    wide, tall = float(rng.uniform(0.12, 0.45)), float(rng.uniform(0.15, 0.7))
    if rng.random() < 0.35:
        lean = float(rng.uniform(-0.6, 0.6))
        spot = np.exp(-(((x - cx - lean * y) / (0.4 * wide)) ** 2))
    else:
        spot = np.exp(-(((x - cx) / wide) ** 2) - ((y - cy) / tall) ** 2)
    return np.asarray(np.clip(peak * spot, 0, 1), np.float32)


def near_copy(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A near-duplicate of a photo, as found in real data sets: slightly cropped, brighter or darker, another size."""
    width, height = photo.size
    crop = rng.uniform(0, 0.04, 4) * np.array([width, height, width, height])
    box = (float(crop[0]), float(crop[1]), width - float(crop[2]), height - float(crop[3]))
    scale = float(rng.uniform(0.75, 1.1))
    size = max(16, round((box[2] - box[0]) * scale)), max(16, round((box[3] - box[1]) * scale))
    gain = float(rng.uniform(0.92, 1.08))
    return photo.resize(size, Image.Resampling.BICUBIC, box=box).point(lambda value: value * gain)


def encoded(photo: Image.Image, quality: int) -> bytes:
    """The photo as JPEG."""
    stream = BytesIO()
    photo.save(stream, "JPEG", quality=quality)
    return stream.getvalue()
