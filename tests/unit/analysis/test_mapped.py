"""Pages that were read are given back, and nothing is lost by it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shelfmind.analysis.mapped import release_pages

STATUS = Path("/proc/self/status")


def resident_file_kib() -> int:
    return int(STATUS.read_text(encoding="ascii").split("RssFile:")[1].split()[0])


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux to tell what is resident")
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_what_was_read_is_no_longer_resident(tmp_path: Path, mode: str) -> None:
    content = np.random.default_rng(0).random((4096, 1024), np.float32)
    np.save(tmp_path / "a.npy", content)
    mapped = np.load(tmp_path / "a.npy", mmap_mode=mode)  # type: ignore[arg-type]
    if mode == "r+":
        mapped[0] = 2.0
        content[0] = 2.0
    total = float(mapped.sum(dtype=np.float64))
    before = resident_file_kib()
    release_pages(mapped)
    assert before - resident_file_kib() > 12_000
    assert float(mapped.sum(dtype=np.float64)) == total
    assert np.array_equal(np.asarray(mapped), content)


def test_other_arrays_are_left_alone() -> None:
    array = np.arange(6).reshape(2, 3)
    release_pages(array)
    release_pages(array[1:])
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]]
