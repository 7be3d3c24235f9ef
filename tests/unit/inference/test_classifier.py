"""Classifiers in NumPy give the logits of MindSpore's heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.inference.classifier import Classifier

WIDTH, CLASSES = 6, 5


@pytest.mark.parametrize("kind", ["linear", "cosine", "sub_centres"])
def test_logits_are_those_of_mindspore(kind: str, mindspore: Any) -> None:
    from shelfmind.exporting.export import classifier_of
    from shelfmind.models.heads import Head

    generator = np.random.default_rng(0)
    head = Head(WIDTH, CLASSES, kind)
    for parameter in head.classifier.get_parameters():
        parameter.set_data(mindspore.Tensor(generator.normal(size=parameter.shape).astype(np.float32)))
    embeddings = generator.normal(size=(7, WIDTH)).astype(np.float32)
    expected = head.classifier(mindspore.Tensor(embeddings)).asnumpy()
    found = classifier_of(head)
    np.testing.assert_allclose(found(embeddings), expected, rtol=1e-5, atol=1e-5)
    again = Classifier.of_arrays(found.as_arrays())
    np.testing.assert_array_equal(again(embeddings), found(embeddings))
