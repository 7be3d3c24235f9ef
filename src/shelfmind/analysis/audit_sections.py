"""Puts findings into words and pictures: the parts of the audit's page, gravest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from shelfmind.analysis.audit_figures import aspect_histogram, bytes_histogram, side_histogram
from shelfmind.analysis.facts import ODDITIES, format_names
from shelfmind.analysis.findings import Findings
from shelfmind.analysis.issues import Copies
from shelfmind.analysis.quality import Flagged
from shelfmind.analysis.sections import Card, Gallery, Headline, Line, Section, Table
from shelfmind.analysis.shift import FALSE_DISCOVERIES, LEAST_EFFECT, LEAST_IMAGES, Shift
from shelfmind.data.splits import SPLITS, relative_name
from shelfmind.evaluation import bar_charts
from shelfmind.evaluation.pages import Chart
from shelfmind.records import UNLABELLED

MOST_CARDS = 24
MOST_PICTURES = 4
MOST_ROWS = 200
_MOST_CLASSES_SHIFTED = 8
_FEW_CARDS = 12

QUALITY_TITLES = {
    "blur": ("Blurred", "Unsharp also where the image is sharpest in its class."),
    "glare": ("Glare", "Spots within the image that are burnt out and fade into their surroundings."),
    "over_exposed": ("Over-exposed", "Large parts are pure white, more than in other images of the class."),
    "dark": ("Dark", "Even the brightest parts are dim."),
    "low_information": ("Shows almost nothing", "Hardly any edges: a blank wall, a covered lens."),
}


def headlines(findings: Findings) -> list[Headline]:
    """What its owner should know first, gravest first, with what to do."""
    leaks = [each for each in findings.copies if each.leak]
    conflicts = [each for each in findings.copies if each.conflict]
    mere = [each for each in findings.copies if not each.leak and not each.conflict]
    poor = sum(len(each.images) for each in findings.flagged.values())
    tiny, bad = len(findings.sizes.tiny), len(findings.measured.bad_files)
    lines = [
        _headline(len(leaks), "bad", "leaks", "{} in more than one split", "photo is", "photos are",
                  "Drop the copies from train: a test on images that were trained on says nothing.",
                  "No photo is in more than one split."),
        _headline(len(conflicts), "bad", "conflicts", "{} filed under more than one class", "photo is", "photos are",
                  "Decide which class is right: shelfmind review.", "No photo is filed under two classes."),
        _headline(bad, "bad", "files", "{} unreadable", "file is", "files are",
                  "Replace or remove them; training leaves them out.", "Every file can be read."),
        _headline(len(mere), "look", "duplicates", "{} twice or more in one class", "photo is", "photos are",
                  "Keep one of each: copies weigh more without teaching more.", "No copies within a class."),
        _headline(poor, "look", "quality", "{} of poor quality", "image is", "images are",
                  "Look at them; drop what a person could not recognise.", "No image sticks out."),
        _headline(tiny, "look", "classes", "{} fewer than 5 images", "class has", "classes have",
                  "Photograph more of them, or enrol them in a gallery.", "Every class has 5 images or more."),
        _headline(len({each.class_id for each in findings.shifts}), "look", "shift", "{} different outside train",
                  "class looks", "classes look", "Training photos of other shops and light would help.",
                  "No class looks different outside train."),
    ]  # fmt: skip
    grades = ("bad", "look", "good")
    return sorted(lines, key=lambda line: grades.index(line.grade))


def leading_sections(findings: Findings) -> list[Section]:
    """What makes results wrong: leaks and label conflicts."""
    leaks = [each for each in findings.copies if each.leak]
    conflicts = [each for each in findings.copies if each.conflict]
    return [
        Section(
            key="leaks",
            title="Leaks between splits",
            intro="One photo, or an altered copy of it, on both sides of a split: re-encoded, resized, slightly "
            "cropped or with other brightness. Accuracy measured on such images is too good.",
            galleries=_group_gallery(leaks, findings),
            empty="None found.",
        ),
        Section(
            key="conflicts",
            title="One photo, two classes",
            intro="The same photo under different labels. At most one of them is right.",
            galleries=_group_gallery(conflicts, findings),
            empty="None found.",
        ),
    ]


def following_sections(findings: Findings) -> list[Section]:
    """The rest: copies within classes, files, quality, classes, shapes and sizes, shift."""
    return [
        _duplicates(findings),
        _files(findings),
        _quality(findings),
        _classes(findings),
        _shapes(findings),
        _shift(findings),
    ]


def _headline(count: int, grade: str, key: str, found: str, one: str, many: str, advice: str, none: str) -> Headline:
    if not count:
        return Headline("good", none, "", key)
    return Headline(grade, found.format(f"{count:,} {one if count == 1 else many}") + ".", advice, key)


def _duplicates(findings: Findings) -> Section:
    mere = [each for each in findings.copies if not each.leak and not each.conflict]
    exact = sum(each.group.exact for each in mere)
    return Section(
        key="duplicates",
        title="Copies within a class",
        intro="The same photo more than once in one class and split.",
        figures=(
            ("Groups", f"{len(mere):,}"),
            ("of them with the same pixels", f"{exact:,}"),
            ("Images that could go", f"{sum(len(each.group.members) - 1 for each in mere):,}"),
        ),
        galleries=_group_gallery(mere, findings, most=_FEW_CARDS),
        empty="None found.",
    )


def _group_gallery(copies: Sequence[Copies], findings: Findings, most: int = MOST_CARDS) -> tuple[Gallery, ...]:
    if not copies:
        return ()
    ranked = sorted(copies, key=lambda each: (min(each.group.differences), -len(each.group.members)))
    return (Gallery("", "", tuple(_group_card(each, findings) for each in ranked[:most]), len(ranked)),)


def _group_card(copies: Copies, findings: Findings) -> Card:
    """One image of each split and class of the group first."""
    members = sorted(range(len(copies.splits)), key=lambda place: SPLITS.index(copies.splits[place]))
    seen: set[tuple[str, int]] = set()
    first: list[int] = []
    for place in members:
        if (copies.splits[place], copies.labels[place]) not in seen:
            seen.add((copies.splits[place], copies.labels[place]))
            first.append(place)
    shown = [*first, *(place for place in members if place not in first)][:MOST_PICTURES]
    lines = [
        Line(copies.splits[place], _class_name(copies.labels[place], findings), copies.conflict)
        for place in (shown if copies.conflict else first[:MOST_PICTURES])
    ]
    nearness = "same pixels" if copies.group.exact else f"differ by {max(copies.group.differences):.1%}"
    return Card(
        tuple(_path(copies.group.members[place], findings) for place in shown),
        tuple(lines),
        (f"{len(members):,} images", nearness),
    )


def _files(findings: Findings) -> Section:
    bad = findings.measured.bad_files
    facts = findings.measured.facts
    root = findings.catalog.root
    odd = [(name, f"{int((facts['oddities'] & code > 0).sum()):,}") for name, code in ODDITIES.items()]
    odd = [(name, count) for name, count in odd if count != "0"]
    odd_issues = [issue for issue in findings.issues if issue.kind == "odd_file"]
    listed = tuple(
        (relative_name(findings.catalog.samples[issue.image].path, root), issue.detail)
        for issue in odd_issues[:MOST_ROWS]
    )
    tables = []
    if bad:
        rows = tuple((relative_name(each.path, root), each.reason) for each in bad[:MOST_ROWS])
        tables.append(Table("Unreadable", (("File", True), ("Reason", True)), rows, len(bad)))
    if listed:
        tables.append(Table("Unusual", (("File", True), ("What is unusual", True)), listed, len(odd_issues)))
    return Section(
        key="files",
        title="Files",
        intro="What kind of files there are. Photos that their EXIF block turns are turned everywhere in shelfmind.",
        figures=(
            *((name, f"{count:,}") for name, count in format_names(facts["format"]).items()),
            ("unreadable", f"{len(bad):,}"),
            *odd,
        ),
        tables=tuple(tables),
    )


def _quality(findings: Findings) -> Section:
    galleries = tuple(
        _quality_gallery(name, flagged, findings) for name, flagged in findings.flagged.items() if len(flagged.images)
    )
    return Section(
        key="quality",
        title="Image quality",
        intro="Images beyond a fixed bound, and those near it that stick out of their own class (robust z-score of 3.5 "
        "or more): white packs are no glare, and smooth fruit is no blur.",
        figures=tuple((QUALITY_TITLES[name][0], f"{len(each.images):,}") for name, each in findings.flagged.items()),
        galleries=galleries,
        empty="No image sticks out.",
    )


def _quality_gallery(name: str, flagged: Flagged, findings: Findings) -> Gallery:
    title, note = QUALITY_TITLES[name]
    cards = []
    for image, value in zip(flagged.images[:MOST_CARDS], flagged.values, strict=False):
        place = int(findings.measured.places[image])
        sample = findings.catalog.samples[place]
        lines = (Line("", _class_name(sample.label, findings), False),)
        cards.append(Card((sample.path,), lines, (f"{value:.3g}", sample.split)))
    return Gallery(title, note, tuple(cards), len(flagged.images))


def _classes(findings: Findings) -> Section:
    sizes, cutoffs = findings.sizes, findings.cutoffs
    splits = findings.split_counts
    order = np.argsort(-sizes.counts, kind="stable")
    rows = [
        (
            findings.catalog.class_names[place],
            f"{sizes.counts[place]:,}",
            *(f"{counts[place]:,}" for counts in splits.values()),
        )
        for place in order.tolist()
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
    return Section(
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


def _shapes(findings: Findings) -> Section:
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
    return Section(
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


def _shift(findings: Findings) -> Section:
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
        for each in findings.shifts[:MOST_ROWS]
    )
    class_columns = (
        *(("Class", True), ("Split", True), ("Feature", True), ("median in train", False)),
        *(("there", False), ("distance", False), ("adjusted p", False)),
    )
    tables = [Table("Over all classes", columns, rows, len(rows))] if rows else []
    if class_rows:
        tables.append(Table("Classes that differ", class_columns, class_rows, len(findings.shifts), filtered=True))
    return Section(
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


def _shift_gallery(findings: Findings) -> tuple[Gallery, ...]:
    clearest: dict[tuple[int, str], list[Shift]] = {}
    for each in findings.shifts:
        clearest.setdefault((each.class_id, each.split), []).append(each)
    if not clearest:
        return ()
    cards = []
    for (class_id, split), shifts in list(clearest.items())[:_MOST_CLASSES_SHIFTED]:
        pictures = _of_class(findings, class_id, SPLITS[0]) + _of_class(findings, class_id, split)
        lines = (Line("", _class_name(class_id, findings), False), Line("differs in", _listed(shifts), False))
        cards.append(Card(tuple(pictures), lines, ("left: train", f"right: {split}")))
    return (Gallery("Clearest", "Two images of train and two of the other split.", tuple(cards), len(clearest)),)


def _listed(shifts: Iterable[Shift]) -> str:
    return ", ".join(shift.feature for shift in shifts)


def _of_class(findings: Findings, class_id: int, split: str, count: int = 2) -> list[Path]:
    """The first images of a class in a split."""
    found: list[Path] = []
    for sample in findings.catalog.samples:
        if sample.label == class_id and sample.split == split:
            found.append(sample.path)
            if len(found) == count:
                break
    return found


def _drawn(drawings: Iterable[tuple[str, object]]) -> tuple[Chart, ...]:
    return tuple(Chart(title, drawing) for title, drawing in drawings if drawing is not None)  # type: ignore[arg-type]


def _path(place: int, findings: Findings) -> Path:
    return findings.catalog.samples[place].path


def _class_name(label: int, findings: Findings) -> str:
    return "no label" if label == UNLABELLED else findings.catalog.class_names[label]
