"""Issues of images: one per image and kind, as a table and as suspects for the review."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.image_audit.quality import Flagged
from shelfmind.analysis.measuring.oddities import ODDITIES, found_in
from shelfmind.analysis.near_duplicates.groups import Group
from shelfmind.analysis.suspects import MAX_NEIGHBOURS, Suspect
from shelfmind.data.splits import SPLITS, relative_name
from shelfmind.records import UNLABELLED, BadFile, Catalog
from shelfmind.tables import write_table

COLUMNS = ("path", "split", "class", "kind", "score", "suggested", "related", "detail")
_QUALITY_WEIGHT = 0.6
"""A blurred image is less harmful than a wrong label."""
_MAX_RELATED = 16
MIN_SIDE = 32
MAX_ASPECT = 5


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of one image, both given by positions in the catalog; `score` is 0..1, 1 the worst.

    `related` are images that show the issue (some of the near-duplicates), `suggested` a class id or `UNLABELLED`,
    `open` whether a reviewer should decide on it.
    """

    image: int
    kind: str
    score: float
    detail: str
    related: tuple[int, ...] = ()
    suggested: int = UNLABELLED
    open: bool = True


@dataclass(frozen=True, slots=True)
class Copies:
    """A group of near-duplicates by positions in the catalog, and their issues."""

    group: Group
    splits: tuple[str, ...]
    labels: tuple[int, ...]

    @property
    def leak(self) -> bool:
        """Whether one photo is in more than one split."""
        return len(set(self.splits)) > 1

    @property
    def conflict(self) -> bool:
        """Whether one photo has more than one label."""
        return len(set(self.labels)) > 1


def describe_copies(groups: Iterable[Group], catalog: Catalog) -> list[Copies]:
    """The splits and labels of each group, whose members are positions in the catalog."""
    samples = catalog.samples
    return [
        Copies(
            group,
            tuple(samples[member].split for member in group.members),
            tuple(samples[member].label for member in group.members),
        )
        for group in groups
    ]


def copy_issues(copies: Sequence[Copies], catalog: Catalog, limit: float) -> list[Issue]:
    """Leaks, label conflicts and plain duplicates; `limit` is the largest difference of near-duplicates."""
    return [issue for each in copies for issue in _issues_of_group(each, catalog, limit)]


def quality_issues(flagged: Mapping[str, Flagged], indices: Sequence[int]) -> list[Issue]:
    """One issue for each flagged image; `indices` are the catalog positions of the measured images."""
    return [
        Issue(indices[image], kind, _QUALITY_WEIGHT * float(score), f"{found.rule.words} ({found.measure} {value:.3g})")
        for kind, found in flagged.items()
        for image, value, score in zip(found.images, found.values, found.scores, strict=True)
    ]


def bad_file_issues(bad_files: Iterable[BadFile], positions: Mapping[Path, int]) -> list[Issue]:
    """One issue for each unreadable file."""
    return [Issue(positions[bad.path], "unreadable", 1.0, bad.reason, open=False) for bad in bad_files]


def unusual_file_issues(facts: npt.NDArray[np.void], indices: Sequence[int]) -> list[Issue]:
    """One issue for each unusual file: see `ODDITIES`, or very small or elongated."""
    shorter, longer = np.minimum(facts["width"], facts["height"]), np.maximum(facts["width"], facts["height"])
    odd = {name: found for name, found in found_in(facts["oddities"]).items() if ODDITIES[name].is_issue}
    chosen = np.logical_or.reduce([*odd.values(), shorter < MIN_SIDE, longer > MAX_ASPECT * shorter])
    issues = []
    for index in np.flatnonzero(chosen).tolist():
        width, height = facts["width"][index], facts["height"][index]
        words = [name for name, found in odd.items() if found[index]]
        words += [f"only {width} x {height} pixels"] if min(width, height) < MIN_SIDE else []
        words += (
            [f"extreme aspect ratio: {width} x {height}"]
            if max(width, height) > MAX_ASPECT * min(width, height)
            else []
        )
        issues.append(Issue(indices[index], "odd_file", 0.3, "; ".join(words), open=False))
    return issues


