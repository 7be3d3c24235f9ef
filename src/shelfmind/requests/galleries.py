"""What the verbs take that work on a gallery."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import ONE_OR_MORE, Flag, Incidental, Positional, Request
from shelfmind.requests.shared import AllowSeen, Batch, Data, Engine, Format, require_path, require_run_or_file

Sku = Annotated[str, Positional(), Field(description="the name of a product in the gallery")]
RunOfGallery = Annotated[
    Path | None,
    Field(description="the run or exported file that makes its vectors, if it has moved since the gallery was made"),
]

Strict = Annotated[
    bool,
    Field(
        description="refuse what is only warned of otherwise: a photo of two products, a product that is all but "
        "another, photos that disagree, too few, copies, blur, glare"
    ),
]


class GalleryRequest(Request):
    """A gallery."""

    gallery: Annotated[Path | str, Positional("GALLERY")] = Field(
        description="the gallery's folder, or s3://BUCKET/PREFIX; "
        "with @milvus://HOST:PORT/COLLECTION after it, that server searches"
    )


class GalleryChangeRequest(GalleryRequest):
    """A change of a gallery, and who answers for it."""

    author: str | None = Field(None, description="who makes the change; your login name if not given")
    reason: Annotated[str, Flag("--reason", "-m")] = Field("", description="why, for the history")


class GalleryCreateRequest(GalleryChangeRequest):
    """A new gallery."""

    details: ClassVar[str] = (
        "A gallery keeps photos and their vectors; both belong to the weights of one run. If enrolling is cut off or "
        "refused, the same command goes on."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery create products --run runs/first",
        "shelfmind gallery create products --run runs/first --data enrolled",
        "shelfmind gallery create s3://shop/products --run runs/first",
    )

    run: Path = Field(description="the run, or the exported file, whose network makes the vectors")
    engine: Engine = "auto"
    batch: Batch = None
    data: Path | None = Field(
        None, description="a data set, all photos of which are enrolled at once, whatever their split"
    )
    format: Format = None
    strict: Strict = False

    def require_inputs(self) -> None:
        """The run and the data are there."""
        require_run_or_file(self.run)
        if self.data is not None:
            require_path(self.data)


class GalleryAddRequest(GalleryChangeRequest):
    """Photos of products, to be enrolled."""

    details: ClassVar[str] = (
        "Photos that are enrolled already are passed over; only new ones are looked at. What makes a product hard to "
        "recognise is warned of."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery add products 1.jpg 2.jpg --sku 可乐330ml",
        "shelfmind gallery add products --data new_products -m 'spring range'",
    )

    photos: Annotated[tuple[str, ...], Positional("PHOTO..."), ONE_OR_MORE] = Field(
        (), description="images of one product, folders of such, or patterns"
    )
    sku: str | None = Field(None, description="the product that they show")
    data: Path | None = Field(
        None, description="instead: a data set, all photos of which are enrolled under the names of their classes"
    )
    format: Format = None
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
    strict: Strict = False

    @model_validator(mode="after")
    def _photos_or_data(self) -> GalleryAddRequest:
        if (self.data is None) == (not self.photos) or (self.sku is None) != (not self.photos):
            photos = f"photos with {argument('sku')}"
            raise UserError(f"give either {photos}, or {argument('data')}")
        return self

    def require_inputs(self) -> None:
        """The data is there."""
        if self.data is not None:
            require_path(self.data)


class GalleryCalibrateRequest(GalleryChangeRequest):
    """What answers are fitted to."""

    details: ClassVar[str] = (
        "Needs the data set that the run was trained on: its training photos for prototypes, held-out ones to fit to."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery calibrate products photos",
        "shelfmind gallery calibrate products photos --false-accepts 0.05 --precision 0.98",
    )

    data: Data
    split: str = Field("val", description="the images to fit to; never test")
    false_accepts: float = Field(
        0.01, gt=0, lt=1, description="share of unknown objects that may be given a name, at most"
    )
    precision: float | None = Field(
        None, gt=0, lt=1, description="name a product, or else its family, only if so large a share of answers is right"
    )
    families: Path | None = Field(
        None, description="a CSV with the columns class,broader; families are found if it is not given"
    )
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
    allow_seen: AllowSeen = False
    format: Format = None

    def require_inputs(self) -> None:
        """The data and the families are there."""
        require_path(self.data)
        if self.families is not None:
            require_path(self.families)


class GalleryReEmbedRequest(GalleryChangeRequest):
    """A gallery whose vectors are renewed."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery re-embed products --run runs/better",)

    run: Path = Field(description="the run, or the exported file, whose network makes the vectors from now on")
    engine: Engine = "auto"
    batch: Batch = None

    def require_inputs(self) -> None:
        """The run is there."""
        require_run_or_file(self.run)


