"""All settings of a synthetic data set: size, products, difficulty of the photos, label errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.nouns import counted
from shelfmind.overrides import parse_override
from shelfmind.requests.request import Flag, Incidental, NoFlag, Request

MAX_CLASSES = 100_000
ERROR_KINDS = ("random", "sibling", "foreign")
FACTORS = ("angle", "perspective", "glare", "blur", "exposure", "occlusion", "noise", "jpeg", "clutter")
Level = Annotated[float, Field(ge=0, le=1)]


def error_shares(text: Any) -> Any:
    """Parse ``random,sibling`` (equal shares) or ``random=0.7,foreign=0.3``; anything but text is returned
    unchanged."""
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
            raise UserError(
                f"{name} must have the form random=0.7,foreign=0.3 or random,sibling, got '{text}'"
            ) from None
    return shares


def size_range(text: Any) -> Any:
    """Parse the range of the long side, ``224`` or ``150-400``; anything but text is returned unchanged."""
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
    """The settings that determine the photos.

    The level of a factor ranges from 0 (never) through the default (as on real shelves) to 1 (severe in most photos). A
    photo depends only on the seed, its number and the settings of its class and factors, not on how many photos are
    generated.
    """

    classes: int = Field(12, ge=2, le=MAX_CLASSES, description="Number of classes, including the class 'others'.")
    images: int = Field(480, ge=4, le=10_000_000, description="Total number of photos.")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Seed of products, class sizes, photos and label errors.")
    fonts: tuple[str, ...] = Field(
        ("system",), description="Fonts: system, none (synthetic strokes), or font files and folders."
    )
    layout: Annotated[Literal["rp2k", "folder"], NoFlag] = Field(
        "rp2k", description="Folder layout: rp2k (all/{train,test}/<class>) or folder (without all/)."
    )
    test_fraction: float = Field(0.1027, ge=0, le=0.9, description="Test share of each class, at least one photo.")
    val_fraction: Annotated[float, NoFlag] = Field(
        0.0, ge=0, le=0.5, description="Validation share of each class, at least one photo; 0 for no validation split."
    )

    tail: float = Field(1.0, ge=0, le=1.5, description="Long tail of class sizes: 0 for balanced, 1 as in RP2K.")
    others_share: Annotated[float, NoFlag] = Field(
        0.028, ge=0, le=0.9, description="Share of photos in the class 'others'; 0 for no such class."
    )
    family_size: Annotated[int, NoFlag] = Field(
        5, ge=1, le=12, description="Largest number of siblings in a product line."
    )
    sibling_difference: Annotated[Level, NoFlag] = Field(
        0.7, description="How much the band colours of sibling flavours differ, 0 to 1."
    )
    size_difference: Annotated[float, NoFlag] = Field(
        0.2, ge=0, le=0.5, description="Difference in height / width between the sizes of a product."
    )
    redesigned: Annotated[Level, NoFlag] = Field(
        0.0, description="Share of products with both an old and a new design."
    )
    backs: Annotated[Level, NoFlag] = Field(
        0.0, description="Share of products that are also photographed from behind."
    )

    long_side: Annotated[
        tuple[int, int], Flag("--size", metavar="LOW-HIGH", written=_dashed), BeforeValidator(size_range)
    ] = Field((150, 400), description="Range of the long side of a photo in pixels, or one size for all.")
    difficulty: float = Field(
        1.0,
        ge=0,
        le=5,
        description="Multiplier for the level of every factor: 0 for studio photos, 1 for shelf photos.",
    )
    angle: Level = Field(0.35, description="Level of rotation: turned, tilted, seen from above or below.")
    perspective: Level = Field(0.3, description="Level of perspective distortion by a close, oblique camera.")
    glare: Level = Field(0.3, description="Level of lamp reflections.")
    blur: Level = Field(0.3, description="Level of defocus and motion blur.")
    exposure: Level = Field(0.35, description="Level of wrong exposure, colour casts and uneven light.")
    occlusion: Level = Field(0.3, description="Level of occlusion by price tags, neighbours and offer stickers.")
    noise: Level = Field(0.25, description="Level of sensor noise.")
    jpeg: Level = Field(0.4, description="Level of JPEG compression.")
    clutter: Level = Field(0.6, description="Level of clutter by neighbours that reach into the photo.")

    label_errors: float = Field(0.0, ge=0, le=0.9, description="Share of photos filed under a wrong class.")
    error_kinds: Annotated[dict[str, float], Flag(metavar="KIND=SHARE,..."), BeforeValidator(error_shares)] = Field(
        {"random": 0.4, "sibling": 0.4, "foreign": 0.2},
        description="Shares of random, sibling and foreign label errors, or names only for equal shares.",
    )
    error_splits: Annotated[tuple[Literal["train", "val", "test"], ...], NoFlag] = Field(
        ("train", "val", "test"), description="Splits that may contain label errors."
    )
    duplicates: float = Field(
        0.0, ge=0, le=0.5, description="Share of photos that are near-duplicates of another photo."
    )

    @field_validator("error_kinds")
    @classmethod
    def _known_kinds(cls, value: dict[str, float]) -> dict[str, float]:
        for kind, share in value.items():
            if kind not in ERROR_KINDS:
                raise unknown_name("kind of label error", kind, ERROR_KINDS)
            if not 0 <= share < float("inf"):
                raise ValueError(f"must have shares of at least 0, got {share} for '{kind}'")
        if not sum(value.values()) > 0:
            raise ValueError("must have at least one share above 0")
        return value

    @field_validator("long_side")
    @classmethod
    def _range(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 32 <= value[0] <= value[1] <= 1024:
            raise ValueError(f"must be a range from small to large within 32 to 1024, got {_dashed(value)}")
        return value

    @model_validator(mode="after")
    def _enough_images(self) -> Settings:
        if self.images < self.least_images * self.classes:
            raise ValueError(
                f"{counted(self.images, 'image is', 'images are')} too few for {counted(self.classes, 'class')}: "
                f"use at least {self.least_images * self.classes}, or fewer classes"
            )
        return self

    @property
    def least_images(self) -> int:
        """Minimum photos per class: one for each split."""
        return 1 + (self.test_fraction > 0) + (self.val_fraction > 0)

    @property
    def products(self) -> int:
        """Number of classes without 'others'."""
        return self.classes - (self.others_share > 0)

    def level(self, factor: str) -> float:
        """A factor's level with the difficulty applied, 0 to 1."""
        return float(min(1.0, self.difficulty * getattr(self, factor)))


