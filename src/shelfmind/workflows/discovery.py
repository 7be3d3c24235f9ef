"""`gallery discover`: clusters photos into candidate products, as a folder for the review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.arrays import Bools, Floats
from shelfmind.files import atomic_folder, require_free_folder
from shelfmind.gallery.discovery import Accepts, discover_groups
from shelfmind.gallery.discovery_folder import PAGE, Discovery, write_discovery
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import absolute_place
from shelfmind.images.content import hash_files
from shelfmind.pages.discovery_report import write_discovery_page
from shelfmind.progress import tell
from shelfmind.requests.discovery import GalleryDiscoverRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.workflows.galleries import embedder_of, opened


@dataclass(frozen=True)
class DiscoveryOutcome:
    """The discovery, and its folder."""

    discovery: Discovery
    out: Path

    @property
    def figures(self) -> Mapping[str, Any]:
        """The counts and thresholds."""
        return self.discovery.figures


def discover(
    request: GalleryDiscoverRequest, watcher: Observer = SILENT, accepts: Accepts | None = None
) -> DiscoveryOutcome:
    """Cluster photos that show no enrolled product into candidate products.

    `accepts` decides which photos show the enrolled product nearest to them. By default a calibrated gallery decides by
    its rejection of unknown objects; otherwise the similarity of enrolled photos of the same product decides.

    Returns:
        The groups, and the folder for `shelfmind review`.

    Raises:
        UserError: no gallery, a run other than the gallery's, a path without images, or a folder that is not empty.
    """
    from shelfmind.inference.predict_files import count_images, find_images, require_existing

    gallery = opened(request)
    require_free_folder(request.out)
    for path in request.paths:
        require_existing(path)
    tell(count_images(request.paths)[1], watcher.note)
    files = list(dict.fromkeys(path.absolute() for path in find_images(request.paths)))
    good, vectors, unusable, named = _embedded(gallery, files, request, watcher)
    if accepts is None and named is not None:
        accepts = partial(_named, named)
    watcher.phase("finding groups")
    found = discover_groups(good, vectors, *gallery.vectors(), least=request.least, accepts=accepts)
    discovery = Discovery(
        gallery=absolute_place(request.gallery),
        embedder=gallery.state.embedder,
        figures={**found.figures, "unusable": len(unusable), "version": gallery.state.version},
        groups=found.groups,
        known=found.known,
        alone=found.alone,
        unusable=tuple(unusable),
        vectors=found.vectors,
    )
    with atomic_folder(request.out) as folder:
        write_discovery(folder, discovery)
        write_discovery_page(folder / PAGE, discovery, gallery, watcher.counter)
    return DiscoveryOutcome(discovery, request.out)


def _embedded(
    gallery: Gallery, files: Sequence[Path], request: GalleryDiscoverRequest, watcher: Observer
) -> tuple[list[tuple[str, str]], Floats, list[tuple[str, str]], dict[str, bool] | None]:
    """Paths and checksums of usable photos, their embeddings (N, D), unusable paths with reasons, and which paths are
    accepted as a product (None if the gallery is not calibrated)."""
    from shelfmind.inference.recognizer import Recognizer

    embedder = embedder_of(gallery, request.run, request.engine, request.batch, watcher)
    recognizer = None if gallery.state.recognition is None else Recognizer(embedder, gallery, watcher.note)
    named: dict[str, bool] = {}
    digests = hash_files(files, watcher.counter("reading photos", len(files)))
    progress = watcher.counter("embedding photos", len(files))
    good: list[tuple[str, str]] = []
    unusable: list[tuple[str, str]] = []
    parts = [np.zeros((0, int(gallery.state.embedder["width"])), np.float32)]
    digest = iter(digests)
    for batch in embedder.predictor.of_sources(files):
        usable = []
        for name, error in zip(batch.names, batch.errors, strict=True):
            content = next(digest)
            if error is None and content is not None:
                good.append((name, content.hex()))
            else:
                unusable.append((name, error or "cannot be read"))
            if error is None:
                usable.append(content is not None)
        if usable:
            parts.append(batch.embeddings[usable])
        if usable and recognizer is not None:
            names = [name for name, error in zip(batch.names, batch.errors, strict=True) if error is None]
            named.update(zip(names, recognizer.accepts(batch).tolist(), strict=True))
        progress(len(batch.names))
    return good, np.concatenate(parts), unusable, None if recognizer is None else named


def _named(named: Mapping[str, bool], paths: Sequence[str], vectors: Floats) -> Bools:
    return np.array([named[path] for path in paths], np.bool_)
