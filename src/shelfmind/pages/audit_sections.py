"""Puts findings into words and pictures: the parts of the audit's page, gravest first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.image_audit.findings import Findings
from shelfmind.analysis.image_audit.issues import Copies
from shelfmind.analysis.image_audit.quality import Flagged
from shelfmind.analysis.measuring.facts import format_names
from shelfmind.analysis.measuring.oddities import found_in
from shelfmind.data.splits import SPLITS, relative_name
from shelfmind.nouns import counted
from shelfmind.pages.distribution_sections import classes_section, shapes_section, shift_section
from shelfmind.pages.sections import Card, Gallery, Headline, Line, Section, Table
from shelfmind.records import UNLABELLED

MOST_CARDS = 24
MOST_PICTURES = 4
MOST_ROWS = 200
_FEW_CARDS = 12


def headlines(findings: Findings) -> list[Headline]:
    """What its owner should know first, gravest first, with what to do."""
    leaks, conflicts, mere = findings.leaks, findings.conflicts, findings.mere_copies
    poor = len({int(image) for each in findings.flagged.values() for image in each.images})
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
    return [
        Section(
            key="leaks",
            title="Leaks between splits",
            intro="One photo, or an altered copy of it, on both sides of a split: re-encoded, resized, slightly "
            "cropped or with other brightness. Accuracy measured on such images is too good.",
            galleries=_group_gallery(findings.leaks, findings),
            empty="None found.",
        ),
        Section(
            key="conflicts",
            title="One photo, two classes",
            intro="The same photo under different labels. At most one of them is right.",
            galleries=_group_gallery(findings.conflicts, findings),
            empty="None found.",
        ),
    ]


def following_sections(findings: Findings) -> list[Section]:
    """The rest: copies within classes, files, quality, classes, shapes and sizes, shift."""
    return [
        _duplicates(findings),
        _files(findings),
        _quality(findings),
        classes_section(findings),
        shapes_section(findings),
        shift_section(findings),
    ]


def _headline(count: int, grade: str, key: str, found: str, one: str, many: str, advice: str, none: str) -> Headline:
    if not count:
        return Headline("good", none, "", key)
    return Headline(grade, found.format(counted(count, one, many)) + ".", advice, key)


def _duplicates(findings: Findings) -> Section:
    mere = findings.mere_copies
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
        (counted(len(members), "image"), nearness),
    )


def _files(findings: Findings) -> Section:
    bad = findings.measured.bad_files
    facts = findings.measured.facts
    root = findings.catalog.root
    odd = [(name, f"{int(found.sum()):,}") for name, found in found_in(facts["oddities"]).items() if found.any()]
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
        _quality_gallery(flagged, findings) for flagged in findings.flagged.values() if len(flagged.images)
    )
    return Section(
        key="quality",
        title="Image quality",
        intro="Images beyond a fixed bound, and those near it that stick out of their own class (robust z-score of 3.5 "
        "or more): white packs are no glare, and smooth fruit is no blur.",
        figures=tuple((each.rule.title, f"{len(each.images):,}") for each in findings.flagged.values()),
        galleries=galleries,
        empty="No image sticks out.",
    )


def _quality_gallery(flagged: Flagged, findings: Findings) -> Gallery:
    cards = []
    for image, value in zip(flagged.images[:MOST_CARDS], flagged.values, strict=False):
        place = int(findings.measured.places[image])
        sample = findings.catalog.samples[place]
        lines = (Line("", _class_name(sample.label, findings), False),)
        cards.append(Card((sample.path,), lines, (f"{value:.3g}", sample.split)))
    return Gallery(flagged.rule.title, flagged.rule.note, tuple(cards), len(flagged.images))


def _path(place: int, findings: Findings) -> Path:
    return findings.catalog.samples[place].path


def _class_name(label: int, findings: Findings) -> str:
    return "no label" if label == UNLABELLED else findings.catalog.class_names[label]
