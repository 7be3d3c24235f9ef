"""Plans every photo before rendering: its content, its label, and its defects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shelfmind.arrays import Ints
from shelfmind.errors import UserError
from shelfmind.shelf_generator.appearances import choose_appearances
from shelfmind.shelf_generator.designs import Design, designs, hidden_designs
from shelfmind.shelf_generator.foreign import foreign_objects
from shelfmind.shelf_generator.label_errors import LabelErrors, choose_label_errors
from shelfmind.shelf_generator.settings import Settings
from shelfmind.shelf_generator.sizes import class_counts, split_of_each
from shelfmind.shelf_generator.vocabulary import OTHERS

IMAGES_PER_HIDDEN_PRODUCT = 4


@dataclass(frozen=True)
class DataSetPlan:
    """The data set before rendering; photos are numbered class by class.

    `classes` are the class names. For each of M photos, shape (M,): `given` the class it is filed under, `true` the
    class it shows (-1: a foreign object), `subject` the index of its product in `products`, in `hidden` for "others",
    or of its foreign object; `appearance` the index into `APPEARANCES`; `split`, `number` within its class, `error`
    (index into `ERROR_KINDS`, -1: none) and `source`, the photo that it is a near-duplicate of (itself: none).
    """

    classes: tuple[str, ...]
    products: tuple[Design, ...]
    hidden: tuple[Design, ...]
    given: Ints
    true: Ints
    subject: Ints
    appearance: Ints
    split: npt.NDArray[np.str_]
    number: Ints
    error: Ints
    source: Ints

    @property
    def photos(self) -> int:
        """The number of photos."""
        return len(self.given)


def make_plan(settings: Settings) -> DataSetPlan:
    """The plan for these settings; deterministic.

    Raises:
        UserError: the requested label errors do not fit the data.
    """
    products = designs(settings.products, settings)
    counts = class_counts(products, settings)
    classes = tuple(design.name for design in products) + (OTHERS,) * (settings.others_share > 0)
    given = np.repeat(np.arange(len(classes)), counts)
    split = split_of_each(counts, settings)
    families = np.array([design.line for design in products] + [-1] * (len(classes) - len(products)))
    wrong = choose_label_errors(given, families, split, settings)
    source = _sources(wrong.true, settings)
    hidden_count = -(-int(counts[-1]) // IMAGES_PER_HIDDEN_PRODUCT) if len(classes) > len(products) else 0
    subject = _subjects(wrong, len(products), hidden_count, settings.seed)
    number = np.arange(len(given)) - np.repeat(np.cumsum(counts) - counts, counts)
    return DataSetPlan(
        classes=classes,
        products=products,
        hidden=hidden_designs(hidden_count, settings),
        given=given,
        true=wrong.true,
        subject=subject[source],
        appearance=choose_appearances(wrong.true, len(products), settings)[source],
        split=split,
        number=number,
        error=wrong.error,
        source=source,
    )


def _subjects(wrong: LabelErrors, products: int, hidden: int, seed: int) -> Ints:
    """The content of each photo: its true class's product, a random hidden product, or a random foreign object."""
    rng = np.random.default_rng([seed, 6])
    subject = wrong.true.copy()
    among_others = wrong.true == products
    subject[among_others] = rng.integers(0, max(hidden, 1), int(among_others.sum()))
    foreign = wrong.true < 0
    subject[foreign] = rng.integers(0, foreign_objects(), int(foreign.sum()))
    return subject


def _sources(true: Ints, settings: Settings) -> Ints:
    """The photo that each is a near-duplicate of: an original that shows the same class, wherever either is filed."""
    source = np.arange(len(true))
    copies = round(settings.duplicates * len(true))
    if not copies:
        return source
    rng = np.random.default_rng([settings.seed, 7])
    shuffled = rng.permutation(len(true))
    _, first = np.unique(true[shuffled], return_index=True)  # one photo of each class stays an original
    free = np.delete(shuffled, first)
    chosen = free[true[free] >= 0][:copies]
    if len(chosen) < copies:
        raise UserError(f"duplicates={settings.duplicates}: too few photos show the same product; request fewer")
    originals = np.setdiff1d(np.arange(len(true)), chosen)
    originals = originals[np.argsort(true[originals], kind="stable")]
    start = np.searchsorted(true[originals], true[chosen], "left")
    stop = np.searchsorted(true[originals], true[chosen], "right")
    source[chosen] = originals[start + (rng.random(copies) * (stop - start)).astype(np.int64)]
    return source
