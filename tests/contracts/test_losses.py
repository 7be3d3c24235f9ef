"""Every loss of the table equals a NumPy reference written from its paper, and stays finite at extreme logits."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.recipe import COSINE_SCALE, LossRecipe, parse_recipe

CLASSES = 4
COUNTS = np.array([400, 60, 9, 1])
EMBEDDINGS = np.random.default_rng(7).normal(size=(8, 5)).astype(np.float32)
Reference = Callable[[np.ndarray, np.ndarray], float]


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))


def entropies(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.asarray(-(targets * log_softmax(logits)).sum(1))


def effective(beta: float) -> np.ndarray:
    weights = (1 - beta) / (1 - beta**COUNTS)
    return np.asarray(weights / np.average(weights, weights=COUNTS))


def focal(logits: np.ndarray, targets: np.ndarray) -> float:
    log_p = log_softmax(logits)
    return float(-(targets * (1 - np.exp(log_p)) ** 2 * log_p).sum(1).mean())


def ldam(logits: np.ndarray, targets: np.ndarray) -> float:
    margins = 0.5 * COUNTS**-0.25 / (COUNTS**-0.25).max()
    moved = 30 * (logits / COSINE_SCALE - targets * margins)
    return float(((targets @ effective(0.9999)) * entropies(moved, targets)).mean())


def arcface(logits: np.ndarray, targets: np.ndarray, margin: float = 0.5) -> float:
    cosines = np.clip(logits / COSINE_SCALE, -1, 1)
    angles = np.arccos(cosines)
    turned = np.where(angles + margin <= math.pi, np.cos(angles + margin), cosines - margin * math.sin(margin))
    return float(entropies(30 * np.where(targets > 0, turned, cosines), targets).mean())


def proxy_anchor(logits: np.ndarray, targets: np.ndarray) -> float:
    """Loops over proxies and images, as the paper's sums are written."""
    cosines = np.clip(logits / COSINE_SCALE, -1, 1)
    pulls, pushes = [], []
    for proxy in range(CLASSES):
        of_class = [cosine for cosine, row in zip(cosines[:, proxy], targets, strict=True) if row[proxy] == 1]
        others = [cosine for cosine, row in zip(cosines[:, proxy], targets, strict=True) if row[proxy] == 0]
        if of_class:
            pulls.append(math.log(1 + sum(math.exp(-32 * (cosine - 0.1)) for cosine in of_class)))
        pushes.append(math.log(1 + sum(math.exp(32 * (cosine + 0.1)) for cosine in others)))
    return sum(pulls) / len(pulls) + sum(pushes) / len(pushes)


def supervised_contrast(embeddings: np.ndarray, labels: np.ndarray, temperature: float = 0.1) -> float:
    """Loops over anchors and positives, as the paper's sums are written."""
    units = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    losses = []
    for anchor, vector in enumerate(units):
        others = [other for other in range(len(units)) if other != anchor]
        candidates = sum(math.exp(vector @ units[other] / temperature) for other in others)
        same = [other for other in others if labels[other] == labels[anchor]]
        terms = [math.log(math.exp(vector @ units[other] / temperature) / candidates) for other in same]
        losses += [-sum(terms) / len(terms)] if terms else []
    return sum(losses) / len(losses)


REFERENCES: dict[str, Reference] = {
    "cross_entropy": lambda logits, targets: float(entropies(logits, targets).mean()),
    "focal": focal,
    "class_balanced": lambda logits, targets: float(((targets @ effective(0.999)) * entropies(logits, targets)).mean()),
    "balanced_softmax": lambda logits, targets: float(entropies(logits + np.log(COUNTS), targets).mean()),
    "ldam": ldam,
    "arcface": arcface,
    "proxy_anchor": proxy_anchor,
    "supervised_contrastive": lambda logits, targets: float(
        entropies(logits, targets).mean() + supervised_contrast(EMBEDDINGS.astype(np.float64), targets.argmax(1))
    ),
    "generalised_cross_entropy": lambda logits, targets: float(
        (targets * (1 - np.exp(log_softmax(logits)) ** 0.7) / 0.7).sum(1).mean()
    ),
}


