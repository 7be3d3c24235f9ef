"""The part of the audit's page that shows classes with several appearances: old and new designs, front and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.appearances import Appearances, AppearancesFound
from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.label_errors.judgement import Judgement
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection
from shelfmind.pages.words import Text, counted, many, say, translated

MOST_CLASSES, MOST_PICTURES = 24, 4


def found_appearances(
    findings: ImageFindings, judgement: Judgement | None
) -> tuple[AppearancesFound, Sequence[Path], Text]:
    """What was found, the images by row, and whose vectors it was found by: a network's, if one could be asked."""
    if judgement is not None and judgement.appearances.classes:
        paths = [judgement.root / name for name in judgement.appearance_names]
        return judgement.appearances, paths, translated(judgement.source)
    paths = [findings.catalog.samples[index].path for index in findings.measured.indices.tolist()]
    return findings.appearances, paths, say("their colours and brightness")


def appearance_section(findings: ImageFindings, judgement: Judgement | None) -> PageSection:
    """Each class that falls into groups, with pictures of every group."""
    found, paths, source = found_appearances(findings, judgement)
    names = findings.catalog.class_names if judgement is None else _names(judgement)
    return PageSection(
        key="appearances",
        title=say("Several appearances in a class"),
        intro=say(
            "Classes whose images fall into groups that lie apart, by {}: an old and a new design, front and back, or "
            "only another shop or light. Tested against one Gaussian (SigClust, 1% false discoveries) and by the "
            "silhouette (0.25 or more).",
            source,
        ),
        figures=(
            (say("Classes looked at"), f"{found.classes:,}"),
            (say("Classes in groups"), f"{len(found.several):,}"),
        ),
        galleries=tuple(_gallery(each, paths, names[each.class_id]) for each in found.several[:MOST_CLASSES]),
        empty=say("No class falls into groups."),
    )


def appearance_headline(findings: ImageFindings, judgement: Judgement | None) -> Headline:
    """A line of the summary."""
    count = len(found_appearances(findings, judgement)[0].several)
    if not count:
        return Headline("good", say("No class falls into groups of several appearances."), "", "appearances")
    found = many(count, "{} class has several appearances.", "{} classes have several appearances.", f"{count:,}")
    advice = say("See whether they are one product, and have training photos of each.")
    return Headline("look", found, advice, "appearances")


def _names(judgement: Judgement) -> list[str]:
    return [each.name for each in judgement.accuracies.classes]


def _gallery(each: Appearances, paths: Sequence[Path], name: str) -> Gallery:
    """A card for each group, with its most typical images."""
    cards = tuple(
        Card(
            tuple(paths[row] for row in group[:MOST_PICTURES].tolist()),
            (Line("", say("group {}", number)),),
            (counted(len(group), "image"), ""),
        )
        for number, group in enumerate(each.groups, start=1)
    )
    return Gallery(say("{}: silhouette {}", name, f"{each.silhouette:.2f}"), "", cards, len(cards))
