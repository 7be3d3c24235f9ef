"""Shortlists lead to the answers that comparing with all photos gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.gallery import cells
from shelfmind.gallery.cells import CellSearch, cell_search
from shelfmind.gallery.changes import Entry, checksum
from shelfmind.recognition import shortlists
from shelfmind.recognition.answers import Answers, Columns, answers_of
from shelfmind.recognition.evidence import References, Shortlists, TrainingPhotos, evidence
from shelfmind.recognition.fusion import Fusion
from shelfmind.recognition.rule import Rule
from shelfmind.recognition.shortlists import EMPTY, Shortlist
from shelfmind.recognition.unknowns import Rejection

PRODUCTS, CLASSES, WIDTH, ASKED = 800, 500, 48, 200
RULE = Rule(Fusion(1, 4, 4, 8, 8, 0, 0), Rejection("energy", 11.6, 0.0, 0.1, 99), None, 99, "enrolled products")


@dataclass(frozen=True)
class Drawn:
    """Photos of enrolled products and of trained classes, and of both as queries, the products first."""

    references: References
    learnt: TrainingPhotos
    queries: Floats
    probabilities: Floats

    def shortlists(self, search: CellSearch | None) -> Shortlists:
        """The shortlists of both."""
        of, fusion = Shortlist.of, RULE.fusion
        learnt, own = self.learnt, self.references
        return Shortlists(
            of(learnt.vectors, learnt.counts, learnt.prototypes, (fusion.trained, fusion.trained_photo)),
            of(own.vectors, own.counts, own.prototypes, (fusion.prototype, fusion.photo), search),
        )

    def answers(self, chosen: Shortlists) -> Answers:
        """The answers for the queries."""
        columns = Columns([f"class {each}" for each in range(CLASSES)], self.references.names)
        found = evidence(self.probabilities, self.queries, self.learnt, self.references, None, chosen)
        return answers_of(found, RULE, columns)


@pytest.fixture(autouse=True, scope="module")
def short() -> Iterator[None]:
    """Shortlists and cells of a few of some hundred products."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shortlists, "NEAREST", 16)
        patch.setattr(shortlists, "FOUND", 6)
        patch.setattr(cells, "MIN_COMPARED", 64)
        patch.setattr(cells, "DIRECTIONS", 32)
        patch.setattr(cells, "MAX_SHARE_OF_EXACT", np.inf)
        yield


def photos_of(centres: Floats, counts: Ints, rng: np.random.Generator) -> Floats:
    repeated = np.repeat(centres, counts, axis=0)
    return unit_rows(repeated + rng.standard_normal(repeated.shape) * 0.6 / WIDTH**0.5)


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    rng = np.random.default_rng(0)
    families = unit_rows(rng.standard_normal((40, WIDTH)))
    centres = unit_rows(
        np.tile(families, (50, 1))[: PRODUCTS + CLASSES]
        + 0.8 * unit_rows(rng.standard_normal((PRODUCTS + CLASSES, WIDTH)))
    )
    counts = rng.integers(1, 9, PRODUCTS)
    learnt = rng.integers(0, 5, CLASSES)
    of_product = rng.permutation(PRODUCTS + CLASSES)[:ASKED]
    queries = photos_of(centres[of_product], np.ones(ASKED, np.int64), rng)
    logits = 12 * queries @ centres[PRODUCTS:].T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    names = [f"product {each:03d}" for each in np.repeat(np.arange(PRODUCTS), counts)]
    return Drawn(
        References.of(names, photos_of(centres[:PRODUCTS], counts, rng)),
        TrainingPhotos.of_counts(photos_of(centres[PRODUCTS:], learnt, rng), learnt.tolist()),
        queries,
        np.asarray(shares, np.float32),
    )


def search_among(references: References) -> CellSearch:
    names = np.repeat(references.names, references.counts)
    entries = [Entry(str(sku), checksum(b"%d" % row), "") for row, sku in enumerate(names)]
    found = cell_search(entries, references.vectors)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def search(drawn: Drawn) -> CellSearch:
    return search_among(drawn.references)


@pytest.mark.parametrize("indexed", [True, False])
def test_answers_agree_with_exact_ones(drawn: Drawn, search: CellSearch, indexed: bool) -> None:
    exact = drawn.answers(Shortlists())
    found = drawn.answers(drawn.shortlists(search if indexed else None))
    greatest = exact.probabilities.max(axis=1)
    assert 0.2 < greatest.mean() < 0.9
    assert 0.1 < exact.decisions.accepted.mean() < 0.95
    assert (found.decisions.likeliest == exact.decisions.likeliest).mean() >= 0.995
    assert np.quantile(np.abs(found.probabilities.max(axis=1) - greatest), 0.99) < 0.01
    assert (found.decisions.accepted == exact.decisions.accepted).mean() >= 0.99
    assert np.abs(found.decisions.familiarity - exact.decisions.familiarity).mean() < 0.02


