"""The sections of an audit report, most severe findings first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.image_audit.issues import Copies
from shelfmind.analysis.image_audit.quality import Flagged
from shelfmind.analysis.measuring.measurement import format_names
from shelfmind.analysis.measuring.oddities import found_in
from shelfmind.data.splits import SPLITS, relative_name
from shelfmind.pages.distribution_sections import classes_section, shapes_section, shift_section
from shelfmind.pages.sections import Card, Gallery, Line, PageSection, Table
from shelfmind.pages.words import counted, say, split_name, translated
from shelfmind.records import UNLABELLED

MAX_CARDS = 24
MAX_PICTURES = 4
MAX_ROWS = 200
_FEW_CARDS = 12


def leading_sections(findings: ImageFindings) -> list[PageSection]:
    """Return the findings that invalidate results: data leaks and label conflicts."""
    return [
        PageSection(
            key="leaks",
            title=say("Data leaks between splits"),
            intro=say(
                "The same photo, or a near-duplicate (re-encoded, resized, slightly cropped or of different "
                "brightness), in more than one split. Accuracy measured on such images is too high."
            ),
            galleries=_group_gallery(findings.leaks, findings),
            empty=say("None found."),
        ),
        PageSection(
            key="conflicts",
            title=say("One photo, two classes"),
            intro=say("The same photo under different labels. At most one of them is correct."),
            galleries=_group_gallery(findings.conflicts, findings),
            empty=say("None found."),
        ),
    ]


def following_sections(findings: ImageFindings) -> list[PageSection]:
    """Return the other sections: near-duplicates within classes, files, quality, classes, shapes and sizes, shift."""
    return [
        _duplicates(findings),
        _files(findings),
        _quality(findings),
        classes_section(findings),
        shapes_section(findings),
        shift_section(findings),
    ]


def _duplicates(findings: ImageFindings) -> PageSection:
    mere = findings.plain_copies
    exact = sum(each.group.exact for each in mere)
    return PageSection(
        key="duplicates",
        title=say("Near-duplicates within a class"),
        intro=say("The same photo more than once in one class and split."),
        figures=(
            (say("Groups"), f"{len(mere):,}"),
            (say("with identical pixels"), f"{exact:,}"),
            (say("Removable images"), f"{sum(len(each.group.members) - 1 for each in mere):,}"),
        ),
        galleries=_group_gallery(mere, findings, most=_FEW_CARDS),
        empty=say("None found."),
    )


def _group_gallery(copies: Sequence[Copies], findings: ImageFindings, most: int = MAX_CARDS) -> tuple[Gallery, ...]:
    if not copies:
        return ()
    ranked = sorted(copies, key=lambda each: (each.group.least_difference, -len(each.group.members)))
    return (Gallery("", "", tuple(_group_card(each, findings) for each in ranked[:most]), len(ranked)),)


def _group_card(copies: Copies, findings: ImageFindings) -> Card:
    """Return a card that shows one image of each split and class of the group first."""
    members = sorted(range(len(copies.splits)), key=lambda index: SPLITS.index(copies.splits[index]))
    seen: set[tuple[str, int]] = set()
    first: list[int] = []
    for index in members:
        if (copies.splits[index], copies.labels[index]) not in seen:
            seen.add((copies.splits[index], copies.labels[index]))
            first.append(index)
    shown = list(dict.fromkeys([*first, *members]))[:MAX_PICTURES]
    lines = [
        Line(split_name(copies.splits[index]), _class_name(copies.labels[index], findings), copies.conflict)
        for index in (shown if copies.conflict else first[:MAX_PICTURES])
    ]
    apart = f"{max(copies.group.differences):.1%}"
    nearness = say("identical pixels") if copies.group.exact else say("differ by {}", apart)
    return Card(
        tuple(_path(copies.group.members[index], findings) for index in shown),
        tuple(lines),
        (counted(len(members), "image"), nearness),
    )


def _files(findings: ImageFindings) -> PageSection:
    bad = findings.measured.bad_files
    facts = findings.measured.facts
    root = findings.catalog.root
    found = {name: int(unusual.sum()) for name, unusual in found_in(facts["oddities"]).items()}
    unusual = [(translated(name), f"{count:,}") for name, count in found.items() if count]
    unusual_issues = [issue for issue in findings.issues if issue.kind == "odd_file"]
    listed = tuple(
        (relative_name(findings.catalog.samples[issue.image].path, root), translated(issue.detail))
        for issue in unusual_issues[:MAX_ROWS]
    )
    tables = []
    if bad:
        rows = tuple((relative_name(each.path, root), translated(each.reason)) for each in bad[:MAX_ROWS])
        tables.append(Table(say("Unreadable"), ((say("File"), True), (say("Reason"), True)), rows, len(bad)))
    if listed:
        columns = ((say("File"), True), (say("Anomaly"), True))
        tables.append(Table(say("Unusual files"), columns, listed, len(unusual_issues)))
    return PageSection(
        key="files",
        title=say("Files"),
        intro=say("File formats and anomalies. shelfmind applies the EXIF orientation to every photo."),
        figures=(
            *((name, f"{count:,}") for name, count in format_names(facts["format"]).items()),
            (say("unreadable"), f"{len(bad):,}"),
            *unusual,
        ),
        tables=tuple(tables),
    )


def _quality(findings: ImageFindings) -> PageSection:
    galleries = tuple(
        _quality_gallery(flagged, findings) for flagged in findings.flagged.values() if len(flagged.images)
    )
    return PageSection(
        key="quality",
        title=say("Image quality"),
        intro=say(
            "Images beyond a fixed limit, and images near it that are outliers within their class (robust z-score of "
            "at least 3.5), so white packaging does not count as glare, nor smooth fruit as blur."
        ),
        figures=tuple((translated(each.rule.title), f"{len(each.images):,}") for each in findings.flagged.values()),
        galleries=galleries,
        empty=say("No low-quality images found."),
    )


def _quality_gallery(flagged: Flagged, findings: ImageFindings) -> Gallery:
    cards = []
    for image, value in zip(flagged.images[:MAX_CARDS], flagged.values, strict=False):
        index = int(findings.measured.indices[image])
        sample = findings.catalog.samples[index]
        lines = (Line("", _class_name(sample.label, findings), False),)
        cards.append(Card((sample.path,), lines, (f"{value:.3g}", split_name(sample.split))))
    return Gallery(translated(flagged.rule.title), translated(flagged.rule.note), tuple(cards), len(flagged.images))


def _path(index: int, findings: ImageFindings) -> Path:
    return findings.catalog.samples[index].path


def _class_name(label: int, findings: ImageFindings) -> str:
    return say("no label") if label == UNLABELLED else findings.catalog.class_names[label]
