"""The report section on recognition with a gallery."""

from __future__ import annotations

from collections.abc import Mapping

from shelfmind.pages import charts
from shelfmind.pages.templates import Chart
from shelfmind.pages.words import Text, say
from shelfmind.recognition.figures import RecognitionFigures
from shelfmind.recognition.levels import FAMILY, PRODUCT, UNDECIDED


def recognition_content(figures: RecognitionFigures) -> Mapping[str, object]:
    """Return the content of the section's template."""
    levels: dict[str, Text] = {
        PRODUCT: say("product"),
        FAMILY: say("family"),
        UNDECIDED: say("undecided"),
    }
    return {
        "shares": [
            (say("trained classes: top-1 correct"), figures.trained),
            (say("enrolled products: top-1 correct"), figures.enrolled),
            (say("known products: accepted"), figures.named),
            (say("known products: accepted and correct"), figures.named_rightly),
            (say("unknown objects: accepted"), figures.false_accepts),
        ],
        "harmonic_mean": figures.harmonic_mean,
        "separation": figures.separation,
        "asked": figures.asked_false_accepts,
        "curve": _curve(figures),
        "levels": [(levels[each.level], each) for each in figures.levels],
    }


def _curve(figures: RecognitionFigures) -> Chart | None:
    """Return the accuracy and the false-accept rate by the share of known photos accepted."""
    points = sorted(figures.curve, key=lambda point: point.answered)
    series = (
        charts.Series("c2", say("correct"), tuple((100 * each.answered, each.right) for each in points)),
        charts.Series(
            "c1", say("unknown accepted"), tuple((100 * each.answered, each.false_accepts) for each in points)
        ),
    )
    title = say("Accuracy by acceptance rate")
    drawing = charts.line_chart(series, title, percent=True, x_name=say("known photos accepted (%)"))
    note = say("Each point is a threshold: a stricter threshold accepts fewer photos, with higher accuracy.")
    return None if drawing is None else Chart(title, drawing, note, tuple((each.style, each.name) for each in series))
