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


def test_a_short_budget_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mindspore")
    from shelfmind.guidance.situation import Machine, Photos
    from shelfmind.recipe import Recipe
    from shelfmind.training import label_check

    monkeypatch.setattr(label_check, "photos_of", lambda catalog: Photos(99, 99, 0, 20, 3, 4, 9, 600))
    monkeypatch.setattr(label_check, "machine_here", lambda *_: Machine("CPU", 2, "onednn"))
    held_out: Any = SimpleNamespace(used_folds=[0, 1, 2], trains=lambda fold: np.arange(99) % 3 != fold)
    catalog: Any = None
    assert label_check._short_budget(None, held_out, catalog, Recipe()) is None
    short = label_check._short_budget(0.5, held_out, catalog, Recipe())
    assert short is not None
    assert short.startswith("a budget of 0.5 minutes gives each of 3 folds about 0 steps")
