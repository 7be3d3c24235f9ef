"""Sections on the distribution of classes, shapes, sizes and colours, and on the shift between splits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from markupsafe import Markup

from shelfmind.analysis.image_audit.figures import aspect_histogram, bytes_histogram, side_histogram
from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.image_audit.shift import FALSE_DISCOVERIES, MIN_EFFECT, MIN_IMAGES, Shift
from shelfmind.data.splits import SPLITS
from shelfmind.pages import bar_charts
from shelfmind.pages.sections import Card, Gallery, Line, PageSection, Table
from shelfmind.pages.templates import Chart
from shelfmind.pages.words import listed, say, split_name, translated

_MAX_ROWS = 200
_MAX_SHIFTED_CLASSES = 8


def classes_section(findings: ImageFindings) -> PageSection:
    sizes, cutoffs = findings.sizes, findings.cutoffs
    splits = findings.split_counts
    order = np.argsort(-sizes.counts, kind="stable")
    rows = [
        (
            findings.catalog.class_names[index],
            f"{sizes.counts[index]:,}",
            *(f"{counts[index]:,}" for counts in splits.values()),
        )
        for index in order.tolist()
    ]
    columns = ((say("Class"), True), (say("Images"), False), *((split_name(split), False) for split in splits))
    total = max(1, int(sizes.counts.sum()))
    groups = {
        "head": say("head (over {} in train)", cutoffs.many_above),
        "medium": say("medium ({} to {} in train)", cutoffs.few_below, cutoffs.many_above),
        "tail": say("tail (under {} in train)", cutoffs.few_below),
    }
    shots = [
        (words, say("{} · {} of images", f"{sizes.shots[name]:,}", f"{sizes.shot_images[name] / total:.0%}"))
        for name, words in groups.items()
    ]
    others = []
    if sizes.others_share is not None:
        others.append((say("share of {}", sizes.others_name), f"{sizes.others_share:.1%}"))
    by_size = bar_charts.class_sizes_chart(sizes.counts, cutoffs, say("Images per class, largest first"))
    held = bar_charts.cumulative_chart(sizes.counts, say("Cumulative share of images"))
    drawings = ((say("Classes by size"), by_size), (say("Share of images in the largest classes"), held))
    return PageSection(
        key="classes",
        title=say("Classes"),
        intro=say(
            "Distribution of images over classes. Head, medium and tail are the class groups used in evaluation."
        ),
        figures=(
            (say("classes"), f"{len(sizes.counts):,}"),
            (say("smallest"), f"{sizes.quantiles['min']:,.0f}"),
            (say("median"), f"{sizes.quantiles['median']:,.0f}"),
            (say("largest"), f"{sizes.quantiles['max']:,.0f}"),
            (say("Gini coefficient"), f"{sizes.gini:.2f}"),
            (say("under 5 images"), f"{len(sizes.tiny):,}"),
            (say("without images"), f"{len(sizes.empty):,}"),
            (say("largest classes with half of all images"), f"{sizes.half_of_images:,}"),
            *others,
            *shots,
        ),
        charts=_charts(drawings),
        tables=(Table(say("All classes"), columns, rows, len(rows), filtered=True),),
    )


def shapes_section(findings: ImageFindings) -> PageSection:
    facts, channels = findings.measured.facts, findings.channels()
    aspects = bar_charts.histogram_chart(aspect_histogram(facts), say("Images by aspect ratio"), say("height / width"))
    sides = bar_charts.histogram_chart(side_histogram(facts), say("Images by shorter side"), say("pixels"))
    sizes = bar_charts.histogram_chart(bytes_histogram(facts), say("Images by file size"), "kB")
    drawings = ((say("Aspect ratio"), aspects), (say("Shorter side"), sides), (say("File size"), sizes))
    names = (say("red"), say("green"), say("blue"))
    rows = tuple(
        (name, f"{mean:.1f}", f"{std:.1f}", f"{mean / 255:.4f}", f"{std / 255:.4f}")
        for name, mean, std in zip(names, channels["mean"], channels["std"], strict=True)
    )
    heads = (say("mean, 0 to 255"), say("std"), say("mean, 0 to 1"), say("std"))
    columns = ((say("Channel"), True), *((head, False) for head in heads))
    return PageSection(
        key="shapes",
        title=say("Shapes, sizes and colours"),
        intro=say("Every image has equal weight in the channel means and standard deviations, regardless of its size."),
        figures=(
            (say("median width"), f"{np.median(facts['width']):,.0f}"),
            (say("median height"), f"{np.median(facts['height']):,.0f}"),
            (say("median kB"), f"{np.median(facts['bytes']) / 1000:,.0f}"),
            (say("taller than wide"), f"{np.mean(facts['height'] > facts['width']):.0%}"),
        ),
        charts=_charts(drawings),
        tables=(Table(say("Channels"), columns, rows, 3),),
    )


def shift_section(findings: ImageFindings) -> PageSection:
    rows = tuple(
        (split_name(each.split), translated(each.feature), f"{each.greater:.0%}", f"{each.classes:,}")
        for each in findings.overall_shifts
    )
    columns = (
        *((say("Split"), True), (say("Feature"), True)),
        *((say("larger than in train"), False), (say("classes"), False)),
    )
    class_rows = tuple(
        (
            findings.catalog.class_names[each.class_id],
            split_name(each.split),
            translated(each.feature),
            f"{each.train_median:.3g}",
            f"{each.split_median:.3g}",
            f"{each.distance:.2f}",
            f"{each.adjusted_p:.1e}",
        )
        for each in findings.shifts[:_MAX_ROWS]
    )
    class_columns = (
        *((say("Class"), True), (say("Split"), True), (say("Feature"), True), (say("median in train"), False)),
        *((say("median in split"), False), (say("distance"), False), (say("adjusted p"), False)),
    )
    tables = [Table(say("Over all classes"), columns, rows, len(rows))] if rows else []
    if class_rows:
        title = say("Classes that differ")
        tables.append(Table(title, class_columns, class_rows, len(findings.shifts), filtered=True))
    return PageSection(
        key="shift",
        title=say("Shift between training and other splits"),
        intro=say(
            "Whether images of a class look different outside the training set. Over all classes: the share of "
            "pairs, one image of the split and one training image of the same class, in which the feature is larger "
            "in the split; 50% means no difference. Classes that differ: classes with at least {} images on both "
            "sides, by a Kolmogorov-Smirnov test with a false discovery rate of at most {} (Benjamini-Hochberg) and "
            "a distance of at least {}; {} comparisons were made.",
            MIN_IMAGES,
            f"{FALSE_DISCOVERIES:.0%}",
            MIN_EFFECT,
            f"{findings.shift_comparisons:,}",
        ),
        galleries=_shift_gallery(findings),
        tables=tuple(tables),
        empty=say("There is no split other than train.") if not rows else "",
    )


def _shift_gallery(findings: ImageFindings) -> tuple[Gallery, ...]:
    clearest: dict[tuple[int, str], list[Shift]] = {}
    for each in findings.shifts:
        clearest.setdefault((each.class_id, each.split), []).append(each)
    if not clearest:
        return ()
    cards = []
    for (class_id, split), shifts in list(clearest.items())[:_MAX_SHIFTED_CLASSES]:
        pictures = _of_class(findings, class_id, SPLITS[0]) + _of_class(findings, class_id, split)
        features = listed(translated(shift.feature) for shift in shifts)
        lines = (Line("", findings.catalog.class_names[class_id]), Line(say("differs in"), features))
        feet = (say("left: {}", split_name(SPLITS[0])), say("right: {}", split_name(split)))
        cards.append(Card(tuple(pictures), lines, feet))
    note = say("Two training images and two images of the other split.")
    return (Gallery(say("Largest shifts"), note, tuple(cards), len(clearest)),)


def _of_class(findings: ImageFindings, class_id: int, split: str, count: int = 2) -> list[Path]:
    """Return the first images of a class in a split."""
    found: list[Path] = []
    for sample in findings.catalog.samples:
        if sample.label == class_id and sample.split == split:
            found.append(sample.path)
            if len(found) == count:
                break
    return found


def _charts(drawings: Iterable[tuple[str, Markup | None]]) -> tuple[Chart, ...]:
    return tuple(Chart(title, drawing) for title, drawing in drawings if drawing is not None)
