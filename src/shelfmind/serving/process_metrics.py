"""Memory, CPU time and open files of a service's processes, under the standard names of Prometheus clients."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

MINIMA = ("process_start_time_seconds", "process_max_fds")
"""Metrics that are not summed: the minimum is reported."""
_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class ProcessMetrics:
    """A collector of `process_resident_memory_bytes` and similar metrics, summed over processes."""

    def __init__(self, processes: Callable[[], Iterable[int]] = lambda: [os.getpid()]) -> None:
        self.processes = processes

    def describe(self) -> list[Any]:
        """Return nothing, as the available metrics depend on the system."""
        return []

    def collect(self) -> Iterable[Any]:
        """Return one family per name, or none if the system has no ``/proc``."""
        from prometheus_client import ProcessCollector

        of_process: Any = ProcessCollector
        families: dict[str, Any] = {}
        values: dict[str, float] = {}
        for process in self.processes():
            for family in of_process(pid=lambda of=process: of, registry=None).collect():
                families.setdefault(family.name, family)
                for name, _, value, *_ in family.samples:
                    before = values.get(name)
                    together: Callable[[float, float], float] = min if name in MINIMA else operator.add
                    values[name] = value if before is None else together(before, value)
        for family in families.values():
            family.samples = [each._replace(value=values[each.name]) for each in family.samples]
        return families.values()


def processes_of(folder: Path) -> list[int]:
    """Return the live processes that store their metrics in this folder."""
    found = {int(match[1]) for file in folder.iterdir() if (match := _LIVE.fullmatch(file.name))}
    return sorted(found)
