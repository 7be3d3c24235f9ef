"""Vectors are read from their files in the order asked for, each file once."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.gallery.changes import DamagedFileError
from shelfmind.gallery.vectors import gathered, write_vectors


class Counted(list):
    """Counts how often it is gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


@pytest.mark.parametrize("seed", range(3))
def test_vectors_of_many_files_are_in_the_order_asked_for(seed, files, monkeypatch) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((3, 5)).astype(np.float32) for _ in range(20)]
    names = [write_vectors(files, part) for part in parts]
    asked = rng.integers((20, 3), size=(90, 2)).tolist()
    wanted = Counted((names[part], row) for part, row in asked)
    read: list[str] = []
    plain = files.read
    monkeypatch.setattr(files, "read", lambda name: (read.append(name), plain(name))[1])
    np.testing.assert_array_equal(gathered(files, wanted, 5), [parts[part][row] for part, row in asked])
    assert wanted.passes == 1
    assert len(read) == len({part for part, _ in asked})
    assert gathered(files, [], 5).shape == (0, 5)


@pytest.mark.parametrize("shape", [(2, 1), (2, 6), (5,), (2, 5, 1)])
def test_vectors_of_another_length_are_damage(shape, files) -> None:
    name = write_vectors(files, np.ones(shape))
    with pytest.raises(DamagedFileError, match=rf"vectors/{name}\.npy is damaged: it has .* vectors of length 5"):
        gathered(files, [(name, 1)], 5)
