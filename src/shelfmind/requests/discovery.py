"""What `gallery discover` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.galleries import GalleryRequest, RunOfGallery
from shelfmind.requests.request import ONE_OR_MORE, Incidental, Positional
from shelfmind.requests.shared import Batch, Engine

USUAL_OUT = Path("discovery")


class GalleryDiscoverRequest(GalleryRequest):
    """Photos among which new products are looked for."""

    details: ClassVar[str] = (
        "Photos of enrolled products are left out; the others are put into groups, one for each product that they seem "
        "to show. Nothing is enrolled before a person decides on the page of `shelfmind review DIR`."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery discover products new_photos --out discovery",
        "shelfmind review discovery",
    )

    paths: Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE] = Field(
        min_length=1, description="images, folders of images, or patterns such as 'new/*.jpg'"
    )
    out: Annotated[Path, Incidental] = Field(USUAL_OUT, description="folder to make")
    least: int = Field(2, ge=1, description="photos that make a group; fewer are listed as alone")
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
