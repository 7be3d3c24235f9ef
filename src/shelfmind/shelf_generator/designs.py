"""Designs products from a seed: brands, and for each brand a product line of easily confused siblings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shelfmind.shelf_generator.proportions import HIGHEST, LOWEST, body_ratio, ratio_at, spread_rank
from shelfmind.shelf_generator.settings import MAX_CLASSES, Settings
from shelfmind.shelf_generator.vocabulary import (
    BRAND_FIRST,
    BRAND_SECOND,
    CATEGORIES,
    DEPTHS,
    LATIN_FIRST,
    LATIN_SECOND,
    PALETTES,
    WORDINGS,
    Category,
    Colour,
    Flavour,
    Palette,
)

_OTHERS_FROM = 1_000_000  # lines of products for the class "others"


@dataclass(frozen=True)
class Design:
    """One product: everything that determines its artwork and package.

    Siblings share `line`, `line_seed`, brand and palette. `ratio` is height / width as photos show it. `differs` is the
    only difference from the first product of the line: flavour, wording, strength, size, or nothing. `band` is the
    colour of the flavour's band and `motif` the picture, which all flavours share in some lines. `appearance` is the
    rendered one of `appearances.APPEARANCES`.
    """

    name: str
    category: Category
    flavour: Flavour
    wording: str
    strength: str
    size: str
    ratio: float
    brand: str
    brand_latin: str
    palette: Palette
    line: int
    line_seed: int
    band: Colour
    motif: str
    differs: str = ""
    appearance: str = ""

    @property
    def body(self) -> float:
        """Height / width of the package itself."""
        shape = self.category.shape
        bag = self.category.package == "pouch"
        return body_ratio(self.ratio, 0.0 if bag else DEPTHS.get(shape, 1.0), shape in DEPTHS)

    @property
    def title(self) -> str:
        """The product name on the package, without the brand: 绿茶."""
        return self.flavour.chinese + self.category.chinese


def designs(count: int, settings: Settings) -> tuple[Design, ...]:
    """The first `count` products of the settings' seed, each with a unique name; a larger count only appends."""
    endless = _products(settings, 0)
    return tuple(next(endless) for _ in range(count))


def hidden_designs(count: int, settings: Settings) -> tuple[Design, ...]:
    """Products for the class "others": one per line, none of them in `designs`."""
    named = {design.name for design in designs(min(settings.classes, MAX_CLASSES), settings)}
    alone = settings.model_copy(update={"family_size": 1})
    endless = (design for design in _products(alone, _OTHERS_FROM) if design.name not in named)
    return tuple(next(endless) for _ in range(count))


def _products(settings: Settings, first_line: int) -> Iterator[Design]:
    """Product lines one after the other; proportions follow RP2K's, and package types alternate."""
    names: set[str] = set()
    used: Counter[Category] = Counter()
    offset = float(np.random.default_rng([settings.seed, 0, first_line]).random())
    line = first_line
    while True:
        rng = np.random.default_rng([settings.seed, 1, line])
        ratio = ratio_at(spread_rank(line - first_line, offset))
        category = _category(ratio, used, rng)
        used[category] += 1
        for design in _siblings(_first_of_line(category, ratio, line, rng), settings, rng):
            if design.name not in names:
                names.add(design.name)
                yield design
        line += 1


def _category(ratio: float, used: Counter[Category], rng: np.random.Generator) -> Category:
    """A product category with these proportions, among the least used packages and categories."""
    fitting = [category for category in CATEGORIES if category.proportions[0] <= ratio <= category.proportions[1]]
    packages = Counter({category.package: 0 for category in fitting})
    for category, times in used.items():
        packages[category.package] += times
    order = rng.permutation(len(fitting))
    shuffled: list[Category] = [fitting[i] for i in order]
    shuffled.sort(key=lambda one: (packages[one.package] + 6 * used[one], used[one]))
    return shuffled[0]


def _first_of_line(category: Category, ratio: float, line: int, rng: np.random.Generator) -> Design:
    flavour = category.flavours[rng.integers(len(category.flavours))]
    first, second = int(rng.integers(len(BRAND_FIRST))), int(rng.integers(len(BRAND_SECOND)))
    latin = LATIN_FIRST[first % len(LATIN_FIRST)] + LATIN_SECOND[(first // len(LATIN_FIRST) + second) % 16]
    return _named(
        Design(
            name="",
            category=category,
            flavour=flavour,
            wording="",
            strength=category.strengths[rng.integers(len(category.strengths))],
            size=category.sizes[rng.integers(len(category.sizes))],
            ratio=ratio,
            brand=BRAND_FIRST[first] + BRAND_SECOND[second],
            brand_latin=latin,
            palette=PALETTES[(7 * first + second) % len(PALETTES)],
            line=line,
            line_seed=int(rng.integers(2**31)),
            band=flavour.colour,
            motif=flavour.motif,
        )
    )


def _siblings(base: Design, settings: Settings, rng: np.random.Generator) -> list[Design]:
    """The line: its first product and others that differ from it in one property each."""
    count = int(rng.integers(1, settings.family_size + 1))
    own_pictures = bool(rng.random() < settings.sibling_difference)
    variants = [_in_flavour(base, one, settings.sibling_difference, own_pictures) for one in _others(base)]
    variants += _variants(base, settings.size_difference, rng)
    kinds = {"flavour": 3.0, "strength": 3.0, "size": 1.5, "wording": 0.6}
    # An exponential race: likelier variants come first, in a different order for each line.
    order = np.argsort(rng.exponential(size=len(variants)) / [kinds[one.differs] for one in variants])
    return [base, *(_named(variants[i]) for i in order[: count - 1])]


def _others(base: Design) -> list[Flavour]:
    return [flavour for flavour in base.category.flavours if flavour != base.flavour]


def _in_flavour(base: Design, flavour: Flavour, difference: float, own_picture: bool) -> Design:
    red, green, blue = (round(a + (b - a) * difference) for a, b in zip(base.band, flavour.colour, strict=True))
    motif = flavour.motif if own_picture else base.motif
    return replace(base, flavour=flavour, band=(red, green, blue), motif=motif, differs="flavour")


def _variants(base: Design, size_difference: float, rng: np.random.Generator) -> list[Design]:
    """Variants that differ in strength, in one of two wordings, or in size."""
    category = base.category
    found = [replace(base, strength=one, differs="strength") for one in category.strengths if one != base.strength]
    words = rng.choice(WORDINGS, 2, replace=False).tolist()
    found += [replace(base, wording=word, differs="wording") for word in words]
    own = category.sizes.index(base.size)
    for other, size in enumerate(category.sizes):
        if other != own:  # a larger package of the same product is wider
            ratio = base.ratio * (1 + size_difference) ** (own - other)
            found.append(replace(base, size=size, ratio=min(max(ratio, LOWEST), HIGHEST), differs="size"))
    return found


def _named(design: Design) -> Design:
    shown = design.brand if design.line % 3 else f"{design.brand} {design.brand_latin.title()}"
    words = (shown, design.title, design.wording, design.strength, design.size)
    return replace(design, name=" ".join(word for word in words if word))
