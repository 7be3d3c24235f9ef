"""The same network in the workers of a cluster, and the parts that they compute with it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from shelfmind.errors import UserError
from shelfmind.images.shared_files import require_same_files, size_of
from shelfmind.inference.batch_sizes import BatchSize
from shelfmind.inference.parts import Item, Results
from shelfmind.inference.predictor import Predictor, load
from shelfmind.machine.cluster import Cluster
from shelfmind.machine.hosts import host_name
from shelfmind.nouns import counted

Compute = Callable[[Sequence[Item]], bytes]
_Sized = tuple[Sequence[Item], list[int | None]]


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
        ("engine", predictor.engine.name),
        ("weights", predictor.checksum),
        ("temperature", repr(predictor.temperature)),
        ("recipe", hashlib.sha256(predictor.recipe.dump().encode()).hexdigest()[:8]),
    )


def on_cluster(cluster: Cluster, make: Callable[[], Compute]) -> Results[Item]:
    """Computes parts on a cluster; `make`, called once in each worker, returns the function of a part.

    The files of the parts come back through the cluster, so that only the images need a common file system.
    """

    def sized(parts: Iterator[tuple[int, Sequence[Item]]]) -> Iterator[tuple[int, _Sized]]:
        return ((number, (items, [size_of(item.path) for item in items])) for number, items in parts)

    return lambda parts: cluster.map(partial(_making, make), sized(parts), _describe)


def _making(make: Callable[[], Compute]) -> Callable[[_Sized], bytes]:
    compute = make()

    def checked(part: _Sized) -> bytes:
        items, sizes = part
        require_same_files((item.path, size) for item, size in zip(items, sizes, strict=True))
        return compute(items)

    return checked


def _describe(part: _Sized) -> str:
    items, _ = part
    return f"{counted(len(items), 'image')} from {items[0].path} on"
