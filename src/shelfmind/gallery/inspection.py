"""The audit of a whole gallery: findings, confused pairs, and statistics of each product, as metrics and table rows."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shelfmind.analysis.image_audit.issues import join_names
from shelfmind.evaluation.intervals import proportion_interval
from shelfmind.gallery.enrolled import Enrolled
from shelfmind.gallery.findings import KINDS, Finding, findings_of, mix_up_figures

FINDING_COLUMNS = ("kind", "product", "photos", "other", "other_photos", "figures", "detail")
PRODUCT_COLUMNS = ("product", "photos", "evaluated", "nearest_to_it", "most_like", "likeness")
MIX_UP_COLUMNS = (
    *("product", "other", "taken_for_other", "of", "other_taken_for_it", "of_other"),
    *("expected_errors", "likeness", "likeness_within", "all_but_one"),
)


@dataclass(frozen=True)
class ProductRow:
    """Statistics of a product: its photos, how many of them could be left out and are then still closest to it, and
    the product with the most similar prototype (None if there is no other), with the cosine."""

    product: str
    photos: int
    evaluated: int
    nearest_to_it: int
    most_like: str | None
    likeness: float | None


@dataclass(frozen=True)
class Inspection:
    """The result of the audit of a gallery."""

    enrolled: Enrolled

    @cached_property
    def findings(self) -> list[Finding]:
        """All findings, grouped by kind."""
        return findings_of(self.enrolled)

    @cached_property
    def products(self) -> list[ProductRow]:
        """All products, sorted by the share of photos closest to their own product, lowest first."""
        likeness, names = self.enrolled.likeness, self.enrolled.names
        photos = np.arange(len(self.enrolled.labels))
        right = likeness.to_own(photos) > self.enrolled.nearest_other[1]
        evaluated = np.where(likeness.counts > 1, likeness.counts, 0)
        nearest = np.bincount(likeness.labels[right], minlength=len(names))
        others, alike = (each.tolist() for each in likeness.nearest_product(np.arange(len(names))))
        rows = [
            ProductRow(
                name,
                int(likeness.counts[index]),
                int(evaluated[index]),
                int(nearest[index]),
                names[others[index]] if others[index] >= 0 else None,
                alike[index] if others[index] >= 0 else None,
            )
            for index, name in enumerate(names)
        ]
        return sorted(rows, key=lambda row: (row.nearest_to_it / row.evaluated if row.evaluated else 2.0, -row.photos))

    @property
    def nearest_to_own(self) -> tuple[int, int]:
        """The number of photos that are closest to their own product when left out of it, and the number evaluated."""
        return sum(row.nearest_to_it for row in self.products), sum(row.evaluated for row in self.products)

    @property
    def counts(self) -> dict[str, int]:
        """The number of findings of each kind, including zeros."""
        found = Tally(finding.kind for finding in self.findings)
        return {kind: found[kind] for kind in KINDS}

    def figures(self) -> dict[str, Any]:
        """The content of `audit.json`."""
        right, evaluated = self.nearest_to_own
        names = self.enrolled.names
        return {
            "products": len(names),
            "photos": len(self.enrolled.entries),
            "found": self.counts,
            "nearest_to_own": {
                "photos": right,
                "evaluated": evaluated,
                "share": right / evaluated if evaluated else None,
                "ci95": list(proportion_interval(right, evaluated)) if evaluated else None,
            },
            "unreadable": [{"photo": bad.name, "reason": bad.reason} for bad in self.enrolled.measured.bad_files],
            "findings": [asdict(finding) for finding in self.findings],
            "mix_ups": [
                {
                    "product": names[found.product],
                    "other": names[found.other],
                    "all_but_one": found.indistinguishable,
                    **mix_up_figures(found),
                }
                for found in self.enrolled.mix_ups
            ],
            "by_product": [asdict(row) for row in self.products],
        }

    def finding_rows(self) -> Iterator[Sequence[str]]:
        """Yield rows with `FINDING_COLUMNS`."""
        for each in self.findings:
            photos, others = (join_names(entry.photo for entry in side) for side in (each.photos, each.others))
            figures = "; ".join(f"{name}={as_text(figure)}" for name, figure in each.figures.items())
            yield each.kind, each.product, photos, each.other or "", others, figures, each.sentence

    def product_rows(self) -> Iterator[Sequence[str]]:
        """Yield rows with `PRODUCT_COLUMNS`."""
        for row in self.products:
            likeness = "" if row.likeness is None else f"{row.likeness:.4f}"
            counts = (str(number) for number in (row.photos, row.evaluated, row.nearest_to_it))
            yield row.product, *counts, row.most_like or "", likeness

    def mix_up_rows(self) -> Iterator[Sequence[str]]:
        """Yield rows with `MIX_UP_COLUMNS`."""
        names = self.enrolled.names
        for found in self.enrolled.mix_ups:
            share = "" if found.share is None else f"{found.share:.4f}"
            counts = (str(number) for number in (*found.taken, *found.taken_of_other))
            alike = (f"{number:.4f}" for number in (found.likeness, found.usual))
            yield names[found.product], names[found.other], *counts, share, *alike, str(found.indistinguishable).lower()


def as_text(figure: int | float | Sequence[int]) -> str:
    """Format a figure, as in "3 of 8", "12" or "0.91"."""
    if isinstance(figure, (int, float)):
        return f"{figure:,}" if isinstance(figure, int) else f"{figure:.3g}"
    return f"{figure[0]:,} of {figure[1]:,}"


def tables(inspection: Inspection) -> Mapping[str, tuple[Sequence[str], Iterator[Sequence[str]]]]:
    """Return the tables that accompany the page: columns and rows by file name."""
    return {
        "findings.csv": (FINDING_COLUMNS, inspection.finding_rows()),
        "products.csv": (PRODUCT_COLUMNS, inspection.product_rows()),
        "mix_ups.csv": (MIX_UP_COLUMNS, inspection.mix_up_rows()),
    }
