"""A digest identifies the images, whether their files can be read or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.data.digest import data_digest, training_digest
from shelfmind.records import Catalog, Sample


def catalog_of(folder: Path, *names: str) -> Catalog:
    samples = tuple(Sample(folder / name, 0, "train") for name in names)
    return Catalog(samples, ("可乐",), folder, "csv")


@pytest.mark.parametrize("digest", [data_digest, training_digest])
def test_a_file_without_a_size_counts(digest: object, tmp_path: Path) -> None:
    assert callable(digest)
    (tmp_path / "1.jpg").write_bytes(b"1234")
    names = ("missing.jpg", "a\0b.jpg")
    found = {digest(catalog_of(tmp_path, "1.jpg", *more)) for more in ((), names[:1], names[1:], names)}
    assert len(found) == 4
