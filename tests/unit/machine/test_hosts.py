"""What hosts of a cluster must have in common."""

from __future__ import annotations

import importlib
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import shelfmind
from shelfmind.errors import UserError
from shelfmind.machine.cluster import Worker, joined, share_of_cores
from shelfmind.machine.hosts import found_versions, own_versions, require_same_versions


@pytest.mark.parametrize(
    ("per_host", "workers", "cores"),
    [
        ([2], 1, 2),
        ([2], 2, 1),
        ([2], 3, 0),
        ([64, 8], 2, 32),  # both on the larger host
        ([64, 8], 9, 8),
        ([4, 4, 4], 3, 4),
        ([4, 4, 4], 4, 2),
        ([], 1, 0),
    ],
)
def test_cores_of_a_worker(per_host: list[int], workers: int, cores: int) -> None:
    assert share_of_cores(per_host, workers) == cores


def test_without_an_address_there_is_no_cluster() -> None:
    with joined(None, None, print) as cluster:
        assert cluster is None


def test_versions() -> None:
    own = own_versions()
    assert (own["shelfmind"], own["python"]) == (shelfmind.__version__, platform.python_version())
    assert own["numpy"] == np.__version__
    assert found_versions()(["python", "no such package"])["no such package"] is None


def test_the_function_that_finds_versions_needs_nothing_of_shelfmind() -> None:
    """Ray sends its code; a name of its module would make the other host import that module."""
    find = found_versions()
    assert find.__code__.co_freevars == ()
    assert not set(find.__code__.co_names) & set(vars(shelfmind.machine.hosts))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shelfmind": None}, "b has other versions than .+: shelfmind not installed instead of .+; install the same"),
        ({"shelfmind": "0.0.1"}, "shelfmind 0.0.1 instead of"),
        ({"python": "3.9.1", "numpy": "1.0"}, "python 3.9.1 instead of .+, numpy 1.0 instead of"),
        ({"openvino": "1.0"}, "openvino 1.0 instead of 2"),
        ({"openvino": None}, None),
    ],
)
def test_other_versions_are_refused(change: dict[str, str | None], said: str | None) -> None:
    own = {**own_versions(), "openvino": "2"}
    require_same_versions("a", own, own)
    if said is None:  # whether the engine in use is there is checked when it is loaded
        require_same_versions("b", {**own, **change}, own)
    else:
        with pytest.raises(UserError, match=said):
            require_same_versions("b", {**own, **change}, own)


def test_a_package_that_a_host_lacks_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shelfmind.machine.cores._share", None)
    monkeypatch.chdir(tmp_path)

    def make() -> Callable[[Any], Any]:
        importlib.import_module("no_such_package.parquet")
        raise AssertionError

    with pytest.raises(UserError, match=r".+ lacks the package no_such_package; install the same packages on all"):
        Worker().prepare(make, 1, str(tmp_path), own_versions())
