"""Plot the figures of `growth.py` as SVG files for the documentation, one per axis, and print their tables as Markdown.

    cat FOLDER/growth.jsonl >> benchmarks/growth.jsonl
    python benchmarks/growth_plot.py benchmarks/growth.jsonl --out docs/pictures

Figures of another machine than that of most lines have hollow points and an asterisk. What one more image or class
costs is from the last two values of one machine.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from command import exit_status, parser_of
from markupsafe import Markup

from shelfmind.files import write_text
from shelfmind.pages.charts import Frame, text

AXES = {"images": "images", "classes": "classes", "side": "longer side in pixels"}
MEASURES = {"cpu_s": "CPU time, s", "peak_mib": "peak memory, MiB"}
GROUPS = (
    ("audit", "audit, cached", "prepare", "find-label-errors"),
    ("train, one epoch", "train, one epoch, cached", "evaluate", "predict", "embed"),
    ("gallery create", "gallery search", "gallery verify", "gallery audit", "gallery compact"),
    ("gallery add", "gallery calibrate", "gallery discover", "gallery re-embed", "gallery export"),
    ("generate", "pretrain, one epoch", "calibrate", "adapt"),
)
"""The verbs of each panel."""
COLOURS = ("#1f6feb", "#c2410c", "#15803d", "#9333ea", "#a16207")
WIDTH, HEIGHT, LABELS, LETTER, LINE = 420, 250, 150, 6.2, 13
"""Size of a panel, width of the labels at its right, mean width of a letter, and distance between labels."""
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}.grid{stroke:#d0d7de}"
    ".axis{stroke:#8c959f}.line{fill:none;stroke-width:1.6}"
)


class Point(NamedTuple):
    """A figure of one command."""

    x: float
    y: float
    machine: str


Lines = Mapping[str, Sequence[Point]]


def lines_of(known: Iterable[Mapping[str, Any]], axis: str, measure: str, verbs: Sequence[str]) -> Lines:
    """The points of each verb measured at several values, in order of x; the last measurement of a value counts."""
    found: dict[str, dict[float, Point]] = {verb: {} for verb in verbs}
    for each in known:
        if each["axis"] == axis and each["status"] == 0 and each["verb"] in found:
            value = each["value"]
            found[each["verb"]][value] = Point(value, max(each[measure], 0.1), each["machine"])
    return {verb: sorted(points.values()) for verb, points in found.items() if len(points) > 1}


def usual_machine(known: Iterable[Mapping[str, Any]]) -> str:
    """The machine of most lines."""
    return Counter(each["machine"] for each in known).most_common(1)[0][0]


def panel(lines: Lines, usual: str, x_title: str, title: str, left: int, top: int) -> str:
    """One log-log plot with a label at the end of each line."""
    points = [(point.x, point.y) for line in lines.values() for point in line]
    x_range, y_range = (_decades([point[place] for point in points], whole=place == 1) for place in (0, 1))
    frame = Frame(x_range, y_range, WIDTH, HEIGHT, right=LABELS, top=26, left=52)
    x_ticks = [(math.log10(value), _said(value)) for value in sorted({x for x, _ in points})]
    y_ticks = [(power, _said(10.0**power)) for power in range(int(y_range[0]), int(y_range[1]) + 1)]
    parts = [frame.axes(x_ticks, y_ticks, x_title), text(frame.left, 14, title, anchor="start", style="title")]
    ends = []
    for (verb, line), colour in zip(lines.items(), COLOURS, strict=False):
        places = [(frame.x(math.log10(point.x)), frame.y(math.log10(point.y))) for point in line]
        fills = [colour if point.machine == usual else "#fff" for point in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line" stroke="{colour}" d="M{path}"/>')
        parts += [
            f'<circle fill="{fill}" stroke="{colour}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>'
            for (x, y), fill in zip(places, fills, strict=True)
        ]
        ends.append((places[-1], verb, colour))
    lowest = 0.0
    for (x, y), verb, colour in sorted(ends, key=lambda end: end[0][1]):
        lowest = max(y + 4, lowest + LINE)
        edge = frame.width - frame.right
        parts.append(f'<path stroke="{colour}" stroke-width=".6" d="M{x:.1f} {y:.1f}L{edge + 8} {lowest - 4:.1f}"/>')
        parts.append(f'<text x="{edge + 11}" y="{lowest:.1f}" style="fill:{colour}">{Markup.escape(verb)}</text>')
    return f'<g transform="translate({left} {top})">{"".join(parts)}</g>'


def plot(known: Sequence[Mapping[str, Any]], axis: str) -> str:
    """An SVG file with CPU time and memory side by side, a row for each group of verbs."""
    groups = [verbs for verbs in GROUPS if lines_of(known, axis, "cpu_s", verbs)]
    panels = [
        panel(
            lines_of(known, axis, measure, verbs), usual_machine(known), AXES[axis], title, column * WIDTH, row * HEIGHT
        )
        for row, verbs in enumerate(groups)
        for column, (measure, title) in enumerate(MEASURES.items())
    ]
    width, height = WIDTH * len(MEASURES), HEIGHT * len(groups)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{STYLE}</style><rect width="100%" height="100%" fill="#fff"/>{"".join(panels)}</svg>\n'
    )


def table(known: Sequence[Mapping[str, Any]], axis: str) -> str:
    """CPU seconds and peak memory of each verb at each value, and what one more costs between the last two."""
    verbs = [verb for group in GROUPS for verb in group]
    times, memory = (lines_of(known, axis, measure, verbs) for measure in MEASURES)
    values = sorted({point.x for line in times.values() for point in line})
    usual = usual_machine(known)
    one_more = {"images": "one more image", "classes": "one more class"}.get(axis)
    heads = ["CPU s, peak MiB", *map(_said, values), *([] if one_more is None else [one_more])]
    rows = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for verb, line in times.items():
        peaks, seconds = ({point.x: point for point in each} for each in (memory[verb], line))
        cells = [
            f"{seconds[value].y:,.0f}, {peaks[value].y:,.0f}{'' if seconds[value].machine == usual else ' *'}"
            if value in seconds
            else ""
            for value in values
        ]
        cells += [] if one_more is None else [_slope(line, memory[verb])]
        rows.append(f"| `{verb}` | {' | '.join(cells)} |")
    return "\n".join(rows)


def _slope(times: Sequence[Point], peaks: Sequence[Point]) -> str:
    """CPU time and memory between the last two values of one machine, per unit."""
    for (before, after), (low, high) in reversed(list(zip(pairwise(times), pairwise(peaks), strict=True))):
        if before.machine == after.machine:
            each = after.x - before.x
            return f"{1000 * (after.y - before.y) / each:.2f} ms, {1024 * (high.y - low.y) / each:.1f} KiB"
    return ""


def _decades(values: Sequence[float], *, whole: bool) -> tuple[float, float]:
    """The range in powers of ten; whole powers if asked."""
    low, high = math.log10(min(values)), math.log10(max(values))
    if whole:
        low, high = math.floor(low), math.ceil(high)
    return (low, high) if high > low else (low, low + 1)


def _said(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def main() -> None:
    """Write the plots and print the tables."""
    parser = parser_of(__doc__)
    parser.add_argument("figures", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for growth_AXIS.svg")
    given = parser.parse_args()
    known = [json.loads(line) for line in given.figures.read_text(encoding="utf-8").splitlines()]
    given.out.mkdir(parents=True, exist_ok=True)
    for axis in AXES:
        if any(each["axis"] == axis for each in known):
            write_text(given.out / f"growth_{axis}.svg", plot(known, axis))
            print(f"{axis}\n\n{table(known, axis)}\n")


if __name__ == "__main__":
    sys.exit(exit_status(main))
