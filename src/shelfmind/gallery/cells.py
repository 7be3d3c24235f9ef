"""Approximate search among very many photos with an inverted file: only the cells closest to a query are searched.

Vectors are projected onto their main directions and clustered into cells by k-means. A query is compared with the
cells' centres, then with the vectors in the closest cells along the first half of the directions, then with the best of
these along all directions, and finally with the best full vectors: an inverted file with exact re-ranking (Jégou,
Douze, Schmid, "Product quantization for nearest neighbor search", 2011, without its product quantisation). The numbers
of cells and vectors to search are measured by querying photos of the gallery for their nearest neighbour, which an
exact search provides.
"""

from __future__ import annotations

import copy
import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Bools, Floats, Ints
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import row_chunks, unit_rows
from shelfmind.files import exclusively, write_atomically
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.search import ExactSearch, LocalSearch, Match, likeness, products_of
from shelfmind.machine.packages import installed
from shelfmind.nouns import counted
from shelfmind.progress import Note, ignore_note

MIN_APPROXIMATE = 20_000
"""Number of photos that an exact search handles in about 10 ms on one core."""
RECALL = 0.994
"""Required recall of the nearest neighbour: 0.99, with a margin for the measurement error."""
DIRECTIONS = 96
FIRST_DIRECTIONS = 48
ASKING = 2000
CELLS_PER_ROOT = 8
LEARNT_PER_CELL = 24
ROUNDS = 5
MIN_COMPARED = 256
MAX_SHARE_OF_EXACT = 0.25
"""Cells are not used above this share of an exact search's work."""
NEW_SHARE = 0.1
"""Cells are fitted again above this share of photos that they were not fitted to."""
FOLLOWED_SHARE = 0.5
"""The same for a search that follows a gallery, so that it rarely waits for new cells."""
_CHUNK_VALUES = 1 << 24
_WIDER, _ROUNDING = 0.01, 1e-6
_SAMPLED = 16
_MAX_ORDERED = 12_000
"""Maximum number of centres. Their pairwise distances then fit into half a gigabyte."""
Names = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Cells:
    """The partition into cells, with `directions` (D, d) and `centres` (C, d), and the effort of a query.

    A query searches the cells whose nearness is at most `reach` below that of the closest cell, so a query well within
    a cell searches few. Of their vectors, `kept` are selected by the first directions, and `compared` of these in full.
    A negative reach means that an exact search is preferable.
    """

    directions: Floats
    centres: Floats
    reach: float = 0.0
    kept: int = MIN_COMPARED
    compared: int = MIN_COMPARED

    def projected(self, vectors: Floats) -> Floats:
        """Project vectors (N, D) onto the directions: (N, d)."""
        return vectors @ self.directions

    def nearness(self, low: Floats) -> Floats:
        """Return the nearness (N, C) of projected vectors (N, d) to the centres; greater is nearer."""
        near: Floats = low @ self.centres.T - (self.centres**2).sum(axis=1) / 2
        return near

    def of(self, low: Floats) -> Ints:
        """Return the cell of each projected vector (N, d)."""
        chunks = row_chunks(len(low), len(self.centres), _CHUNK_VALUES)
        found = [self.nearness(low[chunk]).argmax(axis=1) for chunk in chunks]
        return np.concatenate(found) if found else np.zeros(0, np.int64)


