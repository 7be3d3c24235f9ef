"""Puts into words how classes, shapes, sizes and colours are distributed, and how the splits differ."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from markupsafe import Markup

from shelfmind.analysis.image_audit.figures import aspect_histogram, bytes_histogram, side_histogram
from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.image_audit.shift import FALSE_DISCOVERIES, LEAST_EFFECT, LEAST_IMAGES, Shift
from shelfmind.data.splits import SPLITS
from shelfmind.pages import bar_charts
from shelfmind.pages.sections import Card, Gallery, Line, PageSection, Table
from shelfmind.pages.templates import Chart

_MOST_ROWS = 200
_MOST_CLASSES_SHIFTED = 8


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
    columns = (("Class", True), ("Images", False), *((split, False) for split in splits))
    total = max(1, int(sizes.counts.sum()))
    groups = {"head": f"over {cutoffs.many_above}", "medium": f"{cutoffs.few_below} to {cutoffs.many_above}"}
    groups["tail"] = f"under {cutoffs.few_below}"
    shots = [
        (f"{name} ({words} in train)", f"{sizes.shots[name]:,} · {sizes.shot_images[name] / total:.0%} of images")
        for name, words in groups.items()
    ]
    others = [] if sizes.others_share is None else [(f"share of {sizes.others_name}", f"{sizes.others_share:.1%}")]
    drawings = (
        ("Classes by size", bar_charts.class_sizes_chart(sizes.counts, cutoffs, "Images per class, largest first")),
        ("Images held by the largest classes", bar_charts.cumulative_chart(sizes.counts, "Cumulative share of images")),
    )
    return PageSection(
        key="classes",
        title="Classes",
        intro="How the images are spread over the classes. Head, medium and tail are the groups of the evaluation.",
        figures=(
            ("classes", f"{len(sizes.counts):,}"),
            ("smallest", f"{sizes.quantiles['min']:,.0f}"),
            ("median", f"{sizes.quantiles['median']:,.0f}"),
            ("largest", f"{sizes.quantiles['max']:,.0f}"),
            ("Gini coefficient", f"{sizes.gini:.2f}"),
            ("under 5 images", f"{len(sizes.tiny):,}"),
            ("without images", f"{len(sizes.empty):,}"),
            ("largest that hold half of all images", f"{sizes.half_of_images:,}"),
            *others,
            *shots,
        ),
        charts=_drawn(drawings),
        tables=(Table("All classes", columns, rows, len(rows), filtered=True),),
    )


def shapes_section(findings: ImageFindings) -> PageSection:
    facts, channels = findings.measured.facts, findings.channels()
    drawings = (
        (
            "Height over width",
            bar_charts.histogram_chart(aspect_histogram(facts), "Images by aspect ratio", "height / width"),
        ),
        (
            "Shorter side",
            bar_charts.histogram_chart(side_histogram(facts), "Images by shorter side", "pixels"),
        ),
        ("File size", bar_charts.histogram_chart(bytes_histogram(facts), "Images by file size", "kB")),
    )
    rows = tuple(
        (name, f"{mean:.1f}", f"{std:.1f}", f"{mean / 255:.4f}", f"{std / 255:.4f}")
        for name, mean, std in zip(("red", "green", "blue"), channels["mean"], channels["std"], strict=True)
    )
    columns = (("Channel", True), ("mean, 0 to 255", False), ("std", False), ("mean, 0 to 1", False), ("std", False))
    return PageSection(
        key="shapes",
        title="Shapes, sizes and colours",
        intro="Each image weighs the same in the channels' mean and standard deviation, whatever its size.",
        figures=(
            ("median width", f"{np.median(facts['width']):,.0f}"),
            ("median height", f"{np.median(facts['height']):,.0f}"),
            ("median kB", f"{np.median(facts['bytes']) / 1000:,.0f}"),
            ("taller than wide", f"{np.mean(facts['height'] > facts['width']):.0%}"),
        ),
        charts=_drawn(drawings),
        tables=(Table("Channels", columns, rows, 3),),
    )


def shift_section(findings: ImageFindings) -> PageSection:
    rows = tuple(
        (each.split, each.feature, f"{each.greater:.0%}", f"{each.classes:,}") for each in findings.overall_shifts
    )
    columns = (("Split", True), ("Feature", True), ("greater than in train", False), ("classes", False))
    class_rows = tuple(
        (
            findings.catalog.class_names[each.class_id],
            each.split,
            each.feature,
            f"{each.train_median:.3g}",
            f"{each.split_median:.3g}",
            f"{each.distance:.2f}",
            f"{each.adjusted_p:.1e}",
        )
        for each in findings.shifts[:_MOST_ROWS]
    )
    class_columns = (
        *(("Class", True), ("Split", True), ("Feature", True), ("median in train", False)),
        *(("there", False), ("distance", False), ("adjusted p", False)),
    )
    tables = [Table("Over all classes", columns, rows, len(rows))] if rows else []
    if class_rows:
        tables.append(Table("Classes that differ", class_columns, class_rows, len(findings.shifts), filtered=True))
    return PageSection(
        key="shift",
        title="Other splits beside train",
        intro="Whether images of a class look different outside train. Above: of all pairs of one image there and one "
        "in train, of the same class, the share in which the feature is greater there; 50% is no difference. Below: "
        f"classes with at least {LEAST_IMAGES} images on both sides, by a Kolmogorov-Smirnov test with at most "
        f"{FALSE_DISCOVERIES:.0%} false discoveries (Benjamini-Hochberg) and a distance of {LEAST_EFFECT} or more; "
        f"{findings.shift_comparisons:,} comparisons were made.",
        galleries=_shift_gallery(findings),
        tables=tuple(tables),
        empty="There is no other split than train." if not rows else "",
    )


def _shift_gallery(findings: ImageFindings) -> tuple[Gallery, ...]:
    clearest: dict[tuple[int, str], list[Shift]] = {}
    for each in findings.shifts:
        clearest.setdefault((each.class_id, each.split), []).append(each)
    if not clearest:
        return ()
    cards = []
    for (class_id, split), shifts in list(clearest.items())[:_MOST_CLASSES_SHIFTED]:
        pictures = _of_class(findings, class_id, SPLITS[0]) + _of_class(findings, class_id, split)
        lines = (Line("", findings.catalog.class_names[class_id], False), Line("differs in", _listed(shifts), False))
        cards.append(Card(tuple(pictures), lines, ("left: train", f"right: {split}")))
    return (Gallery("Clearest", "Two images of train and two of the other split.", tuple(cards), len(clearest)),)


def _listed(shifts: Iterable[Shift]) -> str:
    return ", ".join(shift.feature for shift in shifts)


def _of_class(findings: ImageFindings, class_id: int, split: str, count: int = 2) -> list[Path]:
    """The first images of a class in a split."""
    found: list[Path] = []
    for sample in findings.catalog.samples:
        if sample.label == class_id and sample.split == split:
            found.append(sample.path)
            if len(found) == count:
                break
    return found


def _drawn(drawings: Iterable[tuple[str, Markup | None]]) -> tuple[Chart, ...]:
    return tuple(Chart(title, drawing) for title, drawing in drawings if drawing is not None)
