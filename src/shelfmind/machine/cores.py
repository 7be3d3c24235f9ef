"""The processor cores available to this process."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

GROUPS = Path("/proc/self/cgroup")
HIERARCHIES = Path("/sys/fs/cgroup")
_share: int | None = None
"""The cores that a scheduler of a cluster gave this process."""


def limit_cores(number: int) -> None:
    """Use at most this many cores, the share of a process that a cluster schedules beside others."""
    global _share
    _share = number


def available_cores() -> int:
    """The number of cores available to this process, possibly fewer than the machine has.

    A container's limit (``--cpus``, ``resources.limits.cpu``, ``CPUQuota=``) is a share of the time on all cores, which
    the system does not report as cores. Additional threads are throttled for the rest of each tenth of a second.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = cores if _share is None else min(cores, _share)
    quota = _quota(GROUPS, HIERARCHIES)
    return cores if quota is None else max(1, min(cores, math.ceil(quota)))


@cache
def _quota(groups: Path, hierarchies: Path) -> float | None:
    """The processor time per second that the control groups (version 2, else 1) of this process allow."""
    found = [quota for folder in _folders(groups, hierarchies) if (quota := _quota_of(folder)) is not None]
    return min(found, default=None)


def _folders(groups: Path, hierarchies: Path) -> Iterator[Path]:
    """The folders of this process's control group and of its parents; a container sees its own as the root."""
    try:
        lines = groups.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, group = rest.partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = hierarchies / ("cpu" if controllers else "")
        inner = PurePosixPath(group.lstrip("/"))
        yield from (root / each for each in (inner, *inner.parents))


def _quota_of(folder: Path) -> float | None:
    try:
        if (folder / "cpu.max").exists():
            quota, period = (folder / "cpu.max").read_text().split()
        else:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return float(quota) / float(period) if quota != "max" and float(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