def test_cosines_are_exact_on_the_shortlist_and_bounded_beyond_it(drawn: Drawn, search: CellSearch) -> None:
    own = drawn.references
    prototypes, exact = drawn.queries @ own.prototypes.T, own.nearest(drawn.queries)
    of_products = drawn.shortlists(search).enrolled
    assert of_products is not None
    found, means = of_products(drawn.queries, prototypes), prototypes * of_products.estimate.lengths
    for row, query in enumerate(drawn.queries[:50]):
        photos, _ = search.nearest(query, shortlists.FOUND)
        near = np.argsort(-prototypes[row])[: shortlists.NEAREST]
        chosen = np.union1d(near, search.products[photos])
        assert found[row, chosen] == pytest.approx(exact[row, chosen], abs=1e-6)
        others = np.setdiff1d(np.arange(PRODUCTS), chosen)
        limit = np.sort(exact[row, chosen])[-shortlists.FOUND]
        assert (found[row, others] <= np.maximum(limit, means[row, others]) + 1e-6).all()
    assert (found >= means - 1e-5).all()
    assert found.max(axis=1) == pytest.approx(exact.max(axis=1), abs=1e-6)
    single = own.counts == 1
    assert found[:, single] == pytest.approx(exact[:, single], abs=1e-5)


def test_a_product_with_two_distant_appearances_is_found_by_its_photos(drawn: Drawn) -> None:
    rng = np.random.default_rng(1)
    front, back = unit_rows(rng.standard_normal((2, WIDTH)))
    query = unit_rows((front + 0.03 * rng.standard_normal(WIDTH))[None])
    some = drawn.references.vectors[:1000]
    decoys = unit_rows(0.8 * front + 0.6 * unit_rows(rng.standard_normal((30, WIDTH))))  # nearer than its prototype
    vectors = np.concatenate([some, decoys, unit_rows(np.stack([front, back, back, back]))])
    names = [f"a{each:04d}" for each in range(len(some) + len(decoys))] + ["z"] * 4
    own = References.of(names, vectors)
    prototypes = query @ own.prototypes.T
    assert np.argsort(-prototypes[0]).tolist().index(len(own.names) - 1) > shortlists.NEAREST

    def cosine(search: CellSearch | None) -> float:
        found = Shortlist.of(own.vectors, own.counts, own.prototypes, (8.0, 8.0), search)
        return float(found(query, prototypes)[0, -1])

    assert cosine(search_among(own)) == pytest.approx(float((query @ front).item()), abs=1e-6)
    assert cosine(None) < 0.9


def test_probable_classes_are_compared_photo_by_photo(drawn: Drawn) -> None:
    learnt = drawn.learnt
    trained, exact = drawn.queries @ learnt.prototypes.T, learnt.nearest(drawn.queries)
    of_classes = drawn.shortlists(None).trained
    assert of_classes is not None
    far = np.argsort(trained, axis=1)[:, CLASSES // 2]
    likely = np.zeros_like(drawn.probabilities)
    likely[np.arange(ASKED), far] = 1
    rows = np.arange(ASKED)
    assert of_classes(drawn.queries, trained, likely)[rows, far] == pytest.approx(exact[rows, far], abs=1e-6)
    assert (of_classes(drawn.queries, trained)[:, learnt.counts == 0] == EMPTY).all()
    assert (exact[:, learnt.counts == 0] == EMPTY).all()


def test_estimates_are_right_on_average(drawn: Drawn) -> None:
    own = drawn.references
    prototypes, exact = drawn.queries @ own.prototypes.T, own.nearest(drawn.queries)
    estimate = shortlists.fit_estimate(own.vectors, own.counts, own.prototypes, (0.0, 0.0))(drawn.queries, prototypes)
    several = own.counts > 1
    beyond = (prototypes < np.sort(prototypes, axis=1)[:, -shortlists.NEAREST][:, None]) & several
    assert abs((estimate - exact)[beyond].mean()) < 0.01
    assert (estimate - exact)[beyond].std() < (prototypes - exact)[beyond].std()
    again = shortlists.fit_estimate(own.vectors, own.counts, own.prototypes, (0.0, 0.0))(drawn.queries, prototypes)
    assert (again == estimate).all()


def test_few_products_are_all_on_the_shortlist(drawn: Drawn) -> None:
    few = slice(0, int(drawn.references.counts[:5].sum()))
    own = References.of(np.repeat(drawn.references.names, drawn.references.counts)[few], drawn.references.vectors[few])
    found = Shortlist.of(own.vectors, own.counts, own.prototypes, (8.0, 8.0))
    cosines = found(drawn.queries, drawn.queries @ own.prototypes.T)
    assert cosines == pytest.approx(own.nearest(drawn.queries), abs=1e-6)
