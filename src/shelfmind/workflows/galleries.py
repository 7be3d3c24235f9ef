"""What the verbs of a gallery do, from their requests to its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shelfmind.analysis.measuring.contents import facts_path, remember
from shelfmind.analysis.measuring.measurement import measured_meanwhile
from shelfmind.data import open_catalog
from shelfmind.errors import UserError, argument
from shelfmind.files import atomic_folder, require_free_folder
from shelfmind.gallery.changes import Entry, Summary
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import By, ChangeOutcome
from shelfmind.gallery.reranking import RerankingSearch
from shelfmind.gallery.search import Match, Search
from shelfmind.gallery.stores import open_files, open_search
from shelfmind.gallery.verification import Fault, verify
from shelfmind.images.checking import note_bad_files
from shelfmind.machine.login import login_name
from shelfmind.nouns import counted
from shelfmind.progress import tell
from shelfmind.requests.galleries import (
    GalleryAddRequest,
    GalleryChangeRequest,
    GalleryCompactRequest,
    GalleryCreateRequest,
    GalleryExportRequest,
    GalleryHistoryRequest,
    GalleryListRequest,
    GalleryMergeRequest,
    GalleryReEmbedRequest,
    GalleryRemoveRequest,
    GalleryRenameRequest,
    GalleryRequest,
    GalleryRollBackRequest,
    GallerySearchRequest,
    GalleryShowRequest,
    GalleryVerifyRequest,
)
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.tables import write_table
from shelfmind.workflows.guarding import guard_of

if TYPE_CHECKING:
    from shelfmind.inference.batch_sizes import BatchSize
    from shelfmind.inference.embedder import PhotoEmbedder

LIST = "list.csv"
"""The list of photos in an exported gallery."""


@dataclass(frozen=True)
class Enrolment:
    """What a change did, and how many products and photos there are after it."""

    outcome: ChangeOutcome
    products: int
    photos: int


@dataclass(frozen=True)
class Found:
    """What was found for a photo: products, most like first, or why it cannot be used."""

    path: str
    matches: tuple[Match, ...]
    error: str | None = None


def create(request: GalleryCreateRequest, watcher: Observer = SILENT) -> Enrolment:
    """Make a gallery whose vectors a run makes; enrol the classes of a data set, if one is given.

    Returns:
        The version that it has, and how many products and photos.

    Raises:
        UserError: there is a gallery already, a run or data that cannot be used.
    """
    from shelfmind.inference.embedder import photo_embedder

    photos = [] if request.data is None else _of_data(request.data, request.format, watcher)
    embedder = photo_embedder(request.run, watcher.counter, request.engine, request.batch)
    gallery = Gallery.create(open_files(request.gallery), embedder, author_of(request), go_on=bool(photos))
    outcome = ChangeOutcome(gallery.state.version, "created")
    if photos:
        outcome = gallery.add(photos, embedder, author_of(request), request.strict, Guard(watcher.counter))
    return _counted(gallery, outcome)


def add(request: GalleryAddRequest, watcher: Observer = SILENT) -> Enrolment:
    """Enrol photos of a product, or the classes of a data set.

    Returns:
        The version that it made, None if all were enrolled already, and how many products and photos there are now.

    Raises:
        UserError: no gallery, no usable photo, another run than the gallery's, a name that cannot be one.
    """
    gallery = opened(request)
    if request.data is not None:
        photos = _of_data(request.data, request.format, watcher)
    else:
        photos = _of_paths(request.photos, str(request.sku), watcher)
    embedder = embedder_of(gallery, request.run, request.engine, request.batch, watcher)
    guard = guard_of(gallery, watcher.counter, embedder.predictor.class_names)
    return _counted(gallery, gallery.add(photos, embedder, author_of(request), request.strict, guard))


def re_embed(request: GalleryReEmbedRequest, watcher: Observer = SILENT) -> Enrolment:
    """Renew all vectors by another run, from the photos that the gallery keeps.

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, a photo that is damaged.
    """
    from shelfmind.inference.embedder import photo_embedder

    gallery = opened(request)
    embedder = photo_embedder(request.run, watcher.counter, request.engine, request.batch)
    return _counted(gallery, gallery.re_embed(embedder, author_of(request)))


def remove(request: GalleryRemoveRequest, watcher: Observer = SILENT) -> Enrolment:
    """Take a product, or photos of it, out of a gallery.

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product (with the nearest names), no such photo.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.remove(request.sku, author_of(request), request.photos))


def rename(request: GalleryRenameRequest, watcher: Observer = SILENT) -> Enrolment:
    """Give a product another name.

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product, a name that another product has.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.rename(request.sku, request.name, author_of(request)))


def merge(request: GalleryMergeRequest, watcher: Observer = SILENT) -> Enrolment:
    """Make one product of several.

    Returns:
        The version that it made.

    Raises:
        UserError: no gallery, no such product.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.merge(request.skus, request.into, author_of(request)))


