"""Inline SVG charts of counts: histograms, classes by size, cumulative share of images."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from shelfmind.analysis.image_audit.histograms import Histogram
from shelfmind.arrays import Ints
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.pages.charts import Frame, text, ticks
from shelfmind.pages.words import element, say

_MAX_STEPS = 240


def histogram_chart(shown: Histogram, label: str, x_title: str, *, logarithmic: bool = False) -> Markup | None:
    """Return a bar per bucket, with its count on hover; None without values. Bars of equal width on a log axis."""
    counts = [shown.below, *shown.counts, shown.above] if shown.below or shown.above else list(shown.counts)
    if not sum(counts):
        return None
    names = [say("{} to {}", f"{low:g}", f"{high:g}") for low, high in zip(shown.edges, shown.edges[1:], strict=False)]
    edges = list(enumerate(shown.edges))
    if shown.below or shown.above:
        names = [say("under {}", f"{shown.edges[0]:g}"), *names, say("{} or more", f"{shown.edges[-1]:g}")]
        edges = [(place + 1, edge) for place, edge in edges]
    y_ticks = [(value, f"{value:,.0f}") for value in ticks(0, max(counts), wanted=4) if value == int(value)]
    frame = Frame((0.0, float(len(counts))), (0.0, max(y_ticks[-1][0], max(counts))), width=480, height=240, left=58)
    every = max(1, math.ceil(len(edges) / 12))
    x_ticks = [(float(index), f"{edge:g}") for index, edge in edges[::every]]
    floor = frame.y(0)
    bars = "".join(
        f'<rect class="bar" x="{frame.x(place) + 1:.1f}" y="{frame.y(count):.1f}" '
        f'width="{frame.x(place + 1) - frame.x(place) - 2:.1f}" height="{floor - frame.y(count):.1f}">'
        f"{element('title', say('{}: {}', name, f'{count:,}'))}</rect>"
        for place, (name, count) in enumerate(zip(names, counts, strict=True))
        if count
    )
    return frame.svg(frame.axes(x_ticks, y_ticks, x_title) + bars, label)


def class_sizes_chart(counts: Ints, cutoffs: ShotCutoffs, label: str) -> Markup | None:
    """Return the classes by size on a log axis, with lines where head and medium end; None without images."""
    ranked = np.sort(counts)[::-1]
    if not len(ranked) or not ranked[0]:
        return None
    top = math.log10(ranked[0] + 1)
    frame = Frame((0.0, float(len(ranked))), (0.0, top * 1.04), width=480, height=270, left=58)
    powers = [0, *(digit * 10**power for power in range(7) for digit in (1, 3))]
    y_ticks = [(math.log10(value + 1), f"{value:,}") for value in powers if value <= ranked[0]]
    x_ticks = [(value, f"{value:,.0f}") for value in ticks(0, len(ranked), inside=True) if value == int(value)]
    parts = [frame.axes(x_ticks, y_ticks, say("classes, largest first"))]
    indices = np.unique(np.linspace(0, len(ranked) - 1, min(len(ranked), _MAX_STEPS)).round().astype(int))
    ends = [*indices[1:].tolist(), len(ranked)]
    outline = "".join(
        f"V{frame.y(math.log10(ranked[index] + 1)):.1f}H{frame.x(end):.1f}"
        for index, end in zip(indices.tolist(), ends, strict=True)
    )
    parts.append(f'<path class="area" d="M{frame.x(0):.1f} {frame.y(0):.1f}{outline}V{frame.y(0):.1f}Z"/>')
    for border, name in ((cutoffs.many_above, say("head")), (cutoffs.few_below - 1, say("medium"))):
        border_at = int((ranked > border).sum())
        if 0 < border_at < len(ranked):
            x = frame.x(border_at)
            parts.append(f'<path class="mark" d="M{x:.1f} {frame.top}V{frame.y(0):.1f}"/>')
            parts.append(text(f"{x - 4:.1f}", frame.top + 9, name, anchor="end", style="small"))
    return frame.svg("".join(parts), label)


def cumulative_chart(counts: Ints, label: str) -> Markup | None:
    """Return the cumulative share of images in the largest classes, with the diagonal of equal sizes; None if empty."""
    ranked = np.sort(counts)[::-1]
    total = int(ranked.sum())
    if not total:
        return None
    frame = Frame((0.0, 1.0), (0.0, 1.0), width=480, height=270, left=58)
    fifths = [(i / 5, f"{20 * i}%") for i in range(6)]
    held = np.concatenate(([0.0], np.cumsum(ranked) / total))
    indices = np.unique(np.linspace(0, len(ranked), min(len(ranked) + 1, _MAX_STEPS)).round().astype(int))
    line = "L".join(f"{frame.x(index / len(ranked)):.1f} {frame.y(held[index]):.1f}" for index in indices.tolist())
    body = (
        frame.axes(fifths, fifths, say("share of the classes, largest first"))
        + f'<path class="diagonal" d="M{frame.x(0):.1f} {frame.y(0):.1f}L{frame.x(1):.1f} {frame.y(1):.1f}"/>'
        + f'<g class="c2"><path class="line" d="M{line}"/></g>'
    )
    return frame.svg(body, label)
