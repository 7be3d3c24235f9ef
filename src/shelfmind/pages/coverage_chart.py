"""The accuracy-coverage chart, and confidence thresholds for target accuracies."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from shelfmind.evaluation.coverage import Coverage, best_at_accuracy
from shelfmind.evaluation.result import Evaluation
from shelfmind.pages.charts import Frame, percentage, ticks
from shelfmind.pages.words import element, say

WANTED = (0.9, 0.95, 0.98, 0.99)
"""Target accuracies; those below the model's accuracy are left out."""
MAX_DOTS = 40


def thresholds(evaluation: Evaluation) -> list[tuple[float, Coverage | None]]:
    """Return each target accuracy with the point of largest coverage that reaches it, or None if none does."""
    above = [wanted for wanted in WANTED if wanted > evaluation.top1]
    return [(wanted, best_at_accuracy(evaluation.coverage, wanted)) for wanted in above]


def coverage_chart(curve: Sequence[Coverage]) -> Markup | None:
    """Return accuracy by coverage, from the most confident images to all; None with fewer than two points."""
    if len(curve) < 2:
        return None
    lowest = min(point.accuracy for point in curve)
    y_ticks = ticks(min(lowest, 0.9), 1.0)
    frame = Frame((0.0, 1.0), (y_ticks[0], max(1.0, y_ticks[-1])), left=54)
    fifths = [(i / 5, percentage(i / 5)) for i in range(6)]
    line = "L".join(f"{frame.x(point.share):.1f} {frame.y(point.accuracy):.1f}" for point in curve)
    stride = -(-len(curve) // MAX_DOTS)
    dots = "".join(_dot(frame, point) for point in curve[::-1][::stride])
    body = (
        frame.axes(fifths, [(value, percentage(value)) for value in y_ticks if value <= 1.0], say("share answered"))
        + f'<g class="c2"><path class="line" d="M{line}"/>{dots}</g>'
    )
    return frame.svg(body, say("Accuracy by share of images answered"))


def _dot(frame: Frame, point: Coverage) -> str:
    hover = say(
        "{} of the images (confidence {} or more): accuracy {}",
        percentage(point.share, 1),
        percentage(point.confidence, 1),
        percentage(point.accuracy, 1),
    )
    place = f'cx="{frame.x(point.share):.1f}" cy="{frame.y(point.accuracy):.1f}"'
    return f'<circle {place} r="2.5">{element("title", hover)}</circle>'
