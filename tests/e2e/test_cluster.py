"""Batch work on a real Ray cluster of two worker processes: the outcome of one process, whatever dies in between."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shelfmind
from shelfmind import audit, embed, gallery_add, gallery_create, predict
from shelfmind.analysis.measuring import measurement
from shelfmind.analysis.measuring.measurement import LAYOUT, facts_path
from shelfmind.errors import UserError
from shelfmind.gallery.gallery import Gallery
from shelfmind.gallery.stores import open_files
from shelfmind.images.file_cache import FileCache
from shelfmind.inference import network_outputs
from shelfmind.machine.ray_connection import connect
from shelfmind.requests.watching import Observer

if importlib.util.find_spec("ray") is None:
    pytest.skip("needs Ray: pip install 'shelfmind[ray]'", allow_module_level=True)
pytestmark = [pytest.mark.slow, pytest.mark.thorough]

LARGE = 1600
"""Side of a photo in pixels, so that a worker has work to be killed in."""
QUIET = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
"""Without the last, other programs of the machine come first, and a busy one may starve a worker for minutes."""
PATIENCE_S = 240
"""How long anything may take on a busy machine."""
SOURCE = Path(shelfmind.__file__).parents[1]


def ray_start(folder: Path, *words: str, source: Path = SOURCE) -> subprocess.Popen[bytes]:
    """A node of a cluster, whose processes end with it."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in given if path and Path(path).resolve() != SOURCE]
    variables = {**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join([str(source), *others])}
    with open(folder / "ray.log", "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats", *words],
            env=variables,
            stdout=log,
            stderr=log,
            cwd=folder,
        )


def end(node: subprocess.Popen[bytes]) -> None:
    node.terminate()
    try:
        node.wait(30)
    except subprocess.TimeoutExpired:
        node.kill()


