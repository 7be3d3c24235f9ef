"""Items in lists of a certain number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """Lists of `count` items in their order, the last one perhaps shorter, as `itertools.batched` of Python 3.12."""
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch


def evenly_sampled(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, evenly over their order."""
    if len(items) <= most:
        return list(items)
    return [items[index * len(items) // most] for index in range(most)]
