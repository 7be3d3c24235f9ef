"""Weights of drawn shelves that come with shelfmind: what they are, and what they fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.machine.checksums import file_sha256

MOST_BYTES = 10_000_000


def test_each_file_is_small_and_the_one_that_its_record_tells_of(mindspore: Any) -> None:
    from shelfmind.models.generated import FOLDER, find_generated, generated_models

    assert generated_models() == ["shelfnet_s"]
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= MOST_BYTES
    for model in generated_models():
        record = json.loads((FOLDER / f"{model}.json").read_text(encoding="utf-8"))
        assert record["sha256"] == file_sha256(find_generated(model))
        assert record["drawn"]["classes"] == record["classes"] >= 10_000
        assert record["recipe"]["model"]["name"] == model
        assert not any("/" in font["file"] for font in record["fonts"])  # no place of the machine that drew them


def test_advice_names_them_as_the_option_does(mindspore: Any) -> None:
    from shelfmind.guidance.starts import GENERATED
    from shelfmind.models.generated import NAME

    assert GENERATED == NAME


def test_a_network_takes_all_of_them_but_the_classifier(mindspore: Any) -> None:
    from shelfmind.models import create_model
    from shelfmind.models.generated import NAME

    drawn, random = (create_model("shelfnet_s", 3, seed=1, weights=weights) for weights in (NAME, None))
    same = []
    for ours, theirs in zip(drawn.get_parameters(), random.get_parameters(), strict=True):
        values = ours.asnumpy()
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        if np.array_equal(values, theirs.asnumpy()):
            same.append(ours.name)
    assert same == ["head.classifier.weight", "head.classifier.bias"]


def test_a_network_without_any_is_told_which_have_them(mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match="no generated weights for resnet18, only for shelfnet_s"):
        create_model("resnet18", 3, weights="generated")
    with pytest.raises(UserError, match=r"stem.*shape"):
        create_model("shelfnet_s", 3, weights="generated", widths=(8, 8, 8, 8))


def test_where_they_come_from_is_recorded_and_the_contest_does_not_take_them(mindspore: Any) -> None:
    from shelfmind.models import read_start
    from shelfmind.records import Catalog
    from shelfmind.runs.provenance import describe_weights
    from shelfmind.runs.rules import require_rules

    weights = describe_weights(read_start("generated", "shelfnet_s"))
    assert weights["origin"] == "generated"
    catalog = Catalog(root=Path("nowhere"), format="folder", class_names=("a", "b"), samples=())
    with pytest.raises(UserError, match=r"contest rule 2.*trained on synthetic photos"):
        require_rules("contest", catalog, weights)
    require_rules(None, catalog, weights)
