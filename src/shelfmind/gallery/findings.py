"""Possible problems with enrolled photos and products. Each kind is a function and an entry in the table `KINDS`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np

from shelfmind.analysis.image_audit.class_sizes import TINY
from shelfmind.analysis.image_audit.quality import ROBUST_Z, RULES
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery.changes import Entry
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.likeness import nearest
from shelfmind.gallery.mix_ups import MIXED_UP, MixUp
from shelfmind.nouns import counted

Figure = int | float | tuple[int, int]
"""A number, or two for "n of m"."""
_MAX_SENTENCES = 3


@dataclass(frozen=True)
class Finding:
    """A possible problem: its kind, the product and the photos concerned.

    `other` is the other product or trained class involved, and `others` are its photos. `figures` quantify the problem,
    `sentence` describes it.
    """

    kind: str
    product: str
    photos: tuple[Entry, ...]
    sentence: str
    figures: Mapping[str, Figure]
    other: str | None = None
    others: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Kind:
    """A kind of finding. `find` yields the worst first. `grade` is ``bad`` if answers will be wrong, ``look`` if
    they may be.

    `title` describes the kind, `advice` the remedy.
    """

    find: Callable[[Enrolled], Iterable[Finding]]
    grade: str
    title: str
    advice: str


def findings_of(enrolled: Enrolled) -> list[Finding]:
    """Return all findings, grouped by kind, most serious first. Empty if there is no photo to check."""
    if not enrolled.checked.any():
        return []
    return [finding for kind in KINDS.values() for finding in kind.find(enrolled)]


def sentences(findings: Sequence[Finding], said: int = _MAX_SENTENCES) -> list[str]:
    """Return the sentences of the first few findings of each kind, and the number of further ones."""
    lines = []
    for kind, group in groupby(findings, lambda finding: finding.kind):
        listed = [finding.sentence for finding in group]
        lines += listed[:said]
        lines += [f"{KINDS[kind].title}: {len(listed) - said:,} more"] if len(listed) > said else []
    return lines


def two_products(enrolled: Enrolled) -> Iterator[Finding]:
    """Find near-duplicates under two products, with the audit's method. At most one product can be correct."""
    for members, apart in enrolled.copies:
        labels, checked = enrolled.labels[members], enrolled.checked[members]
        reported: set[int] = set()
        for product in np.unique(labels[checked]).tolist():
            reported.add(product)
            for other in sorted({*labels.tolist()} - reported):
                own, theirs = members[checked & (labels == product)], members[labels == other]
                how = "the same photo as" if apart == 0 else "nearly the same photo as"
                against = f"{enrolled.entries[theirs[0]].photo} of {enrolled.names[other]}"
                yield Finding(
                    "two_products",
                    enrolled.names[product],
                    enrolled.shown(own),
                    f"{enrolled.entries[own[0]].photo} of {enrolled.names[product]} is {how} {against}",
                    {"difference": apart},
                    enrolled.names[other],
                    enrolled.shown(theirs),
                )


def indistinguishable_products(enrolled: Enrolled) -> Iterator[Finding]:
    """Find pairs of nearly indistinguishable products; `mix_ups` has the criterion."""
    towards = enrolled.likeness.prototypes
    for found in enrolled.mix_ups:
        if found.indistinguishable:
            product, other = enrolled.names[found.product], enrolled.names[found.other]
            yield Finding(
                "all_but_another",
                product,
                enrolled.nearest_to(found.product, towards[found.other]),
                f"{product} is nearly indistinguishable from {other}: {_expected(found, product, other)}",
                mix_up_figures(found),
                other,
                enrolled.nearest_to(found.other, towards[found.product]),
            )


