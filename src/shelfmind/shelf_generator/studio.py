"""Renders any photo of a plan by its number, and its row in `truth.csv`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, replace
from functools import lru_cache

import numpy as np

from shelfmind.shelf_generator.appearances import APPEARANCES, FIRST, appearing
from shelfmind.shelf_generator.camera import encoded, near_copy, take_photo
from shelfmind.shelf_generator.fonts import find_fonts
from shelfmind.shelf_generator.foreign import foreign_kind, foreign_object
from shelfmind.shelf_generator.label_errors import FOREIGN
from shelfmind.shelf_generator.package import Package
from shelfmind.shelf_generator.packages import package
from shelfmind.shelf_generator.plan import DataSetPlan, make_plan
from shelfmind.shelf_generator.scene import compose
from shelfmind.shelf_generator.settings import ERROR_KINDS, Settings
from shelfmind.shelf_generator.shot import SHOT_COLUMNS, sample_shot
from shelfmind.shelf_generator.vocabulary import OTHERS

COLUMNS = (
    *(
        "path",
        "split",
        "given",
        "true",
        "error",
        "product",
        "package",
        "brand",
        "family",
        "variant",
        "appearance",
        "duplicate_of",
    ),
    *("width", "height", *SHOT_COLUMNS),
)
"""The columns of `truth.csv`; see `generate`."""
MAX_CACHED_PACKAGES = 24
"""Finished packages cached per process, about 3 MB each."""


class Studio:
    """Everything that a process needs to render photos with these settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.plan: DataSetPlan = make_plan(settings)
        self.fonts = find_fonts(settings.fonts)
        self._families: dict[int, list[int]] = {}
        for product, design in enumerate(self.plan.products):
            self._families.setdefault(design.line, []).append(product)
        self._package: Callable[[str, int], Package] = lru_cache(MAX_CACHED_PACKAGES)(self._build_package)

    def path(self, photo: int) -> str:
        """A photo's path below the data set's folder."""
        plan = self.plan
        path = f"{plan.split[photo]}/{plan.classes[plan.given[photo]]}/{plan.number[photo]:05d}.jpg"
        return f"all/{path}" if self.settings.layout == "rp2k" else path

    def photo(self, number: int) -> tuple[bytes, tuple[object, ...]]:
        """A photo's JPEG bytes and its row in `truth.csv`; both depend only on the settings and its number."""
        source = int(self.plan.source[number])
        # One generator per step, so that the level of one factor does not affect the others.
        sampling, standing, camera = np.random.default_rng([self.settings.seed, 3, source]).spawn(3)
        shot = sample_shot(self.settings, sampling)
        subject, facings = self._subject(source)
        scene = compose(subject, facings, shot, self.fonts, standing)
        turned, askew = round(scene.turned_deg, 1), round(scene.askew_deg, 1)
        shot = replace(shot, occlusion=scene.hidden, turned_deg=turned, askew_deg=askew)
        picture = take_photo(scene.picture, shot, camera)
        if source != number:
            again = np.random.default_rng([self.settings.seed, 8, number])
            picture = near_copy(picture, again)
            shot = replace(shot, jpeg_quality=int(again.integers(40, 93)), long_side_px=max(picture.size))
        row = (*self._description(number, subject), *picture.size, *astuple(shot))
        return encoded(picture, shot.jpeg_quality), row

    def _subject(self, photo: int) -> tuple[Package, list[Package]]:
        """The content of a photo, and its possible neighbours: mostly more of the same, else a sibling."""
        subject = int(self.plan.subject[photo])
        if self.plan.true[photo] == FOREIGN:
            shown = self._package("foreign", subject)
            return shown, [shown]
        if self.plan.true[photo] == len(self.plan.products):
            shown = self._package("hidden", subject)
            return shown, [shown]
        family = self._families[self.plan.products[subject].line]
        sibling = family[(family.index(subject) + 1) % len(family)]
        shown = self._package(APPEARANCES[self.plan.appearance[photo]], subject)
        return shown, [shown, shown, self._package(FIRST, sibling)]

    def _build_package(self, kind: str, number: int) -> Package:
        if kind == "foreign":
            return foreign_object(number, self.fonts)
        if kind == "hidden":
            return package(self.plan.hidden[number], self.fonts)
        return package(appearing(self.plan.products[number], kind), self.fonts)

    def _description(self, photo: int, subject: Package) -> tuple[object, ...]:
        """The columns with the content and the defects of the photo."""
        plan = self.plan
        true, error = int(plan.true[photo]), int(plan.error[photo])
        design = subject.design
        kind = design.category.package if design else foreign_kind(int(plan.subject[photo]))
        return (
            self.path(photo),
            str(plan.split[photo]),
            plan.classes[plan.given[photo]],
            "" if true == FOREIGN else plan.classes[true],
            "" if error < 0 else ERROR_KINDS[error],
            design.name if design else "",
            kind,
            design.brand if design else "",
            design.line if design and plan.classes[true] != OTHERS else "",
            design.differs if design else "",
            APPEARANCES[plan.appearance[photo]],
            "" if plan.source[photo] == photo else self.path(int(plan.source[photo])),
        )
