"""Search a gallery's vectors on a Milvus server. The gallery's files remain the source of truth.

The server is only an index: if it is lost, it is filled again from the gallery. A point's id is derived from its
product, photo and weights, so that writing it twice changes nothing. One extra point, the mark, records the version of
the collection. A process that finds a version or a number of points other than the gallery's compares all ids and
corrects the difference; after writing, it checks whether the gallery has changed in the meantime. Results that the
gallery does not have are ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shelfmind.arrays import Floats
from shelfmind.batching import batched
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.gallery import MAX_NAME_LENGTH, Gallery
from shelfmind.gallery.reader import MAX_ATTEMPTS
from shelfmind.gallery.search import Match, merged
from shelfmind.gallery.vectors import gathered

MARK = "gallery"
"""The id of the point that records the version of the collection."""
MAX_RESULTS = 16_384
"""Maximum number of results of a Milvus query."""
_ROWS, _IDS = 1_000, 10_000
_SECONDS = 20


class MilvusSearch:
    """Searches a collection of a Milvus server and keeps it synchronised with a gallery."""

    def __init__(self, gallery: Gallery, place: str) -> None:
        """`place` is ``HOST:PORT/COLLECTION``.

        Raises:
            UserError: pymilvus is missing, the server does not respond, or the collection belongs to another gallery.
        """
        address, _, self.collection = place.partition("/")
        if not address or not self.collection.isidentifier():
            raise UserError(f"milvus://{place} must be milvus://HOST:PORT/COLLECTION, with a valid name")
        self.gallery, self.address = gallery, address
        self.client = _client(address)
        self.head: str | None = None
        self.entries: dict[str, Entry] = {}
        self.refresh()

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D), most similar first."""
        return [self._found(query, top) for query in unit_rows(queries)]

    def refresh(self) -> None:
        """Advance to the newest version and synchronise the server's collection with it."""
        for _ in range(MAX_ATTEMPTS):
            self.gallery.refresh()
            if self.gallery.state.head == self.head:
                return
            with self._translated_errors():
                self._synchronise()
        raise UserError(f"{self.gallery.files} changes faster than {self.address} can be updated; try again")

    def _found(self, query: Floats, top: int) -> list[Match]:
        """Return the requested number of products, requesting more photos until there are enough."""
        limit = min(MAX_RESULTS, 8 * top + 1)
        while True:
            with self._translated_errors():
                (hits,) = self.client.search(self.collection, [query.tolist()], limit=limit, consistency_level="Strong")
            known = [(self.entries.get(hit["id"]), float(hit["distance"])) for hit in hits]
            matches = [Match(entry.sku, similarity, entry) for entry, similarity in known if entry is not None]
            found = merged([matches], top)
            if len(found) == top or len(hits) < limit or limit == MAX_RESULTS:
                return found
            limit = min(MAX_RESULTS, 4 * limit)

    def _synchronise(self) -> None:
        state = self.gallery.state
        weights = json.dumps({key: value for key, value in state.embedder.items() if key != "run"}, sort_keys=True)
        before, self.entries = self.entries.keys(), {_id(each, weights): each for each in state.entries()}
        self._require_collection(int(state.embedder["width"]))
        if not self._is_at(state.head, len(self.entries)):
            there = before if self.head and self._is_at(self.head, len(before)) else self._ids()
            self._add([key for key in self.entries if key not in there])
            for ids in batched(sorted(there - self.entries.keys()), _ROWS):
                self.client.delete(self.collection, ids=ids)
            mark = {"id": MARK, "sku": "", "sha256": state.head, "vector": [0.0] * int(state.embedder["width"])}
            self.client.upsert(self.collection, [mark])
        self.head = state.head

    def _is_at(self, head: str, count: int) -> bool:
        """Whether it is at this version and has the right number of points, as a writer may have been killed."""
        ask = {"consistency_level": "Strong"}
        marks = self.client.query(self.collection, filter=f'id == "{MARK}"', output_fields=["sha256"], **ask)
        if not marks or marks[0]["sha256"] != head:
            return False
        (points,) = self.client.query(self.collection, filter="", output_fields=["count(*)"], **ask)
        return int(points["count(*)"]) == count + 1

    def _require_collection(self, width: int) -> None:
        """Create the collection, or check that it is this gallery's. It is recreated if the vector length changed."""
        first = self.gallery.state.history[0]
        description = f"shelfmind gallery of {first.time} by {first.author}"
        if self.client.has_collection(self.collection):
            known = self.client.describe_collection(self.collection)
            if known["description"] != description:
                raise UserError(
                    f"the collection {self.collection} on {self.address} does not belong to {self.gallery.files}; "
                    "choose another name"
                )
            if width in {field["params"].get("dim") for field in known["fields"]}:
                return
            self.client.drop_collection(self.collection)
        self._make_collection(width, description)

    def _make_collection(self, width: int, description: str) -> None:
        from pymilvus import DataType

        schema = self.client.create_schema(description=description)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=width)
        schema.add_field("sku", DataType.VARCHAR, max_length=4 * MAX_NAME_LENGTH)
        schema.add_field("sha256", DataType.VARCHAR, max_length=64)
        index = self.client.prepare_index_params()
        index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
        self.client.create_collection(self.collection, schema=schema, index_params=index, consistency_level="Strong")

    def _ids(self) -> set[str]:
        """Return the ids of all points except the mark."""
        found: set[str] = set()
        pages = self.client.query_iterator(
            self.collection, batch_size=_IDS, filter=f'id != "{MARK}"', output_fields=["id"], consistency_level="Strong"
        )
        while page := pages.next():
            found |= {row["id"] for row in page}
        pages.close()
        return found

    def _add(self, keys: Sequence[str]) -> None:
        located, width = self.gallery.state.located, int(self.gallery.state.embedder["width"])
        for some in batched(keys, _ROWS * 50):
            entries = [self.entries[key] for key in some]
            vectors = gathered(self.gallery.files, [located[each.sha256] for each in entries], width)
            points = (
                {"id": key, "sku": entry.sku, "sha256": entry.sha256, "vector": row.tolist()}
                for key, entry, row in zip(some, entries, vectors, strict=True)
            )
            for rows in batched(points, _ROWS):
                self.client.upsert(self.collection, rows)

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except MilvusException as error:
            raise UserError(f"the Milvus server at {self.address} returned an error: {error.message}") from error


def _client(address: str) -> Any:
    try:
        from pymilvus import MilvusClient
        from pymilvus.exceptions import MilvusException
    except ImportError as error:
        raise UserError("a Milvus server needs pymilvus; run: pip install 'shelfmind[milvus]'") from error
    try:
        return MilvusClient(f"http://{address}", timeout=_SECONDS)
    except (MilvusException, ValueError) as error:
        raise UserError(f"no Milvus server responds at {address}") from error


def _id(entry: Entry, weights: str) -> str:
    """Return an id that is unique to the product, photo and weights."""
    return hashlib.sha256(f"{weights}\0{entry.sku}\0{entry.sha256}".encode()).hexdigest()
