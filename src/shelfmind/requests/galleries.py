"""The requests of the gallery verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from shelfmind.errors import UserError, argument
from shelfmind.requests.request import ONE_OR_MORE, Flag, Incidental, Positional, Request
from shelfmind.requests.shared import (
    AllowSeen,
    Batch,
    Data,
    Engine,
    Format,
    Ray,
    Workers,
    require_cluster,
    require_path,
    require_run_or_file,
)

Sku = Annotated[str, Positional(), Field(description="Name of a product in the gallery.")]
RunOfGallery = Annotated[
    Path | None,
    Field(description="New location of the run or exported file that computes the embeddings, if it was moved."),
]

Strict = Annotated[
    bool,
    Field(
        description="Reject what otherwise only causes a warning: one photo under two products, near-identical "
        "products, inconsistent photos, too few photos, near-duplicates, blur, glare."
    ),
]


class GalleryRequest(Request):
    """Base of all gallery requests."""

    gallery: Annotated[Path | str, Positional("GALLERY")] = Field(
        description="Gallery folder, or s3://BUCKET/PREFIX. Append @milvus://HOST:PORT/COLLECTION to search with "
        "a Milvus server."
    )


class GalleryChangeRequest(GalleryRequest):
    """A change of a gallery, with its author."""

    author: str | None = Field(None, description="Author of the change. Defaults to your login name.")
    reason: Annotated[str, Flag("--reason", "-m")] = Field(
        "", description="Reason for the change, kept in the history."
    )


class GalleryCreateRequest(GalleryChangeRequest):
    """Create a gallery."""

    details: ClassVar[str] = (
        "A gallery stores photos and their embeddings, which belong to the weights of one run. If enrolment is "
        "interrupted or rejected, run the same command again to resume."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery create products --run runs/first",
        "shelfmind gallery create products --run runs/first --data enrolled",
        "shelfmind gallery create s3://shop/products --run runs/first",
    )

    run: Path = Field(description="Run folder or exported file whose network computes the embeddings.")
    engine: Engine = "auto"
    batch: Batch = None
    data: Path | None = Field(None, description="Data set to enrol at once: all photos of all splits.")
    format: Format = None
    strict: Strict = False

    def require_inputs(self) -> None:
        """Check that the run and the data exist."""
        require_run_or_file(self.run)
        if self.data is not None:
            require_path(self.data)


class GalleryAddRequest(GalleryChangeRequest):
    """Photos to enrol."""

    details: ClassVar[str] = (
        "Photos that are already enrolled are skipped. Prints a warning for anything that makes a product hard "
        "to recognise."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery add products 1.jpg 2.jpg --sku 可乐330ml",
        "shelfmind gallery add products --data new_products -m 'spring range'",
        "shelfmind gallery add products --data catalogue --ray auto",
    )

    photos: Annotated[tuple[str, ...], Positional("PHOTO..."), ONE_OR_MORE] = Field(
        (), description="Images of one product, folders of such images, or patterns."
    )
    sku: str | None = Field(None, description="Product that the photos show.")
    data: Path | None = Field(None, description="Data set to enrol instead: all photos, under their class names.")
    format: Format = None
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
    strict: Strict = False
    ray: Ray = None
    workers: Workers = None

    @model_validator(mode="after")
    def _photos_or_data(self) -> GalleryAddRequest:
        require_cluster(self.ray, self.workers)
        if (self.data is None) == (not self.photos) or (self.sku is None) != (not self.photos):
            photos = f"photos with {argument('sku')}"
            raise UserError(f"give either {photos}, or {argument('data')}")
        return self

    def require_inputs(self) -> None:
        """Check that the data exists."""
        if self.data is not None:
            require_path(self.data)


class GalleryCalibrateRequest(GalleryChangeRequest):
    """The data to calibrate answers on."""

    details: ClassVar[str] = (
        "Needs the data set that the run was trained on: its training photos for the prototypes and a held-out "
        "split for the calibration."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery calibrate products photos",
        "shelfmind gallery calibrate products photos --false-accepts 0.05 --precision 0.98",
    )

    data: Data
    split: str = Field("val", description="Split to calibrate on. test is rejected.")
    false_accepts: float = Field(
        0.01, gt=0, lt=1, description="Maximum share of unknown objects that may be accepted as a product."
    )
    precision: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Target precision. To reach it, uncertain answers fall back from the product to its family, "
        "or to no answer.",
    )
    families: Path | None = Field(
        None, description="CSV with the columns class,broader. By default families are found by clustering."
    )
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None
    allow_seen: AllowSeen = False
    format: Format = None

    def require_inputs(self) -> None:
        """Check that the data and the families exist."""
        require_path(self.data)
        if self.families is not None:
            require_path(self.families)


class GalleryReEmbedRequest(GalleryChangeRequest):
    """Recompute the embeddings of a gallery."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery re-embed products --run runs/better",)

    run: Path = Field(description="Run folder or exported file whose network computes the new embeddings.")
    engine: Engine = "auto"
    batch: Batch = None

    def require_inputs(self) -> None:
        """Check that the run exists."""
        require_run_or_file(self.run)


