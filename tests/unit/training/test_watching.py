"""Watchers that pass on pass on everything; those that do more do that as well."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from shelfmind.training.watching import ForwardingWatcher, Watcher

TOLD: dict[str, tuple[Any, ...]] = {
    "note": ("text",),
    "warn": ("text",),
    "result": ("text",),
    "phase": ("what",),
    "counter": ("what", 3, "pairs"),
    "worded": ("text",),
    "begin": (SimpleNamespace(val_images=100),),
    "step": (SimpleNamespace(step=1),),
    "epoch": ({"epoch": 2, "val_top1": 0.5},),
}
"""What a test tells each method of a watcher."""


class Noting(Watcher):
    """Notes every call."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattribute__(self, name: str) -> Any:
        if name in TOLD:
            return lambda *words: self.told.append((name, *words)) or name
        return super().__getattribute__(name)


def test_the_table_has_every_method() -> None:
    assert set(TOLD) == {name for name, _ in inspect.getmembers(Watcher, inspect.isfunction)}


def trial_watcher(watcher: Watcher) -> Watcher:
    from shelfmind.training.tune import _TrialWatcher

    return _TrialWatcher(SimpleNamespace(report=lambda *words: None, should_prune=lambda: False), watcher)


def tracking_watcher(watcher: Watcher) -> Watcher:
    from shelfmind.training.tracking import TrackingWatcher

    return TrackingWatcher([], watcher)


@pytest.mark.parametrize("make", [ForwardingWatcher, trial_watcher, tracking_watcher])
@pytest.mark.parametrize("name", sorted(TOLD))
def test_everything_is_passed_on(make: Any, name: str, mindspore: Any) -> None:
    noting = Noting()
    assert getattr(make(noting), name)(*TOLD[name]) == (name if name in ("counter", "worded") else None)
    assert noting.told == [(name, *TOLD[name])]


def test_the_display_is_a_watcher_without_mindspore() -> None:
    program = (
        "from shelfmind.display import TrainingDisplay\n"
        "from shelfmind.training.watching import Watcher\n"
        "import sys\n"
        "assert issubclass(TrainingDisplay, Watcher)\n"
        "sys.exit('mindspore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