class GalleryRemoveRequest(GalleryChangeRequest):
    """A product, or photos of it, that go."""

    details: ClassVar[str] = "It can be undone until `gallery compact` deletes what no product has any more."
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery remove products 可乐330ml -m delisted",
        "shelfmind gallery remove products 可乐330ml --photo blurred.jpg",
    )

    sku: Sku
    photos: Annotated[tuple[str, ...], Flag("--photo")] = Field(
        (), description="only this photo: its file's name, or the first 8 or more digits of its checksum"
    )


class GalleryRenameRequest(GalleryChangeRequest):
    """A product and its new name."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery rename products cola 'Cola 330 ml'",)

    sku: Sku
    name: Annotated[str, Positional("NEW_NAME")] = Field(description="its new name")


class GalleryMergeRequest(GalleryChangeRequest):
    """Products that are one."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery merge products cola coke --into cola",)

    skus: Annotated[tuple[str, ...], Positional("SKU..."), ONE_OR_MORE] = Field(
        min_length=1, description="the products to merge"
    )
    into: str = Field(description="the name of the one product, old or new")


class GalleryRollBackRequest(GalleryChangeRequest):
    """A version to go back to."""

    details: ClassVar[str] = "Nothing is lost by it: the way back is a version of its own."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery rollback products 12 -m 'wrong photos'",)

    version: Annotated[int, Positional()] = Field(ge=1, description="as `gallery history` lists them")


class GalleryListRequest(GalleryRequest):
    """Which products there are."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery list products",)

    version: int | None = Field(None, ge=1, description="as they were at this version; the newest if not given")


class GalleryShowRequest(GalleryRequest):
    """A product's photos."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery show products 可乐330ml",)

    sku: Sku


class GalleryHistoryRequest(GalleryRequest):
    """What was changed."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery history products",)


class GallerySearchRequest(GalleryRequest):
    """Photos whose products are looked for."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery search products shelf.jpg --top 3",
        "shelfmind gallery search s3://shop/products@milvus://localhost:19530/products shelf.jpg",
    )

    paths: Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE] = Field(
        min_length=1, description="images, folders of images, or patterns such as 'new/*.jpg'"
    )
    top: int = Field(5, ge=1, description="products for each image")
    rerank: bool = Field(False, description="rank the best anew, by the neighbours that photos share (k-reciprocal)")
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None


class GalleryAuditRequest(GalleryRequest):
    """A gallery that is looked at as a whole."""

    details: ClassVar[str] = (
        "No network is asked: the vectors lie in the gallery. What is warned of when photos are enrolled is looked for "
        "in all of them."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery audit products",
        "shelfmind gallery audit products --out gallery_audit --overwrite",
    )

    out: Annotated[Path | None, Incidental] = Field(None, description="folder to make for the page and the tables")
    overwrite: bool = Field(False, description="replace an earlier audit in that folder")


class GalleryVerifyRequest(GalleryRequest):
    """A gallery whose files are all read."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery verify products",)


class GalleryExportRequest(GalleryRequest):
    """Where a gallery's photos go."""

    details: ClassVar[str] = (
        "What comes out is a data set: photos and list.csv, which `gallery add --data` and `train` take."
    )
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery export products --out photos",)

    out: Annotated[Path, Incidental] = Field(description="folder to make")


class GalleryCompactRequest(GalleryChangeRequest):
    """A gallery whose past is forgotten."""

    details: ClassVar[str] = "There is no way back to earlier versions after it; the history stays to be read."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery compact products",)
