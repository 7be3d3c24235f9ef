"""Benchmark results: speeds and percentiles, the machine, and the changes from earlier results."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.errors import UserError
from shelfmind.inference.engines.choice import ENGINES
from shelfmind.machine.cores import available_cores
from shelfmind.machine.processor import notable_instructions, processor_name
from shelfmind.structured_text import parse_json

FORMAT = 1
PACKAGES = ("shelfmind", "mindspore", "numpy", "pillow")
LESS_IS_BETTER = ("p50_ms", "p99_ms", "first_answer_s", "memory_mb")
MORE_IS_BETTER = ("images_per_second",)
SETTING = ("hardware", "versions", "network", "settings")
"""Parts of a record that affect the results."""


@dataclass(frozen=True)
class Change:
    """A result with its earlier value; `ratio` above 1 is better."""

    what: str
    before: float
    now: float
    ratio: float


def speed_of(batch: int, rounds: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Results of calls with batch size `batch`: milliseconds of each, by round."""
    all_ms = [ms for calls in rounds for ms in calls]
    speeds = [round(batch * 1000 * len(calls) / sum(calls), 2) for calls in rounds]
    p50, p99 = np.percentile(all_ms, (50, 99))
    return {
        "images_per_second": float(np.median(speeds)),
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "calls": len(all_ms),
        "images_per_second_by_round": speeds,
    }


def machine() -> dict[str, Any]:
    """The hardware and software versions that affect the results."""
    packages = dict.fromkeys((*PACKAGES, *(kind.package for kind in ENGINES.values())))
    return {
        "hardware": {
            "processor": processor_name(),
            "cores": available_cores(),
            "instructions": notable_instructions(),
            "system": platform.platform(),
        },
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in packages}},
    }


def read_record(path: Path) -> dict[str, Any]:
    """Read earlier results completely before measuring. Raises `UserError` for a file without results."""
    try:
        record = parse_json(path.read_text(encoding="utf-8"))
        if record["benchmark"] > FORMAT:
            raise UserError(f"{path} was written by a newer shelfmind; update shelfmind")
        figures = [float(value) for _, value in _figures(record)]
        if not all(map(math.isfinite, figures)) or not all(isinstance(record.get(part, {}), dict) for part in SETTING):
            raise ValueError
        return dict(record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is not a result of `shelfmind benchmark`") from error


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Every result that both records have."""
    earlier, found = dict(_figures(before)), []
    for what, value in _figures(now):
        if what in earlier and value and earlier[what]:
            old = earlier[what]
            found.append(Change(what, old, value, old / value if what.endswith(LESS_IS_BETTER) else value / old))
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What limits the comparability of two records: other hardware, versions, networks or settings."""
    found = []
    for part in SETTING:
        old, new = before.get(part) or {}, now[part]
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                found.append(f"{part}: {name} was {old.get(name)}, is now {new.get(name)}")
    return found


def _figures(record: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for part in ("predicting", "training"):
        for name, subject in record[part].items():
            for batch, speed in subject["batches"].items():
                for figure in ("images_per_second", "p50_ms", "p99_ms"):
                    yield f"{part}, {name}, batch {batch}, {figure}", speed[figure]
            for figure, value in subject.get("command", {}).items():
                if figure in (*LESS_IS_BETTER, *MORE_IS_BETTER) and value is not None:
                    yield f"{part}, {name}, command, {figure}", value


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
