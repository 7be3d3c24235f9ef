"""What is fitted keeps its promises on photos that it was not fitted to."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.optimize import check_grad

from shelfmind.arrays import Floats, Ints
from shelfmind.errors import UserError
from shelfmind.evaluation.matrix_rows import unit_rows
from shelfmind.recognition.answers import UNKNOWN as UNKNOWN_LEVEL
from shelfmind.recognition.answers import Columns, Decisions, answers_of
from shelfmind.recognition.episodes import UNKNOWN, Episode, Photos, rehearse_gallery
from shelfmind.recognition.evidence import Evidence, References, energies_of, evidence
from shelfmind.recognition.families import leave_one_out
from shelfmind.recognition.fusion import Fusion, fit_fusion, softmax
from shelfmind.recognition.levels import (
    FAMILY,
    NEVER,
    PRODUCT,
    UNDECIDED,
    LevelEvidence,
    ProductFamily,
    fit_levels,
    named_families,
)
from shelfmind.recognition.rehearsals import CLASSES as CLASSES_REHEARSED
from shelfmind.recognition.rehearsals import PRODUCTS as PRODUCTS_REHEARSED
from shelfmind.recognition.rehearsals import Rehearsals, rehearse
from shelfmind.recognition.rejection import fit_rejection
from shelfmind.recognition.rule import Rule, fit_rule
from shelfmind.recognition.unknowns import COMBINATION, SCORES, Rejection, scored, separation
from shelfmind.recognition.whitening import Whitening, fit_whitening

from .conftest import CLASSES, PRODUCTS, World

ENROLLED = 8
"""Of the products; the others stay unknown."""


def _enrolled(world: World, seed: int, each: int = 6) -> Photos:
    photos = world.photos(CLASSES + np.repeat(np.arange(ENROLLED), each), seed)
    return Photos(photos.vectors, photos.labels - CLASSES, photos.probabilities, photos.logits)


def _rehearsed(episodes: list[Episode]) -> Rehearsals:
    return Rehearsals(episodes, episodes, PRODUCTS_REHEARSED)


def _products() -> list[str]:
    return [f"product {index}" for index in range(ENROLLED)]


@pytest.fixture(scope="module")
def episodes(world: World, class_names: tuple[str, ...]) -> list[Episode]:
    held_out = world.photos(np.repeat(np.arange(CLASSES), 12), 1)
    return list(rehearse_gallery(held_out, world.learnt(), class_names, _enrolled(world, 3, 16), _products()))


@pytest.fixture(scope="module")
def rule(episodes: list[Episode]) -> Rule:
    return fit_rule(_rehearsed(episodes), false_accepts=0.1)


def _asked(world: World, seed: int, each: int = 10) -> tuple[Photos, Evidence]:
    """Photos of trained classes, enrolled products and unknown ones, and the evidence on them."""
    photos = world.photos(np.repeat(np.arange(CLASSES + PRODUCTS), each), seed)
    enrolled = _enrolled(world, 3)
    references = References.of([_products()[each] for each in enrolled.labels], enrolled.vectors)
    energies = energies_of(photos.logits)
    return photos, evidence(photos.probabilities, photos.vectors, world.learnt(), references, energies)


def test_fused_scores_name_trained_and_enrolled_products(world: World, rule: Rule) -> None:
    photos, found = _asked(world, 7)
    known = photos.labels < CLASSES + ENROLLED
    right = scored(found, rule.fusion).best == photos.labels

    assert right[known].mean() > 0.9
    classifier = found.log_probabilities.argmax(axis=1) == photos.labels
    assert right[photos.labels < CLASSES].mean() > classifier[photos.labels < CLASSES].mean() - 0.02


def test_the_gradient_of_the_likelihood_is_right(episodes: list[Episode], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def minimize(loss, start, **_):  # type: ignore[no-untyped-def]
        seen["error"] = check_grad(lambda w: loss(w)[0], lambda w: loss(w)[1], start * 0.7 + 0.1)
        return type("Found", (), {"x": start})

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    fit_fusion([each.part for each in episodes[:2]])
    assert seen["error"] < 1e-4


def test_no_weights_are_better_than_the_fitted_ones(episodes: list[Episode], rule: Rule) -> None:
    parts = [each.part for each in episodes]

    def likelihood(fusion: Fusion) -> float:
        means = []
        for each, labels in parts:
            probabilities = softmax(fusion.scores(each))[np.arange(len(labels)), labels]
            means += [np.log(probabilities[labels == label]).mean() for label in np.unique(labels[labels != UNKNOWN])]
        return float(np.mean(means))

    best = likelihood(rule.fusion)
    for name, value in rule.fusion.as_record().items():
        for step in (-0.5, 0.5):
            moved = Fusion(**{**rule.fusion.as_record(), name: max(0.0, value + step)})
            assert likelihood(moved) <= best + 1e-3


def test_decisions_in_parts_are_those_of_all_photos(world: World, rule: Rule) -> None:
    _, found = _asked(world, 8)
    whole = answers_of(found, rule, _columns(world)).decisions
    parts = [
        answers_of(found.rows(slice(start, start + 23)), rule, whole.columns).decisions
        for start in range(0, len(found), 23)
    ]
    joined = Decisions.joined(parts)
    np.testing.assert_array_equal(joined.likeliest, whole.likeliest)
    np.testing.assert_array_equal(joined.accepted, whole.accepted)
    np.testing.assert_array_equal(joined.wide_enough, whole.wide_enough)
    np.testing.assert_allclose(joined.familiarity, whole.familiarity, atol=1e-5)
    assert (joined.levels, joined.names) == (whole.levels, whole.names)


def test_photos_without_a_true_name_do_not_count(episodes: list[Episode]) -> None:
    evidence, labels = episodes[0].part
    known = np.flatnonzero(labels != UNKNOWN)
    assert 0 < len(known) < len(labels)
    fitted, expected = fit_fusion([(evidence, labels)]), fit_fusion([(evidence.rows(known), labels[known])])
    assert fitted.as_record() == pytest.approx(expected.as_record(), rel=1e-6)


def test_unknown_objects_are_given_names_as_seldom_as_asked(world: World, rule: Rule) -> None:
    photos, found = _asked(world, 8, each=40)
    answers = answers_of(found, rule, _columns(world))
    unknown = photos.labels >= CLASSES + ENROLLED

    assert answers.decisions.accepted[unknown].mean() < 0.17  # asked for 0.1; 160 photos of 4 products
    assert answers.decisions.accepted[~unknown].mean() > 0.8
    decisions = answers.decisions
    assert all(
        name is None for name, level in zip(decisions.names, decisions.levels, strict=True) if level == UNKNOWN_LEVEL
    )


def test_trained_classes_are_still_named_when_they_are_enrolled_too(world: World, class_names: tuple[str, ...]) -> None:
    held_out = world.photos(np.repeat(np.arange(CLASSES), 4), 1)
    products = class_names[:ENROLLED]
    enrolled = world.photos(np.repeat(np.arange(ENROLLED), 16), 3)
    found = rehearse(held_out, world.learnt(), class_names, enrolled, products, 0.1)
    assert found.rejecting_by == CLASSES_REHEARSED
    rule = fit_rule(found, false_accepts=0.1)

    photos = world.photos(np.repeat(np.arange(CLASSES), 10), 7)
    references = References.of([products[each] for each in enrolled.labels], enrolled.vectors)
    asked = evidence(photos.probabilities, photos.vectors, world.learnt(), references, energies_of(photos.logits))
    decisions = answers_of(asked, rule, Columns(class_names, products)).decisions
    assert (decisions.accepted & (decisions.likeliest == photos.labels)).mean() > 0.8


@pytest.mark.parametrize("rate", [0.05, 0.1])
def test_a_name_that_attracts_unknown_objects_admits_no_more_of_them(rate: float) -> None:
    names = ("others", *(f"name {index}" for index in range(1, 50)))
    fusion = Fusion(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def drawn(each: int, seed: int) -> tuple[Evidence, Ints]:
        """Known photos, then unknown ones, three of four of which look a little like "others"."""
        rng = np.random.default_rng(seed)
        like_others = rng.random(each) < 0.75
        best = np.concatenate(
            [rng.integers(len(names), size=each), np.where(like_others, 0, rng.integers(1, len(names), each))]
        )
        unknown = np.where(like_others, rng.uniform(0.2, 0.4, each), rng.uniform(0.3, 0.95, each))
        sure = np.concatenate([rng.uniform(0.6, 0.99, each), unknown])
        shares = np.repeat((1 - sure[:, None]) / (len(names) - 1), len(names), axis=1).astype(np.float32)
        shares[np.arange(2 * each), best] = sure
        nothing = np.zeros((2 * each, 0), np.float32)
        found = Evidence(np.log(shares), shares, shares, nothing, nothing, np.zeros(0, np.int64))
        return found, np.where(np.arange(2 * each) < each, best, UNKNOWN)

    episodes = []
    for number in range(4):
        collected, labels = drawn(1000, number)
        ids = np.arange(len(labels)) + number * len(labels)
        episodes.append(Episode(lambda collected=collected: collected, labels, ids, names))
    rejection = fit_rejection(episodes, fusion, rate)
    later, labels = drawn(5000, 9)
    assert rejection.accepts(scored(later, fusion))[labels == UNKNOWN].mean() == pytest.approx(rate, abs=0.012)


def test_the_best_score_is_used(rule: Rule) -> None:
    rejection = rule.rejection
    assert set(rejection.separations) == {*SCORES, COMBINATION}
    assert rejection.score == max(rejection.separations, key=lambda name: rejection.separations[name].auroc)
    assert rejection.separations[rejection.score].auroc > 0.95
    shares = [point.answered for point in rejection.curve]
    assert shares == sorted(shares, reverse=True)


def test_a_rate_that_too_few_photos_can_show_is_refused(episodes: list[Episode]) -> None:
    with pytest.raises(UserError, match="needs at least 9,999 photos"):
        fit_rule(_rehearsed(episodes), false_accepts=0.0001)


def test_separation_is_that_of_the_textbook() -> None:
    found = separation(np.array([3.0, 2.0, 1.0, 0.5]), np.array([0.0, 0.7]))
    assert found.auroc == pytest.approx(7 / 8)
    assert found.fpr95 == pytest.approx(0.5)


def test_a_record_is_the_same_rule(episodes: list[Episode]) -> None:
    families = [ProductFamily("class 0", ("class 00", "class 01"))]
    rule = fit_rule(_rehearsed(episodes), false_accepts=0.1, precision=0.9, families=families)
    record = json.loads(json.dumps(rule.as_record()))
    assert Rule.of_record(record) == rule
    record["rejection"]["of_names"] = {"class 00": 0.1}  # earlier versions had thresholds of their own for names
    assert Rule.of_record(record) == rule
    with pytest.raises(UserError, match="another version"):
        Rule.of_record({"fusion": {}})


def test_siblings_that_cannot_be_told_apart_are_answered_as_their_family(class_names: tuple[str, ...]) -> None:
    twins = World(np.repeat(np.eye(CLASSES + PRODUCTS, 24, dtype=np.float32)[:16], 2, axis=0), 0.1)
    enrolled = _enrolled(twins, 3, 16)
    held_out = twins.photos(np.repeat(np.arange(CLASSES), 12), 1)
    episodes = list(rehearse_gallery(held_out, twins.learnt(), class_names, enrolled, _products()))
    families = [ProductFamily(f"pair {index}", class_names[2 * index : 2 * index + 2]) for index in range(10)]
    rule = fit_rule(_rehearsed(episodes), false_accepts=0.2, precision=0.9, families=families)

    assert rule.levels is not None
    assert rule.levels.figures[PRODUCT].share < 0.25
    assert rule.levels.figures[FAMILY].share > 0.3
    assert rule.levels.figures[FAMILY].right == pytest.approx(0.95, abs=0.06)
    assert sum(rule.levels.figures[level].share for level in (PRODUCT, FAMILY, UNDECIDED)) == pytest.approx(1)
    photos, found = _asked(twins, 9)
    columns = Columns(class_names, _products())
    answers = answers_of(found, rule, columns)
    on_family = [row for row, level in enumerate(answers.decisions.levels) if level == FAMILY]
    assert on_family
    for row in on_family:
        assert answers.decisions.names[row] == f"pair {photos.labels[row] // 2}" or photos.labels[row] >= CLASSES


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([["富兴白酒 250 毫升", "富兴白酒 500 毫升"]], ["富兴白酒, one of 2"]),
        ([["Fuxing liquor 250 ml red", "Fuxing liquor 250 ml green"]], ["Fuxing liquor 250 ml, one of 2"]),
        ([["Crème brûlée", "Crème brûgge"]], ["Crème, one of 2"]),
        ([["Молоко 1 л", "Молочный"]], ["Молоко 1 л or Молочный"]),
        ([["富兴白酒金", "富兴白酒银"]], ["富兴白酒, one of 2"]),
        ([["Pear", "Apple"]], ["Pear or Apple"]),
        ([["Pear", "Apple", "Plum"], ["Leek"]], ["Pear or one of 2 like it"]),
        ([["Tea green", "Tea black"], ["Tea mint", "Tea rose"]], ["Tea green or Tea black", "Tea mint or Tea rose"]),
    ],
)
def test_a_family_is_called_by_what_its_names_begin_with(groups: list[list[str]], words: list[str]) -> None:
    assert [family.words for family in named_families(groups)] == words


def test_a_name_that_is_trained_and_enrolled_is_one_answer() -> None:
    columns = Columns(["a", "b"], ["b", "c"])
    merged = columns.merged(np.array([[0.1, 0.2, 0.3, 0.4]], np.float32))
    assert columns.names == ("a", "b", "c")
    np.testing.assert_allclose(merged, [[0.1, 0.5, 0.4]], rtol=1e-6)
    assert columns.of_name(0) == (0, None)
    assert columns.of_name(1) == (1, 0)
    assert columns.of_name(2) == (None, 1)


@pytest.mark.parametrize("margin", [0.0, 0.2])
def test_a_name_with_two_columns_does_not_compete_with_itself(margin: float) -> None:
    columns = Columns(("cola", "soda"), ("cola",))
    values = [[0.9998, 0.0002]], [[0.9, 0.1]], [[0.95, 0.1]], [[0.9]], [[0.97]]
    shares, *cosines = (np.array(each, np.float32) for each in values)
    found = Evidence(np.log(shares), *cosines, np.array([3]))
    rejection = Rejection("max_probability", 0.7, margin, 0.05, 100)
    answers = answers_of(found, Rule(Fusion(1, 5, 5, 5, 5, 0, 0), rejection, None, 10, PRODUCTS_REHEARSED), columns)

    assert (answers.column_probabilities[0, [0, 2]] > 0.4).all()
    assert answers.decisions.names == ("cola",)
    assert answers.decisions.familiarity[0] == pytest.approx(answers.probabilities[0, 0])
    assert answers.decisions.wide_enough.all()


@pytest.mark.parametrize(
    ("probabilities", "right", "least"),
    [
        ([1.0] * 100, [True] * 40 + [False] * 60, NEVER),  # float32 cannot tell them apart
        ([1.0] * 100, [True] * 95 + [False] * 5, 1.0),
        ([0.9] * 50 + [0.5] * 50, [True] * 75 + [False] * 25, 0.9),
    ],
)
def test_photos_of_equal_probability_are_answered_together(
    probabilities: list[float], right: list[bool], least: float
) -> None:
    nothing = np.zeros(len(right))
    found = fit_levels(LevelEvidence(np.array(probabilities), np.array(right), nothing, nothing > 0), 0.9, ())
    assert found.product == least


def test_evidence_on_one_object_is_the_mean_over_its_photos(world: World) -> None:
    _, found = _asked(world, 4, each=1)
    joined = Evidence.mean([found.rows(slice(0, 2)), found.rows(slice(2, 3))])
    np.testing.assert_allclose(joined.photos[0], found.photos[:3].mean(axis=0), rtol=1e-5)
    assert len(joined) == 1


def test_leaving_one_out_takes_the_photo_away(world: World) -> None:
    enrolled = _enrolled(world, 3)
    skus = [_products()[each] for each in enrolled.labels]
    found = leave_one_out(enrolled, world.learnt(), References.of(skus, enrolled.vectors))
    for row in (0, 7, 20):
        rest = [each for each in range(len(skus)) if each != row]
        fewer = References.of([skus[each] for each in rest], enrolled.vectors[rest])
        own = enrolled.labels[row]
        assert found.photos[row, own] == pytest.approx(
            float((enrolled.vectors[row] @ fewer.vectors.T)[[skus[each] == skus[row] for each in rest]].max()), abs=1e-5
        )
        assert found.prototypes[row, own] == pytest.approx(
            float(enrolled.vectors[row] @ fewer.prototypes[own]), abs=1e-5
        )


def _columns(world: World) -> Columns:
    return Columns([f"class {index:02d}" for index in range(CLASSES)], _products())


def test_unknown_is_no_column() -> None:
    assert UNKNOWN < 0


def test_whitening_counts_what_differs_within_classes_less() -> None:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((30, 16))
    labels = np.repeat(np.arange(30), 8)
    noise = rng.standard_normal((240, 16)) * np.r_[np.full(4, 3.0), np.full(12, 0.3)]
    vectors = unit_rows(centres[labels] + noise)
    seen = labels < 20
    whitening = fit_whitening(vectors[seen], labels[seen])

    def nearest_is_own(rows: Floats) -> float:
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -1)
        return float((labels[~seen][cosines.argmax(axis=1)] == labels[~seen]).mean())

    assert nearest_is_own(whitening(vectors[~seen])) > nearest_is_own(vectors[~seen]) + 0.2
    np.testing.assert_allclose(np.linalg.norm(whitening(vectors), axis=1), 1, rtol=1e-5)
    again = Whitening.of_array(whitening.as_array())
    np.testing.assert_array_equal(again(vectors), whitening(vectors))
    assert whitening(vectors[:0]).shape == (0, 16)