class CellSearch:
    """A search that compares queries with the photos in the closest cells."""

    def __init__(self, entries: Sequence[Entry], vectors: Floats, cells: Cells, assigned: Ints) -> None:
        """`vectors` (N, D) are unit vectors, `assigned` (N,) are their cells."""
        self.entries, self.vectors, self.cells = list(entries), vectors, cells
        self.products = products_of(entries)
        self.rows = np.argsort(assigned, kind="stable")
        self.ends = np.cumsum(np.bincount(assigned, minlength=len(cells.centres)))
        self.starts = np.r_[0, self.ends[:-1]]
        low = cells.projected(vectors)[self.rows]
        self.first, self.further = (np.ascontiguousarray(part) for part in np.split(low, [FIRST_DIRECTIONS], axis=1))
        self.there: Bools | None = None

    def __call__(self, queries: Floats, top: int) -> list[list[Match]]:
        """Return the `top` products for each query (M, D), most similar first."""
        return [self._matches(query, top) for query in unit_rows(queries)]

    def without(self, rows: Iterable[int]) -> CellSearch:
        """Return the same search without these rows."""
        other = copy.copy(self)
        other.there = np.ones(len(self.entries), bool)
        other.there[np.fromiter(rows, np.int64)] = False
        return other

    def following(self, entries: Sequence[Entry], vectors: Floats) -> CellSearch | None:
        """Return a search of a later version of the same gallery with the same cells, None if too many photos are new.

        New photos are assigned to the cells.
        """
        known = _names_of(self.entries)
        order = np.argsort(known, kind="stable")
        places = np.empty(len(order), np.int64)
        places[self.rows] = np.repeat(np.arange(len(self.starts)), self.ends - self.starts)
        names = _names_of(entries)
        assigned = _assigned(self.cells, known[order], places[order], names, vectors, FOLLOWED_SHARE)
        return None if assigned is None else CellSearch(entries, vectors, self.cells, assigned)

    def nearest(self, query: Floats, top: int) -> tuple[Ints, Floats]:
        """Return the most similar photo of each of the `top` products for a unit vector (D,): their rows and cosines,
        most similar first.

        More cells and photos are searched until there are enough products.
        """
        low = self.cells.projected(query[None])[0]
        nearness = self.cells.nearness(low[None])[0]
        reach, compared = self.cells.reach, max(self.cells.compared, 16 * top)
        kept = max(self.cells.kept, compared)
        while True:
            within = np.flatnonzero(nearness >= nearness.max() - reach)
            places, near = self.candidates(low, within)
            best = _approximately_nearest(near, kept)
            rows = self.rows[places[best[_nearest(self.along_all(low, places[best], near[best]), compared)]]]
            nearest, cosines = self._best(rows, self.vectors[rows] @ query, top)
            everything = len(within) == len(nearness)
            if len(nearest) == top or (everything and compared >= len(near)):
                return nearest, cosines
            if compared < len(near):
                compared, kept = 4 * compared, max(kept, 4 * compared)
            else:
                reach = 2 * reach + _WIDER

    def candidates(self, low: Floats, cells: Ints) -> tuple[Ints, Floats]:
        """Return the positions of the vectors in these cells (sorted), and their similarity to a projected vector (d,)
        along the first directions."""
        breaks = np.flatnonzero(np.diff(cells) > 1)  # consecutive cells are read at once
        starts, ends = self.starts[cells[np.r_[0, breaks + 1]]], self.ends[cells[np.r_[breaks, -1]]]
        filled = starts < ends
        starts, ends = starts[filled], ends[filled]
        if not len(starts):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        lengths = ends - starts
        offsets = starts - np.r_[0, np.cumsum(lengths)[:-1]]
        places = np.asarray(np.repeat(offsets, lengths) + np.arange(lengths.sum()), np.int64)
        own = low[: self.first.shape[1]]
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        near = np.concatenate([likeness(self.first[start:end], own) for start, end in spans])
        if self.there is not None:
            left = self.there[self.rows[places]]
            places, near = places[left], near[left]
        return places, near

    def along_all(self, low: Floats, places: Ints, near: Floats) -> Floats:
        """Return the similarities of the vectors at these positions to a projected vector (d,) along all directions."""
        rest = low[self.first.shape[1] :]
        return near + likeness(self.further[places], rest) if len(rest) and len(places) else near

    def _best(self, rows: Ints, similarities: Floats, top: int) -> tuple[Ints, Floats]:
        order = np.lexsort((rows, -similarities))
        _, firsts = np.unique(self.products[rows[order]], return_index=True)
        best = order[np.sort(firsts)[:top]]
        return rows[best], similarities[best]

    def _matches(self, query: Floats, top: int) -> list[Match]:
        rows, cosines = self.nearest(query, top)
        found = ((self.entries[row], cosine) for row, cosine in zip(rows.tolist(), cosines.tolist(), strict=True))
        return [Match(entry.sku, cosine, entry) for entry, cosine in found]


def search_of(entries: Sequence[Entry], vectors: Floats, kept: Path | None = None) -> LocalSearch:
    """Return a fast search: exact for some ten thousand photos, by cells for more if their recall suffices.

    `vectors` (N, D) are unit vectors, sorted by product. Cells take a while to fit, so they are cached in a file and
    reused as long as most photos are the same. Without scikit-learn no cells are fitted.
    """
    found = None if len(entries) < MIN_APPROXIMATE else cell_search(entries, vectors, kept)
    return ExactSearch(entries, vectors) if found is None else found


