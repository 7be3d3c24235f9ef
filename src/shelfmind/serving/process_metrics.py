"""Memory, processor time and open files of a service's processes, under the names that Prometheus' clients share."""

from __future__ import annotations

import operator
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

LEAST = ("process_start_time_seconds", "process_max_fds")
"""What is not added up: the least counts."""
_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class ProcessMetrics:
    """A collector of `process_resident_memory_bytes` and its kin, added up over processes."""

    def __init__(self, processes: Callable[[], Iterable[int]] = lambda: [os.getpid()]) -> None:
        self.processes = processes

    def describe(self) -> list[Any]:
        """Nothing: what there is depends on the system."""
        return []

    def collect(self) -> Iterable[Any]:
        """One family of each name; none where the system has no ``/proc``."""
        from prometheus_client import ProcessCollector

        of_process: Any = ProcessCollector
        families: dict[str, Any] = {}
        values: dict[str, float] = {}
        for process in self.processes():
            for family in of_process(pid=lambda of=process: of, registry=None).collect():
                families.setdefault(family.name, family)
                for name, _, value, *_ in family.samples:
                    before = values.get(name)
                    together: Callable[[float, float], float] = min if name in LEAST else operator.add
                    values[name] = value if before is None else together(before, value)
        for family in families.values():
            family.samples = [each._replace(value=values[each.name]) for each in family.samples]
        return families.values()


def processes_of(folder: Path) -> list[int]:
    """Those that live, of those that keep their metrics in this folder."""
    found = {int(match[1]) for file in folder.iterdir() if (match := _LIVE.fullmatch(file.name))}
    return sorted(found)
