"""A label check names the classes whose wrong labels it can hardly find."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest


def test_classes_of_which_nothing_was_recognised_are_named() -> None:
    pytest.importorskip("mindspore")
    from shelfmind.training.label_check import _unrecognised_classes

    ids = np.array([0] * 6 + [1] * 5 + [2] * 4 + [3] * 6 + [-1])
    right = np.array([True] + [False] * 5 + [False] * 5 + [False] * 4 + [False] * 6 + [False])
    checked = np.ones(len(ids), np.bool_)
    checked[ids == 3] = False
    labels: Any = SimpleNamespace(checked=checked, right=right)
    held_out: Any = SimpleNamespace(labels=np.append(ids, [0, 1]), class_names=("a", "b", "c", "d"))
    assert _unrecognised_classes(labels, held_out) == [1]
