"""Outputs of a network in the files of parts: what comes back is what was computed, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.images.examining import examine_files, examine_on_cluster
from shelfmind.images.file_cache import FileCache
from shelfmind.inference.cluster_embedder import ClusterEmbedder
from shelfmind.inference.embedder import photo_embedder
from shelfmind.inference.network_outputs import ComputedOutputs, FinishedOutputs, _packing, _predicting
from shelfmind.inference.parts import Item
from shelfmind.inference.predictor import EXACT, load
from shelfmind.inference.replicas import Replica


class Here:
    """The interface of a cluster whose only worker is this process; tasks finish in the reverse order."""

    def __init__(self) -> None:
        self.computed: list[Any] = []

    def map(
        self, make: Callable[[], Callable[[Any], Any]], tasks: Iterable[tuple[Any, Any]], describe: Any
    ) -> Iterator[tuple[Any, Any]]:
        compute = make()
        for key, task in reversed(list(tasks)):
            assert describe(task)
            self.computed.append(task)
            yield key, compute(task)


@pytest.fixture
def files(tiny: Any, tmp_path: Path) -> list[Path]:
    """30 photos; the first ten cannot be used, so that a batch has nothing usable."""
    for number in range(30):
        content = b"no image" if number < 10 else tiny.encoded((20 * number % 255, 90, 200), number)
        (tmp_path / f"照片 {number:02}.jpg").write_bytes(content)
    return sorted(tmp_path.glob("*.jpg"))


def test_outputs_come_back_to_the_last_bit(network: Path, files: list[Path], tmp_path: Path) -> None:
    predictor = load(network)
    replica, computed = Replica.of(predictor, "auto", None, EXACT), ComputedOutputs(predictor, files)
    items = [Item(str(file)) for file in files]
    for name, compute in (("guesses", _predicting(replica, 2)), ("arrays", _packing(replica))):
        for number, part in enumerate((items[:16], items[16:])):
            (tmp_path / f"{name} {number}").write_bytes(compute(part))
    guesses = FinishedOutputs([tmp_path / "guesses 0", tmp_path / "guesses 1"])
    arrays = FinishedOutputs([tmp_path / "arrays 0", tmp_path / "arrays 1"])
    assert list(guesses.predictions(2)) == list(computed.predictions(2))
    found, wanted = list(arrays.batches()), list(computed.batches())
    assert [(batch.names, batch.errors) for batch in found] == [(batch.names, batch.errors) for batch in wanted]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)
        if len(other.embeddings):
            np.testing.assert_array_equal(one.embeddings, other.embeddings)


def test_a_replica_that_differs_is_refused(tiny: Any, network: Path) -> None:
    replica = Replica.of(load(network), "auto", None, EXACT)
    tiny.write_network(network, checksum="other")
    with pytest.raises(UserError, match=r"would predict differently with .+; weights: other, not tiny\); all hosts"):
        replica.load()
    tiny.write_network(network, -tiny.WEIGHTS)
    with pytest.raises(UserError, match=r"\(engine: onnx fp32 \S+ \w{64}, not onnx fp32 \S+ \w{64}\); all hosts"):
        replica.load()
    network.unlink()
    with pytest.raises(UserError, match=r"the worker on .+ cannot load the network: there is no run at .+same path"):
        replica.load()


def test_photos_are_embedded_in_order_and_parts_of_an_interrupted_enrolment_are_reused(
    tiny: Any, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("shelfmind.inference.cluster_embedder.PHOTOS_PER_PART", 4)
    photos = [tiny.encoded((20 * number, 90, 200), number) for number in range(10)]
    alone = photo_embedder(network)
    cluster: Any = Here()
    many = ClusterEmbedder(alone, cluster, "auto", None)
    np.testing.assert_array_equal(many.embed(photos, 10), alone.embed(photos, 10))
    assert sorted(map(len, cluster.computed)) == [2, 4, 4]
    again = ClusterEmbedder(alone, cluster, "auto", None)
    np.testing.assert_array_equal(again.embed([*photos[:8], photos[0]], 9), alone.embed([*photos[:8], photos[0]], 9))
    assert len(cluster.computed) == 4
    again.forget()
    many.forget()
    assert list((tmp_path / "cache" / "enrolment").iterdir()) == []
    assert many.embed([], 0).shape == (0, 3)
    with pytest.raises(UserError, match="a photo cannot be used: not an image"):
        many.embed([b"no image"], 1)


def test_files_examined_on_a_cluster_are_in_the_cache(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfmind.images.examining._FILES_PER_PART", 4)
    cluster: Any = Here()
    done: list[int] = []
    with FileCache(tmp_path / "cache.sqlite") as cache:
        list(examine_files(files[:5], first_byte, file_cache=cache))
        gone = tmp_path / "gone.jpg"
        examine_on_cluster(cluster, [*files, gone], first_byte, file_cache=cache, progress=done.append)
        assert sorted(file.path for part in cluster.computed for file in part.files) == files[5:]
        assert sum(done) == 31
        assert {file.index for part in cluster.computed for file in part.files} == set(range(5, 30))
        found = list(examine_files(files, unexpected, file_cache=cache))
    assert [each.content for each in found] == [path.read_bytes()[:1] for path in files]


def first_byte(index: int, path: Path) -> tuple[bytes, bool]:
    return path.read_bytes()[:1], True


def unexpected(index: int, path: Path) -> tuple[bytes, bool]:
    raise AssertionError(f"{path} was examined again")


def test_a_cluster_needs_a_cache(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cluster: Any = Here()
    with (
        FileCache(tmp_path / "file" / "cache.sqlite") as cache,
        pytest.raises(UserError, match="kept in the cache, which cannot be written now; set SHELFMIND_CACHE"),
    ):
        examine_on_cluster(cluster, files, first_byte, file_cache=cache, progress=print)
    assert cluster.computed == []