def roll_back(request: GalleryRollBackRequest, watcher: Observer = SILENT) -> Enrolment:
    """Bring back the products of an earlier version.

    Returns:
        The version that it made, None if nothing differs.

    Raises:
        UserError: no gallery, no such version, one from before a compaction or of other weights.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.roll_back(request.version, author_of(request)))


def list_products(request: GalleryListRequest, watcher: Observer = SILENT) -> dict[str, int]:
    """The products of a gallery.

    Returns:
        The number of photos of each, by name.

    Raises:
        UserError: no gallery, no such version.
    """
    gallery = opened(request)
    state = gallery.state if request.version is None else gallery.at(request.version)
    return {sku: len(state.products[sku]) for sku in sorted(state.products)}


def show_product(request: GalleryShowRequest, watcher: Observer = SILENT) -> list[Entry]:
    """The photos of a product.

    Returns:
        Each with its file's name and checksum.

    Raises:
        UserError: no gallery, no such product.
    """
    return list(opened(request).state.photos_of(request.sku).values())


def history(request: GalleryHistoryRequest, watcher: Observer = SILENT) -> list[Summary]:
    """All changes of a gallery.

    Returns:
        Version, time, author, reason, kind and detail of each, oldest first.

    Raises:
        UserError: no gallery.
    """
    return opened(request).state.history


def search(request: GallerySearchRequest, watcher: Observer = SILENT) -> list[Found]:
    """The products that photos are most like.

    Returns:
        For each photo its best products with cosine similarities and the photo that matched.

    Raises:
        UserError: no gallery, another run than its own, a path that names nothing.
    """
    from shelfmind.inference.predict_files import find_images, require_existing

    gallery = opened(request)
    for path in request.paths:
        require_existing(path)
    embedder = embedder_of(gallery, request.run, request.engine, request.batch, watcher)
    lookup: Search = open_search(gallery, request.gallery)
    if request.rerank:
        lookup = RerankingSearch(lookup, *gallery.vectors())
    files = list(find_images(request.paths))
    progress = watcher.counter("searching", len(files))
    found: list[Found] = []
    for batch in embedder.predictor.of_sources(files):
        matches = iter(lookup(batch.embeddings, request.top) if batch.embeddings.size else ())
        for name, error in zip(batch.names, batch.errors, strict=True):
            found.append(Found(name, tuple(next(matches)) if error is None else (), error))
        progress(len(batch.names))
    return found


def verify_files(request: GalleryVerifyRequest, watcher: Observer = SILENT) -> list[Fault]:
    """Read every file of a gallery.

    Returns:
        Those that do not hold what was written.

    Raises:
        UserError: no gallery.
    """
    files = open_files(request.gallery)
    faults = verify(files)
    if not faults:
        Gallery(files)  # an empty folder has no faults either
    return faults


def export(request: GalleryExportRequest, watcher: Observer = SILENT) -> Path:
    """Write all photos of a gallery and a list of them into a folder.

    Returns:
        The list.

    Raises:
        UserError: no gallery, a damaged photo, a folder that is not empty.
    """
    gallery = opened(request)
    require_free_folder(request.out)
    entries = list(gallery.state.entries())
    progress = watcher.counter("writing photos", len(entries))
    with atomic_folder(request.out) as folder:
        (folder / "photos").mkdir()
        rows = []
        for entry in entries:
            name = f"photos/{entry.sha256}{Path(entry.photo).suffix.lower()}"
            if not (folder / name).exists():
                (folder / name).write_bytes(gallery.photo(entry.sha256))
            rows.append((name, entry.sku))
            progress(1)
        write_table(folder / LIST, ("path", "label"), rows)
    return request.out / LIST


def compact(request: GalleryCompactRequest, watcher: Observer = SILENT) -> int:
    """Fold all versions of a gallery into one and delete what no product has any more.

    Returns:
        The number of files deleted.

    Raises:
        UserError: no gallery, a damaged one.
    """
    return opened(request).compact(author_of(request))


def opened(request: GalleryRequest) -> Gallery:
    """The gallery that is asked for."""
    return Gallery(open_files(request.gallery))


def author_of(request: GalleryChangeRequest) -> By:
    """Who makes a change, and why."""
    return By(request.author or login_name(), request.reason)


def _counted(gallery: Gallery, outcome: ChangeOutcome) -> Enrolment:
    products = gallery.state.products
    return Enrolment(outcome, len(products), sum(len(photos) for photos in products.values()))


def embedder_of(gallery: Gallery, run: Path | None, engine: str, batch: BatchSize, watcher: Observer) -> PhotoEmbedder:
    """The run or the exported file that the gallery was made with."""
    from shelfmind.inference.embedder import photo_embedder

    recorded = Path(str(gallery.state.embedder.get("run", "")))
    if run is None and not recorded.exists():
        raise UserError(
            f"the run that {gallery.files} was made with is no longer at {recorded}; give {argument('run')}"
        )
    embedder = photo_embedder(run or recorded, watcher.counter, engine, batch)
    gallery.require_embedder(embedder)
    return embedder


def _of_data(data: Path, format: str | None, watcher: Observer) -> list[Photo]:
    """The photos of a data set, whatever their split."""
    catalog = open_catalog(data, format)
    tell([note for note in catalog.notes if "split" not in note], watcher.note)
    samples = _usable([sample.path for sample in catalog.samples], watcher)
    return [
        Photo(catalog.class_names[sample.label], sample.path.name, sample.path)
        for sample in catalog.samples
        if sample.path in samples
    ]


def _of_paths(paths: Sequence[str], sku: str, watcher: Observer) -> list[Photo]:
    """The photos of a product that these files, folders and patterns name."""
    from shelfmind.inference.predict_files import find_images, require_existing

    for path in paths:
        require_existing(path)
    found = list(find_images(paths))
    usable = _usable(found, watcher)
    return [Photo(sku, path.name, path) for path in found if path in usable]


def _usable(paths: Sequence[Path], watcher: Observer) -> set[Path]:
    """Those that are images; what the others are is told. They are measured on the way, for the guard."""
    with measured_meanwhile(paths, watcher.counter) as measured:
        remember(measured, facts_path())
    bad = measured.bad_files
    if len(bad) == len(paths):
        reason = f": {bad[0].path}: {bad[0].reason}" if bad else ""
        raise UserError(f"none of {counted(len(paths), 'photo')} can be used{reason}")
    tell(note_bad_files(bad, len(paths)), watcher.note)
    return {*paths} - {each.path for each in bad}