def cell_search(
    entries: Sequence[Entry],
    vectors: Floats,
    kept: Path | None = None,
    note: Note = ignore_note,
) -> CellSearch | None:
    """Return a search by cells, None if an exact one is preferable; see `search_of`.

    `note` is told before cells are fitted.
    """
    names = _names_of(entries)
    divided = None if kept is None else _cached_cells(kept, names, vectors)
    if divided is None and not installed("sklearn"):
        return None
    if divided is None:
        with _building(kept):
            divided = None if kept is None else _cached_cells(kept, names, vectors)  # built by another in the meantime
            if divided is None:
                note(f"building the index of {counted(len(entries), 'enrolled photo')}, once; it is cached")
                divided = fit_cells(vectors)
                if kept is not None:
                    _store_cells(kept, names, *divided)
    cells, assigned = divided
    return CellSearch(entries, vectors, cells, assigned) if cells.reach >= 0 else None


@contextmanager
def _building(kept: Path | None) -> Iterator[None]:
    """Hold a lock while cells are fitted, so that the workers of a service fit them once; none without a cache."""
    with ExitStack() as held:
        with suppress(UserError, OSError):
            if kept is not None:
                kept.parent.mkdir(parents=True, exist_ok=True)
                held.enter_context(exclusively(kept.with_suffix(".lock")))
        yield


def fit_cells(vectors: Floats, seed: int = 0) -> tuple[Cells, Ints]:
    """Fit cells to unit vectors (N, D). Returns them and the cell of each vector; negative reach if not worthwhile."""
    rng = np.random.default_rng(seed)
    directions = _main_directions(vectors[_sample_rows(rng, len(vectors), 40 * DIRECTIONS * 8)])
    low = vectors @ directions
    count = int(CELLS_PER_ROOT * len(vectors) ** 0.5)
    cells = Cells(directions, _centres(low[_sample_rows(rng, len(vectors), LEARNT_PER_CELL * count)], count, seed))
    assigned = cells.of(low)
    search = CellSearch([Entry("", "", "")] * len(vectors), vectors, cells, assigned)
    needed = _needed(search, assigned, _sample_rows(rng, len(vectors), ASKING))
    width, narrow = vectors.shape[1], directions.shape[1]
    first = min(FIRST_DIRECTIONS, narrow)
    work = needed.searched * first + needed.kept * narrow + count * narrow + needed.compared * width
    reach = needed.reach if work < MAX_SHARE_OF_EXACT * len(vectors) * width else -1.0
    return Cells(directions, cells.centres, reach, needed.kept, needed.compared), assigned


def _main_directions(vectors: Floats) -> Floats:
    """Return the directions (D, d) that preserve most of the inner products: eigenvectors of the second moments."""
    moments = vectors.T.astype(np.float64) @ vectors
    return np.ascontiguousarray(np.linalg.eigh(moments)[1][:, ::-1][:, :DIRECTIONS], np.float32)