def trained_class(enrolled: Enrolled) -> Iterator[Finding]:
    """Find products with more than `MIXED_UP` of their photos closer to a trained class than to their own product.

    Each photo is left out of its own product. Products with few photos, or with the name of a trained class, are
    skipped.
    """
    names, likeness = list(enrolled.trained), enrolled.likeness
    products = enrolled.affected_products[likeness.counts[enrolled.affected_products] >= TINY]
    if not names or not len(products):
        return
    prototypes = unit_rows(np.stack([enrolled.trained[name] for name in names]))
    rows = np.flatnonzero(np.isin(enrolled.labels, products))
    classes, towards = nearest(enrolled.vectors[rows], prototypes)
    taken = towards > likeness.to_own(rows)
    pairs, counts = np.unique(np.stack([enrolled.labels[rows], classes])[:, taken], axis=1, return_counts=True)
    shares = counts / likeness.counts[pairs[0]]
    for place in np.argsort(-shares, kind="stable")[: int((shares > MIXED_UP).sum())].tolist():
        product, known = int(pairs[0, place]), int(pairs[1, place])
        if enrolled.names[product] == names[known]:
            continue
        share = int(counts[place]), int(likeness.counts[product])
        yield Finding(
            "trained_class",
            enrolled.names[product],
            enrolled.nearest_to(product, prototypes[known]),
            f"{enrolled.names[product]} is nearly indistinguishable from the trained class {names[known]}: "
            f"{_share_words(share, 'it')}",
            {"taken_for_other": share, "expected_errors": float(shares[place])},
            names[known],
        )


def strays(enrolled: Enrolled) -> Iterator[Finding]:
    """Find photos that are closer to another product and outliers in their own by the audit's robust-deviation limit.

    See `Enrolled.outlier_scores`. If a product has two photos that disagree, it is unknown which one is wrong, so both
    are reported together. Pairs of nearly indistinguishable products are skipped.
    """
    twins = {(pair.product, pair.other) for pair in enrolled.mix_ups if pair.indistinguishable}
    likeness, (others, towards) = enrolled.likeness, enrolled.nearest_other
    photos = np.flatnonzero(enrolled.checked & (enrolled.outlier_scores > ROBUST_Z))
    own = likeness.to_own(photos)
    found = np.flatnonzero(towards[photos] > own)
    reported: set[int] = set()
    for place in found[np.argsort(-enrolled.outlier_scores[photos[found]], kind="stable")].tolist():
        row = int(photos[place])
        product, other = int(enrolled.labels[row]), int(others[row])
        if product not in reported and not twins & {(product, other), (other, product)}:
            yield _stray(enrolled, row, float(own[place]), other, float(towards[row]))
        if likeness.counts[product] == 2:
            reported.add(product)


def _stray(enrolled: Enrolled, row: int, likeness: float, other: int, towards: float) -> Finding:
    product = int(enrolled.labels[row])
    name, photo, deviations = enrolled.names[product], enrolled.entries[row].photo, float(enrolled.outlier_scores[row])
    members = enrolled.likeness.members(product)
    rest = members[members != row]
    typical = rest[np.argsort(-(enrolled.vectors[rest] @ enrolled.likeness.prototypes[product]), kind="stable")]
    subject, closer = f"{photo} differs from the other photos of {name}", "is"
    if len(members) == 2:
        subject = f"{photo} and {enrolled.entries[rest[0]].photo}, the two photos of {name}, differ from each other"
        closer = f"{photo} is"
    return Finding(
        "stray",
        name,
        enrolled.shown(np.concatenate([[row], typical])),
        f"{subject} (similarity {likeness:.2f}), and {closer} closer to {enrolled.names[other]} ({towards:.2f}), by "
        f"{deviations:.1f} robust deviations more than usual",
        {"likeness": likeness, "likeness_to_other": towards, "deviations": deviations},
        enrolled.names[other],
        enrolled.nearest_to(other, enrolled.vectors[row]),
    )


def few_photos(enrolled: Enrolled) -> Iterator[Finding]:
    """Find products with fewer photos than the audit recommends for a class."""
    counts = enrolled.likeness.counts
    for product in sorted(
        enrolled.affected_products[counts[enrolled.affected_products] < TINY].tolist(), key=lambda each: counts[each]
    ):
        name, photos = enrolled.names[product], int(counts[product])
        yield Finding(
            "few_photos",
            name,
            enrolled.shown(enrolled.likeness.members(product)),
            f"{name} has {counted(photos, 'photo')}; with {TINY} or more, recognition is far more reliable",
            {"photos": photos},
        )


