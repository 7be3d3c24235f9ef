"""The request of `gallery discover`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shelfmind.requests.galleries import GalleryRequest, RunOfGallery
from shelfmind.requests.request import ONE_OR_MORE, Incidental, Positional
from shelfmind.requests.shared import Batch, Engine

USUAL_OUT = Path("discovery")


class GalleryDiscoverRequest(GalleryRequest):
    """Photos to search for new products."""

    details: ClassVar[str] = (
        "Photos of enrolled products are skipped. Nothing is enrolled until a reviewer decides in `shelfmind "
        "review DIR`."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery discover products new_photos --out discovery",
        "shelfmind review discovery",
    )

    paths: Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE] = Field(
        min_length=1, description="Images, folders of images, or patterns such as 'new/*.jpg'."
    )
    out: Annotated[Path, Incidental] = Field(USUAL_OUT, description="Folder to create.")
    least: int = Field(
        2, ge=1, description="Minimum number of photos per group. Photos in smaller groups are listed as single."
    )
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
