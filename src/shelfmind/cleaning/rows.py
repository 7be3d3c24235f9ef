"""The images of a data set during cleaning, and the steps that drop, relabel or re-split them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shelfmind.analysis.decisions import Decision
from shelfmind.cleaning.names import clean_name
from shelfmind.data.classes import CATCH_ALL_NAMES
from shelfmind.data.splits import SPLITS, stratified_split
from shelfmind.disjoint_sets import DisjointSets
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.nouns import counted, shortened

Key = tuple[str, str]
"""A split and a class."""


@dataclass(frozen=True, slots=True)
class Row:
    """One source image: `source` is its path below the data set's root, `given` and `split` are its original class and
    split.

    `class_name` and `new_split` are its destination, `decided` the reviewer's decision, and `dropped` the reason if it
    is dropped, as "kind: detail" (empty: kept). `protected`: a reviewer decided to keep it, so it is not dropped as a
    repetition.
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
        """Whether it is in the clean data set."""
        return not self.dropped


def drop_rows(rows: Iterable[Row], reasons: Mapping[str, str]) -> list[Row]:
    """Drop the rows whose source is in `reasons`; rows dropped before keep their reason."""
    return [replace(row, dropped=reasons[row.source]) if row.kept and row.source in reasons else row for row in rows]


def others_class(classes: Collection[str], wanted: str | None) -> str:
    """The class for the decision "others": `wanted` if given, else the only class with such a name.

    Raises `UserError` if there is none, or more than one.
    """
    if wanted is not None:
        if wanted not in classes:
            raise unknown_name("class for others", wanted, classes)
        return wanted
    found = sorted(name for name in classes if clean_name(name).casefold() in CATCH_ALL_NAMES)
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
    """Apply the reviewers' decisions; return the rows, and the number of decisions skipped because they fit no image.

    A decision fits if its image exists and still has the label that the reviewer saw. Raises `UserError` for decisions
    that do not fit, unless `ignore_missing`, and for a new class that is not in `new_classes`.
    """
    given = {row.source: row.given for row in rows}
    unmatched = [path for path, decision in decisions.items() if given.get(path) != decision.given]
    if unmatched and not ignore_missing:
        raise UserError(_unmatched(unmatched, given, decisions))
    fitting = {path: decision for path, decision in decisions.items() if given.get(path) == decision.given}
    classes = dict.fromkeys([*given.values(), *new_classes])
    known = {clean_name(name): name for name in reversed(classes)}
    targets: dict[str, str] = {}
    others_found: str | None = None
    for path, decision in fitting.items():
        if decision.decision == "others":
            others_found = others_found or others_class(classes, others)
            targets[path] = others_found
        elif decision.decision == "relabel":
            targets[path] = _target(decision, classes, known)
    return [_decided(row, fitting.get(row.source), targets) for row in rows], len(unmatched)


def rename_classes(rows: Iterable[Row], names: Mapping[str, str]) -> list[Row]:
    """Rename classes; those missing from `names` keep theirs."""
    return [replace(row, class_name=names.get(row.class_name, row.class_name)) for row in rows]


def sample_fraction(rows: Sequence[Row], fraction: float, seed: int) -> list[Row]:
    """Keep a random `fraction` of each class in each split, rounded, at least one image."""

    def number(key: Key, count: int) -> int:
        return max(1, int(count * fraction + 0.5))

    return _thinned(rows, number, seed, "not in the sample")


def cap_classes(rows: Sequence[Row], caps: Mapping[str, int], cap_all: int | None, seed: int) -> list[Row]:
    """Keep a random `caps[class]` training images of each named class, `cap_all` of every other class."""

    def number(key: Key, count: int) -> int:
        split, class_name = key
        limit = caps.get(class_name, cap_all)
        return count if split != "train" or limit is None else limit

    return _thinned(rows, number, seed, "over the cap")


