"""All that decides a generated data set: how much, which products, how hard the photos are, what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.nouns import counted
from shelfmind.overrides import parse_override
from shelfmind.requests.request import Flag, Incidental, NoFlag, Request

MAX_CLASSES = 10_000
ERROR_KINDS = ("random", "sibling", "foreign")
FACTORS = ("angle", "perspective", "glare", "blur", "exposure", "occlusion", "noise", "jpeg", "clutter")
Level = Annotated[float, Field(ge=0, le=1)]


def error_shares(text: Any) -> Any:
    """The shares of ``random,sibling`` (equal ones) or ``random=0.7,foreign=0.3``; anything but a text as it is."""
    if not isinstance(text, str):
        return text
    shares: dict[str, float] = {}
    for part in text.split(","):
        kind, separator, share = part.partition("=")
        if kind.strip() not in ERROR_KINDS:
            raise unknown_name("kind of label error", kind.strip(), ERROR_KINDS)
        try:
            shares[kind.strip()] = float(share) if separator else 1.0
        except ValueError:
            name = argument("error_kinds")
            raise UserError(f"{name} must be like random=0.7,foreign=0.3 or random,sibling, got '{text}'") from None
    return shares


def size_range(text: Any) -> Any:
    """The least and greatest long side of ``224`` or ``150-400``; anything but a text as it is."""
    if not isinstance(text, str):
        return text
    low, separator, high = text.partition("-")
    try:
        return int(low), int(high if separator else low)
    except ValueError:
        name = argument("long_side")
        raise UserError(f"{name} must be pixels such as 224, or a range such as 150-400, got '{text}'") from None


def _dashed(sizes: tuple[int, int]) -> str:
    return f"{sizes[0]}-{sizes[1]}"


class Settings(Request):
    """What the photos depend on.

    A factor's level goes from 0 (never) over the default (as on real shelves) to 1 (severe in most photos). A photo
    depends on the seed, its own number and the settings of its class and factors, not on how many are drawn at once.
    """

    classes: int = Field(12, ge=2, le=MAX_CLASSES, description="class folders, the class 'others' included")
    images: int = Field(480, ge=4, le=10_000_000, description="photos in all")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="of products, counts, photos and label errors")
    fonts: tuple[str, ...] = Field(("system",), description="system, none (drawn strokes), or font files and folders")
    layout: Annotated[Literal["rp2k", "folder"], NoFlag] = Field(
        "rp2k", description="all/{train,test}/<class>, or without all/"
    )
    test_fraction: float = Field(0.1027, ge=0, le=0.9, description="of each class's photos, but at least one")
    val_fraction: Annotated[float, NoFlag] = Field(
        0.0, ge=0, le=0.5, description="photos in a folder val, at least one a class; 0: none"
    )

    tail: float = Field(1.0, ge=0, le=1.5, description="long tail of class sizes: 0 none, 1 as RP2K")
    others_share: Annotated[float, NoFlag] = Field(
        0.028, ge=0, le=0.9, description="photos in the class 'others'; 0: no such class"
    )
    family_size: Annotated[int, NoFlag] = Field(5, ge=1, le=12, description="a product line has 1 to so many siblings")
    sibling_difference: Annotated[Level, NoFlag] = Field(
        0.7, description="how far the band colours of sibling flavours differ"
    )
    size_difference: Annotated[float, NoFlag] = Field(
        0.2, ge=0, le=0.5, description="difference in height / width from size to size"
    )
    redesigned: Annotated[Level, NoFlag] = Field(
        0.0, description="share of the products that are sold in an old and a new design"
    )
    backs: Annotated[Level, NoFlag] = Field(0.0, description="share of the products that are seen from behind, too")

    long_side: Annotated[
        tuple[int, int], Flag("--size", metavar="LOW-HIGH", written=_dashed), BeforeValidator(size_range)
    ] = Field((150, 400), description="least and greatest long side of a photo in pixels, or one size for all")
    difficulty: float = Field(
        1.0, ge=0, le=5, description="multiplies the level of every factor: 0 studio photos, 1 a shelf"
    )
    angle: Level = Field(0.35, description="turned, tilted, seen from above or below")
    perspective: Level = Field(0.3, description="camera close by and askew")
    glare: Level = Field(0.3, description="reflections of lamps")
    blur: Level = Field(0.3, description="out of focus or moved")
    exposure: Level = Field(0.35, description="too dark or bright, off in colour, unevenly lit")
    occlusion: Level = Field(0.3, description="hidden behind price tags, neighbours and offer discs")
    noise: Level = Field(0.25, description="of the sensor")
    jpeg: Level = Field(0.4, description="compression")
    clutter: Level = Field(0.6, description="neighbours that reach into the photo")

    label_errors: float = Field(0.0, ge=0, le=0.9, description="share of the photos filed under a wrong class")
    error_kinds: Annotated[dict[str, float], Flag(metavar="KIND=SHARE,..."), BeforeValidator(error_shares)] = Field(
        {"random": 0.4, "sibling": 0.4, "foreign": 0.2},
        description="shares of random, sibling and foreign errors, or only their names",
    )
    error_splits: Annotated[tuple[Literal["train", "val", "test"], ...], NoFlag] = Field(
        ("train", "val", "test"), description="the splits that label errors may be in"
    )
    duplicates: float = Field(0.0, ge=0, le=0.5, description="share of photos that are near-copies of another photo")

    @field_validator("error_kinds")
    @classmethod
    def _known_kinds(cls, value: dict[str, float]) -> dict[str, float]:
        for kind, share in value.items():
            if kind not in ERROR_KINDS:
                raise unknown_name("kind of label error", kind, ERROR_KINDS)
            if not 0 <= share < float("inf"):
                raise ValueError(f"must have shares of at least 0, got {share} for '{kind}'")
        if not sum(value.values()) > 0:
            raise ValueError("must have a share above 0 for at least one kind")
        return value

    @field_validator("long_side")
    @classmethod
    def _range(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 32 <= value[0] <= value[1] <= 1024:
            raise ValueError(f"must go from a lesser to a greater size, both from 32 to 1024, got {_dashed(value)}")
        return value

    @model_validator(mode="after")
    def _enough_images(self) -> Settings:
        if self.images < self.least_images * self.classes:
            raise ValueError(
                f"{counted(self.images, 'image is', 'images are')} too few for {counted(self.classes, 'class')}: "
                f"give at least {self.least_images * self.classes}, or fewer classes"
            )
        return self

    @property
    def least_images(self) -> int:
        """Photos that every class has: one for each split."""
        return 1 + (self.test_fraction > 0) + (self.val_fraction > 0)

    @property
    def products(self) -> int:
        """Classes without 'others'."""
        return self.classes - (self.others_share > 0)

    def level(self, factor: str) -> float:
        """A factor's level with the difficulty applied, 0 to 1."""
        return float(min(1.0, self.difficulty * getattr(self, factor)))


