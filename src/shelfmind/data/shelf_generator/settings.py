"""All that decides a generated data set: how much, which products, how hard the photos are, what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shelfmind.errors import UserError, unknown_name

MAX_CLASSES = 10_000
ERROR_KINDS = ("random", "sibling", "foreign")
FACTORS = ("angle", "perspective", "glare", "blur", "exposure", "occlusion", "noise", "jpeg", "clutter")
Level = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Frozen; an unknown key or a value outside its range is an error.

    A factor's level goes from 0 (never) over the default (as on real shelves) to 1 (severe in most photos). A photo
    depends on the seed, its own number and the settings of its class and factors, not on how many are drawn at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    classes: int = Field(12, ge=2, le=MAX_CLASSES, description="class folders, the class 'others' included")
    images: int = Field(480, ge=4, le=10_000_000, description="photos in all")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="of products, counts, photos and label errors")
    fonts: tuple[str, ...] = Field(("system",), description="system, none (drawn strokes), or font files and folders")
    layout: Literal["rp2k", "folder"] = Field("rp2k", description="all/{train,test}/<class>, or without all/")
    test_fraction: float = Field(0.1027, ge=0, le=0.9, description="of each class's photos, but at least one")
    val_fraction: float = Field(0.0, ge=0, le=0.5, description="photos in a folder val, at least one a class; 0: none")

    tail: float = Field(1.0, ge=0, le=1.5, description="long tail of class sizes: 0 none, 1 as RP2K")
    others_share: float = Field(0.028, ge=0, le=0.9, description="photos in the class 'others'; 0: no such class")
    family_size: int = Field(5, ge=1, le=12, description="a product line has 1 to so many siblings")
    sibling_difference: Level = Field(0.7, description="how far the band colours of sibling flavours differ")
    size_difference: float = Field(0.2, ge=0, le=0.5, description="difference in height / width from size to size")

    long_side: tuple[int, int] = Field((150, 400), description="least and greatest long side of a photo in pixels")
    difficulty: float = Field(1.0, ge=0, le=5, description="multiplies the level of every factor")
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
    error_kinds: dict[str, float] = Field(
        {"random": 0.4, "sibling": 0.4, "foreign": 0.2}, description="shares of random, sibling and foreign errors"
    )
    error_splits: tuple[Literal["train", "val", "test"], ...] = Field(
        ("train", "val", "test"), description="the splits that label errors may be in"
    )
    duplicates: float = Field(0.0, ge=0, le=0.5, description="share of photos that are near-copies of another photo")

    @field_validator("error_kinds")
    @classmethod
    def _known_kinds(cls, value: dict[str, float]) -> dict[str, float]:
        for kind, share in value.items():
            if kind not in ERROR_KINDS:
                raise ValueError(f"unknown kind '{kind}'; known: {', '.join(ERROR_KINDS)}")
            if not 0 <= share < float("inf"):
                raise ValueError(f"the share of '{kind}' is a number of at least 0")
        if not sum(value.values()) > 0:
            raise ValueError("at least one kind has a share above 0")
        return value

    @field_validator("long_side")
    @classmethod
    def _range(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 32 <= value[0] <= value[1] <= 1024:
            raise ValueError("the least and the greatest lie between 32 and 1024, in this order")
        return value

    @model_validator(mode="after")
    def _enough_images(self) -> Settings:
        if self.images < self.least_images * self.classes:
            raise ValueError(
                f"{self.images} images are too few for {self.classes} classes: "
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
    content = {**values, **dict(_parsed(override) for override in overrides)}
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        raise unknown_name("setting", where, Settings.model_fields)
    said = fault["msg"].removeprefix("Value error, ")
    raise UserError(f"{where}: {said} (given: {fault['input']!r})" if where else said)


def error_shares(text: str) -> dict[str, float]:
    """The shares of ``random,sibling`` (equal ones) or ``random=0.7,foreign=0.3``."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        kind, separator, share = part.partition("=")
        if kind.strip() not in ERROR_KINDS:
            raise unknown_name("kind of label error", kind.strip(), ERROR_KINDS)
        try:
            shares[kind.strip()] = float(share) if separator else 1.0
        except ValueError:
            raise UserError(f"--error-kinds {text}: '{share}' is not a number; write such as random=0.7") from None
    return shares


def size_range(text: str) -> tuple[int, int]:
    """The least and greatest long side of ``224`` or ``150-400``."""
    low, separator, high = text.partition("-")
    try:
        return int(low), int(high if separator else low)
    except ValueError:
        raise UserError(f"--size {text}: give pixels such as 224, or a range such as 150-400") from None


def _parsed(override: str) -> tuple[str, Any]:
    key, separator, text = override.partition("=")
    if not separator or not key.strip():
        raise UserError(f"--set takes KEY=VALUE such as glare=0.6, not '{override}'")
    try:
        return key.strip().replace("-", "_"), yaml.safe_load(text)
    except yaml.YAMLError:
        raise UserError(f"--set {override}: the value is not valid YAML") from None