def batch(scale: float, soft: bool) -> tuple[np.ndarray, np.ndarray]:
    """Logits within +-scale and targets; with hard ones every class comes up."""
    generator = np.random.default_rng(0)
    logits = generator.uniform(-scale, scale, (8, CLASSES)).astype(np.float32)
    hard = np.eye(CLASSES, dtype=np.float32)[np.arange(8) % CLASSES]
    return logits, generator.dirichlet(np.ones(CLASSES), 8).astype(np.float32) if soft else hard


@cache
def graph(recipe: str) -> Any:
    """The loss of a recipe and its gradient by logits, compiled once for all tests of it."""
    import mindspore

    from shelfmind.losses import build_loss

    return mindspore.value_and_grad(build_loss(LossRecipe.model_validate_json(recipe), COUNTS), 0)


def measured(recipe: LossRecipe, logits: np.ndarray, targets: np.ndarray, progress: float, ms: Any) -> Any:
    inputs = ms.Tensor(logits), ms.Tensor(EMBEDDINGS), ms.Tensor(targets), ms.Tensor(np.float32(progress))
    value, gradient = graph(recipe.model_dump_json())(*inputs)
    return float(value.asnumpy()), gradient.asnumpy()


def test_the_table_is_what_is_tested(mindspore: Any) -> None:
    from shelfmind.losses import LOSSES

    assert sorted(LOSSES) == sorted(REFERENCES)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_values_and_gradients_are_those_of_the_papers(name: str, smoothing: float, mindspore: Any) -> None:
    from shelfmind.losses import LOSSES

    if smoothing and not LOSSES[name].smoothing:
        return  # refused with a recipe
    for soft in (False, True) if LOSSES[name].soft_targets else (False,):
        logits, targets = batch(10.0, soft)
        if smoothing and name in ("ldam", "arcface"):
            continue  # the margin belongs to the unsmoothed target: below
        smoothed = targets * (1 - smoothing) + smoothing / CLASSES
        weights_of_smoothed = name == "class_balanced" and smoothing > 0
        if weights_of_smoothed:
            expected = float(((targets @ effective(0.999)) * entropies(logits, smoothed)).mean())
        else:
            expected = REFERENCES[name](logits.astype(np.float64), smoothed)
        value, gradient = measured(LossRecipe(name=name, label_smoothing=smoothing), logits, targets, 1.0, mindspore)
        assert value == pytest.approx(expected, rel=1e-4)
        if not smoothing:
            nudge = np.random.default_rng(1).normal(size=logits.shape)
            reference = REFERENCES[name]
            slope = (reference(logits + 1e-4 * nudge, targets) - reference(logits - 1e-4 * nudge, targets)) / 2e-4
            assert float((gradient * nudge).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize("name", ["ldam", "arcface"])
def test_smoothing_spreads_the_target_but_not_the_margin(name: str, mindspore: Any) -> None:
    logits, targets = batch(10.0, soft=False)
    values = [
        measured(LossRecipe(name=name, label_smoothing=smoothing), logits, targets, 0.0, mindspore)[0]
        for smoothing in (0.0, 0.2, 0.4)
    ]
    assert values[2] - values[1] == pytest.approx(values[1] - values[0], rel=1e-3)  # linear in the smoothing
    assert abs(values[1] - values[0]) > 1e-3


@pytest.mark.parametrize("scale", [0.0, 1e4, 1e30])
@pytest.mark.parametrize("name", sorted(REFERENCES))
def test_everything_stays_finite_at_extreme_logits(name: str, scale: float, mindspore: Any) -> None:
    logits, targets = batch(scale, soft=False)
    value, gradient = measured(LossRecipe(name=name), logits, targets, 1.0, mindspore)
    assert math.isfinite(value) or scale > 1e20  # a loss of 1e30 itself is finite, its sum need not be
    assert np.isfinite(gradient).all()


def test_a_margin_may_grow(mindspore: Any) -> None:
    logits, targets = batch(10.0, soft=False)
    recipe = LossRecipe(name="arcface", label_smoothing=0, arguments={"ramp": 0.4})
    for progress, margin in ((0.0, 0.0), (0.1, 0.125), (0.4, 0.5), (1.0, 0.5)):
        value = measured(recipe, logits, targets, progress, mindspore)[0]
        assert value == pytest.approx(arcface(logits.astype(np.float64), targets, margin), rel=1e-4)


def test_proxies_of_classes_that_are_not_in_the_batch_only_push(mindspore: Any) -> None:
    logits, _ = batch(10.0, soft=False)
    targets = np.eye(CLASSES, dtype=np.float32)[[0, 0, 2, 2, 0, 2, 0, 2]]
    recipe = LossRecipe(name="proxy_anchor", label_smoothing=0)
    value, gradient = measured(recipe, logits, targets, 0.0, mindspore)
    assert value == pytest.approx(proxy_anchor(logits.astype(np.float64), targets), rel=1e-4)
    assert (gradient[:, [1, 3]] > 0).all()  # falls with every cosine to a class that is not there


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 1, 1, 2, 3, 3]], ids=["pairs", "one alone"])
def test_embeddings_are_drawn_to_those_of_their_class(labels: list[int], mindspore: Any) -> None:
    from shelfmind.losses import build_loss

    logits, targets = batch(10.0, soft=False)[0], np.eye(CLASSES, dtype=np.float32)[labels]
    arguments = {"weight": 0.5, "temperature": 0.2}
    loss = build_loss(LossRecipe(name="supervised_contrastive", label_smoothing=0, arguments=arguments), COUNTS)
    told = float(entropies(logits.astype(np.float64), targets).mean())
    inputs = mindspore.Tensor(logits), mindspore.Tensor(targets), mindspore.Tensor(np.float32(0))
    by_embeddings = mindspore.value_and_grad(loss, 1)
    for scale in (1.0, 0.0, 1e18):  # the length of an embedding does not matter, and may be 0
        value, gradient = by_embeddings(inputs[0], mindspore.Tensor(EMBEDDINGS * np.float32(scale)), *inputs[1:])
        assert np.isfinite(gradient.asnumpy()).all()
        if scale == 1.0:
            assert float(value.asnumpy()) == pytest.approx(
                told + 0.5 * supervised_contrast(EMBEDDINGS, labels, 0.2), rel=1e-4
            )
            nudge = np.random.default_rng(1).normal(size=EMBEDDINGS.shape)
            near = [supervised_contrast(EMBEDDINGS + step * nudge, labels, 0.2) for step in (1e-4, -1e-4)]
            slope = 0.5 * (near[0] - near[1]) / 2e-4
            assert float((gradient.asnumpy() * nudge).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-5)


