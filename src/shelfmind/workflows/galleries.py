"""The gallery verbs, from their requests to the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shelfmind.analysis.measuring.contents import cache_by_content
from shelfmind.analysis.measuring.measurement import facts_path, temporary_measurements
from shelfmind.data import open_catalog
from shelfmind.errors import UserError, argument
from shelfmind.files import atomic_folder, require_free_folder
from shelfmind.gallery.changes import Entry, Summary
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.guard import Guard
from shelfmind.gallery.photos import Photo
from shelfmind.gallery.plan import Attribution, ChangeOutcome
from shelfmind.gallery.reranking import RerankingSearch
from shelfmind.gallery.search import Match, Search
from shelfmind.gallery.stores import open_files, open_search
from shelfmind.gallery.verification import Fault, verify
from shelfmind.images.checking import note_bad_files
from shelfmind.machine.cluster import Cluster, joined
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
"""The list of photos of an exported gallery."""


@dataclass(frozen=True)
class Enrolment:
    """The outcome of a change, and the numbers of products and photos after it."""

    outcome: ChangeOutcome
    products: int
    photos: int


@dataclass(frozen=True)
class Found:
    """The search results of a photo: products, most similar first, or why it is unusable."""

    path: str
    matches: tuple[Match, ...]
    error: str | None = None


def create(request: GalleryCreateRequest, watcher: Observer = SILENT) -> Enrolment:
    """Create a gallery with the embeddings of a run; enrol the classes of a data set, if one is given.

    Returns:
        The version, and the numbers of products and photos.

    Raises:
        UserError: the gallery exists, or the run or data is unusable.
    """
    from shelfmind.inference.embedder import photo_embedder

    photos = [] if request.data is None else _of_data(request.data, request.format, watcher)
    embedder = photo_embedder(request.run, watcher.counter, request.engine, request.batch)
    gallery = Gallery.create(open_files(request.gallery), embedder, author_of(request), resume=bool(photos))
    outcome = ChangeOutcome(gallery.state.version, "created")
    if photos:
        outcome = gallery.add(
            photos, embedder, author_of(request), request.strict, Guard(watcher.counter), watcher.counter
        )
    return _counted(gallery, outcome)


def add(request: GalleryAddRequest, watcher: Observer = SILENT) -> Enrolment:
    """Enrol photos of a product, or the classes of a data set.

    Returns:
        The new version (None if all photos were enrolled already), and the numbers of products and photos.

    Raises:
        UserError: no gallery, no usable photo, a run other than the gallery's, or an invalid name.
    """
    gallery = opened(request)
    with joined(request.ray, request.workers, watcher.note) as cluster:
        if request.data is not None:
            photos = _of_data(request.data, request.format, watcher, cluster)
        else:
            photos = _of_paths(request.photos, str(request.sku), watcher, cluster)
        embedder = embedder_of(gallery, request.run, request.engine, request.batch, watcher)
        guard = guard_of(gallery, watcher.counter, embedder.predictor.class_names)
        if cluster is None:
            return _counted(
                gallery, gallery.add(photos, embedder, author_of(request), request.strict, guard, watcher.counter)
            )
        from shelfmind.inference.cluster_embedder import ClusterEmbedder

        many = ClusterEmbedder(embedder, cluster, request.engine, request.batch)
        outcome = gallery.add(photos, many, author_of(request), request.strict, guard, watcher.counter)
        many.forget()
        return _counted(gallery, outcome)


def re_embed(request: GalleryReEmbedRequest, watcher: Observer = SILENT) -> Enrolment:
    """Recompute all embeddings with another run, from the photos in the gallery.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, or a damaged photo.
    """
    from shelfmind.inference.embedder import photo_embedder

    gallery = opened(request)
    embedder = photo_embedder(request.run, watcher.counter, request.engine, request.batch)
    return _counted(gallery, gallery.re_embed(embedder, author_of(request)))


def remove(request: GalleryRemoveRequest, watcher: Observer = SILENT) -> Enrolment:
    """Remove a product, or some of its photos, from a gallery.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, no such product (with the closest names), or no such photo.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.remove(request.sku, author_of(request), request.photos))


