"""Events of a training arrive in another process as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shelfmind.cli.wording import as_typed
from shelfmind.errors import Message, argument
from shelfmind.recipe import load_recipe
from shelfmind.training.events import EventReader, EventWriter
from shelfmind.training.watching import EpochEntry, StepFigures, TrainingStart, Watcher

ENTRY: EpochEntry = {
    "epoch": 0,
    "progress": 0.5,
    "steps": 2,
    "image_size": 64,
    "train_loss": 1.25,
    "val_loss": None,
    "val_top1": None,
    "lr": 0.05,
    "images_per_second": 30.0,
    "elapsed_s": 1.5,
}


class Recorder(Watcher):
    """Keeps every event."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []

    def note(self, text: str) -> None:
        self.events.append(("note", as_typed(text)))

    def warn(self, text: str) -> None:
        self.events.append(("warn", text))

    def phase(self, what: str) -> None:
        self.events.append(("phase", what))

    def counter(self, what: str, total: int | None, unit: str = "images") -> Any:
        self.events.append(("counter", (what, total, unit)))
        return lambda more: self.events.append((what, more))

    def begin(self, start: TrainingStart) -> None:
        self.events.append(("begin", start))

    def step(self, figures: StepFigures) -> None:
        self.events.append(("step", figures))

    def epoch(self, entry: Any) -> None:
        self.events.append(("epoch", entry))


def test_events_arrive_in_order_and_whole(tmp_path: Path) -> None:
    path, recorder = tmp_path / "events.jsonl", Recorder()
    reader = EventReader(path, recorder)
    reader.read()
    start = TrainingStart(Path("runs/一"), load_recipe("demo"), "shelfnet_s()", 10, 4, 2, 0, 0.0)
    last = StepFigures(0, 2, 2, 2, 0.5, 1.25, 30.0)
    with open(path, "w", encoding="utf-8") as file:
        writer = EventWriter(file)
        writer.note(Message(f"give {argument('weights')}"))
        progress = writer.counter("reading", 3, "files")
        progress(1)
        reader.read()
        progress(1)
        progress(1)
        writer.begin(start)
        writer.step(StepFigures(0, 1, 1, 2, 0.25, 1.5, 30.0))
        writer.step(last)
        writer.epoch(ENTRY)
        file.write('["note", "half')
        file.flush()
        reader.read()
    assert recorder.events[:3] == [("note", "give --weights"), ("counter", ("reading", 3, "files")), ("reading", 1)]
    assert sum(more for kind, more in recorder.events if kind == "reading") == 3
    assert ("begin", start) in recorder.events
    assert ("step", last) in recorder.events
    assert recorder.events[-1] == ("epoch", ENTRY)
