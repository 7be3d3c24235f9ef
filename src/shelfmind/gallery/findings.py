"""What may be wrong with enrolled photos and products: each kind is a function of what is enrolled and a line here."""

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
"""A number; two numbers are so many of so many."""
_SAID = 3


@dataclass(frozen=True)
class Finding:
    """One thing that people should know: of what kind, of which product and which of its photos.

    `other` is another product, or a trained class, that has to do with it, and `others` are photos of that. `figures`
    say how bad it is, `sentence` says all of it to people.
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
    """Finds faults of one kind, the worst first; `grade` is ``bad`` if answers will be wrong, ``look`` if they may be.

    `title` is said of all of them, `advice` says what to do.
    """

    find: Callable[[Enrolled], Iterable[Finding]]
    grade: str
    title: str
    advice: str


def findings_of(enrolled: Enrolled) -> list[Finding]:
    """All that is found, kind by kind, gravest first; nothing where nothing is asked about."""
    if not enrolled.asked.any():
        return []
    return [finding for kind in KINDS.values() for finding in kind.find(enrolled)]


def sentences(findings: Sequence[Finding], said: int = _SAID) -> list[str]:
    """What to tell people: the first few of each kind, and how many more there are."""
    lines = []
    for kind, group in groupby(findings, lambda finding: finding.kind):
        listed = [finding.sentence for finding in group]
        lines += listed[:said]
        lines += [f"{KINDS[kind].title}: {len(listed) - said:,} more"] if len(listed) > said else []
    return lines


def two_products(enrolled: Enrolled) -> Iterator[Finding]:
    """Copies of one photo under two products, as the audit finds them: at most one of them can be right."""
    for members, apart in enrolled.copies:
        labels, asked = enrolled.labels[members], enrolled.asked[members]
        told: set[int] = set()
        for product in np.unique(labels[asked]).tolist():
            told.add(product)
            for other in sorted({*labels.tolist()} - told):
                mine, theirs = members[asked & (labels == product)], members[labels == other]
                how = "the same photo as" if apart == 0 else "nearly the same photo as"
                against = f"{enrolled.entries[theirs[0]].photo} of {enrolled.names[other]}"
                yield Finding(
                    "two_products",
                    enrolled.names[product],
                    enrolled.shown(mine),
                    f"{enrolled.entries[mine[0]].photo} of {enrolled.names[product]} is {how} {against}",
                    {"difference": apart},
                    enrolled.names[other],
                    enrolled.shown(theirs),
                )


def all_but_another(enrolled: Enrolled) -> Iterator[Finding]:
    """Products that are all but another one: see `mix_ups` for when."""
    towards = enrolled.likeness.prototypes
    for found in enrolled.mix_ups:
        if found.all_but_one:
            product, other = enrolled.names[found.product], enrolled.names[found.other]
            yield Finding(
                "all_but_another",
                product,
                enrolled.nearest_to(found.product, towards[found.other]),
                f"{product} is all but {other}: {_expected(found, product, other)}",
                mix_up_figures(found),
                other,
                enrolled.nearest_to(found.other, towards[found.product]),
            )


def trained_class(enrolled: Enrolled) -> Iterator[Finding]:
    """Products of which more than `MIXED_UP` of the photos are nearer to a trained class than to their own.

    Each photo is left out of its own product; of products of few photos nothing is said, nor of one that is a trained
    class by its name.
    """
    names, likeness = list(enrolled.trained), enrolled.likeness
    products = enrolled.touched[likeness.counts[enrolled.touched] >= TINY]
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
            f"{enrolled.names[product]} is all but the trained class {names[known]}: {_of(share)} nearer to it",
            {"taken_for_other": share, "expected_errors": float(shares[place])},
            names[known],
        )


def strays(enrolled: Enrolled) -> Iterator[Finding]:
    """Photos that are nearer to another product, and strange in their own by the audit's limit of robust deviations.

    See `Enrolled.strangeness`. Of two photos that disagree it cannot be told which is wrong: both are named at once.
    Between products that are all but one no photo is strange.
    """
    twins = {(pair.product, pair.other) for pair in enrolled.mix_ups if pair.all_but_one}
    likeness, (others, towards) = enrolled.likeness, enrolled.nearest_other
    photos = np.flatnonzero(enrolled.asked & (enrolled.strangeness > ROBUST_Z))
    own = likeness.to_own(photos)
    found = np.flatnonzero(towards[photos] > own)
    told: set[int] = set()
    for place in found[np.argsort(-enrolled.strangeness[photos[found]], kind="stable")].tolist():
        row = int(photos[place])
        product, other = int(enrolled.labels[row]), int(others[row])
        if product not in told and not twins & {(product, other), (other, product)}:
            yield _stray(enrolled, row, float(own[place]), other, float(towards[row]))
        if likeness.counts[product] == 2:
            told.add(product)


def _stray(enrolled: Enrolled, row: int, likeness: float, other: int, towards: float) -> Finding:
    product = int(enrolled.labels[row])
    name, photo, deviations = enrolled.names[product], enrolled.entries[row].photo, float(enrolled.strangeness[row])
    members = enrolled.likeness.members(product)
    rest = members[members != row]
    typical = rest[np.argsort(-(enrolled.vectors[rest] @ enrolled.likeness.prototypes[product]), kind="stable")]
    subject = f"{photo} is unlike the other photos of {name}"
    if len(members) == 2:
        subject = f"{photo} and {enrolled.entries[rest[0]].photo}, the two photos of {name}, are unlike each other"
    return Finding(
        "stray",
        name,
        enrolled.shown(np.concatenate([[row], typical])),
        f"{subject} (likeness {likeness:.2f}); nearer is {enrolled.names[other]} ({towards:.2f}), by {deviations:.1f} "
        "deviations more than is usual",
        {"likeness": likeness, "likeness_to_other": towards, "deviations": deviations},
        enrolled.names[other],
        enrolled.nearest_to(other, enrolled.vectors[row]),
    )


def few_photos(enrolled: Enrolled) -> Iterator[Finding]:
    """Products of fewer photos than the audit asks of a class."""
    counts = enrolled.likeness.counts
    for product in sorted(enrolled.touched[counts[enrolled.touched] < TINY].tolist(), key=lambda each: counts[each]):
        name, photos = enrolled.names[product], int(counts[product])
        yield Finding(
            "few_photos",
            name,
            enrolled.shown(enrolled.likeness.members(product)),
            f"{name} has {counted(photos, 'photo')}; with {TINY} or more it is recognised far more often",
            {"photos": photos},
        )


def copies(enrolled: Enrolled) -> Iterator[Finding]:
    """Copies of one photo within a product, as the audit finds them: they weigh more without telling more."""
    for members, apart in enrolled.copies:
        labels = enrolled.labels[members]
        for product in np.unique(labels[enrolled.asked[members]]).tolist():
            mine = members[labels == product]
            if len(mine) > 1 and enrolled.asked[mine].any():
                names = [entry.photo for entry in enrolled.shown(mine)]
                more = f" and {counted(len(mine) - len(names), 'more')}" if len(mine) > len(names) else ""
                yield Finding(
                    "copies",
                    enrolled.names[product],
                    enrolled.shown(mine),
                    f"{' and '.join(names)}{more} of {enrolled.names[product]} are copies of one photo",
                    {"photos": len(mine), "difference": apart},
                )


def poor(enrolled: Enrolled, issue: str) -> Iterator[Finding]:
    """Photos that a rule of the audit flags."""
    flagged = enrolled.flagged[issue]
    for image, value in zip(flagged.images.tolist(), flagged.values.tolist(), strict=True):
        row = int(enrolled.measured.indices[image])
        if enrolled.asked[row]:
            entry = enrolled.entries[row]
            sentence = f"{entry.photo} of {entry.sku}: {flagged.rule.words} ({flagged.measure} {value:.3g})"
            yield Finding(issue, entry.sku, (entry,), sentence, {flagged.measure: value})


def mix_up_figures(found: MixUp) -> dict[str, Figure]:
    """What is known of two products that are mixed up."""
    figures: dict[str, Figure] = {}
    if found.taken[1]:
        figures["taken_for_other"] = found.taken
    if found.taken_of_other[1]:
        figures["other_taken_for_it"] = found.taken_of_other
    if found.share is not None:
        figures["expected_errors"] = found.share
    return figures | {"likeness": found.likeness, "likeness_within": found.usual}


def _expected(found: MixUp, product: str, other: str) -> str:
    """The confusions to be expected of two products, as far as photos can be judged."""
    sides = (found.taken, product, other), (found.taken_of_other, other, product)
    said = [f"{_of(share)} of {own} nearer to {towards}" for share, own, towards in sides if share[1]]
    alike = f"photos of both have a likeness of {found.likeness:.2f}, those of one product {found.usual:.2f}"
    return " and ".join(said) if said else alike


def _of(share: tuple[int, int]) -> str:
    """As in "3 of 8 photos"."""
    return f"{share[0]:,} of {counted(share[1], 'photo')}"


KINDS: dict[str, Kind] = {
    "two_products": Kind(
        two_products, "bad", "One photo, two products", "At most one of them is right: file it under that one."
    ),
    "all_but_another": Kind(
        all_but_another,
        "bad",
        "Products that are all but one",
        "Merge them if they are one; if not, add photos that show what tells them apart.",
    ),
    "trained_class": Kind(
        trained_class,
        "bad",
        "Products that are all but a trained class",
        "Do not enrol what the network knows already; if it is another product, expect mix-ups.",
    ),
    "stray": Kind(
        strays, "look", "Photos unlike the others of their product", "Remove those that show something else."
    ),
    "few_photos": Kind(
        few_photos, "look", "Products of few photos", "Photograph them from more sides, in other light and shops."
    ),
    "copies": Kind(copies, "look", "Copies within a product", "Keep one of each: others would tell more."),
    **{
        rule.issue: Kind(partial(poor, issue=rule.issue), "look", rule.title, rule.note)
        for rule in RULES.values()
        if rule.enrolment
    },
}
"""Everything that an enrolment is warned of and `gallery audit` lists. A further kind is a function and a line here,
and its words in Chinese."""
