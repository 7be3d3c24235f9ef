"""Several appearances of one product: an old and a new design, the front and the back of the package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shelfmind.arrays import Ints
from shelfmind.shelf_generator.designs import Design
from shelfmind.shelf_generator.settings import Settings
from shelfmind.shelf_generator.vocabulary import PALETTES

FIRST, NEW_DESIGN, BACK = "", "new design", "back"
APPEARANCES = (FIRST, NEW_DESIGN, BACK)
"""What a photo may show of a product; a photo of a near-copy shows what its original does."""
_SHARE = (0.25, 0.5)
"""Of a product's photos that show a further appearance, if it has that."""


def choose_appearances(true: Ints, products: int, settings: Settings) -> Ints:
    """Which appearance each photo shows, as a position in `APPEARANCES`, shape (M,); `true` are the classes shown.

    Foreign objects and the class "others" have one appearance. Where a product has both, the back is that of the old
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
    """The design as it appears: a new design has another layout, ground and palette, and the same words and picture."""
    if appearance != NEW_DESIGN:
        return replace(design, appearance=appearance)
    seed = (design.line_seed + 1_000_003) % 2**31
    place = PALETTES.index(design.palette) if design.palette in PALETTES else 0
    palette = PALETTES[(place + 1 + seed % (len(PALETTES) - 1)) % len(PALETTES)]
    return replace(design, appearance=appearance, line_seed=seed, palette=palette)