class GalleryRemoveRequest(GalleryChangeRequest):
    """A product, or some of its photos, to remove."""

    details: ClassVar[str] = "Can be undone with `gallery rollback` until `gallery compact` deletes unreferenced files."
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery remove products 可乐330ml -m delisted",
        "shelfmind gallery remove products 可乐330ml --photo blurred.jpg",
    )

    sku: Sku
    photos: Annotated[tuple[str, ...], Flag("--photo")] = Field(
        (), description="Remove this photo only: its file name, or at least 8 leading digits of its checksum."
    )


class GalleryRenameRequest(GalleryChangeRequest):
    """A product and its new name."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery rename products cola 'Cola 330 ml'",)

    sku: Sku
    name: Annotated[str, Positional("NEW_NAME")] = Field(description="New name.")


class GalleryMergeRequest(GalleryChangeRequest):
    """Products to merge into one."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery merge products cola coke --into cola",)

    skus: Annotated[tuple[str, ...], Positional("SKU..."), ONE_OR_MORE] = Field(
        min_length=1, description="Products to merge."
    )
    into: str = Field(description="Name of the merged product, existing or new.")


class GalleryRollBackRequest(GalleryChangeRequest):
    """A version to restore."""

    details: ClassVar[str] = "Nothing is lost: the rollback itself is a new version."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery rollback products 12 -m 'wrong photos'",)

    version: Annotated[int, Positional()] = Field(ge=1, description="Version number, as listed by `gallery history`.")


class GalleryListRequest(GalleryRequest):
    """Which version to list."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery list products",)

    version: int | None = Field(None, ge=1, description="Version to list. Defaults to the newest.")


class GalleryShowRequest(GalleryRequest):
    """A product whose photos to list."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery show products 可乐330ml",)

    sku: Sku


class GalleryHistoryRequest(GalleryRequest):
    """A gallery whose changes to list."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery history products",)


class GallerySearchRequest(GalleryRequest):
    """Photos to look up."""

    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery search products photo.jpg --top 3",
        "shelfmind gallery search s3://shop/products@milvus://localhost:19530/products photo.jpg",
    )

    paths: Annotated[tuple[str, ...], Positional("PATH..."), ONE_OR_MORE] = Field(
        min_length=1, description="Images, folders of images, or patterns such as 'new/*.jpg'."
    )
    top: int = Field(5, ge=1, description="Number of products per image.")
    rerank: bool = Field(False, description="Re-rank the best matches by k-reciprocal neighbours.")
    run: RunOfGallery = None
    engine: Engine = "auto"
    batch: Batch = None


class GalleryAuditRequest(GalleryRequest):
    """A gallery to audit."""

    details: ClassVar[str] = (
        "Runs the checks of enrolment on all photos, using the stored embeddings. Needs no network."
    )
    examples: ClassVar[tuple[str, ...]] = (
        "shelfmind gallery audit products",
        "shelfmind gallery audit products --out gallery_audit --overwrite",
    )

    out: Annotated[Path | None, Incidental] = Field(None, description="Folder to create for the report and the tables.")
    overwrite: bool = Field(False, description="Replace an earlier audit in the output folder.")


class GalleryVerifyRequest(GalleryRequest):
    """A gallery to verify."""

    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery verify products",)


class GalleryExportRequest(GalleryRequest):
    """Where to write the photos of a gallery."""

    details: ClassVar[str] = "Writes a data set of photos and list.csv for `gallery add --data` and `train`."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery export products --out photos",)

    out: Annotated[Path, Incidental] = Field(description="Folder to create.")


class GalleryCompactRequest(GalleryChangeRequest):
    """A gallery to compact."""

    details: ClassVar[str] = "Earlier versions cannot be restored afterwards. The history remains readable."
    examples: ClassVar[tuple[str, ...]] = ("shelfmind gallery compact products",)
