"""Every loss of the table: equal to a NumPy reference, finite at extreme logits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.recipe import LossRecipe


def reference(logits: np.ndarray, targets: np.ndarray, smoothing: float) -> float:
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(1, keepdims=True)
    log_probabilities = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    smoothed = targets * (1 - smoothing) + smoothing / targets.shape[1]
    return float(-(smoothed * log_probabilities).sum(1).mean())


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy(smoothing: float, scale: float, mindspore: Any) -> None:
    from shelfmind.losses import LOSSES, build_loss

    assert sorted(LOSSES) == ["cross_entropy"]
    generator = np.random.default_rng(0)
    logits = (generator.normal(size=(5, 4)) * scale).astype(np.float32)
    targets = generator.dirichlet(np.ones(4), 5).astype(np.float32)
    loss = build_loss(LossRecipe(label_smoothing=smoothing))
    value, gradient = mindspore.value_and_grad(loss, 0)(mindspore.Tensor(logits), mindspore.Tensor(targets))
    assert float(value.asnumpy()) == pytest.approx(reference(logits, targets, smoothing), rel=1e-5)
    assert np.isfinite(gradient.asnumpy()).all()
