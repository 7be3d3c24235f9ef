"""The section of a run's page on its answers together with a gallery."""

from __future__ import annotations

from collections.abc import Mapping

from shelfmind.pages import charts
from shelfmind.pages.templates import Chart
from shelfmind.pages.words import Text, say
from shelfmind.recognition.figures import RecognitionFigures
from shelfmind.recognition.levels import FAMILY, PRODUCT, UNDECIDED


def recognition_content(figures: RecognitionFigures) -> Mapping[str, object]:
    """What its template shows."""
    levels: dict[str, Text] = {
        PRODUCT: say("product"),
        FAMILY: say("family"),
        UNDECIDED: say("undecided"),
    }
    return {
        "shares": [
            (say("of trained classes, the best name right"), figures.trained),
            (say("of enrolled products, the best name right"), figures.enrolled),
            (say("of known products, given a name"), figures.named),
            (say("of known products, given the right name"), figures.named_rightly),
            (say("of unknown objects, given a name"), figures.false_accepts),
        ],
        "harmonic_mean": figures.harmonic_mean,
        "separation": figures.separation,
        "asked": figures.asked_false_accepts,
        "curve": _curve(figures),
        "levels": [(levels[each.level], each) for each in figures.levels],
    }


def _curve(figures: RecognitionFigures) -> Chart | None:
    """Over the share of known photos that are given a name: how many of the names are right, and how many of unknown
    objects are given one."""
    points = sorted(figures.curve, key=lambda point: point.answered)
    series = (
        charts.Series("c2", say("right names"), tuple((100 * each.answered, each.right) for each in points)),
        charts.Series(
            "c1", say("unknown accepted"), tuple((100 * each.answered, each.false_accepts) for each in points)
        ),
    )
    title = say("Accepted against right")
    drawing = charts.line_chart(series, title, percent=True, x_name=say("known photos given a name, in percent"))
    note = say("Each point is a threshold: a stricter one names fewer photos, more of them rightly.")
    return None if drawing is None else Chart(title, drawing, note, tuple((each.style, each.name) for each in series))
