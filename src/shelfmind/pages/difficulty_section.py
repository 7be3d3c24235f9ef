"""The section of an evaluation report on accuracy by difficulty."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from shelfmind.evaluation.slices import Slice, Slices
from shelfmind.pages.charts import interval_chart
from shelfmind.pages.templates import Picture
from shelfmind.pages.words import Text, say, translated

MAX_SHOWN = 8
"""Maximum number of slices shown with pictures."""
NAMES: dict[str, Text] = {
    "blur": say("Blur"),
    "glare": say("Glare (share of the area)"),
    "light": say("Brightness (mean grey level)"),
    "tilt": say("In-plane tilt"),
    "perspective": say("Perspective"),
    "aspect_ratio": say("Height / width"),
    "image_size": say("Shorter side"),
    "class_size": say("Training images of the class"),
    "siblings": say("Similarity to the most similar other class"),
    "unfamiliar": say("Distance to the class's training photos"),
}
_WITH_GALLERY = {
    "class_size": say("Training images and enrolled photos of the product"),
    "unfamiliar": say("Distance to the product's training and enrolled photos"),
}
_VERDICTS = {
    "worse": say("worse"),
    "better": say("better"),
    "no difference found": say("no difference found"),
    "too few images": say("too few images"),
}


@dataclass(frozen=True)
class Row:
    """A slice as shown in the table."""

    slice: Slice
    name: Text
    range: Text
    bar: Markup
    verdict: Text


def difficulty_content(
    slices: Slices, picture: Callable[[Path], Picture], with_gallery: bool = False
) -> dict[str, object]:
    """Return the content of the section's template. With a gallery, enrolled photos count as well."""
    names = NAMES | _WITH_GALLERY if with_gallery else NAMES
    rows = [_row(each, names[each.difficulty]) for each in slices.slices]
    worse = [row for row in rows if row.slice.verdict == "worse" and row.slice.examples]
    evaluated = sum(not each.too_few_images for each in slices.slices)
    return {
        "rows": rows,
        "shown": [(row, [picture(Path(each)) for each in row.slice.examples]) for row in worse[:MAX_SHOWN]],
        "evaluated": evaluated,
        "beyond": slices.beyond,
        "by_chance": f"{slices.by_chance:.0f}" if slices.by_chance >= 1 else f"{slices.by_chance:.1f}",
        "missing": [(names[name], translated(why)) for name, why in slices.missing],
    }


def _row(each: Slice, name: Text) -> Row:
    bar = interval_chart(each.top1, each.ci95.low, each.ci95.high)
    return Row(each, name, range_words(each), bar, _VERDICTS[each.verdict])


def range_words(each: Slice) -> Text:
    """Return the range of values of a slice."""
    if each.low is None or each.high is None:
        return say("not measurable")
    low, high = (f"{end:.3g}{each.unit}" for end in (each.low, each.high))
    if math.isinf(each.low):
        return say("under {}", high)
    return say("{} or more", low) if math.isinf(each.high) else say("{} to {}", low, high)