def split_again(
    rows: Sequence[Row],
    val_fraction: float,
    test_fraction: float | None,
    floor: int,
    seed: int,
    pairs: Iterable[tuple[str, str]] = (),
) -> list[Row]:
    """A new stratified split of the kept rows; without a `test_fraction` the test images are unchanged.

    Near-duplicates, connected by `pairs`, stay together and count as one image; those of several classes stay in
    train. Each class contributes at least `floor` images to test and val, in this order, as long as one stays in train.
    A fraction of 0 leaves its split empty.
    """
    shares = {"val": val_fraction} if test_fraction is None else {"test": test_fraction, "val": val_fraction}
    held_out = {split: share for split, share in shares.items() if share > 0}
    pool = {
        row.source: index
        for index, row in enumerate(rows)
        if row.kept and _is_split_again(row, with_test=test_fraction is not None)
    }
    first = {name: group[0] for group in _groups(pairs, pool) for name in group}
    units: dict[str, list[int]] = defaultdict(list)
    for name, index in pool.items():
        units[first.get(name, name)].append(index)
    settled = [unit for unit in units.values() if len({rows[index].class_name for index in unit}) == 1]
    ids = {name: number for number, name in enumerate(sorted({rows[unit[0]].class_name for unit in settled}))}
    labels = np.array([ids[rows[unit[0]].class_name] for unit in settled], np.int64)
    splits = dict.fromkeys(pool.values(), "train")
    for unit, split in zip(settled, stratified_split(labels, held_out, seed, floor).tolist(), strict=True):
        splits.update(dict.fromkeys(unit, split))
    return [replace(row, new_split=splits.get(index, row.new_split)) for index, row in enumerate(rows)]


def join_splits(rows: Iterable[Row], *, with_test: bool) -> list[Row]:
    """The rows before a new split, as one split: all, or without `with_test` those that are not in test."""
    return [replace(row, new_split="train") if _is_split_again(row, with_test=with_test) else row for row in rows]


def _is_split_again(row: Row, *, with_test: bool) -> bool:
    return with_test or row.new_split != "test"


def find_repeats(
    rows: Sequence[Row], pairs: Iterable[tuple[str, str]], *, duplicates: bool, leaks: bool
) -> tuple[dict[str, str], list[tuple[str, ...]]]:
    """The images that repeat another one, with the reason to drop each, and the groups that need a reviewer's decision.

    `pairs` are pairs of near-duplicates; connected pairs form a group. With `leaks`, group members in train or val are
    dropped if another is in a later split (val, test), so that evaluation data is kept. With `duplicates`, all but the
    first of those in one split and class are dropped. A remaining group with two classes in one split needs a
    reviewer's decision.
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
        for name in sorted(group, key=lambda name: not at[name].protected):  # stable sort, protected images first
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


def _groups(pairs: Iterable[tuple[str, str]], at: Collection[str]) -> list[list[str]]:
    """The connected images of `at`, each group and all groups in row order.

    Images that are not in `at`, such as dropped ones, connect others as well: pairs need not name each two of a group.
    """
    connected: DisjointSets[str] = DisjointSets()
    for one, other in pairs:
        connected.add(one)
        connected.add(other)
        connected.merge(one, other)
    groups: dict[str, list[str]] = defaultdict(list)
    for name in at:
        if name in connected:
            groups[connected[name]].append(name)
    return list(groups.values())


def _thinned(rows: Sequence[Row], number: Callable[[Key, int], int], seed: int, reason: str) -> list[Row]:
    """Drop all but `number((split, class), count)` of the kept rows of each class in each split.

    The selection depends only on the seed and each image's name, so that adding an image changes little.
    """
    groups: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        if row.kept:
            groups[row.new_split, row.class_name].append(row)
    reasons: dict[str, str] = {}
    for key, group in groups.items():
        wanted = number(key, len(group))
        if wanted < len(group):
            ranked = sorted(group, key=lambda row: _sort_key(seed, row.source))
            reasons.update((row.source, reason) for row in ranked[wanted:])
    return drop_rows(rows, reasons)


def _sort_key(seed: int, name: str) -> bytes:
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
    decided = f"{decision.decision} by {decision.reviewer}"
    if decision.decision == "drop":
        return replace(row, decided=decided, dropped=row.dropped or f"dropped in the review: by {decision.reviewer}")
    if decision.decision == "keep":
        return replace(row, decided=decided, protected=True)
    return replace(row, decided=decided, class_name=targets[row.source])


def _unmatched(unmatched: Sequence[str], given: Mapping[str, str], decisions: Mapping[str, Decision]) -> str:
    gone = [path for path in unmatched if path not in given]
    if gone:
        text = (
            f"{len(gone):,} of {counted(len(decisions), 'decision')} cannot be applied because the image is "
            f"not in the data set: {shortened(gone, 3)}"
        )
    else:
        path = unmatched[0]
        text = (
            f"{len(unmatched):,} of {counted(len(decisions), 'decision')} cannot be applied because the label "
            f"has changed: {path} was '{decisions[path].given}' and is now '{given[path]}'"
        )
    passing = argument("ignore_missing_decisions", True)
    return f"{text}; give the data set that was reviewed, or skip them with {passing}"
