"""Layouts of package fronts, one per product line."""

from __future__ import annotations

from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of width and height."""


@dataclass(frozen=True)
class FrontLayout:
    """Positions of the printed elements. `upright` prints title and brand from top to bottom."""

    brand: Box
    title: Box
    picture: Box
    band: Box
    badge: Box
    ribbon: Box
    latin: Box
    size: Box
    upright: bool = False
    plate: Box | None = None
    """A light field under the wording."""


TALL = (
    FrontLayout(  # brand, name, picture, band
        brand=(0.07, 0.06, 0.93, 0.27),
        title=(0.06, 0.31, 0.94, 0.44),
        picture=(0.2, 0.46, 0.8, 0.73),
        band=(0.0, 0.75, 1.0, 0.855),
        badge=(0.66, 0.48, 0.96, 0.64),
        ribbon=(0.05, 0.655, 0.42, 0.72),
        latin=(0.06, 0.885, 0.55, 0.945),
        size=(0.56, 0.875, 0.95, 0.955),
    ),
    FrontLayout(  # a large picture below
        brand=(0.07, 0.05, 0.93, 0.2),
        title=(0.08, 0.23, 0.92, 0.36),
        picture=(0.12, 0.5, 0.88, 0.92),
        band=(0.08, 0.385, 0.92, 0.475),
        badge=(0.04, 0.49, 0.32, 0.62),
        ribbon=(0.58, 0.5, 0.97, 0.57),
        latin=(0.05, 0.935, 0.5, 0.985),
        size=(0.58, 0.925, 0.96, 0.985),
    ),
    FrontLayout(  # brand in the middle of a plate
        brand=(0.14, 0.32, 0.86, 0.5),
        title=(0.14, 0.52, 0.86, 0.63),
        picture=(0.25, 0.05, 0.75, 0.27),
        band=(0.0, 0.74, 1.0, 0.84),
        badge=(0.38, 0.85, 0.62, 0.98),
        ribbon=(0.3, 0.655, 0.7, 0.715),
        latin=(0.05, 0.87, 0.36, 0.94),
        size=(0.64, 0.87, 0.95, 0.94),
        plate=(0.08, 0.28, 0.92, 0.72),
    ),
    FrontLayout(  # name from top to bottom next to the picture
        brand=(0.06, 0.05, 0.94, 0.22),
        title=(0.62, 0.26, 0.9, 0.72),
        picture=(0.06, 0.28, 0.58, 0.6),
        band=(0.0, 0.76, 1.0, 0.87),
        badge=(0.1, 0.6, 0.4, 0.74),
        ribbon=(0.08, 0.24, 0.5, 0.295),
        latin=(0.06, 0.9, 0.5, 0.96),
        size=(0.55, 0.89, 0.94, 0.965),
        upright=True,
    ),
    FrontLayout(  # band on top, picture in the middle, brand below
        brand=(0.08, 0.6, 0.92, 0.8),
        title=(0.06, 0.81, 0.94, 0.91),
        picture=(0.15, 0.2, 0.85, 0.58),
        band=(0.0, 0.06, 1.0, 0.165),
        badge=(0.7, 0.18, 0.97, 0.32),
        ribbon=(0.03, 0.185, 0.4, 0.25),
        latin=(0.06, 0.925, 0.5, 0.975),
        size=(0.55, 0.92, 0.94, 0.98),
    ),
)
WIDE = (
    FrontLayout(  # wording on the left, picture on the right
        brand=(0.05, 0.08, 0.55, 0.38),
        title=(0.05, 0.42, 0.55, 0.62),
        picture=(0.58, 0.12, 0.96, 0.78),
        band=(0.0, 0.7, 0.62, 0.86),
        badge=(0.82, 0.06, 0.97, 0.4),
        ribbon=(0.04, 0.88, 0.3, 0.97),
        latin=(0.33, 0.89, 0.6, 0.96),
        size=(0.74, 0.84, 0.97, 0.95),
    ),
    FrontLayout(  # picture on the left
        brand=(0.42, 0.08, 0.94, 0.4),
        title=(0.42, 0.44, 0.94, 0.64),
        picture=(0.03, 0.14, 0.4, 0.84),
        band=(0.4, 0.72, 1.0, 0.88),
        badge=(0.28, 0.05, 0.42, 0.38),
        ribbon=(0.44, 0.9, 0.68, 0.98),
        latin=(0.05, 0.88, 0.35, 0.96),
        size=(0.74, 0.9, 0.96, 0.98),
    ),
    FrontLayout(  # everything on a plate between two pictures' edges
        brand=(0.2, 0.1, 0.62, 0.42),
        title=(0.2, 0.46, 0.62, 0.68),
        picture=(0.66, 0.18, 0.98, 0.86),
        band=(0.0, 0.0, 0.13, 1.0),
        badge=(0.6, 0.05, 0.74, 0.4),
        ribbon=(0.2, 0.72, 0.42, 0.84),
        latin=(0.2, 0.87, 0.42, 0.95),
        size=(0.46, 0.82, 0.64, 0.95),
        plate=(0.16, 0.06, 0.66, 0.97),
    ),
)
SPIRIT = (
    FrontLayout(  # a narrow label with the brand from top to bottom
        brand=(0.36, 0.08, 0.64, 0.62),
        title=(0.1, 0.64, 0.9, 0.74),
        picture=(0.68, 0.1, 0.96, 0.34),
        band=(0.0, 0.76, 1.0, 0.86),
        badge=(0.05, 0.32, 0.33, 0.52),
        ribbon=(0.04, 0.1, 0.34, 0.17),
        latin=(0.08, 0.885, 0.55, 0.94),
        size=(0.58, 0.88, 0.94, 0.95),
        upright=True,
    ),
    TALL[2],
)