def _centres(low: Floats, count: int, seed: int) -> Floats:
    """Return k-means centres, ordered so that close ones, which a query searches together, are adjacent in memory."""
    from scipy.cluster.hierarchy import leaves_list, linkage  # takes a second to import
    from sklearn.cluster import KMeans

    means = KMeans(count, init="random", n_init=1, max_iter=ROUNDS, algorithm="lloyd", random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fewer distinct vectors than cells, which leaves cells empty
        centres = np.asarray(means.fit(low).cluster_centers_, np.float32)
    ordered = centres[leaves_list(linkage(centres, "ward"))] if 1 < count <= _MAX_ORDERED else centres
    return np.ascontiguousarray(ordered)


@dataclass(frozen=True)
class _Needed:
    """The reach and the numbers of vectors to keep and compare that find the nearest other photo, and the mean number
    of vectors searched."""

    reach: float
    kept: int
    compared: int
    searched: float


def _needed(search: CellSearch, assigned: Ints, query_rows: Ints) -> _Needed:
    nearest = _nearest_others(search.vectors, query_rows)
    low = search.cells.projected(search.vectors[query_rows])
    nearness = search.cells.nearness(low)
    wanted = nearness[np.arange(len(query_rows)), assigned[nearest]]
    reach = float(np.quantile(nearness.max(axis=1) - wanted, RECALL, method="higher")) + _ROUNDING
    ranks, searched = [], 0
    for each, near, found in zip(low, nearness, nearest, strict=True):
        places, first = search.candidates(each, np.flatnonzero(near >= near.max() - reach))
        searched += len(places)
        at = search.rows[places] == found
        if at.any():
            ranks.append([_rank(values, at) for values in (first, search.along_all(each, places, first))])
    kept, compared = np.quantile(ranks, RECALL, axis=0, method="higher")
    kept, compared = (max(MIN_COMPARED, int(1.5 * each)) for each in (kept, compared))
    return _Needed(reach, kept, compared, searched / len(query_rows))


def _rank(values: Floats, at: Bools) -> int:
    """Return the rank of the value that `at` (N,) marks, 1 for the greatest."""
    return int((values > values[at][0]).sum()) + 1


def _nearest_others(vectors: Floats, query_rows: Ints) -> Ints:
    """Return the exact nearest neighbour of each of these rows, other than itself."""
    best = np.full(len(query_rows), -np.inf, np.float32)
    found = np.zeros(len(query_rows), np.int64)
    asked = vectors[query_rows]
    for chunk in row_chunks(len(vectors), len(query_rows), _CHUNK_VALUES):
        likeness = asked @ vectors[chunk].T
        own = np.flatnonzero((query_rows >= chunk.start) & (query_rows < chunk.stop))
        likeness[own, query_rows[own] - chunk.start] = -np.inf
        column = likeness.argmax(axis=1)
        value = likeness[np.arange(len(query_rows)), column]
        better = value > best
        best[better], found[better] = value[better], column[better] + chunk.start
    return found


def _nearest(values: Floats, count: int) -> Ints:
    return np.arange(len(values)) if count >= len(values) else np.argpartition(-values, count)[:count]


def _approximately_nearest(values: Floats, count: int) -> Ints:
    """Return at least `count` of the greatest values and few more, by a threshold from every 16th value."""
    some = values[::_SAMPLED]
    among = int(1.3 * count / _SAMPLED) + 8
    if among < len(some):
        found = np.flatnonzero(values >= np.partition(some, -among)[-among])
        if len(found) >= count:
            return found
    return _nearest(values, count)


def _sample_rows(rng: np.random.Generator, total: int, most: int) -> Ints:
    return np.sort(rng.choice(total, min(total, most), replace=False))


def _names_of(entries: Sequence[Entry]) -> Names:
    """Return the first 64 bits of the photos' checksums. A collision costs recall, not correctness."""
    return np.fromiter((int(each.sha256[:16], 16) for each in entries), np.uint64, len(entries))


def _cached_cells(path: Path, names: Names, vectors: Floats) -> tuple[Cells, Ints] | None:
    """Return the cached cells if they were fitted to almost the same photos, and assign new photos to them."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        with np.load(io.BytesIO(content[32:]), allow_pickle=False) as kept:
            numbers = float(kept["reach"]), int(kept["kept"]), int(kept["compared"])
            cells = Cells(kept["directions"], kept["centres"], *numbers)
            learnt, places = kept["names"], kept["assigned"]
    except (OSError, ValueError, KeyError):
        return None
    if len(cells.directions) != vectors.shape[1] or len(learnt) > (1 + NEW_SHARE) * len(names) + 1:
        return None
    assigned = _assigned(cells, learnt, places, names, vectors, NEW_SHARE)
    if assigned is None:
        return None
    with suppress(OSError):
        path.touch()  # least recently used files are evicted first
    return cells, assigned


def _assigned(
    cells: Cells, learnt: Names, places: Ints, names: Names, vectors: Floats, new_share: float
) -> Ints | None:
    """Return the cell of each photo, given the `places` of known ones with sorted names; None if too many are new."""
    index = np.minimum(np.searchsorted(learnt, names), len(learnt) - 1)
    new = np.flatnonzero(learnt[index] != names)
    if len(new) > new_share * len(names):
        return None
    assigned: Ints = places[index].astype(np.int64)
    assigned[new] = cells.of(cells.projected(vectors[new]))
    return assigned


def _store_cells(path: Path, names: Names, cells: Cells, assigned: Ints) -> None:
    """Write them with a checksum. Errors are ignored, as it is only a cache."""
    order = np.argsort(names, kind="stable")
    stream = io.BytesIO()
    np.savez(
        stream,
        directions=cells.directions,
        centres=cells.centres,
        reach=cells.reach,
        kept=cells.kept,
        compared=cells.compared,
        names=names[order],
        assigned=assigned[order].astype(np.int32),
    )
    content = stream.getvalue()
    with suppress(UserError, OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda temporary: _write(temporary, hashlib.sha256(content).digest() + content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
