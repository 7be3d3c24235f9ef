"""The sections of a gallery audit: findings by kind, confusable pairs, and products."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.image_audit.quality import RULES
from shelfmind.gallery.changes import photo_name
from shelfmind.gallery.findings import KINDS, Figure, Finding
from shelfmind.gallery.inspection import Inspection, ProductRow, as_text
from shelfmind.gallery.mix_ups import MixUp
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection, Table
from shelfmind.pages.words import say, translated

MAX_CARDS, MAX_ROWS = 24, 200
_QUALITY = frozenset(rule.issue for rule in RULES.values())
_SHARES = frozenset({"expected_errors", "difference"})
"""Values shown as percentages."""


def gallery_headlines(inspection: Inspection) -> list[Headline]:
    """Return a line per kind with findings, most severe first, then the kinds without findings."""
    found = {kind: count for kind, count in inspection.counts.items() if count}
    lines = [
        Headline(
            KINDS[kind].grade,
            say("{}: {}", translated(KINDS[kind].title), f"{count:,}"),
            translated(KINDS[kind].advice),
            _key(kind),
        )
        for kind, count in found.items()
    ]
    absent = [kind for kind in KINDS if kind not in found and _is_checked(kind, inspection)]
    return lines + [
        Headline("good", say("{}: none", translated(KINDS[kind].title)), "", _key(kind))
        for kind in absent
        if kind not in _QUALITY
    ]


def gallery_sections(inspection: Inspection) -> list[PageSection]:
    """Return the findings, confusable pairs after nearly identical products, and all products."""
    sections: list[PageSection] = []
    for kind in KINDS:
        if kind in _QUALITY or not _is_checked(kind, inspection):
            continue
        sections.append(_section(kind, inspection))
        if kind == "all_but_another":
            sections.append(_mix_ups(inspection))
    return [*sections, _quality(inspection), _products(inspection)]


def _is_checked(kind: str, inspection: Inspection) -> bool:
    """Return whether the kind could be checked at all: some need the trained classes."""
    return kind != "trained_class" or bool(inspection.enrolled.trained)


def _key(kind: str) -> str:
    return "quality" if kind in _QUALITY else kind.replace("_", "-")


def _section(kind: str, inspection: Inspection) -> PageSection:
    return PageSection(
        key=_key(kind),
        title=translated(KINDS[kind].title),
        intro=translated(KINDS[kind].advice),
        galleries=_galleries("", "", _of(kind, inspection)),
        empty=say("None found."),
    )


def _quality(inspection: Inspection) -> PageSection:
    galleries = [
        each
        for kind in KINDS
        if kind in _QUALITY
        for each in _galleries(translated(KINDS[kind].title), translated(KINDS[kind].advice), _of(kind, inspection))
    ]
    return PageSection(
        key="quality",
        title=say("Image quality"),
        intro=say("Measured as in `shelfmind audit`; each photo is compared with the other photos of its product."),
        galleries=tuple(galleries),
        empty=say("No low-quality images found."),
    )


def _galleries(title: str, note: str, findings: Sequence[Finding]) -> tuple[Gallery, ...]:
    if not findings:
        return ()
    return (Gallery(title, note, tuple(map(_card, findings[:MAX_CARDS])), len(findings)),)


def _card(finding: Finding) -> Card:
    """Return a card with photos of the product, then of the other one, with both names and the values."""
    photos = tuple(Path(photo_name(entry.sha256)) for entry in (*finding.photos, *finding.others))
    two_sides = finding.other is not None and bool(finding.others)
    lines = [Line(say("left") if two_sides else "", finding.product, finding.other is not None)]
    if finding.other is not None:
        lines.append(Line(say("right") if two_sides else say("trained class"), finding.other, True))
    lines += [Line(translated(name.replace("_", " ")), _figure(name, each)) for name, each in finding.figures.items()]
    return Card(photos, tuple(lines), left=len(finding.photos) if two_sides else 0)


def _figure(name: str, figure: Figure) -> str:
    if isinstance(figure, tuple):
        return say("{} of {}", *(f"{number:,}" for number in figure))
    return f"{100 * figure:.0f}%" if name in _SHARES else as_text(figure)


def _share(share: tuple[int, int]) -> str:
    """Return a share for a column that sorts in any language."""
    return f"{share[0]:,} / {share[1]:,}" if share[1] else "–"


def _mix_ups(inspection: Inspection) -> PageSection:
    found = inspection.enrolled.mix_ups
    columns = (
        *((say("Product"), True), (say("Other product"), True), (say("Mistaken for the other"), False)),
        *((say("The other mistaken for it"), False), (say("Expected error rate"), False)),
        *((say("Similarity"), False), (say("Typical within a product"), False)),
    )
    rows = [_mix_up_row(each, inspection) for each in found[:MAX_ROWS]]
    return PageSection(
        key="mix-ups",
        title=say("Confusable products"),
        intro=say(
            "Each photo was left out of its product and compared with the prototypes of both products. The share of "
            "photos nearer to the wrong one is the confusion to expect."
        ),
        tables=(Table(say("Pairs"), columns, rows, len(found), filtered=True),) if rows else (),
        empty=say("None found."),
    )


def _mix_up_row(found: MixUp, inspection: Inspection) -> tuple[str, ...]:
    names = inspection.enrolled.names
    share = "–" if found.share is None else f"{100 * found.share:.0f}%"
    sides = _share(found.taken), _share(found.taken_of_other)
    return names[found.product], names[found.other], *sides, share, f"{found.likeness:.2f}", f"{found.usual:.2f}"


def _products(inspection: Inspection) -> PageSection:
    columns = (
        *((say("Product"), True), (say("Photos"), False), (say("Nearest to own product"), False)),
        *((say("Most similar product"), True), (say("Prototype similarity"), False)),
    )
    rows = [_product_row(each) for each in inspection.products[:MAX_ROWS]]
    return PageSection(
        key="products",
        title=say("Products"),
        intro=say(
            "Nearest to own product: photos that, left out of their product, are still nearer to it than to any other."
        ),
        tables=(Table(say("All products"), columns, rows, len(inspection.products), filtered=True),),
    )


def _product_row(row: ProductRow) -> tuple[str, ...]:
    nearest = _share((row.nearest_to_it, row.evaluated))
    likeness = "–" if row.likeness is None else f"{row.likeness:.2f}"
    return row.product, f"{row.photos:,}", nearest, row.most_like or "–", likeness


def _of(kind: str, inspection: Inspection) -> list[Finding]:
    return [finding for finding in inspection.findings if finding.kind == kind]
