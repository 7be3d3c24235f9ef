"""Charts of training metrics by epoch and of the trade-off of logit adjustment."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.logit_adjustment import TradeOff
from shelfmind.pages import charts
from shelfmind.pages.templates import Chart
from shelfmind.pages.words import counted, say

History = Sequence[Mapping[str, object]]


def trade_off_chart(trade_offs: Sequence[TradeOff], too_few: bool = False) -> Chart | None:
    """Return accuracy on frequent and rare classes by strength of logit adjustment. With too few images, no strength
    is called the best."""
    if not trade_offs:
        return None
    groups = (("c1", "many", say("many-shot")), ("c3", "medium", say("medium-shot")), ("c2", "few", say("few-shot")))

    def points(name: str) -> tuple[charts.Point, ...]:
        found = ((row.tau, getattr(row, name)) for row in trade_offs)
        return tuple((tau, value) for tau, value in found if value is not None)

    series = tuple(charts.Series(style, words, points(name)) for style, name, words in groups)
    drawing = charts.line_chart(series, say("Accuracy by adjustment strength"), percent=True, x_name="tau")
    best = max(trade_offs, key=lambda row: row.macro_top1)
    note = say(
        "Macro top-1 peaks at {} for tau {}, where top-1 is {}.",
        f"{best.macro_top1:.1%}",
        f"{best.tau:g}",
        f"{best.top1:.1%}",
    )
    note = say("Too few images for a reliable estimate.") if too_few else note
    key = tuple((each.style, each.name) for each in series if each.points)
    title = say("Logit adjustment: frequent versus rare classes")
    return None if drawing is None else Chart(title, drawing, note, key)


def training_charts(history: History, val_images: int | None = None) -> list[Chart]:
    """Return charts of loss, accuracy and learning rate by epoch; charts without data are left out.

    `val_images` is the number of validation images, None if unknown.
    """
    few = val_images is not None and too_few_images(val_images)
    marks = _image_sizes(history)
    loss = (
        charts.Series("c1", say("training"), _points(history, "train_loss")),
        charts.Series("c2", say("validation"), _points(history, "val_loss")),
    )
    top1 = (charts.Series("c2", say("validation top-1"), _points(history, "val_top1")),)
    rate = (charts.Series("c3", say("learning rate"), _points(history, "lr")),)
    drawings = (
        charts.line_chart(loss, say("Loss by epoch"), marks=marks),
        charts.line_chart(top1, say("Validation top-1 by epoch"), percent=True, marks=marks),
        charts.line_chart(rate, say("Learning rate by epoch")),
    )
    titles = (say("Loss"), say("Top-1 on validation images"), say("Learning rate"))
    notes = (
        _lowest(loss[1].points),
        say("{}: too few for a reliable estimate.", counted(val_images or 0, "image"))
        if few
        else _best(top1[0].points),
        _peak(rate[0].points),
    )
    charted = zip(titles, (loss, top1, rate), drawings, notes, strict=True)
    return [
        Chart(title, drawing, note, tuple((each.style, each.name) for each in series if each.points))
        for title, series, drawing, note in charted
        if drawing is not None
    ]


def _points(history: History, key: str) -> tuple[charts.Point, ...]:
    found = ((_number(entry.get("epoch")), _number(entry.get(key)), i) for i, entry in enumerate(history, start=1))
    return tuple((float(i) if epoch is None else epoch + 1, value) for epoch, value, i in found if value is not None)


def _number(value: object) -> float | None:
    if isinstance(value, int | float | np.integer | np.floating) and math.isfinite(value):
        return float(value)
    return None


def _best(points: Sequence[charts.Point]) -> str:
    if not points:
        return ""
    epoch, value = max(points, key=lambda point: point[1])
    return say("Best: {} at epoch {}.", f"{value:.1%}", f"{epoch:g}")


def _peak(points: Sequence[charts.Point]) -> str:
    if not points:
        return ""
    epoch, value = max(points, key=lambda point: point[1])
    return say("Peak: {} at epoch {}.", f"{value:.3g}", f"{epoch:g}")


def _lowest(points: Sequence[charts.Point]) -> str:
    if not points:
        return ""
    epoch, value = min(points, key=lambda point: point[1])
    return say("Lowest on validation: {} at epoch {}.", f"{value:.3g}", f"{epoch:g}")


def _image_sizes(history: History) -> list[tuple[float, str]]:
    """Return the changes of image size, as (epoch, text); empty if there was none."""
    sizes = _points(history, "image_size")
    changes = [now for before, now in zip((None, *sizes), sizes, strict=False) if before is None or before[1] != now[1]]
    return [(epoch, f"{size:g} px") for epoch, size in changes] if len(changes) > 1 else []
