"""Draw up products from a seed: brands, and within each brand's line the siblings that are easily confused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Flavour:
    """What tells siblings apart first: wording, the colour of the band and the picture."""

    chinese: str
    latin: str
    colour: Colour
    motif: str


@dataclass(frozen=True)
class Category:
    """A kind of product: its package, and what its siblings may differ in. `sizes` are (text, width / height)."""

    package: str
    chinese: str
    latin: str
    flavours: tuple[Flavour, ...]
    sizes: tuple[tuple[str, float], ...]
    strengths: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class Design:
    """One product: all that its artwork and package are drawn from. `line_seed` is shared by its siblings."""

    name: str
    category: Category
    flavour: Flavour
    strength: str
    size: str
    aspect: float
    brand: str
    brand_latin: str
    palette: tuple[Colour, Colour, Colour]
    line_seed: int

    @property
    def title(self) -> str:
        """What the package calls the product, without its brand: 绿茶."""
        return self.flavour.chinese + self.category.chinese


_FRUIT = (
    Flavour("橙", "ORANGE", (240, 138, 28), "citrus"),
    Flavour("苹果", "APPLE", (176, 42, 48), "apple"),
    Flavour("葡萄", "GRAPE", (104, 52, 140), "grape"),
    Flavour("柠檬", "LEMON", (236, 206, 48), "citrus"),
    Flavour("蜜桃", "PEACH", (242, 140, 132), "apple"),
)
_TEA = (
    Flavour("绿", "GREEN", (96, 158, 56), "leaf"),
    Flavour("红", "BLACK", (166, 60, 34), "leaf"),
    Flavour("茉莉", "JASMINE", (226, 214, 130), "flower"),
    Flavour("柠檬", "LEMON", (236, 206, 48), "citrus"),
)
_CRISPS = (
    Flavour("原味", "ORIGINAL", (236, 190, 60), "wheat"),
    Flavour("番茄味", "TOMATO", (214, 56, 40), "apple"),
    Flavour("黄瓜味", "CUCUMBER", (92, 168, 72), "leaf"),
    Flavour("香辣味", "SPICY", (170, 28, 28), "chilli"),
    Flavour("海盐味", "SEA SALT", (62, 134, 190), "drop"),
)
_MILK = (
    Flavour("纯", "PURE", (52, 112, 190), "drop"),
    Flavour("低脂", "LOW FAT", (128, 190, 226), "drop"),
    Flavour("草莓", "STRAWBERRY", (226, 50, 84), "strawberry"),
    Flavour("燕麦", "OAT", (206, 164, 96), "wheat"),
)
_SPIRIT = (Flavour("珍藏", "RESERVE", (176, 30, 36), "wheat"), Flavour("典藏", "CLASSIC", (36, 62, 130), "wheat"))
_BEER = (Flavour("原浆", "DRAFT", (70, 140, 82), "wheat"), Flavour("小麦", "WEISS", (226, 176, 58), "wheat"))

CATEGORIES = (
    Category("bottle", "茶", "TEA", _TEA, (("500ml", 0.34), ("1L", 0.40))),
    Category("carton", "牛奶", "MILK", _MILK, (("250ml", 0.52), ("1L", 0.42))),
    Category("can", "汽水", "SODA", _FRUIT, (("330ml", 0.54), ("500ml", 0.40))),
    Category("pouch", "薯片", "CRISPS", _CRISPS, (("75g", 0.72), ("40g", 0.82))),
    Category("spirit", "白酒", "BAIJIU", _SPIRIT, (("500ml", 0.36), ("250ml", 0.42)), ("42度", "52度")),
    Category("carton", "饼干", "BISCUITS", _CRISPS, (("120g", 1.45), ("60g", 1.05))),
    Category("can", "啤酒", "BEER", _BEER, (("330ml", 0.54), ("500ml", 0.40)), ("8度", "11度")),
    Category("carton", "果汁", "JUICE", _FRUIT, (("1L", 0.44), ("250ml", 0.56))),
    Category("pouch", "糖", "CANDY", _FRUIT, (("100g", 0.76), ("50g", 0.92))),
)

_FIRST = "晨云山金乐北海青禾星南松月白雅溪"
_SECOND = "露岭泉穗橙渡屋竹田河桥风湾石居谷"
_LATIN_FIRST = ("CHEN", "LU", "NO", "KA", "VI", "MO", "SEN", "TA", "RI", "HA", "ZO", "BEL")
_LATIN_SECOND = ("MO", "RA", "VI", "LO", "NIA", "DEN", "YA", "TO", "LI", "KO")
PALETTES: tuple[tuple[Colour, Colour, Colour], ...] = (
    ((232, 240, 226), (38, 104, 62), (196, 164, 70)),
    ((22, 66, 140), (232, 238, 246), (240, 196, 40)),
    ((196, 26, 36), (250, 240, 220), (246, 204, 60)),
    ((248, 246, 238), (26, 86, 164), (220, 40, 52)),
    ((28, 28, 34), (206, 170, 96), (240, 236, 226)),
    ((246, 196, 36), (120, 28, 26), (255, 252, 240)),
    ((92, 38, 110), (246, 226, 240), (244, 190, 60)),
    ((16, 122, 118), (240, 246, 236), (250, 150, 40)),
    ((244, 232, 214), (124, 70, 34), (206, 60, 44)),
    ((236, 106, 36), (255, 246, 226), (36, 84, 60)),
)


MAX_DESIGNS = 10_000  # half of what the names can tell apart


def designs(count: int, seed: int) -> tuple[Design, ...]:
    """The first `count` products of a seed, each with a name of its own; a larger count only appends."""
    endless = _products(seed)
    return tuple(next(endless) for _ in range(count))


def _products(seed: int) -> Iterator[Design]:
    """Line after line of siblings; the packages take turns, so that a few classes already show them all."""
    used: set[str] = set()
    line = 0
    while True:
        rng = np.random.default_rng([seed, 1, line])
        category = CATEGORIES[line % len(CATEGORIES)]
        first, second = int(rng.integers(len(_FIRST))), int(rng.integers(len(_SECOND)))
        brand = _FIRST[first] + _SECOND[second]
        latin = _LATIN_FIRST[first % len(_LATIN_FIRST)] + _LATIN_SECOND[second % len(_LATIN_SECOND)]
        palette = PALETTES[(3 * first + second) % len(PALETTES)]
        line_seed = int(rng.integers(2**31))
        for flavour, strength, (size, aspect) in _siblings(category, rng):
            shown = brand if line % 3 else f"{brand} {latin.title()}"
            words = [shown, flavour.chinese + category.chinese, strength, size]
            name = " ".join(word for word in words if word)
            if name not in used:
                used.add(name)
                yield Design(name, category, flavour, strength, size, aspect, brand, latin, palette, line_seed)
        line += 1


def _siblings(category: Category, rng: np.random.Generator) -> list[tuple[Flavour, str, tuple[str, float]]]:
    """Three or four variants of a line where it has so many; mostly the last is the first in another size."""
    sizes = [category.sizes[i] for i in rng.permutation(len(category.sizes))]
    variants = list(product(category.flavours, category.strengths, sizes[:1]))
    chosen = [variants[i] for i in rng.permutation(len(variants))[: int(rng.integers(3, 5))]]
    if rng.random() < 0.75:
        chosen[-1] = (*chosen[0][:2], sizes[1])
    return chosen
