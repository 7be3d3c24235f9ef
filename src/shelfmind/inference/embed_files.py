"""`embed`: embeddings of images or of a data set as a Parquet file."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.data import open_catalog
from shelfmind.data.listing import Listing
from shelfmind.errors import UserError, argument
from shelfmind.files import require_writable, write_atomically
from shelfmind.inference.adaptation import require_unadapted
from shelfmind.inference.parts import Item, Parts, here, plan_of
from shelfmind.inference.predict_files import find_images, notes_on, require_existing, write_bad_list
from shelfmind.inference.predictor import Predictor, load
from shelfmind.inference.replicas import Replica, on_cluster
from shelfmind.machine.cluster import joined
from shelfmind.machine.packages import require
from shelfmind.nouns import shortened
from shelfmind.progress import tell
from shelfmind.records import UNLABELLED, BadFile
from shelfmind.requests.calling import takes
from shelfmind.requests.measuring import EmbedRequest
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.rules import engine_under
from shelfmind.urls import shown_url

SUFFIX = ".parquet"


@dataclass
class EmbeddingOutcome:
    """The number of images and of values per embedding, the engine with its precision, and unusable files."""

    images: int
    width: int
    engine: str
    bad_files: list[BadFile] = field(default_factory=list)
    bad_list: Path | None = None


@takes(EmbedRequest)
def embed_files(request: EmbedRequest, watcher: Observer = SILENT) -> EmbeddingOutcome:
    """Write the embeddings of images, or of all images of a data set, to a Parquet file with one row per image.

    Columns: ``path``, ``class`` and ``split`` (of a data set), ``embedding`` (a list of numbers; null for an
    unusable file) and ``error`` (the reason, else null). Finished parts are kept next to the output until the end: the
    same call resumes an interrupted one.

    Returns:
        Numbers of images and values, the engine, and unusable files.

    Raises:
        UserError: no run, no images, an output that cannot be written, or parts of another job next to it.
    """
    require("pyarrow")
    out = request.out
    if out.suffix != SUFFIX:
        raise UserError(f"{argument('out')} must be a file name ending in {SUFFIX}, got {out}")
    require_writable(out)
    require_unadapted(request.rules, [request.run])
    with joined(request.ray, request.workers, watcher.note) as cluster:
        items, labelled = _items(request, watcher)
        engine = engine_under(request.rules, request.engine)
        predictor = load(request.run, (), engine, request.batch, request.decode)
        parts = Parts(out, _plan(predictor, items, labelled, request), SUFFIX)
        parts.open()
        results = here(_computing(predictor, labelled, request.dtype))
        if cluster is not None:
            replica = Replica.of(predictor, engine, request.batch, request.decode)
            results = on_cluster(cluster, partial(_computing_in_worker, replica, labelled, request.dtype))
        progress = watcher.counter("embedding", len(items))
        for done in parts.run(items, request.part_size, results):
            progress(done)
    outcome = EmbeddingOutcome(len(items), 0, predictor.engine.name)
    write_atomically(out, lambda path: _join(parts.finished(), path, outcome))
    outcome.bad_list = write_bad_list(outcome.bad_files, outcome.images, out)
    parts.delete()
    return outcome


def _items(request: EmbedRequest, watcher: Observer) -> tuple[list[Item], bool]:
    """The images, and whether they have classes."""
    if request.data is not None:
        catalog = open_catalog(request.data, request.format, one_class=True, counter=watcher.counter)
        tell(catalog.notes, watcher.note)
        names = {UNLABELLED: None, **dict(enumerate(catalog.class_names))}
        return [Item(shown_url(each.path), names[each.label], each.split) for each in catalog.samples], True
    for path in request.paths:
        require_existing(path)
    left_out = Listing()
    found = [Item(shown_url(path)) for path in find_images(request.paths, left_out)]
    tell(notes_on(request.paths, len(found), left_out), watcher.note)
    return found, False


def _plan(predictor: Predictor, items: Sequence[Item], labelled: bool, request: EmbedRequest) -> dict[str, Any]:
    """Everything that determines the file."""
    data = shortened(request.paths) if request.data is None else str(request.data)
    plan = plan_of(predictor, items, data, request.decode, request.part_size)
    return {**plan, "labelled": labelled, "dtype": request.dtype}


def _computing(predictor: Predictor, labelled: bool, dtype: str) -> Callable[[Sequence[Item]], bytes]:
    """A function that computes the Parquet file of a part."""
    import pyarrow.parquet as parquet

    def compute(items: Sequence[Item]) -> bytes:
        stream = io.BytesIO()
        parquet.write_table(_table(predictor, items, labelled, dtype), stream)
        return stream.getvalue()

    return compute


def _computing_in_worker(replica: Replica, labelled: bool, dtype: str) -> Callable[[Sequence[Item]], bytes]:
    """The same in a worker of a cluster."""
    return _computing(replica.load(), labelled, dtype)


def _table(predictor: Predictor, items: Sequence[Item], labelled: bool, dtype: str) -> Any:
    """The rows of one part."""
    import pyarrow as arrow

    errors: list[str | None] = []
    found = [np.zeros((0, 0), dtype)]
    for batch in predictor.of_sources(Path(item.path) for item in items):
        errors += batch.errors
        if len(batch.embeddings):
            most = np.finfo(dtype).max  # only directions matter
            found.append(np.clip(batch.embeddings, -most, most).astype(dtype))
    good = np.array([error is None for error in errors], np.bool_)
    ends = np.cumsum(np.where(good, found[-1].shape[1], 0))
    kind = arrow.float16() if dtype == "float16" else arrow.float32()
    values = np.concatenate([part.reshape(-1) for part in found])
    embedding = arrow.ListArray.from_arrays(
        arrow.array(np.concatenate([[0], ends]), arrow.int32()), arrow.array(values, kind), mask=arrow.array(~good)
    )
    columns = {"path": arrow.array([_readable(item.path) for item in items])}
    if labelled:
        columns["class"] = arrow.array([item.class_name for item in items], arrow.string())
        columns["split"] = arrow.array([item.split for item in items], arrow.string())
    return arrow.table({**columns, "embedding": embedding, "error": arrow.array(errors, arrow.string())})


def _join(parts: Iterable[Path], path: Path, outcome: EmbeddingOutcome) -> None:
    """Write all parts, in order, as row groups of one file; only one part is in memory."""
    import pyarrow.compute as compute
    import pyarrow.parquet as parquet

    files = list(parts)
    with parquet.ParquetWriter(path, parquet.read_schema(files[0])) as writer:
        for file in files:
            table = parquet.ParquetFile(file).read()  # `read_table` adds columns from folders like ``date=2026-01-05``
            for row in table.filter(compute.is_valid(table["error"])).select(["path", "error"]).to_pylist():
                outcome.bad_files.append(BadFile(Path(row["path"]), row["error"]))
            outcome.width = max(outcome.width, compute.max(compute.list_value_length(table["embedding"])).as_py() or 0)
            writer.write_table(table)


def _readable(path: str) -> str:
    """The path as valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