def write_issues(path: Path, issues: Iterable[Issue], label_suspects: Iterable[Suspect], catalog: Catalog) -> None:
    """Write one row per image and kind as CSV, worst first; `label_suspects` are additional suspects found by a run."""

    def name(index: int) -> str:
        return relative_name(catalog.samples[index].path, catalog.root)

    rows = [
        (
            name(issue.image),
            catalog.samples[issue.image].split,
            _class_name(catalog.samples[issue.image].label, catalog),
            issue.kind,
            f"{issue.score:.4f}",
            _class_name(issue.suggested, catalog),
            join_names(name(index) for index in issue.related),
            issue.detail,
        )
        for issue in issues
    ]
    rows += [
        (
            suspect.path,
            suspect.split,
            suspect.given,
            suspect.kind,
            f"{suspect.score:.4f}",
            suspect.suggested or "",
            join_names(suspect.neighbours),
            suspect.detail,
        )
        for suspect in label_suspects
    ]
    write_table(path, COLUMNS, sorted(rows, key=lambda row: -float(row[4])))


def join_names(names: Iterable[str]) -> str:
    """Names joined into one cell: ``a.jpg|b.jpg``, with bars and backslashes within a name escaped by a backslash."""
    return "|".join(name.replace("\\", r"\\").replace("|", r"\|") for name in names)


def parse_names(cell: str) -> list[str]:
    """The names in a cell written by `join_names`."""
    names = re.findall(r"(?:[^|\\]|\\.)+", cell, re.DOTALL)
    return [re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL) for name in names]


def suspects(issues: Iterable[Issue], catalog: Catalog) -> list[Suspect]:
    """The issues that need a reviewer's decision, each with its near-duplicates and other images of its class."""
    examples = _examples(catalog)
    found = []
    for issue in issues:
        if not issue.open:
            continue
        sample = catalog.samples[issue.image]
        typical = [index for index in examples.get(sample.label, ()) if index not in (issue.image, *issue.related)]
        found.append(
            Suspect(
                path=relative_name(sample.path, catalog.root),
                split=sample.split,
                given=_class_name(sample.label, catalog),
                suggested=_class_name(issue.suggested, catalog) or None,
                kind=issue.kind if issue.kind in ("conflict", "leak") else "quality",
                score=issue.score,
                detail=issue.detail,
                neighbours=_names(issue.related, catalog),
                given_neighbours=_names(typical, catalog),
            )
        )
    return sorted(found, key=lambda suspect: -suspect.score)


def _issues_of_group(copies: Copies, catalog: Catalog, limit: float) -> list[Issue]:
    members = copies.group.members
    last = max(copies.splits, key=SPLITS.index)
    issues = []
    for member, split, label, apart in zip(
        members, copies.splits, copies.labels, copies.group.differences, strict=True
    ):
        others = [each for each in members if each != member]
        sameness = "same pixels as" if apart == 0 else "near-duplicate of"
        score = 1.0 - 0.5 * min(1.0, apart / limit)
        if copies.leak:
            elsewhere = [each for each in others if catalog.samples[each].split != split][:_MAX_RELATED]
            where = ", ".join(name for name in SPLITS if name in copies.splits and name != split)
            advice = "" if split == last else f"; drop it here to keep {last} unchanged"
            detail = f"{sameness} an image in {where}{advice}"
            issues.append(Issue(member, "leak", score, detail, tuple(elsewhere), open=split != last))
        if copies.conflict:
            against = [each for each in others if catalog.samples[each].label != label]
            suggested = _most_frequent([catalog.samples[each].label for each in against])
            detail = f"{sameness} an image labelled {_class_name(suggested, catalog)}"
            issues.append(Issue(member, "conflict", score, detail, tuple(against[:_MAX_RELATED]), suggested))
        if not copies.leak and not copies.conflict:
            related = tuple(others[:_MAX_RELATED])
            issues.append(
                Issue(member, "duplicate", 0.4 * score, f"{sameness} another image of its class", related, open=False)
            )
    return issues


def _most_frequent(labels: Sequence[int]) -> int:
    return Tally(labels).most_common(1)[0][0] if labels else UNLABELLED


def _class_name(label: int, catalog: Catalog) -> str:
    return "" if label == UNLABELLED else catalog.class_names[label]


def _examples(catalog: Catalog) -> dict[int, list[int]]:
    """The first few images of each class."""
    examples: dict[int, list[int]] = {}
    for index, sample in enumerate(catalog.samples):
        listed = examples.setdefault(sample.label, [])
        if len(listed) < 2 * MAX_NEIGHBOURS:
            listed.append(index)
    return examples


def _names(indices: Iterable[int], catalog: Catalog) -> tuple[str, ...]:
    chosen = list(indices)[:MAX_NEIGHBOURS]
    return tuple(relative_name(catalog.samples[index].path, catalog.root) for index in chosen)
