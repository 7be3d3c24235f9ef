"""The environment of a process of a data-parallel job: its role, its rank on the host, its share of the cores."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

ROLE, SCHEDULER = "MS_ROLE", "MS_SCHED"
"""The variable by which msrun tells a process its role, and the role of the process that connects the workers."""
LOCAL_RANK = "DEVICE_ID"
WORKERS_HERE = "SHELFMIND_WORKERS_HERE"
"""The number of workers on this host, which share its cores; set by ``train --devices``."""
SCRATCH_HERE = "SHELFMIND_SCRATCH_HERE"
"""Where workers put temporary folders, which are deleted even if they are killed; set by ``train --devices``."""

STARTED_BY = "SHELFMIND_STARTED_BY"
"""The process id of the process that started this one; set by ``train --devices`` and its msrun."""
_PR_SET_PDEATHSIG = 1
_cores: list[int] = []
"""The cores of the host, in a worker that is restricted to its share."""


def started_by_msrun() -> bool:
    """Whether this process is part of a data-parallel job."""
    return ROLE in os.environ


def launched() -> bool:
    """Whether ``train --devices`` has started this process, and evaluates the run itself."""
    return WORKERS_HERE in os.environ


def share_cores() -> None:
    """Restrict this worker to its share of the cores, before any library starts its threads."""
    workers = int(os.environ.get(WORKERS_HERE, "1"))
    if workers == 1 or os.environ.get(ROLE) == SCHEDULER or not hasattr(os, "sched_setaffinity"):
        return
    cores = sorted(os.sched_getaffinity(0))
    local = int(os.environ.get(LOCAL_RANK, "0"))
    os.sched_setaffinity(0, cores[local * len(cores) // workers : (local + 1) * len(cores) // workers] or cores)
    _cores[:] = cores


def use_all_cores() -> None:
    """Let this thread, and those that it starts, use the cores of all workers of this host."""
    if _cores:
        os.sched_setaffinity(0, _cores)


def end_with_starter() -> None:
    """Let this process be killed when the one that started it ends, however that ends (Linux)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):
        return
    if os.environ.get(STARTED_BY, "") not in ("", str(os.getppid())):
        sys.exit(f"process {os.environ[STARTED_BY]}, which started this one, has ended")
