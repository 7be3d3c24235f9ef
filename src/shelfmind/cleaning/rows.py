"""The images of a data set on their way into a clean one, and the steps that change where each of them goes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shelfmind.analysis.decisions import Decision
from shelfmind.cleaning.names import clean_name
from shelfmind.data.classes import NAMES_OF_OTHERS
from shelfmind.data.splits import SPLITS, stratified_split
from shelfmind.disjoint_sets import DisjointSets
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.nouns import counted, shortened

Key = tuple[str, str]
"""A split and a class."""


@dataclass(frozen=True, slots=True)
class Row:
    """One source image: `source` is its name below the data set's root, `given` and `split` are as they were there.

    `class_name` and `new_split` say where it goes, `decided` what a reviewer said about it, and `dropped` why it goes
    nowhere, as "kind: detail" (empty: it stays). `protected`: a reviewer said keep, so it does not go as a repetition.
    """

    source: str
    given: str
    split: str
    class_name: str
    new_split: str
    decided: str = ""
    dropped: str = ""
    protected: bool = False

    @property
    def kept(self) -> bool:
        """Whether it is part of the clean data set."""
        return not self.dropped


def drop_rows(rows: Iterable[Row], reasons: Mapping[str, str]) -> list[Row]:
    """The rows with those dropped that `reasons` names by source; what was dropped before keeps its reason."""
    return [replace(row, dropped=reasons[row.source]) if row.kept and row.source in reasons else row for row in rows]


def others_class(classes: Collection[str], wanted: str | None) -> str:
    """The class that "others" means: the one asked for, else the only one with such a name.

    Raises `UserError` if there is none, or more than one.
    """
    if wanted is not None:
        if wanted not in classes:
            raise unknown_name("class for others", wanted, classes)
        return wanted
    found = sorted(name for name in classes if clean_name(name).casefold() in NAMES_OF_OTHERS)
    if len(found) != 1:
        known = f"more than one class has such a name ({', '.join(found)})" if found else "no class has such a name"
        which = argument("others", "NAME")
        raise UserError(f"decisions move images to 'others', but {known}; choose the class with {which}")
    return found[0]


def apply_decisions(
    rows: Sequence[Row],
    decisions: Mapping[str, Decision],
    *,
    others: str | None = None,
    new_classes: Collection[str] = (),
    ignore_missing: bool = False,
) -> tuple[list[Row], int]:
    """The rows with what reviewers decided, and how many decisions were passed over because they fit no image.

    A decision fits if its image is there and still has the label that the reviewer saw. Raises `UserError` for those
    that do not, unless `ignore_missing`, and for a new class that is not among `new_classes`.
    """
    given = {row.source: row.given for row in rows}
    lost = [path for path, decision in decisions.items() if given.get(path) != decision.given]
    if lost and not ignore_missing:
        raise UserError(_lost(lost, given, decisions))
    fitting = {path: decision for path, decision in decisions.items() if given.get(path) == decision.given}
    classes = dict.fromkeys([*given.values(), *new_classes])
    known = {clean_name(name): name for name in reversed(classes)}
    targets: dict[str, str] = {}
    for path, decision in fitting.items():
        if decision.decision == "others":
            targets[path] = others_class(classes, others)
        elif decision.decision == "relabel":
            targets[path] = _target(decision, classes, known)
    return [_decided(row, fitting.get(row.source), targets) for row in rows], len(lost)


def rename_classes(rows: Iterable[Row], names: Mapping[str, str]) -> list[Row]:
    """The rows with other class names; classes that `names` lacks keep theirs."""
    return [replace(row, class_name=names.get(row.class_name, row.class_name)) for row in rows]


def sample_fraction(rows: Sequence[Row], fraction: float, seed: int) -> list[Row]:
    """Keep a random `fraction` of each class in each split, rounded, but never less than one image of it."""

    def number(key: Key, count: int) -> int:
        return max(1, int(count * fraction + 0.5))

    return _thinned(rows, number, seed, "not in the sample")


def cap_classes(rows: Sequence[Row], caps: Mapping[str, int], cap_all: int | None, seed: int) -> list[Row]:
    """Keep a random `caps[class]` training images of each class named, `cap_all` of every other one."""

    def number(key: Key, count: int) -> int:
        split, class_name = key
        limit = caps.get(class_name, cap_all)
        return count if split != "train" or limit is None else limit

    return _thinned(rows, number, seed, "over the cap")


def split_again(
    rows: Sequence[Row], val_fraction: float, test_fraction: float | None, floor: int, seed: int
) -> list[Row]:
    """A new stratified split of the kept rows; without a `test_fraction` the test images stay as they are.

    Each class gives at least `floor` images to test and val, in this order, as long as one stays in train.
    """
    held_out = {"val": val_fraction} if test_fraction is None else {"test": test_fraction, "val": val_fraction}
    indices = [i for i, row in enumerate(rows) if row.kept and (test_fraction is not None or row.new_split != "test")]
    ids = {name: number for number, name in enumerate(sorted({rows[index].class_name for index in indices}))}
    labels = np.array([ids[rows[index].class_name] for index in indices], np.int64)
    changed = list(rows)
    for index, split in zip(indices, stratified_split(labels, held_out, seed, floor).tolist(), strict=True):
        changed[index] = replace(rows[index], new_split=split)
    return changed


def repetitions(
    rows: Sequence[Row], pairs: Iterable[tuple[str, str]], *, duplicates: bool, leaks: bool
) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """Which images repeat another one, with the reason to drop each, and the groups that only a person can settle.

    `pairs` name images that show the same picture; pairs of pairs are one group. With `leaks`, whatever of a group lies
    in a split before test (or before val) goes, so that what is measured stays. With `duplicates`, of those in one
    split and class all but the first go. A group left with two classes in one split is for a person to settle.
    """
    at = {row.source: row for row in rows if row.kept}
    reasons: dict[str, str] = {}
    unsettled: list[tuple[str, ...]] = []
    for group in _groups(pairs, at):
        last = max((SPLITS.index(at[name].new_split) for name in group), default=0)
        if leaks:
            for name in group:
                if SPLITS.index(at[name].new_split) < last and not at[name].protected:
                    reasons[name] = f"leak: also in {SPLITS[last]}"
        seen: dict[tuple[str, str], str] = {}
        for name in sorted(group, key=lambda name: not at[name].protected):  # a stable sort: keep those decided first
            if name in reasons:
                continue
            first = seen.setdefault((at[name].new_split, at[name].class_name), name)
            if duplicates and first != name and not at[name].protected:
                reasons[name] = f"duplicate: of {first}"
        left = [name for name in group if name not in reasons]
        by_split = {(at[name].new_split, at[name].class_name) for name in left}
        if len(by_split) > len({split for split, _ in by_split}):
            unsettled.append(tuple(left))
    return reasons, unsettled


def _groups(pairs: Iterable[tuple[str, str]], at: Mapping[str, Row]) -> list[list[str]]:
    """The connected images, each group and all groups in the order of the rows."""
    known = [pair for pair in pairs if pair[0] in at and pair[1] in at]
    connected = DisjointSets(name for pair in known for name in pair)
    for one, other in known:
        connected.merge(one, other)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in at:
        if name in connected:
            groups[connected[name]].append(name)
    return list(groups.values())


def _thinned(rows: Sequence[Row], number: Callable[[Key, int], int], seed: int, reason: str) -> list[Row]:
    """Drop all but `number((split, class), count)` of the kept rows of each class in each split.

    Which ones stay depends on the seed and on each image's name alone, so that one image more or less changes little.
    """
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.kept:
            groups[row.new_split, row.class_name].append(row)
    reasons: dict[str, str] = {}
    for key, group in groups.items():
        wanted = number(key, len(group))
        if wanted < len(group):
            ranked = sorted(group, key=lambda row: _lot(seed, row.source))
            reasons.update((row.source, reason) for row in ranked[wanted:])
    return drop_rows(rows, reasons)


def _lot(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}|{name}".encode("utf-8", "surrogateescape")).digest()


def _target(decision: Decision, classes: Collection[str], known: Mapping[str, str]) -> str:
    label = decision.label or ""
    if label in classes:
        return label
    if clean_name(label) in known:
        return known[clean_name(label)]
    error = unknown_name("class", label, classes)
    needed = argument("new_classes", [label])
    raise UserError(f"{decision.reviewer} relabelled {decision.path}: {error}; a new class needs {needed}")


def _decided(row: Row, decision: Decision | None, targets: Mapping[str, str]) -> Row:
    if decision is None:
        return row
    said = f"{decision.decision} by {decision.reviewer}"
    if decision.decision == "drop":
        return replace(row, decided=said, dropped=row.dropped or f"dropped in the review: by {decision.reviewer}")
    if decision.decision == "keep":
        return replace(row, decided=said, protected=True)
    return replace(row, decided=said, class_name=targets[row.source])


def _lost(lost: Sequence[str], given: Mapping[str, str], decisions: Mapping[str, Decision]) -> str:
    gone = [path for path in lost if path not in given]
    if gone:
        text = (
            f"{len(gone):,} of {counted(len(decisions), 'decision')} cannot be applied because the image is "
            f"not in the data set: {shortened(gone, 3)}"
        )
    else:
        path = lost[0]
        text = (
            f"{len(lost):,} of {counted(len(decisions), 'decision')} cannot be applied because the label "
            f"has changed: {path} was '{decisions[path].given}' and is now '{given[path]}'"
        )
    passing = argument("ignore_missing_decisions", True)
    return f"{text}; give the data set that was reviewed, or skip them with {passing}"