def make_settings(values: Mapping[str, Any], overrides: Sequence[str] = ()) -> Settings:
    """Settings from values by name and ``KEY=VALUE`` texts, which take precedence; errors are `UserError`."""
    return Settings(**_overridden(values, overrides))


def _overridden(values: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    parsed = (parse_override(str(override), "glare=0.6") for override in overrides)
    wanted = {key.replace("-", "_"): value for key, value in parsed}
    for key in wanted:
        if key not in Settings.model_fields:
            raise unknown_name("setting", key, Settings.model_fields)
    return {**values, **wanted}


class GenerateRequest(Settings):
    """The settings, and the output folder."""

    details: ClassVar[str] = (
        "The level of a factor such as glare ranges from 0 (none) through the default (as on real shelves) to 1 "
        "(severe in most photos)."
    )

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind generate --classes 50 --images 5000 --seed 1 --out synthetic",
        "shelfmind generate --classes 200 --images 20000 --label-errors 0.05 --error-kinds random,sibling --out noisy",
        "shelfmind generate --classes 20 --images 2000 --difficulty 0.5 --glare 0.9 --set family_size=8 --out glaring",
    )

    out: Annotated[Path, Incidental] = Field(description="Output folder; it must not exist or be empty.")
    overrides: Annotated[tuple[str, ...], Flag("--set", metavar="KEY=VALUE"), Incidental] = Field(
        (), description="Any setting, including those without an option."
    )
    workers: Annotated[int | None, Incidental] = Field(
        None, ge=1, description="Number of processes. Defaults to one per core."
    )

    @model_validator(mode="before")
    @classmethod
    def _overridden(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return _overridden({**values, "overrides": ()}, values.get("overrides", ()))

    @property
    def settings(self) -> Settings:
        """The settings that determine the photos, without the output folder."""
        return Settings(**{name: getattr(self, name) for name in Settings.model_fields})
