"""The events of a training in another process, as lines of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import yaml

from shelfmind.errors import Message, marked
from shelfmind.progress import Progress
from shelfmind.recipe import parse_recipe
from shelfmind.training.watching import EpochEntry, StepFigures, TrainingStart, Watcher

TICK_S = 0.2
"""Minimum time between two reports of a counter or a step."""


class EventWriter(Watcher):
    """Writes every event as a line of JSON for `EventReader` in another process."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.counters = 0
        self.stepped = 0.0

    def note(self, text: str) -> None:
        """Write the event."""
        self._write("note", marked(text))

    def warn(self, text: str) -> None:
        """Write the event."""
        self._write("warn", marked(text))

    def result(self, text: str) -> None:
        """Write the event."""
        self._write("result", text)

    def phase(self, what: str) -> None:
        """Write the event."""
        self._write("phase", what)

    def counter(self, what: str, total: int | None, unit: str = "images") -> Progress:
        """Write the event, and the sum of finished items every `TICK_S` seconds."""
        self.counters += 1
        number, done, written, last = self.counters, 0, 0, 0.0
        self._write("counter", {"number": number, "what": what, "total": total, "unit": unit})

        def finished(more: int) -> None:
            nonlocal done, written, last
            done += more
            if done == total or time.monotonic() - last >= TICK_S:
                self._write("tick", {"number": number, "more": done - written})
                written, last = done, time.monotonic()

        return finished

    def begin(self, start: TrainingStart) -> None:
        """Write the event."""
        self._write("begin", {**asdict(start), "run": str(start.run), "recipe": start.recipe.dump()})

    def step(self, figures: StepFigures) -> None:
        """Write the event, at most every `TICK_S` seconds except for the last step of an epoch."""
        now = time.monotonic()
        if now - self.stepped >= TICK_S or figures.step_in_epoch == figures.steps:
            self.stepped = now
            self._write("step", asdict(figures))

    def epoch(self, entry: EpochEntry) -> None:
        """Write the event."""
        self._write("epoch", dict(entry))

    def _write(self, kind: str, content: Any) -> None:
        self.file.write(json.dumps([kind, content]) + "\n")
        self.file.flush()


class EventReader:
    """Passes the events that `EventWriter` appends to a file on to a watcher."""

    def __init__(self, path: Path, watcher: Watcher) -> None:
        self.path = path
        self.watcher = watcher
        self.offset = 0
        self.counters: dict[int, Progress] = {}

    def read(self) -> None:
        """Pass on the events since the last call; an unfinished line waits for the next call."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            self._pass_on(*json.loads(line))

    def _pass_on(self, kind: str, content: Any) -> None:
        simple: dict[str, Callable[[Any], None]] = {
            "note": lambda text: self.watcher.note(Message(text)),
            "warn": lambda text: self.watcher.warn(Message(text)),
            "result": self.watcher.result,
            "phase": self.watcher.phase,
            "epoch": self.watcher.epoch,
        }
        if kind in simple:
            simple[kind](content)
        elif kind == "counter":
            self.counters[content["number"]] = self.watcher.counter(content["what"], content["total"], content["unit"])
        elif kind == "tick":
            self.counters[content["number"]](content["more"])
        elif kind == "step":
            self.watcher.step(StepFigures(**content))
        else:
            recipe = parse_recipe(yaml.safe_load(content["recipe"]), "of the training")
            self.watcher.begin(TrainingStart(**{**content, "run": Path(content["run"]), "recipe": recipe}))
