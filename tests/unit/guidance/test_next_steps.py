"""What comes next after an audit and after a training, by what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shelfmind.cli.wording import as_typed
from shelfmind.guidance.arguments import arguments_of, differing
from shelfmind.guidance.next_steps import (
    AFTER_AUDIT,
    AFTER_TRAINING,
    Audited,
    Trained,
    after_audit,
    after_training,
)
from shelfmind.guidance.places import unused
from shelfmind.guidance.starts import official_start, random_weights_warning, with_official_start
from shelfmind.requests.training import TrainRequest
from shelfmind.verbs import VERBS


def figures(counts: tuple[int, ...] = (40, 50), bad: int = 0, **issues: int) -> dict[str, Any]:
    files = [{"path": str(number), "reason": "truncated"} for number in range(bad)]
    return {"images": 100, "bad_files": files, "class_counts": {"train": list(counts)}, "issues": issues}


@pytest.mark.parametrize(
    ("found", "name", "command"),
    [
        (figures(bad=2, label=3), "unusable", "shelfmind prepare '商品 照片' --out '{0}/商品 照片_clean'"),
        (
            figures(bad=2, leak=3),
            "unusable",
            "shelfmind prepare '商品 照片' --audit {0}/audit --drop-leaks --out '{0}/商品 照片_clean'",
        ),
        (figures(bad=1, label=3, leak=1), "wrong_labels", "shelfmind review {0}/audit"),
        (figures(conflict=2), "wrong_labels", "shelfmind review {0}/audit"),
        (
            figures(leak=2, duplicate=1),
            "copies",
            "shelfmind prepare '商品 照片' --audit {0}/audit --drop-leaks --drop-duplicates "
            "--out '{0}/商品 照片_clean'",
        ),
        (figures((3, 200, 300), blur=4), "tail", "shelfmind recipes --for '商品 照片'"),
        (figures((5, 6, 7)), "tail", "shelfmind recipes --for '商品 照片'"),
        (figures(blur=4, odd_file=2), "train", "shelfmind train '商品 照片' --out {0}/runs/first"),
        (figures(), "train", "shelfmind train '商品 照片' --out {0}/runs/first"),
        (figures(()), "train", "shelfmind train '商品 照片' --out {0}/runs/first"),
    ],
)
def test_after_an_audit_the_most_urgent_comes_first(found: Any, name: str, command: str, tmp_path: Path) -> None:
    step = after_audit(Audited(found, Path("商品 照片"), tmp_path / "audit"))
    assert step.name == name
    assert as_typed(step.command) == command.format(tmp_path)


def test_a_format_that_was_given_is_given_again(tmp_path: Path) -> None:
    step = after_audit(Audited(figures(), Path("photos"), tmp_path / "audit", "csv"))
    assert as_typed(step.command).endswith("--format csv")


TRAINED = Trained(
    run=Path("runs/first"),
    figures={"top1": 0.8, "too_few_images": False},
    counts=(30, 40, 50),
    epochs=40,
    steps=4000,
    network="shelfnet_s",
    arguments={"data": "商品 照片", "out": "runs/first"},
    tests=True,
    from_random=True,
)
LOW = {"top1": 0.2, "too_few_images": False}


@pytest.mark.parametrize(
    ("changes", "name", "command"),
    [
        ({}, "test", "shelfmind evaluate runs/first '商品 照片' --split test"),
        ({"tests": False}, "export", "shelfmind export runs/first"),
        ({"figures": None}, "predict", "shelfmind predict runs/first NEW_PHOTOS"),
        ({"figures": {"top1": 1.0, "too_few_images": True}}, "predict", "shelfmind predict runs/first NEW_PHOTOS"),
        (
            {"arguments": {"data": "photos", "recipe": "grocery_embedding"}},
            "gallery",
            "shelfmind gallery create runs/products --run runs/first --data PRODUCTS",
        ),
        (
            {"figures": LOW, "counts": (3, 5, 200)},
            "official_start",
            "shelfmind train '商品 照片' --out runs/first_imagenet --set model.name=resnet18 --weights resnet18",
        ),
        (
            {"figures": LOW, "steps": 900},
            "longer",
            "shelfmind train '商品 照片' --out runs/first_longer --epochs 80",
        ),
        (
            {"figures": LOW, "steps": 900, "arguments": {"data": "photos", "max_minutes": 7.5}},
            "longer",
            "shelfmind train photos --max-minutes 15 --out runs/first_longer",
        ),
        (
            {"figures": LOW, "counts": (3, 5, 9), "from_random": False},
            "label_errors",
            "shelfmind find-label-errors '商品 照片' --out runs/first_labels",
        ),
        (
            {"figures": LOW},
            "label_errors",
            "shelfmind find-label-errors '商品 照片' --out runs/first_labels",
        ),
    ],
)
def test_after_a_training_what_helps_comes_first(changes: Any, name: str, command: str) -> None:
    step = after_training(replace(TRAINED, **changes))
    assert step.name == name
    assert as_typed(step.command) == command


def test_every_row_ends_in_a_verb_that_there_is() -> None:
    for step in (after_audit(Audited(figures(), Path("p"), Path("a"))), after_training(TRAINED)):
        assert as_typed(step.command).split()[1].replace("-", "_") in VERBS
    assert list(AFTER_AUDIT)[-1] == "train"
    assert list(AFTER_TRAINING)[-1] == "export"


def test_few_photos_are_told_with_the_starts_that_help() -> None:
    told = random_weights_warning((3, 4, 90), "shelfnet_s", {"data": "商品 照片", "out": "runs/b"}, None)
    assert told is not None
    typed = as_typed(told)
    assert "half of the classes have 4 training photos or fewer" in typed
    assert "shelfmind train '商品 照片' --out runs/b --set model.name=resnet18 --weights resnet18" in typed
    assert "shelfmind pretrain MORE_PHOTOS" in typed
    assert "shelfmind gallery create products --run RUN --data '商品 照片'" in typed


def test_under_the_contests_terms_only_what_they_allow_is_told() -> None:
    told = random_weights_warning((3, 4), "resnet50", {"data": "photos", "rules": "contest", "out": "b"}, "contest")
    assert told is not None
    assert "--weights resnet50" in as_typed(told)
    assert "model.name" not in as_typed(told)
    assert "pretrain" not in told
    assert "gallery" not in told


@pytest.mark.parametrize("counts", [(20, 21), (3, 20, 40), (19, 20)])
def test_enough_photos_in_the_middle_are_not_doubted(counts: tuple[int, ...]) -> None:
    assert random_weights_warning(counts, "shelfnet_s", {"data": "photos"}, None) is None


def test_another_network_drops_what_was_said_of_the_first() -> None:
    given = {"overrides": ["model.arguments={widths: [8]}", "train.lr=0.1"], "data": "photos"}
    changed = with_official_start(given, "shelfnet_s")
    assert changed == {"overrides": ["train.lr=0.1", "model.name=resnet18"], "data": "photos", "weights": "resnet18"}
    assert with_official_start({"data": "photos"}, "resnet50") == {"data": "photos", "weights": "resnet50"}
    assert official_start("se_resnext50") == "se_resnext50"
    assert official_start("mindcv:resnet50") == "resnet18"


def test_arguments_are_repeated_as_they_were_given() -> None:
    request = TrainRequest(
        data="photos", out="runs/a", max_minutes=30, overrides=("train.lr=0.1",), track="mlflow", seed=0
    )
    given = arguments_of(request)
    assert given == {"data": "photos", "out": "runs/a", "max_minutes": 30, "overrides": ["train.lr=0.1"]}
    assert differing(request.to_json()) == {"max_minutes": 30, "overrides": ["train.lr=0.1"]}


def test_a_place_is_free_beside_what_lies_there(tmp_path: Path) -> None:
    assert unused(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a_2.yaml").touch()
    assert unused(tmp_path / "a") == tmp_path / "a_2"
    assert unused(tmp_path / "a", ".yaml") == tmp_path / "a_3"
