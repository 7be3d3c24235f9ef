"""Charts with one row per item and its name above: differences with intervals, and bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from shelfmind.pages.charts import Frame, text, ticks
from shelfmind.pages.words import Text, element

_ROW, _TOP, _BOTTOM = 44, 8, 40


@dataclass(frozen=True)
class IntervalRow:
    """One difference: style class, name, point with interval, hover text, and the differences of single seeds."""

    style: str
    name: Text
    point: float
    low: float
    high: float
    tooltip: Text
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class BarRow:
    """One amount: name, value and formatted value."""

    name: Text
    amount: float
    formatted: str


def interval_chart(rows: Sequence[IntervalRow], label: Text, x_title: Text) -> Markup | None:
    """Return points with intervals around zero, and small dots for single seeds; None without rows."""
    if not rows:
        return None
    ends = [0.0, *(end for row in rows for end in (row.low, row.high, *row.seeds))]
    frame, x_ticks = _frame(min(ends), max(ends), len(rows))
    floor = frame.height - frame.bottom
    parts = [frame.axes(x_ticks, [], x_title)]
    parts.append(f'<path class="diagonal" d="M{frame.x(0):.1f} {frame.top}V{floor}"/>')
    for number, row in enumerate(rows):
        y = frame.top + number * _ROW
        line = f'<path class="line" d="M{frame.x(row.low):.1f} {y + 26}H{frame.x(row.high):.1f}"/>'
        point = f'<circle cx="{frame.x(row.point):.1f}" cy="{y + 26}" r="5"/>'
        seeds = "".join(f'<circle cx="{frame.x(each):.1f}" cy="{y + 35}" r="2"/>' for each in row.seeds)
        title = element("title", row.tooltip)
        name = text(frame.left, y + 13, row.name, anchor="start", style="strong")
        parts.append(f'<g class="{row.style}">{title}{name}{line}{point}{seeds}</g>')
    return frame.svg("".join(parts), label)


def amount_chart(rows: Sequence[BarRow], label: Text, x_title: Text) -> Markup | None:
    """Return one bar per row with its amount; None without rows or with zero amounts only."""
    if not rows or not any(row.amount > 0 for row in rows):
        return None
    frame, x_ticks = _frame(0.0, max(row.amount for row in rows), len(rows))
    parts = [frame.axes(x_ticks, [], x_title)]
    for number, row in enumerate(rows):
        y, width = frame.top + number * _ROW, frame.x(row.amount) - frame.left
        bar = f'<rect class="bar" x="{frame.left}" y="{y + 20}" width="{width:.1f}" height="14"/>'
        name = text(frame.left, y + 13, row.name, anchor="start", style="strong")
        amount = text(frame.width - frame.right, y + 13, row.formatted, anchor="end")
        parts.append(f"<g>{name}{amount}{bar}</g>")
    return frame.svg("".join(parts), label)


def _frame(low: float, high: float, rows: int) -> tuple[Frame, list[tuple[float, str]]]:
    """Return a frame with room for the rows, and ticks that enclose the range."""
    if low == high:
        low, high = low - 1, high + 1
    marks = list(ticks(low, high))
    x_range = (min(low, marks[0]), max(high, marks[-1]))
    frame = Frame(x_range, (0.0, 1.0), 480, _TOP + rows * _ROW + _BOTTOM, left=14, right=18, top=_TOP, bottom=_BOTTOM)
    return frame, [(value, f"{value:g}") for value in marks]
