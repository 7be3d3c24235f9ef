"""Inline SVG charts of the reports, coloured by the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

from shelfmind.evaluation.calibration import ReliabilityBin
from shelfmind.evaluation.confusion import ClassResult
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.metrics import ShotCutoffs, ShotGroup
from shelfmind.pages.words import attribute, counted, element, say

Point = tuple[float, float]
Ticks = Sequence[tuple[float, str]]

_MAX_POINTS = 150
_MAX_TITLED_DOTS = 400


@dataclass(frozen=True)
class Series:
    """One line of a chart: the style class that sets its colour, its name, and its points in order of x."""

    style: str
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Frame:
    """A plotting area in SVG units and the ranges of x and y that fill it."""

    x_range: Point
    y_range: Point
    width: int = 480
    height: int = 270
    left: int = 46
    right: int = 18
    top: int = 12
    bottom: int = 40

    def x(self, value: float) -> float:
        """The horizontal position of a value."""
        return self.left + _share(value, self.x_range) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """The vertical position of a value."""
        return self.height - self.bottom - _share(value, self.y_range) * (self.height - self.top - self.bottom)

    def axes(self, x_ticks: Ticks, y_ticks: Ticks, x_title: str = "") -> str:
        """Return grid lines, tick labels and the x axis title. A chart without x ticks places its own title."""
        x0, x1, floor = self.left, self.width - self.right, self.height - self.bottom
        parts = [
            f'<path class="grid" d="M{x0} {self.y(value):.1f}H{x1}"/>'
            + text(x0 - 7, f"{self.y(value) + 4:.1f}", label, anchor="end")
            for value, label in y_ticks
        ]
        parts += [text(f"{self.x(value):.1f}", floor + 17, label) for value, label in x_ticks]
        parts.append(f'<path class="axis" d="M{x0} {floor}H{x1}"/>')
        parts.append(text(f"{(x0 + x1) / 2:.1f}", self.height - 5, x_title))
        return "".join(parts)

    def svg(self, body: str, label: str) -> Markup:
        """Return the finished SVG; `label` is its accessible description."""
        return Markup(
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img" {attribute("aria-label", label)}>{body}</svg>'
        )


def text(x: object, y: object, words: str, *, anchor: str = "middle", style: str = "") -> str:
    """Return an SVG text element."""
    kind = f'class="{style}" ' if style else ""
    markup = element("text", words, f'{kind}x="{x}" y="{y}" text-anchor="{anchor}"')
    return str(markup)  # what is added to a `Markup` would be escaped


MARK_LETTER = 7.0
"""Width of a letter of a mark. A mark that would overlap the previous one moves to the next row."""


def line_chart(
    series: Sequence[Series],
    label: str,
    *,
    percent: bool = False,
    marks: Sequence[tuple[float, str]] = (),
    x_name: str | None = None,
) -> Markup | None:
    """Return a line chart over epochs, or over `x_name` if given; None without points. `marks` are vertical lines with
    a label, as (x, text)."""
    points = [point for each in series for point in each.points]
    if not points:
        return None
    x_range = _padded_range(min(x for x, _ in points), max(x for x, _ in points))
    highest = max(y for _, y in points)
    lowest = min(0.0, min(y for _, y in points))
    y_ticks = [(value, percentage(value) if percent else f"{value:g}") for value in ticks(lowest, highest)]
    frame = Frame(x_range, (y_ticks[0][0], max(y_ticks[-1][0], highest)), width=340, height=220, left=42)
    x_ticks = [(value, f"{value:g}") for value in ticks(*x_range, inside=True)]
    x_ticks = [tick for tick in x_ticks if x_name is not None or tick[0] == int(tick[0])]
    parts = [frame.axes(x_ticks, y_ticks, say("epoch") if x_name is None else x_name)]
    floor = frame.height - frame.bottom
    row, free_from = 0, 0.0
    middle = (frame.y_range[0] + frame.y_range[1]) / 2
    for epoch, mark in marks:  # on the side that the curve leaves free
        x = frame.x(epoch)
        row = row + 1 if x < free_from else 0
        free_from = max(free_from, x + 4 + MARK_LETTER * len(mark))
        _, nearest = min(points, key=lambda point: abs(point[0] - epoch))
        y = frame.top + 9 + 13 * row if nearest < middle else floor - 6 - 13 * row
        parts.append(
            f'<path class="mark" d="M{x:.1f} {frame.top}V{floor}"/>'
            + text(f"{x + 4:.1f}", y, mark, anchor="start", style="small")
        )
    parts += [_line(frame, each, percent, x_name) for each in series if each.points]
    return frame.svg("".join(parts), label)


def _line(frame: Frame, series: Series, percent: bool, x_name: str | None) -> str:
    points = _thin(series.points)
    path = "L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in points)
    radius = 2.5 if len(points) <= 40 else 1

    def dot(x: float, y: float) -> str:
        at = say("epoch {}", f"{x:g}") if x_name is None else say("{} {}", x_name, f"{x:g}")
        hover = say("{}: {} {}", at, series.name, percentage(y, 1) if percent else f"{y:.4g}")
        place = f'cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{radius}"'
        return f"<circle {place}>{element('title', hover)}</circle>"

    dots = "".join(dot(x, y) for x, y in points)
    return f'<g class="{escape(series.style)}"><path class="line" d="M{path}"/>{dots}</g>'


def reliability_chart(bins: Sequence[ReliabilityBin]) -> Markup:
    """Return a reliability diagram with the diagonal of perfect calibration and the number of images per bin."""
    frame = Frame((0.0, 1.0), (0.0, 1.0), height=300, left=50, right=22, bottom=94)
    fifths = [(i / 5, percentage(i / 5)) for i in range(6)]
    floor, shelf, base = frame.y(0), 46, frame.height - 22
    most = max(each.images for each in bins)
    parts = [frame.axes([], fifths)]
    parts += [_bin(frame, each, base - 16, (shelf - 8) / most) for each in bins if each.images]
    parts.append(f'<path class="diagonal" d="M{frame.x(0):.1f} {floor:.1f}L{frame.x(1):.1f} {frame.y(1):.1f}"/>')
    parts.append(f'<path class="axis" d="M{frame.left} {base - 16}H{frame.width - frame.right}"/>')
    parts += [text(f"{frame.x(value):.1f}", base, label) for value, label in fifths]
    below = say("confidence (below: images in each bin)")
    parts.append(text((frame.left + frame.width - frame.right) / 2, frame.height - 5, below))
    return frame.svg("".join(parts), say("Reliability diagram: accuracy by confidence"))


def _bin(frame: Frame, each: ReliabilityBin, base: float, per_image: float) -> str:
    """Return one bin: accuracy, the gap to the confidence, a line at the accuracy, and the number of images below."""
    accuracy, confidence = each.accuracy or 0.0, each.confidence or 0.0
    x, width = frame.x(each.low) + 1, frame.x(each.high) - frame.x(each.low) - 2
    high, low = frame.y(max(accuracy, confidence)), frame.y(min(accuracy, confidence))
    tall = max(1.0, each.images * per_image)
    hover = say(
        "{} with confidence {} to {}: accuracy {}, mean confidence {}",
        counted(each.images, "image"),
        *(percentage(each.low), percentage(each.high), percentage(accuracy, 1), percentage(confidence, 1)),
    )
    return (
        f"<g>{element('title', hover)}"
        f'<rect class="bar" x="{x:.1f}" y="{low:.1f}" width="{width:.1f}" height="{frame.y(0) - low:.1f}"/>'
        f'<rect class="{"sure" if confidence > accuracy else "modest"}" x="{x:.1f}" y="{high:.1f}" '
        f'width="{width:.1f}" height="{low - high:.1f}"/>'
        f'<path class="level" d="M{x:.1f} {frame.y(accuracy):.1f}h{width:.1f}"/>'
        f'<rect class="soft" x="{x:.1f}" y="{base - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/></g>'
    )


def class_chart(classes: Sequence[ClassResult], shots: Sequence[ShotGroup], cutoffs: ShotCutoffs) -> Markup | None:
    """Return the recall of each class by training images (log axis), with group means; None without counts."""
    dots = [
        (each.train_images, each.recall, each)
        for each in classes
        if each.train_images is not None and each.recall is not None
    ]
    if not dots:
        return None
    low = 0.87 * min(count for count, _, _ in dots)
    high = 1.15 * max(max(count for count, _, _ in dots), 1)
    frame = Frame((_log(low), _log(high)), (-0.04, 1.04), width=980, height=300, left=54, top=22)
    x_ticks = [(_log(value), f"{value:,}") for value in _count_ticks(low, high)]
    quarters = [(i / 4, percentage(i / 4)) for i in range(5)]
    parts = [frame.axes(x_ticks, quarters, say("training images of the class"))]
    edges = (low, min(max(cutoffs.few_below - 0.5, low), high), min(max(cutoffs.many_above + 0.5, low), high), high)
    spans = dict(zip(("few", "medium", "many"), pairwise(edges), strict=True))
    parts += [_group_mean(frame, group, spans[group.name]) for group in shots if group.top1 is not None]
    points = [(frame.x(_log(count)), frame.y(recall), each) for count, recall, each in dots]
    if len(points) > _MAX_TITLED_DOTS:
        parts.append('<path class="dots" d="' + "".join(f"M{x:.0f} {y:.0f}h0" for x, y, _ in points) + '"/>')
    else:
        parts += [
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4">{element("title", _class_words(each))}</circle>'
            for x, y, each in points
        ]
    return frame.svg("".join(parts), say("Recall of each class by number of training images"))


def _class_words(each: ClassResult) -> str:
    trained = counted(each.train_images or 0, "training image")
    return say("{}: {} of {} correct, {}", each.name, each.correct, each.images, trained)


def _group_mean(frame: Frame, group: ShotGroup, span: Point) -> str:
    if group.top1 is None:
        return ""
    start, end = frame.x(_log(span[0])), frame.x(_log(span[1]))
    parts = [f'<path class="mean" d="M{start:.1f} {frame.y(group.top1):.1f}H{end:.1f}"/>']
    if start > frame.left + 1:
        parts.append(f'<path class="mark" d="M{start:.1f} {frame.top - 8}V{frame.y(-0.04):.1f}"/>')
    if end - start > 130:  # a label wider than its group would overlap the next
        name = {"many": say("many-shot"), "medium": say("medium-shot"), "few": say("few-shot")}[group.name]
        words = name if too_few_images(group.images) else say("{} {}", name, percentage(group.top1, 1))
        parts.append(text(f"{(start + end) / 2:.1f}", 12, words, style="strong"))
    return "".join(parts)


def interval_chart(value: float, low: float, high: float) -> Markup:
    """Return a slim bar from 0 to 1 with the value and its 95% interval."""
    return Markup(
        '<svg class="interval" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6" rx="1"/>'
        f'<rect class="fill" width="{100 * value:.2f}" height="6" rx="1"/>'
        f'<rect class="span" x="{100 * low:.2f}" width="{max(0.6, 100 * (high - low)):.2f}" height="6"/></svg>'
    )


def ticks(low: float, high: float, *, inside: bool = False, wanted: int = 5) -> list[float]:
    """Return about `wanted` round numbers from `low` to `high`. They enclose the range, or lie `inside` it."""
    largest = max(abs(low), abs(high))
    span = high - low
    if span <= 1e-9 * largest or largest < 1e-100:  # numerically indistinguishable, or too close to zero
        span = largest if largest >= 1e-100 else 1.0
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = min((factor * power for factor in (1, 2, 2.5, 5, 10)), key=lambda each: abs(span / each - wanted))
    if inside:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def _padded_range(low: float, high: float) -> Point:
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _share(value: float, bounds: Point) -> float:
    return (value - bounds[0]) / (bounds[1] - bounds[0])


def _log(count: float) -> float:
    return math.log10(count + 1)


def _count_ticks(low: float, high: float) -> list[int]:
    """Return whole numbers of the 1-2-5 series, or evenly spaced ones if the series has too few in the range."""
    series = [0] + [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    found = [value for value in series if low <= value <= high]
    return found if len(found) > 3 else sorted({round(value) for value in ticks(low, high, inside=True)})


def percentage(value: float, digits: int = 0) -> str:
    """Return a fraction as a percentage."""
    return f"{100 * value:.{digits}f}%"


def _thin(points: Sequence[Point]) -> list[Point]:
    stride = max(1, math.ceil(len(points) / _MAX_POINTS))
    return [point for i, point in enumerate(points) if i % stride == 0 or i == len(points) - 1]
