"""The difficulty of a photo: every factor as a number, sampled at its level in the settings."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from shelfmind.shelf_generator.settings import Settings


@dataclass(frozen=True)
class Shot:
    """The difficulty factors of one photo, as recorded in `truth.csv`.

    `yaw_deg`, `pitch_deg` (positive: seen from above) and `tilt_deg` are angles; `perspective` is the greatest corner
    displacement and `occlusion` the occluded part, as shares of the product; `exposure` is a gain, `tint` the largest
    difference between two channels' gains, `unevenness` the change of light from edge to edge; `glare` is its peak in
    0..1; `blur_px` is the radius of defocus and `motion_px` that of a horizontal or vertical motion blur; `noise`
    is a standard deviation in grey levels; `jpeg_quality` is Pillow's; `neighbours` is the number of products next to
    or behind it.

    `turned_deg` and `askew_deg` are the measured results of `tilt_deg` and `perspective`, whose random corner
    displacements may also rotate the package, or have little effect: see `scene.Scene`.
    """

    yaw_deg: float
    pitch_deg: float
    tilt_deg: float
    perspective: float
    exposure: float
    tint: float
    unevenness: float
    glare: float
    occlusion: float
    blur_px: float
    motion_px: float
    noise: float
    jpeg_quality: int
    neighbours: int
    long_side_px: int
    turned_deg: float = 0.0
    askew_deg: float = 0.0


SHOT_COLUMNS = tuple(field.name for field in fields(Shot))


def sample_shot(settings: Settings, rng: np.random.Generator) -> Shot:
    """Sample every factor; each grows smoothly with its level, because all levels use the same random numbers."""
    angle, blur, exposure = settings.level("angle"), settings.level("blur"), settings.level("exposure")
    long_side = int(rng.integers(settings.long_side[0], settings.long_side[1] + 1))
    yaw, pitch, tilt = np.clip(rng.normal(0, 1, 3), -2.2, 2.2)
    corner = rng.beta(1.5, 4)
    gain, tint, uneven = np.clip(rng.normal(0, 1, 3), -2.2, 2.2)
    shines, peak, hides, share = rng.random(4)
    softness, moves, movement = abs(rng.normal()), rng.random(), rng.random()
    grain, squeeze = rng.random(2)
    sides = rng.random(3)
    glare, occlusion = settings.level("glare"), settings.level("occlusion")
    return Shot(
        yaw_deg=round(32 * angle * yaw, 1),
        pitch_deg=round(4 * min(1, 3 * angle) + 13 * angle * pitch, 1),
        tilt_deg=round(7 * angle * tilt, 1),
        perspective=round(0.4 * settings.level("perspective") * corner, 3),
        exposure=round(float(np.exp(0.7 * exposure * gain)), 3),
        tint=round(0.2 * exposure * abs(tint), 3),
        unevenness=round(0.6 * exposure * abs(uneven), 3),
        glare=round(0.25 + (0.35 + 0.4 * glare) * peak, 2) if shines < glare else 0.0,
        occlusion=round(0.04 + (0.08 + 0.5 * occlusion) * share, 3) if hides < occlusion else 0.0,
        blur_px=round(0.013 * blur * min(softness, 2.5) * long_side, 2),
        motion_px=round(0.022 * blur * movement * long_side, 2) if moves < 0.5 * blur else 0.0,
        noise=round(20 * settings.level("noise") * (0.2 + 0.8 * grain), 1),
        jpeg_quality=round(95 - 85 * settings.level("jpeg") * (0.15 + 0.85 * squeeze)),
        neighbours=int((sides < settings.level("clutter") * np.array([1, 1, 0.5])).sum()),
        long_side_px=long_side,
    )
