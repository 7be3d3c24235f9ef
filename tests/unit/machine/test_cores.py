"""Cores are counted as a container's limit has them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shelfmind.machine import cores
from shelfmind.machine.cores import available_cores

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def limited(monkeypatch: pytest.MonkeyPatch, root: Path, group: str, files: dict[str, str]) -> int:
    """The cores of a process in this group, with these files of the control groups."""
    (root / "cgroup").write_text(group)
    for name, content in files.items():
        (root / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "fs" / name).write_text(content)
    monkeypatch.setattr(cores, "GROUPS", root / "cgroup")
    monkeypatch.setattr(cores, "HIERARCHIES", root / "fs")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    return available_cores()


@pytest.mark.parametrize(
    ("group", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 64),
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 3),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 64),
        ("0::/\n", {}, 64),
        ("0::/a.slice/b.service\n", {"a.slice/cpu.max": "300000 100000", "a.slice/b.service/cpu.max": "max 100000"}, 3),
        ("0::/a.slice/b.service\n", {"a.slice/cpu.max": "900000 100000", "a.slice/b.service/cpu.max": "4 2"}, 2),
        ("0::/\n", {"cpu.max": "nonsense"}, 64),
        (
            "4:memory:/x\n1:cpu,cpuacct:/docker/abc\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"},
            4,
        ),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
        ("1:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 64),
    ],
)
def test_a_quota_is_so_many_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, group: str, files: dict[str, str], expected: int
) -> None:
    assert limited(monkeypatch, tmp_path, group, files) == expected


def test_a_machine_without_control_groups_has_its_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "absent")
    assert available_cores() == HERE
