"""The outcome of `benchmark`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from shelfmind.display import Display
from shelfmind.nouns import counted
from shelfmind.progress import tell

if TYPE_CHECKING:  # not needed for help
    from shelfmind.benchmarking.benchmark import Benchmark
    from shelfmind.requests.benchmarking import BenchmarkRequest


def show_benchmark(outcome: Benchmark, request: BenchmarkRequest, display: Display) -> None:
    """Print the machine, the results, and the changes from earlier results."""
    record, console = outcome.record, Console()
    hardware, network = record["hardware"], record["network"]
    instructions = f" ({', '.join(hardware['instructions'])})" if hardware["instructions"] else ""
    display.line(f"processor: {hardware['processor']}, {hardware['cores']} usable cores{instructions}")
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if version)
    display.line(f"versions:  {versions}")
    display.line(f"network:   {network['name']}, {network['size']} px")
    console.print(_speeds("predicting", record["predicting"]))
    if any("command" in subject for subject in record["predicting"].values()):
        console.print(_commands(record["predicting"]))
    if record["training"]:
        console.print(_speeds("training steps", record["training"]))
    for note in outcome.notes:
        display.line(note)
    if request.compare is not None:
        console.print(_changes(outcome))
        tell([f"differs from the earlier benchmark: {each}" for each in outcome.differences], display.note)
    if request.out is not None:
        display.line(f"results: {request.out}")


def _speeds(title: str, subjects: Mapping[str, Any]) -> Table:
    table = Table("subject", "batch", "images/s", "range over rounds", "p50 ms", "p99 ms", "calls", title=title)
    for name, subject in subjects.items():
        for batch, speed in subject["batches"].items():
            rounds = speed["images_per_second_by_round"]
            table.add_row(
                name,
                batch,
                f"{speed['images_per_second']:.1f}",
                f"{min(rounds):.1f} to {max(rounds):.1f}",
                f"{speed['p50_ms']:.2f}",
                f"{speed['p99_ms']:.2f}",
                str(speed["calls"]),
            )
    return table


def _commands(subjects: Mapping[str, Any]) -> Table:
    count = max(subject["command"]["images"] for subject in subjects.values() if "command" in subject)
    table = Table("subject", "images/s", "first answer", "memory", title=f"predict, {counted(count, 'photo')} to a CSV")
    for name, subject in subjects.items():
        if "command" in subject:
            figures = subject["command"]
            memory = "" if figures["memory_mb"] is None else f"{figures['memory_mb']:.0f} MB"
            table.add_row(name, f"{figures['images_per_second']:.1f}", f"{figures['first_answer_s']:.2f} s", memory)
    return table


def _changes(outcome: Benchmark) -> Table:
    table = Table("metric", "earlier", "now", "ratio", title="compared with earlier results; a ratio above 1 is better")
    for each in outcome.changes:
        table.add_row(each.what, f"{each.before:g}", f"{each.now:g}", f"{each.ratio:.2f}")
    return table
