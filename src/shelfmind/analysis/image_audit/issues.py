"""Issues of images: one per image and kind, as a table and as suspects for the review."""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

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
_SAME, _NEAR = "same pixels as", "near-duplicate of"
MIN_SIDE = 32
MAX_ASPECT = 5

Value = TypeVar("Value", bound=Hashable)


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
    kinds = [_leaks(copies, limit)] if copies.leak else []
    kinds += [_conflicts(copies, catalog, limit)] if copies.conflict else []
    return [issue for issues in zip(*(kinds or [_duplicates(copies, limit)]), strict=True) for issue in issues]


def _leaks(copies: Copies, limit: float) -> Iterator[Issue]:
    group, last = copies.group, max(copies.splits, key=SPLITS.index)
    present = sorted(set(copies.splits), key=SPLITS.index)
    elsewhere, alike = _few_others(group.members, copies.splits), _by_pixels(group, copies.splits)
    for member, pixels, apart, split in zip(group.members, group.pixels, group.differences, copies.splits, strict=True):
        same = [name for name in present if name != split and name in alike[pixels]]
        near = [name for name in present if name != split and name not in alike[pixels]]
        details = [f"{_SAME} an image in {', '.join(same)}"] if same else []
        details += [f"{_NEAR} an image in {', '.join(near)}"] if near else []
        details += [] if split == last else [f"drop it here to keep {last} unchanged"]
        score = _score(bool(same), apart, limit)
        yield Issue(member, "leak", score, "; ".join(details), elsewhere[split], open=split != last)


def _conflicts(copies: Copies, catalog: Catalog, limit: float) -> Iterator[Issue]:
    """The suggestion is the most frequent other label. If no image with it has the same pixels, but one with another
    label has, the detail names that label."""
    group = copies.group
    against, suggestions = _few_others(group.members, copies.labels), _most_frequent_others(Tally(copies.labels))
    alike = {pixels: _most_frequent_others(labels) for pixels, labels in _by_pixels(group, copies.labels).items()}
    for member, pixels, apart, label in zip(group.members, group.pixels, group.differences, copies.labels, strict=True):
        suggested, same = suggestions[label], alike[pixels]
        named = suggested if suggested in same else same.get(label, suggested)
        detail = f"{_SAME if same else _NEAR} an image labelled {_class_name(named, catalog)}"
        yield Issue(member, "conflict", _score(bool(same), apart, limit), detail, against[label], suggested)


def _duplicates(copies: Copies, limit: float) -> Iterator[Issue]:
    group, times = copies.group, Tally(copies.group.pixels)
    first = group.members[: _MAX_RELATED + 1]
    for member, pixels, apart in zip(group.members, group.pixels, group.differences, strict=True):
        same = times[pixels] > 1
        detail = f"{_SAME if same else _NEAR} another image of its class"
        related = tuple(each for each in first if each != member)[:_MAX_RELATED]
        yield Issue(member, "duplicate", 0.4 * _score(same, apart, limit), detail, related, open=False)


def _score(same: bool, apart: float, limit: float) -> float:
    return 1.0 if same else 1.0 - 0.5 * min(1.0, apart / limit)


def _few_others(members: Sequence[int], values: Sequence[Value]) -> dict[Value, tuple[int, ...]]:
    """For each value, the first few members with another one."""
    return {
        value: tuple(
            islice((member for member, other in zip(members, values, strict=True) if other != value), _MAX_RELATED)
        )
        for value in set(values)
    }


def _by_pixels(group: Group, values: Iterable[Value]) -> dict[int, Tally[Value]]:
    """How often the members with identical pixels have each value."""
    found: dict[int, Tally[Value]] = {}
    for pixels, value in zip(group.pixels, values, strict=True):
        found.setdefault(pixels, Tally())[value] += 1
    return found


def _most_frequent_others(labels: Tally[int]) -> dict[int, int]:
    """For each label, the most frequent of the others, the first of equally frequent ones; empty if there is only one
    label."""
    if len(labels) < 2:
        return {}
    (first, _), (second, _) = labels.most_common(2)
    return {label: second if label == first else first for label in labels}


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