def test_a_batch_without_two_of_a_class_has_nothing_to_compare(mindspore: Any) -> None:
    from shelfmind.losses import build_loss

    loss = build_loss(LossRecipe(name="supervised_contrastive", label_smoothing=0), COUNTS)
    logits, targets = batch(10.0, soft=False)
    alone = [mindspore.Tensor(each[:CLASSES]) for each in (logits, EMBEDDINGS, targets)]
    value = float(loss(*alone, mindspore.Tensor(np.float32(0))).asnumpy())
    assert value == pytest.approx(float(entropies(logits[:CLASSES], targets[:CLASSES]).mean()), rel=1e-5)


@pytest.mark.parametrize("name", ["class_balanced", "ldam"])
def test_re_weighting_may_be_deferred(name: str, mindspore: Any) -> None:
    logits, targets = batch(10.0, soft=False)
    recipe = LossRecipe(name=name, label_smoothing=0, arguments={"weighted_from": 0.5})
    before, after = (measured(recipe, logits, targets, progress, mindspore)[0] for progress in (0.49, 0.5))
    assert before != pytest.approx(after, rel=1e-2)
    assert after == pytest.approx(REFERENCES[name](logits.astype(np.float64), targets), rel=1e-4)
    if name == "class_balanced":
        assert before == pytest.approx(REFERENCES["cross_entropy"](logits.astype(np.float64), targets), rel=1e-5)


