"""Batches of items, and even samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], count: int) -> Iterator[list[T]]:
    """Consecutive lists of `count` items; the last may be shorter. Like `itertools.batched` of Python 3.12."""
    iterator = iter(items)
    while batch := list(islice(iterator, count)):
        yield batch


def joined_at_the_end(batches: Iterable[list[T]], least: int) -> Iterator[list[T]]:
    """The batches; a last one of fewer than `least` items is joined to the one before."""
    before: list[T] = []
    for batch in batches:
        if before and len(batch) < least:
            batch = [*before, *batch]
        elif before:
            yield before
        before = batch
    if before:
        yield before


def evenly_sampled(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items, evenly spaced."""
    if len(items) <= most:
        return list(items)
    return [items[index * len(items) // most] for index in range(most)]
