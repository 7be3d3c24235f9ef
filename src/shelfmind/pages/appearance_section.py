"""The section of the audit report on classes with several appearances: old and new designs, front and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.appearances import Appearances, AppearancesFound
from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.analysis.label_errors.network_findings import NetworkFindings
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection
from shelfmind.pages.words import Text, counted, many, say, translated

MAX_CLASSES, MAX_PICTURES = 24, 4


def found_appearances(
    findings: ImageFindings, label_findings: NetworkFindings | None
) -> tuple[AppearancesFound, Sequence[Path], Text]:
    """Return the findings, the images by row, and the source of the vectors: a network's embeddings, if available."""
    if label_findings is not None and label_findings.appearances.classes:
        paths = [label_findings.root / name for name in label_findings.appearance_names]
        return label_findings.appearances, paths, translated(label_findings.source)
    paths = [findings.catalog.samples[index].path for index in findings.measured.indices.tolist()]
    return findings.appearances, paths, say("colour and brightness")


def appearance_section(findings: ImageFindings, label_findings: NetworkFindings | None) -> PageSection:
    """Return each class with separate clusters, with pictures of every cluster."""
    found, paths, source = found_appearances(findings, label_findings)
    names = findings.catalog.class_names if label_findings is None else _names(label_findings)
    return PageSection(
        key="appearances",
        title=say("Classes with several appearances"),
        intro=say(
            "Classes whose images form separate clusters, according to {}: an old and a new design, front and back, "
            "or merely different shops or lighting. Tested against a single Gaussian (SigClust, false discovery rate "
            "1%); silhouette score at least 0.25.",
            source,
        ),
        figures=(
            (say("Classes checked"), f"{found.classes:,}"),
            (say("Classes with clusters"), f"{len(found.several):,}"),
        ),
        galleries=tuple(_gallery(each, paths, names[each.class_id]) for each in found.several[:MAX_CLASSES]),
        empty=say("No class has separate clusters."),
    )


def appearance_headline(findings: ImageFindings, label_findings: NetworkFindings | None) -> Headline:
    """Return a line of the summary."""
    count = len(found_appearances(findings, label_findings)[0].several)
    if not count:
        return Headline("good", say("No class has several appearances."), "", "appearances")
    found = many(count, "{} class has several appearances.", "{} classes have several appearances.", f"{count:,}")
    advice = say("Check that each is one product, and that every appearance has training photos.")
    return Headline("look", found, advice, "appearances")


def _names(label_findings: NetworkFindings) -> list[str]:
    return [each.name for each in label_findings.accuracies.classes]


def _gallery(each: Appearances, paths: Sequence[Path], name: str) -> Gallery:
    """Return a card per cluster, with its most typical images."""
    cards = tuple(
        Card(
            tuple(paths[row] for row in group[:MAX_PICTURES].tolist()),
            (Line("", say("group {}", number)),),
            (counted(len(group), "image"), ""),
        )
        for number, group in enumerate(each.groups, start=1)
    )
    return Gallery(say("{}: silhouette {}", name, f"{each.silhouette:.2f}"), "", cards, len(cards))