def test_generalised_cross_entropy_lies_between_its_ends(mindspore: Any) -> None:
    logits, targets = batch(3.0, soft=False)
    near_zero, one = (
        measured(
            LossRecipe(name="generalised_cross_entropy", label_smoothing=0, arguments={"exponent": exponent}),
            logits,
            targets,
            0.0,
            mindspore,
        )[0]
        for exponent in (1e-3, 1.0)
    )
    assert near_zero == pytest.approx(REFERENCES["cross_entropy"](logits.astype(np.float64), targets), rel=1e-2)
    absolute_error = (1 - (targets * np.exp(log_softmax(logits.astype(np.float64)))).sum(1)).mean()
    assert one == pytest.approx(absolute_error, rel=1e-4)


@pytest.mark.parametrize(("weight", "temperature"), [(1.0, 1.0), (0.3, 4.0)])
def test_what_teachers_say_is_learnt_besides_the_loss_of_the_labels(
    weight: float, temperature: float, mindspore: Any
) -> None:
    from shelfmind.losses import build_loss, distilled

    logits, targets = batch(10.0, soft=True)
    answers = np.random.default_rng(3).dirichlet(np.ones(CLASSES), 8).astype(np.float32)

    def reference(logits: np.ndarray) -> float:
        lesson = temperature**2 * entropies(logits / temperature, answers).mean()
        return float((1 - weight) * entropies(logits, targets).mean() + weight * lesson)

    own = build_loss(LossRecipe(label_smoothing=0), COUNTS)
    both = mindspore.Tensor(np.stack([targets, answers], axis=1))
    loss = distilled(own, weight, temperature)
    value, gradient = mindspore.value_and_grad(loss, 0)(
        mindspore.Tensor(logits), mindspore.Tensor(EMBEDDINGS), both, mindspore.Tensor(np.float32(0))
    )
    assert float(value.asnumpy()) == pytest.approx(reference(logits.astype(np.float64)), rel=1e-4)
    nudge = np.random.default_rng(1).normal(size=logits.shape)
    slope = (reference(logits + 1e-4 * nudge) - reference(logits - 1e-4 * nudge)) / 2e-4
    assert float((gradient.asnumpy() * nudge).sum()) == pytest.approx(slope, rel=2e-3, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("cross_entropi", {}, "did you mean cross_entropy"),
        ("focal", {"gama": 2}, "loss focal: .*'gama'"),
        ("focal", {"gamma": -1}, "gamma must be at least 0, got -1"),
        ("arcface", {"margin": 2}, "margin must be an angle below pi / 2"),
        ("arcface", {"ramp": 1.5}, "ramp must lie in"),
        ("proxy_anchor", {"sharpness": 0}, "sharpness must be greater than 0"),
        ("supervised_contrastive", {"temperature": 0}, "temperature must be greater than 0"),
        ("ldam", {"scale": 0}, "scale must be greater than 0"),
        ("class_balanced", {"beta": 1}, "beta must lie in"),
        ("generalised_cross_entropy", {"exponent": 0}, "exponent must lie in"),
    ],
)
def test_mistakes_are_named(name: str, arguments: dict[str, Any], said: str, mindspore: Any) -> None:
    from shelfmind.losses import build_loss

    with pytest.raises(UserError, match=said):
        build_loss(parse_recipe({"loss": {"name": name, "arguments": arguments}}, "own").loss, COUNTS)
