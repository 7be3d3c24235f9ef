"""Multiple appearances of one product: an old and a new design, the front and the back of the package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.settings import Settings
from shelfmind.shelf_generator.vocabulary import PALETTES

FIRST, NEW_DESIGN, BACK = "", "new design", "back"
APPEARANCES = (FIRST, NEW_DESIGN, BACK)
"""The appearances of a product; a near-duplicate has the appearance of its original."""
_SHARE = (0.25, 0.5)
"""Share of a product's photos that show an additional appearance, if it has one."""


def choose_appearances(true: Ints, products: int, settings: Settings) -> Ints:
    """The appearance of each photo, as an index into `APPEARANCES`, shape (M,); `true` are the classes shown.

    Foreign objects and the class "others" have one appearance. If a product has both, the back is that of the old
    design.
    """
    chosen = np.zeros(len(true), np.int64)
    for appearance, share in ((1, settings.redesigned), (2, settings.backs)):
        rng = np.random.default_rng([settings.seed, 9, appearance])
        has_it, of_photos = rng.random(products) < share, rng.uniform(*_SHARE, products)
        shown = rng.random(len(true))
        among = (true >= 0) & (true < products) & (chosen == 0)
        rows = np.flatnonzero(among)
        own = true[rows]
        chosen[rows[has_it[own] & (shown[rows] < of_photos[own])]] = appearance
    return chosen


def appearing(design: Design, appearance: str) -> Design:
    """The design in this appearance: a new design has another layout, ground and palette, and the same words and
    picture."""
    if appearance != NEW_DESIGN:
        return replace(design, appearance=appearance)
    seed = (design.line_seed + 1_000_003) % 2**31
    index = PALETTES.index(design.palette) if design.palette in PALETTES else 0
    palette = PALETTES[(index + 1 + seed % (len(PALETTES) - 1)) % len(PALETTES)]
    return replace(design, appearance=appearance, line_seed=seed, palette=palette)
