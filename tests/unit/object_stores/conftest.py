"""A store in memory that can be away, slow, damaged or changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from shelfmind.object_stores import objects
from shelfmind.object_stores.store import StoredObject, StoreError, precise_time


class Gate:
    """Opens when so many wait at it at the same time; fails if that does not happen."""

    def __init__(self, together: int) -> None:
        self._missing = together
        self._changed = threading.Condition()

    def let_in(self) -> None:
        """Wait until it is open."""
        with self._changed:
            self._missing -= 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._missing <= 0, timeout=10)


@dataclass
class MemoryStore:
    """Objects by key; `failures` are raised before the next requests, `cut` bytes are missing from what arrives.

    Requests for versions and contents pass the gates `asking` and `fetching`.
    """

    contents: dict[str, bytes] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    promised: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    away_after: int | None = None
    asking: Gate = field(default_factory=lambda: Gate(1))
    fetching: Gate = field(default_factory=lambda: Gate(1))

    def close_gates(self, asking: int = 1, fetching: int = 1) -> None:
        """Let so many of the next requests for versions and contents wait for each other."""
        self.asking, self.fetching = Gate(asking), Gate(fetching)

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        self._answer()
        yield from (self._version(key) for key in sorted(self.contents) if key.startswith(prefix))

    def status(self, key: str) -> StoredObject:
        self._answer()
        self.asked.append(key)
        self.asking.let_in()
        if key not in self.contents:
            raise FileNotFoundError(key)
        return self._version(key)

    def _version(self, key: str) -> StoredObject:
        tag = str(hash(self.contents[key]))
        return StoredObject(key, len(self.contents[key]), precise_time(1000.0, tag), tag)

    def fetch(self, wanted: StoredObject, stream: IO[bytes]) -> str | None:
        self._answer()
        if self.away_after is not None and len(self.fetched) >= self.away_after:
            raise StoreError("no route to host", True)
        if wanted.key not in self.contents:
            raise FileNotFoundError(wanted.key)
        if self._version(wanted.key) != wanted:
            raise StoreError("it was changed while it was being read; run the command again", False)
        self.fetched.append(wanted.key)
        self.fetching.let_in()
        content = self.contents[wanted.key]
        stream.write(content[: len(content) - self.cut])
        return self.promised.get(wanted.key)

    def _answer(self) -> None:
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryStore]:
    """The store of `test://`, with an empty cache and without waiting between attempts."""
    made = MemoryStore()
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SHELFMIND_CACHE_GB", raising=False)
    monkeypatch.setitem(objects.STORES, "test", lambda: made)
    monkeypatch.setattr(objects, "FIRST_WAIT_S", 0.0)
    objects.forget()
    yield made
    objects.forget()
