"""The head gives retrieval the neck's output, and metric losses what lies before it."""

from __future__ import annotations

from typing import Any

import numpy as np


def test_a_metric_loss_sees_the_embedding_before_the_neck(mindspore: Any) -> None:
    from shelfmind.models.heads import Head

    head = Head(3, 2, neck=True, neck_bias=False)
    given = mindspore.Tensor(np.random.default_rng(0).normal(3, 2, (6, 3)).astype(np.float32))
    names = [parameter.name for parameter in head.trainable_params()]
    assert names == ["neck.gamma", "classifier.weight", "classifier.bias"]
    head.set_train(True)
    after = head(given)[1].asnumpy()
    np.testing.assert_allclose(after.mean(0), 0, atol=1e-5)
    compared = Head(3, 2, neck=True, neck_bias=False).set_train(True)
    compared.before_neck = True
    logits, before = compared(given)
    np.testing.assert_array_equal(before.asnumpy(), given.asnumpy())
    np.testing.assert_allclose(logits.asnumpy(), compared.classifier(mindspore.Tensor(after)).asnumpy(), atol=1e-5)