@pytest.fixture(scope="module")
def ray_folder() -> Iterator[Path]:
    """Sockets need a short path."""
    folder = Path(tempfile.mkdtemp(prefix="ray-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def address(ray_folder: Path) -> Iterator[str]:
    """A cluster of one host with two CPUs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ("--head", f"--port={port}", "--num-cpus=2", "--include-dashboard=false", f"--temp-dir={ray_folder}")
    head = ray_start(ray_folder, *words)
    deadline = time.monotonic() + PATIENCE_S
    while "Ray runtime started" not in (log := (ray_folder / "ray.log").read_text()):
        assert time.monotonic() < deadline, log
        assert head.poll() is None, log
        time.sleep(0.2)
    found = re.search(r"Local node IP: ([\d.]+)", log)
    assert found is not None, log
    yield f"{found[1]}:{port}"
    end(head)


@pytest.fixture(scope="module")
def connected(address: str) -> Iterator[str]:
    """The cluster, to which this process is connected already, as a program may be that uses shelfmind."""
    before = {name: os.environ.get(name) for name in QUIET}
    os.environ.update(QUIET)
    import ray

    ray.init(address, log_to_driver=False, logging_level="error")
    yield "auto"
    ray.shutdown()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


@pytest.fixture(scope="module")
def network(tiny: Any, place: Path) -> Path:
    made: Path = tiny.write_network(place / "cluster.onnx")
    return made


@pytest.fixture(scope="module")
def images(tiny: Any, place: Path) -> Path:
    """A data set of three classes of five photos, one of which cannot be used."""
    root = place / "on a cluster"
    for name, colour in tiny.COLOURS.items():
        (root / name).mkdir(parents=True)
        for number in range(5):
            (root / name / f"照片 {number}.jpg").write_bytes(tiny.encoded(colour, number, LARGE))
    (root / "红茶" / "照片 3.jpg").write_bytes(b"no image")
    return root


class Killer(Observer):
    """Kills the first worker that it finds at work once a part has arrived, and keeps the notes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.killed, self.notes = folder, 0, list[str]()

    def note(self, text: str) -> None:
        self.notes.append(text)

    def counter(self, what: str, total: int | None, unit: str = "images") -> Callable[[int], None]:
        def progress(done: int) -> None:
            if not self.killed and (found := working(self.folder)):
                self.killed = found[0]
                os.kill(self.killed, signal.SIGKILL)

        return progress


def working(folder: Path) -> list[int]:
    """The processes of this cluster that compute."""
    found: dict[int, list[int]] = {}
    raylets = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"raylet" in title and os.fsencode(folder) in title:
            raylets.add(int(process.name))
        if title.startswith(b"ray::Worker.compute"):
            found.setdefault(parent, []).append(int(process.name))
    return sorted(worker for parent, workers in found.items() if parent in raylets for worker in workers)


def test_a_killed_worker_changes_nothing(
    connected: str, ray_folder: Path, network: Path, images: Path, tmp_path: Path
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'shelfmind[parquet]'")
    alone, out, killer = tmp_path / "alone.parquet", tmp_path / "out.parquet", Killer(ray_folder)
    embed(network, data=images, out=alone, part_size=2)
    outcome = embed(network, data=images, out=out, part_size=2, ray=connected, workers=2, watcher=killer)
    assert killer.killed
    assert any(re.match(r"a worker on .+ died \(.+\); its images are computed again", note) for note in killer.notes)
    assert out.read_bytes() == alone.read_bytes()
    assert len(set(parquet.read_table(out)["path"].to_pylist())) == outcome.images == 15
    assert [file.reason for file in outcome.bad_files] == ["not an image"]
    assert not out.with_name("out.parquet.parts").exists()


@pytest.mark.parametrize(("ending", "with_gallery"), [("jsonl", False), ("npz", False), ("csv", True)])
def test_predictions_are_those_of_one_process(
    tiny: Any,
    connected: str,
    network: Path,
    images: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ending: str,
    with_gallery: bool,
) -> None:
    monkeypatch.setattr("shelfmind.inference.predict_files.PART_SIZE", 8)
    monkeypatch.setattr(network_outputs, "PART_SIZE", 8)
    gallery = str(tiny.write_gallery(tmp_path / "gallery", network)) if with_gallery else None
    alone, out = tmp_path / f"alone.{ending}", tmp_path / f"out.{ending}"
    predict(network, [str(images)], out=alone, gallery=gallery, top=2)
    outcome = predict(network, [str(images)], out=out, gallery=gallery, top=2, ray=connected, workers=2)
    if ending == "npz":
        with np.load(alone) as wanted, np.load(out) as found:
            for name in ("paths", "labels", "probabilities", "embeddings", "class_names"):
                np.testing.assert_array_equal(found[name], wanted[name])
    else:
        assert out.read_bytes() == alone.read_bytes()
    assert outcome.images == 15
    bad = [path.with_name(f"{path.name}.bad_files.csv").read_bytes() for path in (alone, out)]
    assert bad[0] == bad[1]
    assert not out.with_name(f"out.{ending}.parts").exists()


def test_an_audit_finds_the_measurements_of_the_cluster_in_the_cache(
    connected: str, ray_folder: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("scipy")
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "alone"))
    wanted, paths = audit(images, out=tmp_path / "one").figures, sorted(images.rglob("*.jpg"))
    keys = [os.fsencode(path) for path in paths]
    with FileCache(facts_path(), LAYOUT) as cache:
        entries = cache.recall(keys)
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cluster"))
    monkeypatch.setattr("shelfmind.images.examining._FILES_PER_PART", 2)

    def measured_here(index: int, path: Path) -> Any:
        raise AssertionError(f"{path} was measured in this process")

    killer = Killer(ray_folder)
    with monkeypatch.context() as patch:
        patch.setattr("shelfmind.images.examining._examine", spied(measured_here))
        found = audit(images, out=tmp_path / "two", ray=connected, workers=2, watcher=killer).figures
    assert killer.killed
    with FileCache(facts_path(), LAYOUT) as cache:
        assert cache.recall(keys) == entries
    assert len(entries) == 15
    timed = ("seconds", "images_per_second")
    assert all(found[name] == wanted[name] for name in wanted if name not in timed)
    assert found.keys() == wanted.keys()


def spied(measure: Any) -> Any:
    """`examining._examine` with another function in place of measuring."""
    from shelfmind.images import examining

    real = examining._examine
    assert measurement._measured_file is not measure
    return lambda examine, known, reuse, index, path: real(measure, known, reuse, index, path)


def test_photos_are_enrolled_as_by_one_process(
    connected: str, network: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shelfmind.inference.cluster_embedder.PHOTOS_PER_PART", 4)
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    found = []
    for name, more in (("one", {}), ("two", {"ray": connected, "workers": 2})):
        gallery_create(tmp_path / name, run=network)
        enrolment = gallery_add(tmp_path / name, data=images, **more)
        assert (enrolment.products, enrolment.photos) == (3, 14)
        entries, vectors = Gallery(open_files(tmp_path / name)).vectors()
        order = np.argsort([entry.sha256 for entry in entries])
        found.append(([entries[row] for row in order], vectors[order]))
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])
    assert list((tmp_path / "cache" / "enrolment").iterdir()) == []


def test_a_file_that_a_worker_cannot_see_is_an_error(
    connected: str, network: Path, images: Path, tmp_path: Path
) -> None:
    """A path below an open folder of this process, which is not there in any other."""
    handle = os.open(images, os.O_RDONLY)
    try:
        with pytest.raises(UserError, match=r"the worker on .+ cannot read /proc/self/fd/.+; all hosts of the cluster"):
            predict(network, [f"/proc/self/fd/{handle}/绿茶"], out=tmp_path / "out.csv", ray=connected)
    finally:
        os.close(handle)
    assert not (tmp_path / "out.csv").exists()


def test_more_workers_than_cpus_are_refused(connected: str, network: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the Ray cluster has 2 CPUs, too few for 3 workers; lower workers"):
        predict(network, [str(images)], out=tmp_path / "out.csv", ray=connected, workers=3)


@contextmanager
def further_host(address: str, folder: Path, source: Path) -> Iterator[None]:
    """Another host of the cluster, on which another shelfmind is installed."""
    import ray

    before = len([node for node in ray.nodes() if node["Alive"]])
    node = ray_start(folder, f"--address={address}", "--num-cpus=1", source=source)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while len([each for each in ray.nodes() if each["Alive"]]) == before:
            assert time.monotonic() < deadline, (folder / "ray.log").read_text()
            time.sleep(0.2)
        yield
    finally:
        end(node)


def test_a_host_with_another_version_is_refused_before_work_starts(
    address: str, connected: str, ray_folder: Path, network: Path, images: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    (other / "shelfmind").mkdir(parents=True)
    (other / "shelfmind" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    with (
        further_host(address, ray_folder, other),
        pytest.raises(UserError, match=r"has other versions .+: shelfmind 0\.0\.1 instead of .+; install the same"),
    ):
        predict(network, [str(images)], out=tmp_path / "out.csv", ray=connected)
    assert list(tmp_path.iterdir()) == [other]


class Counted(Observer):
    """Keeps the sizes of finished parts."""

    def __init__(self) -> None:
        self.parts: list[int] = []

    def counter(self, what: str, total: int | None, unit: str = "images") -> Callable[[int], None]:
        return self.parts.append


def test_ctrl_c_keeps_the_parts_and_one_process_resumes(
    address: str, command: str, environment: dict[str, str], network: Path, images: Path, place: Path, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow")
    out, alone = tmp_path / "out.parquet", tmp_path / "alone.parquet"
    words = [command, "embed", network, "--data", images, "--out", out, "--part-size", 1, "--ray", address]
    given = {"env": {**environment, **QUIET}, "cwd": place / "working", "stdin": subprocess.DEVNULL}
    started = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given)
    parts = out.with_name("out.parquet.parts")
    deadline = time.monotonic() + PATIENCE_S
    while not list(parts.glob("[0-9]*.parquet")) and started.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    stdout, stderr = started.communicate(timeout=PATIENCE_S)
    assert started.returncode == 130, stderr.decode()
    assert "finished parts are kept. Run the same command again to resume" in stderr.decode()
    assert stdout == b""
    kept = list(parts.glob("[0-9]*.parquet"))
    assert 1 <= len(kept) < 15
    embed(network, data=images, out=alone, part_size=1)
    seen = Counted()
    embed(network, data=images, out=out, part_size=1, watcher=seen)
    assert seen.parts == [len(kept), *[1] * (15 - len(kept))]
    assert out.read_bytes() == alone.read_bytes()


def test_an_address_without_a_cluster_is_an_error(cold: Any, network: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    outcome = cold("predict", network, images, "--out", out, "--ray", "127.0.0.1:1", variables=QUIET)
    assert "--ray 127.0.0.1:1: cannot connect to a Ray cluster (nothing answers: Connection refused)" in outcome.error
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("somewhere", "an address is auto, local or HOST:PORT"),
        ("host:port", "an address is auto, local or HOST:PORT"),
        ("ray://127.0.0.1:10001", "run the command on a machine of the cluster with ray='auto' or ray='HOST:PORT'"),
    ],
)
def test_an_invalid_address_is_an_error(given: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        connect(given)


def test_a_run_computes_with_mindspore_in_clusters_on_this_machine(
    cold: Any, trained: Any, data: Path, address: str
) -> None:
    found = []
    for name, more in (("alone", ()), ("local", ("--ray", "local")), ("joined", ("--ray", address))):
        out = trained.run.parent / f"{name}.npz"
        outcome = cold("predict", trained.run, data, "--out", out, *more, variables=QUIET)
        assert outcome.status == 0, outcome.stderr
        with np.load(out) as arrays:
            found.append(dict(arrays))
    alone, *clusters = found
    for cluster in clusters:
        for name in ("paths", "probabilities", "embeddings"):
            np.testing.assert_array_equal(cluster[name], alone[name])
