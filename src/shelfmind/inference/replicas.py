"""The same network in the workers of a cluster, and the parts that they compute with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.images.photo_files import found_statuses, seen_versions
from shelfmind.images.shared_files import same_files
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.parts import Item, Results
from shelfmind.inference.predictor import Predictor, load
from shelfmind.machine.cluster import Cluster
from shelfmind.machine.hosts import host_name
from shelfmind.nouns import counted
from shelfmind.object_stores.store import StoredObject

Compute = Callable[[Sequence[Item]], bytes]


@dataclass(frozen=True, slots=True)
class _Seen:
    """The images of a part as the caller sees them: their sizes in bytes, and the versions of objects."""

    items: Sequence[Item]
    sizes: list[int | None]
    versions: Mapping[Path, StoredObject]

    @classmethod
    def of(cls, items: Sequence[Item]) -> _Seen:
        paths = [Path(item.path) for item in items]
        sizes = [None if status is None else status.size for status in found_statuses(paths)]
        return cls(items, sizes, seen_versions(paths))


@dataclass(frozen=True)
class Replica:
    """How a worker loads the network of a predictor, and what must be equal then."""

    place: Path
    tta: tuple[str, ...]
    engine: str
    batch: BatchSize
    decode: str
    facts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, predictor: Predictor, engine: str, batch: BatchSize, decode: str) -> Replica:
        """The replica of a predictor that was loaded with these arguments."""
        return cls(predictor.place.absolute(), predictor.tta, engine, batch, decode, _facts(predictor))

    def load(self) -> Predictor:
        """Load it in a worker. Raises `UserError` if that is impossible there, or if it differs from the original."""
        try:
            predictor = load(self.place, self.tta, self.engine, self.batch, self.decode)
        except UserError as error:
            raise UserError(
                f"the worker on {host_name()} cannot load the network: {error.message}; all hosts of the cluster need "
                "it at the same path, and its engine"
            ) from error
        pairs = zip(self.facts, _facts(predictor), strict=True)
        different = [f"{name}: {found}, not {wanted}" for (name, wanted), (_, found) in pairs if found != wanted]
        if different:
            raise UserError(
                f"the worker on {host_name()} would predict differently with {self.place} ({'; '.join(different)}); "
                "all hosts of the cluster need the same run or file and the same engine"
            )
        return predictor


def _facts(predictor: Predictor) -> tuple[tuple[str, str], ...]:
    return (
        ("engine", predictor.engine.identity),
        ("weights", predictor.checksum),
        ("temperature", repr(predictor.temperature)),
        ("recipe", hashlib.sha256(predictor.recipe.dump().encode()).hexdigest()[:8]),
    )


def on_cluster(cluster: Cluster, make: Callable[[], Compute]) -> Results[Item]:
    """Computes parts on a cluster; `make`, called once in each worker, returns the function of a part.

    The files of the parts come back through the cluster, so that only the images need a common file system.
    """

    def seen(parts: Iterator[tuple[int, Sequence[Item]]]) -> Iterator[tuple[int, _Seen]]:
        return ((number, _Seen.of(items)) for number, items in parts)

    return lambda parts: cluster.map(partial(_making, make), seen(parts), _describe)


def _making(make: Callable[[], Compute]) -> Callable[[_Seen], bytes]:
    compute = make()

    def checked(part: _Seen) -> bytes:
        sizes = zip((item.path for item in part.items), part.sizes, strict=True)
        with same_files(sizes, part.versions):
            return compute(part.items)

    return checked


def _describe(part: _Seen) -> str:
    return f"{counted(len(part.items), 'image')} from {part.items[0].path} on"