def copies(enrolled: Enrolled) -> Iterator[Finding]:
    """Find near-duplicates within a product, with the audit's method. They add no information."""
    for members, apart in enrolled.copies:
        labels = enrolled.labels[members]
        for product in np.unique(labels[enrolled.checked[members]]).tolist():
            rows = members[labels == product]
            if len(rows) > 1 and enrolled.checked[rows].any():
                names = [entry.photo for entry in enrolled.shown(rows)]
                more = f" and {counted(len(rows) - len(names), 'more')}" if len(rows) > len(names) else ""
                yield Finding(
                    "copies",
                    enrolled.names[product],
                    enrolled.shown(rows),
                    f"{' and '.join(names)}{more} of {enrolled.names[product]} are near-duplicates",
                    {"photos": len(rows), "difference": apart},
                )


def poor(enrolled: Enrolled, issue: str) -> Iterator[Finding]:
    """Find photos that a rule of the audit flags."""
    flagged = enrolled.flagged[issue]
    for image, value in zip(flagged.images.tolist(), flagged.values.tolist(), strict=True):
        row = int(enrolled.measured.indices[image])
        if enrolled.checked[row]:
            entry = enrolled.entries[row]
            sentence = f"{entry.photo} of {entry.sku}: {flagged.rule.words} ({flagged.measure} {value:.3g})"
            yield Finding(issue, entry.sku, (entry,), sentence, {flagged.measure: value})


def mix_up_figures(found: MixUp) -> dict[str, Figure]:
    """Return the metrics of two products that are confused."""
    figures: dict[str, Figure] = {}
    if found.taken[1]:
        figures["taken_for_other"] = found.taken
    if found.taken_of_other[1]:
        figures["other_taken_for_it"] = found.taken_of_other
    if found.share is not None:
        figures["expected_errors"] = found.share
    return figures | {"likeness": found.likeness, "likeness_within": found.usual}


def _expected(found: MixUp, product: str, other: str) -> str:
    """Describe the expected confusion of two products, or their similarity if no photo can be left out."""
    sides = (found.taken, product, other), (found.taken_of_other, other, product)
    said = [_share_words(share, towards, f" of {own}") for share, own, towards in sides if share[1]]
    alike = f"their photos have a similarity of {found.likeness:.2f}, those of one product {found.usual:.2f}"
    return " and ".join(said) if said else alike


def _share_words(share: tuple[int, int], towards: str, of: str = "") -> str:
    """As in "3 of 8 photos of tea are closer to coffee"."""
    return f"{share[0]:,} of {counted(share[1], 'photo')}{of} {'is' if share[0] == 1 else 'are'} closer to {towards}"


KINDS: dict[str, Kind] = {
    "two_products": Kind(
        two_products,
        "bad",
        "The same photo under two products",
        "At most one of the products is correct. Remove the photo from the other.",
    ),
    "all_but_another": Kind(
        indistinguishable_products,
        "bad",
        "Nearly indistinguishable products",
        "If they are the same product, merge them. If not, add photos that show the difference.",
    ),
    "trained_class": Kind(
        trained_class,
        "bad",
        "Products nearly indistinguishable from a trained class",
        "Do not enrol products that the network was trained on. If it is another product, expect confusions.",
    ),
    "stray": Kind(
        strays,
        "look",
        "Photos that differ from the others of their product",
        "Remove photos that show something else.",
    ),
    "few_photos": Kind(
        few_photos,
        "look",
        "Products with few photos",
        "Add photos from other angles, in different light and in different shops.",
    ),
    "copies": Kind(
        copies, "look", "Near-duplicates within a product", "Keep one of each group. Different photos add more."
    ),
    **{
        rule.issue: Kind(partial(poor, issue=rule.issue), "look", rule.title, rule.note)
        for rule in RULES.values()
        if rule.enrolment
    },
}
"""All kinds that an enrolment warns of and `gallery audit` lists. To add a kind, add a function, an entry here and its
Chinese texts."""