def make_settings(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """Settings from values by name and ``KEY=VALUE`` texts, which win; a fault is a `UserError`."""
    return Settings(**_overridden(values, overrides))


def _overridden(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    parsed = (parse_override(str(override), "glare=0.6") for override in overrides)
    wanted = {key.replace("-", "_"): value for key, value in parsed}
    for key in wanted:
        if key not in Settings.model_fields:
            raise unknown_name("setting", key, Settings.model_fields)
    return {**values, **wanted}


class GenerateRequest(Settings):
    """What to draw, and where to."""

    details: ClassVar[str] = (
        "A factor such as glare goes from 0 (none) over the default (as on real shelves) to 1 (severe in most photos)."
    )

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind generate --classes 50 --images 5000 --seed 1 --out drawn",
        "shelfmind generate --classes 200 --images 20000 --label-errors 0.05 --error-kinds random,sibling --out noisy",
        "shelfmind generate --classes 20 --images 2000 --difficulty 0.5 --glare 0.9 --set family_size=8 --out glaring",
    )

    out: Annotated[Path, Incidental] = Field(description="folder to make; it must be missing or empty")
    overrides: Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE"), Incidental] = Field(
        (), description="any setting, also those without an option of their own"
    )
    workers: Annotated[int | None, Incidental] = Field(None, ge=1, description="processes; one a core if not given")

    @model_validator(mode="before")
    @classmethod
    def _overridden(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return _overridden({**values, "overrides": ()}, values.get("overrides", ()))

    @property
    def settings(self) -> Settings:
        """What the photos depend on, without where they go."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})
