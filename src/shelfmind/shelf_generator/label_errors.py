"""Label errors at an exact rate: a random class, a sibling, or an object that is not a product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.nouns import counted
from shelfmind.shelf_generator.settings import ERROR_KINDS, Settings

FOREIGN = -1
"""The true class of an object that is not a product."""


@dataclass(frozen=True)
class LabelErrors:
    """The true class of each photo, and its error as an index into `ERROR_KINDS` (-1: correct label)."""

    true: Ints
    error: Ints


def choose_label_errors(given: Ints, families: Ints, split: npt.NDArray[np.str_], settings: Settings) -> LabelErrors:
    """Choose the mislabelled photos and what they show instead; all arrays have shape (M,) except `families`.

    `families` is the product line of each class, -1 for none. The number of errors of each kind is the rate times the
    photos of the affected splits, rounded once. The content of random errors is sampled from all photos of other
    classes, so that large classes lose as many photos as they gain.

    Raises:
        UserError: fewer photos can have an error of some kind than requested.
    """
    true, error = given.copy(), np.full(len(given), -1, np.int64)
    allowed = np.flatnonzero(np.isin(split, settings.error_splits))
    numbers = error_numbers(settings, len(allowed))
    if not sum(numbers.values()):
        return LabelErrors(true, error)
    rng = np.random.default_rng([settings.seed, 5])
    left = rng.permutation(allowed)
    sizes = np.bincount(given, minlength=len(families))
    # Siblings first: not every class has any.
    for kind in sorted(numbers, key=lambda kind: kind != "sibling"):
        able = left
        if kind == "sibling":
            able = left[_with_siblings(families)[given[left]]]
        chosen = able[: numbers[kind]]
        if len(chosen) < numbers[kind]:
            raise UserError(
                f"{counted(int(numbers[kind]), 'label error')} of kind '{kind}' requested, but only "
                f"{counted(len(able), 'photo')} can have one; request fewer, other error_kinds or more classes"
            )
        error[chosen] = ERROR_KINDS.index(kind)
        true[chosen] = _shown(kind, given[chosen], families, sizes, rng)
        left = np.setdiff1d(left, chosen, assume_unique=True)
        left = rng.permutation(left)
    return LabelErrors(true, error)


def error_numbers(settings: Settings, photos: int) -> dict[str, int]:
    """The number of errors of each kind: the total is rounded, and divided among the kinds by largest remainders."""
    total = round(settings.label_errors * photos)
    shares = {kind: share for kind, share in settings.error_kinds.items() if share > 0}
    exact = {kind: total * share / sum(shares.values()) for kind, share in shares.items()}
    numbers = {kind: int(value) for kind, value in exact.items()}
    for kind in sorted(exact, key=lambda kind: numbers[kind] - exact[kind])[: total - sum(numbers.values())]:
        numbers[kind] += 1
    return numbers


def _with_siblings(families: Ints) -> npt.NDArray[np.bool_]:
    """Whether each class has a sibling."""
    _, family_index, members = np.unique(families, return_inverse=True, return_counts=True)
    return np.asarray((members[family_index] > 1) & (families >= 0))


def _shown(kind: str, given: Ints, families: Ints, sizes: Ints, rng: np.random.Generator) -> Ints:
    """The true class of each wrong photo."""
    if kind == "foreign":
        return np.full(len(given), FOREIGN, np.int64)
    if kind == "sibling":
        members = {int(one): np.flatnonzero(families == families[one]) for one in np.unique(given)}
        return np.array([rng.choice(members[one][members[one] != one]) for one in given.tolist()], np.int64)
    edges = np.cumsum(sizes)
    shown = given.copy()
    while (same := np.flatnonzero(shown == given)).size:
        shown[same] = np.searchsorted(edges, rng.integers(0, edges[-1], len(same)), "right")
    return shown