def rename(request: GalleryRenameRequest, watcher: Observer = SILENT) -> Enrolment:
    """Rename a product.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, no such product, or the name of another product.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.rename(request.sku, request.name, author_of(request)))


def merge(request: GalleryMergeRequest, watcher: Observer = SILENT) -> Enrolment:
    """Merge several products into one.

    Returns:
        The new version.

    Raises:
        UserError: no gallery, no such product.
    """
    gallery = opened(request)
    return _counted(gallery, gallery.merge(request.skus, request.into, author_of(request)))


def roll_back(request: GalleryRollBackRequest, watcher: Observer = SILENT) -> Enrolment:
    """Restore the products of an earlier version.

    Returns:
        The new version, None if nothing differs.

    Raises:
        UserError: no gallery, no such version, or a version from before a compaction or of other weights.
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
        Each with its file name and checksum.

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
    """Find the products most similar to photos.

    Returns:
        For each photo its best products, with cosine similarity and matching photo.

    Raises:
        UserError: no gallery, a run other than the gallery's, or a path without images.
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
    """Verify the checksums of all files of a gallery.

    Returns:
        The damaged and missing files.

    Raises:
        UserError: no gallery.
    """
    files = open_files(request.gallery)
    faults = verify(files, watcher.counter)
    if not faults:
        Gallery(files)  # an empty folder has no faults either
    return faults


def export(request: GalleryExportRequest, watcher: Observer = SILENT) -> Path:
    """Export all photos of a gallery and a list of them to a folder.

    Returns:
        The list.

    Raises:
        UserError: no gallery, a damaged photo, or a folder that is not empty.
    """
    gallery = opened(request)
    require_free_folder(request.out)
    rows = [(f"photos/{each.sha256}{Path(each.photo).suffix.lower()}", each) for each in gallery.state.entries()]
    shas = {name: entry.sha256 for name, entry in rows}
    progress = watcher.counter("writing photos", len(shas))
    with atomic_folder(request.out) as folder:
        (folder / "photos").mkdir()
        for name, content in zip(shas, gallery.photos(shas.values()), strict=True):
            (folder / name).write_bytes(content)
            progress(1)
        write_table(folder / LIST, ("path", "label"), ((name, entry.sku) for name, entry in rows))
    return request.out / LIST


def compact(request: GalleryCompactRequest, watcher: Observer = SILENT) -> int:
    """Merge all versions of a gallery into one and delete unreferenced files.

    Returns:
        The number of deleted files.

    Raises:
        UserError: no gallery, or a damaged one.
    """
    return opened(request).compact(author_of(request))


def opened(request: GalleryRequest) -> Gallery:
    """Open the gallery of a request."""
    return Gallery(open_files(request.gallery))


def author_of(request: GalleryChangeRequest) -> Attribution:
    """Author and reason of a change."""
    return Attribution(request.author or login_name(), request.reason)


def _counted(gallery: Gallery, outcome: ChangeOutcome) -> Enrolment:
    products = gallery.state.products
    return Enrolment(outcome, len(products), sum(len(photos) for photos in products.values()))


def embedder_of(gallery: Gallery, run: Path | None, engine: str, batch: BatchSize, watcher: Observer) -> PhotoEmbedder:
    """The run or exported file that the gallery was created with."""
    from shelfmind.inference.embedder import photo_embedder

    recorded = Path(str(gallery.state.embedder.get("run", "")))
    if run is None and not recorded.exists():
        raise UserError(
            f"the run that {gallery.files} was created with is no longer at {recorded}; give its location by "
            f"{argument('run')}"
        )
    embedder = photo_embedder(run or recorded, watcher.counter, engine, batch)
    gallery.require_embedder(embedder)
    return embedder


def _of_data(data: Path, format: str | None, watcher: Observer, cluster: Cluster | None = None) -> list[Photo]:
    """The photos of all splits of a data set."""
    catalog = open_catalog(data, format, counter=watcher.counter)
    tell([note for note in catalog.notes if "split" not in note], watcher.note)
    samples = _usable([sample.path for sample in catalog.samples], watcher, cluster)
    return [
        Photo(catalog.class_names[sample.label], sample.path.name, sample.path)
        for sample in catalog.samples
        if sample.path in samples
    ]


def _of_paths(paths: Sequence[str], sku: str, watcher: Observer, cluster: Cluster | None) -> list[Photo]:
    """The photos of a product from files, folders and patterns."""
    from shelfmind.inference.predict_files import find_images, require_existing

    for path in paths:
        require_existing(path)
    found = list(find_images(paths))
    usable = _usable(found, watcher, cluster)
    return [Photo(sku, path.name, path) for path in found if path in usable]


def _usable(paths: Sequence[Path], watcher: Observer, cluster: Cluster | None) -> set[Path]:
    """The paths of usable images; notes report the others. The images are measured at the same time, for the guard."""
    with temporary_measurements(paths, watcher.counter, cluster) as measured:
        cache_by_content(measured, facts_path())
    bad = measured.bad_files
    if len(bad) == len(paths):
        reason = f": {bad[0].path}: {bad[0].reason}" if bad else ""
        raise UserError(f"none of {counted(len(paths), 'photo')} is usable{reason}")
    tell(note_bad_files(bad, len(paths)), watcher.note)
    return {*paths} - {each.path for each in bad}
