"""Test-time augmentation (TTA) views, over which predictions are averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shelfmind.errors import unknown_name
from shelfmind.images.squares import Square

CENTRE_SHARE = 0.84
CROP_SHARE = 0.84
SCALES = (1.0, 0.85, 1.2)
BRIGHTNESSES = (1.0, 0.8, 1.2)


@dataclass(frozen=True)
class View:
    """A test-time view of an image.

    Attributes:
        scale: size as a factor of the evaluation size.
        share: share of each side that is kept.
        position: position of that part, from 0 to 1 from left to right and from top to bottom.
        brightness: factor on all values.
        flip: whether the image is mirrored.
    """

    scale: float = 1.0
    share: float = 1.0
    position: tuple[float, float] = (0.5, 0.5)
    brightness: float = 1.0
    flip: bool = False


def _flipped(views: list[View]) -> list[View]:
    return views + [replace(view, flip=True) for view in views]


def _centred(views: list[View]) -> list[View]:
    return views + [replace(view, share=CENTRE_SHARE) for view in views]


def _cropped(views: list[View]) -> list[View]:
    positions = [(0.5, 0.5), (0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)]
    return views + [replace(view, share=CROP_SHARE, position=position) for position in positions for view in views]


def _scaled(views: list[View]) -> list[View]:
    return [replace(view, scale=scale) for scale in SCALES for view in views]


def _coloured(views: list[View]) -> list[View]:
    return [replace(view, brightness=brightness) for brightness in BRIGHTNESSES for view in views]


VIEWS: dict[str, Callable[[list[View]], list[View]]] = {
    "flip": _flipped,
    "centre": _centred,
    "crops": _cropped,
    "scale": _scaled,
    "colour": _coloured,
}


def test_time_views(names: Sequence[str]) -> list[View]:
    """Return the plain view, multiplied by the views in `names` (see `VIEWS`)."""
    views = [View()]
    for name in names:
        if name not in VIEWS:
            raise unknown_name("test-time view", name, VIEWS)
        views = list(dict.fromkeys(VIEWS[name](views)))
    return views


def apply_view(image: Square, view: View) -> Square:
    """Crop a square and adjust its brightness as the view requires. Scale and flip are applied later."""
    part = image
    if view.share != 1.0:
        side = round(image.shape[0] * view.share)
        left, top = (int((image.shape[0] - side) * position) for position in view.position)
        part = image[top : top + side, left : left + side]
    if view.brightness != 1.0:
        part = np.clip(part * np.float32(view.brightness), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(part) if part is not image else image
