"""What every test stands on: a cache of its own and, for those that ask, MindSpore ready for use."""

from __future__ import annotations

import importlib.util
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

KERNELS = Path(__file__).parents[1] / "build" / "kernels"
"""The compiled operators of all test sessions of this checkout, by a digest of all that they depend on."""

settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")  # a failure must be one that the next run shows again


def pytest_configure() -> None:
    """Ctrl-C reaches the commands of the tests, even in a background job, for which shells ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def make_cache() -> Callable[[Path], Path]:
    """Makes an empty cache, but for the operators on oneDNN, which take a compiler 15 seconds."""

    def make(folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        KERNELS.mkdir(parents=True, exist_ok=True)
        (folder / "kernels").symlink_to(KERNELS)
        return folder

    return make


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, make_cache: Callable[[Path], Path]) -> Iterator[None]:
    """No test reads or fills the cache of the person who tests."""
    before = os.environ.get("SHELFMIND_CACHE")
    os.environ["SHELFMIND_CACHE"] = str(make_cache(tmp_path_factory.mktemp("cache")))
    yield
    if before is None:
        del os.environ["SHELFMIND_CACHE"]
    else:
        os.environ["SHELFMIND_CACHE"] = before


@pytest.fixture(scope="session", autouse=True)
def own_kernels() -> Iterator[None]:
    """Trainings have MindSpore's own kernels, whatever is installed, unless a test or who tests asks for others."""
    before = os.environ.get("SHELFMIND_KERNELS")
    os.environ["SHELFMIND_KERNELS"] = before or "mindspore"
    yield
    if before is None:
        del os.environ["SHELFMIND_KERNELS"]


@pytest.fixture(scope="session")
def mindspore() -> Any:
    """MindSpore, started as the package starts it."""
    from shelfmind.machine.device import start_mindspore

    return start_mindspore()


@pytest.fixture(scope="session")
def library(mindspore: Any) -> Any:
    """The operators on oneDNN, compiled once a checkout; skipped where they cannot run."""
    from shelfmind.kernels.library import UnavailableError, load_library, require_fast_processor
    from shelfmind.machine.cores import available_cores

    try:
        require_fast_processor()
        return load_library(available_cores())
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def auditing() -> Any:
    """The functions of `auditing.py`, which make data sets with audits."""
    return _module("auditing")


@pytest.fixture(scope="session")
def packing() -> Any:
    """The functions of `packing.py`, which pack photos into shards."""
    return _module("packing")


@pytest.fixture
def pyarrow() -> Any:
    """PyArrow; skips the test without it."""
    return pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'shelfmind[parquet]'")


@pytest.fixture(scope="session")
def tiny() -> Any:
    """The functions of `tiny_network.py`, which make an exported network and a gallery without MindSpore."""
    for package in ("onnx", "onnxruntime"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    return _module("tiny_network")


def _module(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
