"""A store in memory that can be away, slow, damaged or changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from shelfmind.object_stores import objects
from shelfmind.object_stores.store import StoredObject, StoreError, precise_time


@dataclass
class MemoryStore:
    """Objects by key; `failures` are raised before the next requests, `cut` bytes are missing from what arrives."""

    contents: dict[str, bytes] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    promised: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    away_after: int | None = None

    def listed(self, prefix: str) -> Iterator[StoredObject]:
        self._answer()
        yield from (self.status(key) for key in sorted(self.contents) if key.startswith(prefix))

    def status(self, key: str) -> StoredObject:
        self._answer()
        if key not in self.contents:
            raise FileNotFoundError(key)
        tag = str(hash(self.contents[key]))
        return StoredObject(key, len(self.contents[key]), precise_time(1000.0, tag), tag)

    def fetch(self, wanted: StoredObject, stream: IO[bytes]) -> str | None:
        self._answer()
        if self.away_after is not None and len(self.fetched) >= self.away_after:
            raise StoreError("no route to host", True)
        if wanted.key not in self.contents:
            raise FileNotFoundError(wanted.key)
        self.fetched.append(wanted.key)
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
