"""What comes next after an audit and after a training, by what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from shelfmind.cli.wording import as_typed
from shelfmind.guidance.advice import few_photos_note, recommend
from shelfmind.guidance.arguments import arguments_of, differing
from shelfmind.guidance.next_steps import (
    AFTER_AUDIT,
    AFTER_TRAINING,
    Audited,
    Evaluated,
    Trained,
    after_audit,
    after_evaluation,
    after_training,
)
from shelfmind.guidance.places import short, unused
from shelfmind.guidance.purposes import CONTEST
from shelfmind.guidance.situation import Machine, Photos, Situation
from shelfmind.guidance.starts import official_start, with_official_start
from shelfmind.requests.training import TrainRequest
from shelfmind.verbs import VERBS
from shelfmind.workflows.afterwards import _original_arguments


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
        ({**figures(), "class_counts": {"test": [3, 4]}}, "evaluate", "shelfmind evaluate RUN '商品 照片'"),
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
        (figures(()), "evaluate", "shelfmind evaluate RUN '商品 照片'"),
        (figures((40, 0)), "train", "shelfmind train '商品 照片' --out {0}/runs/first"),
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
TOO_FEW = {"top1": 0.33, "too_few_images": True, "images": 3}


@pytest.mark.parametrize(
    ("changes", "name", "command"),
    [
        ({}, "test", "shelfmind evaluate runs/first '商品 照片' --split test"),
        ({"tests": False}, "export", "shelfmind export runs/first"),
        ({"figures": None}, "predict", "shelfmind predict runs/first NEW_PHOTOS"),
        ({"figures": TOO_FEW, "steps": 741}, "predict", "shelfmind predict runs/first NEW_PHOTOS"),
        (
            {"figures": TOO_FEW, "counts": (3, 5, 9), "from_random": False},
            "more_photos",
            "shelfmind train '商品 照片' --out runs/first_more",
        ),
        (
            {"figures": TOO_FEW, "counts": (3, 5, 9), "steps": 741},
            "more_photos",
            "shelfmind train '商品 照片' --out runs/first_imagenet --set model.name=resnet18 --set train.lr=0.01 "
            "--set train.batch_size=8 --weights resnet18",
        ),
        (
            {"arguments": {"data": "photos", "recipe": "grocery_embedding"}},
            "gallery",
            "shelfmind gallery create runs/products --run runs/first --data PRODUCTS",
        ),
        (
            {"figures": LOW, "counts": (3, 5, 200)},
            "official_start",
            "shelfmind train '商品 照片' --out runs/first_imagenet --set model.name=resnet18 --set train.lr=0.01 "
            "--set train.batch_size=8 --weights resnet18",
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


@pytest.mark.parametrize("changes", [{}, {"figures": LOW}])
def test_a_format_that_was_given_for_training_is_given_again(changes: Any) -> None:
    of_folders = {**TRAINED.arguments, "format": "folder"}
    assert as_typed(after_training(replace(TRAINED, arguments=of_folders, **changes)).command).endswith(
        "--format folder"
    )


@pytest.mark.parametrize(("lists", "format"), [(1, None), (2, "folder")])
def test_after_a_resumed_training_the_format_is_given_if_it_is_not_detected(
    lists: int, format: str | None, tmp_path: Path
) -> None:
    (tmp_path / "photos" / "tea").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "tea" / "1.jpg")
    if lists == 2:
        (tmp_path / "photos" / "list.csv").write_text("path,label\ntea/1.jpg,tea\n")
    origin = {"data": {"path": str(tmp_path / "photos"), "format": "folder"}, "command": {"epochs": 3}}
    expected = {"data": str(tmp_path / "photos"), "format": format, "epochs": 3}
    assert _original_arguments(origin) == {name: value for name, value in expected.items() if value is not None}


def test_what_follows_an_output_in_the_working_directory_is_named_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    here = Path()
    low = replace(TRAINED, run=here, figures=LOW)
    embedding = {"data": "photos", "recipe": "grocery_embedding"}
    outputs = {
        after_training(low).command: "work_labels",
        after_training(replace(low, steps=900)).command: "work_longer",
        after_training(replace(TRAINED, run=here, arguments=embedding)).command: "products",
        after_evaluation(replace(EVALUATED, run=here, figures=LOW)).command: "work_labels",
        after_audit(Audited(figures(), Path("photos"), here)).command: "runs/first",
        after_audit(Audited(figures(leak=1), Path(".."), here)).command: f"{tmp_path.name}_clean",
    }
    for command, out in outputs.items():
        assert str(tmp_path / out) in as_typed(command)


def test_every_row_ends_in_a_verb_that_there_is() -> None:
    for step in (after_audit(Audited(figures(), Path("p"), Path("a"))), after_training(TRAINED)):
        assert as_typed(step.command).split()[1].replace("-", "_") in VERBS
    assert list(AFTER_AUDIT)[-1] == "train"
    assert list(AFTER_TRAINING)[-1] == "export"


def test_too_few_validation_photos_are_named_with_what_helps() -> None:
    few = after_training(replace(TRAINED, figures=TOO_FEW, counts=(3, 5, 9)))
    assert few.what.startswith("3 validation photos are too few to measure accuracy; take more photos")
    assert "too few to measure accuracy" in after_training(replace(TRAINED, figures={**TOO_FEW, "images": 1})).what


EVALUATED = Evaluated(Path("runs/first"), Path("商品 照片"), {**LOW, "top1": 0.9, "engine": "mindspore"}, False)


@pytest.mark.parametrize(
    ("changes", "name", "command"),
    [
        ({}, "export", "shelfmind export runs/first"),
        ({"figures": {**EVALUATED.figures, "engine": "onnx"}}, "use", "shelfmind predict runs/first NEW_PHOTOS"),
        ({"poorly_calibrated": True}, "calibrate", "shelfmind calibrate runs/first '商品 照片' --format csv"),
        (
            {"figures": LOW},
            "label_errors",
            "shelfmind find-label-errors '商品 照片' --out runs/first_labels --format csv",
        ),
        ({"figures": TOO_FEW}, "new_photos", "shelfmind predict runs/first NEW_PHOTOS"),
    ],
)
def test_after_an_evaluation_what_helps_comes_first(changes: Any, name: str, command: str) -> None:
    step = after_evaluation(replace(EVALUATED, format="csv", **changes))
    assert step.name == name
    assert as_typed(step.command) == command


def situation(typical: int, **changes: Any) -> Situation:
    photos = Photos(99, 99, 20, 12, 3, typical, 90, 600)
    return replace(Situation(Path("商品 照片"), photos, Machine("CPU", 2, "onednn")), **changes)


def test_few_photos_are_told_with_the_commands_of_the_recommendation() -> None:
    told = few_photos_note(situation(4), Path("runs/b"), {"seed": 5})
    assert told is not None
    first, *commands = as_typed(told).splitlines()
    assert first == "half of the classes have 4 training photos or fewer, too few for random weights. Start instead:"
    recommended = recommend(situation(4), Path("runs/b"))
    assert recommended.second is not None
    assert len(commands) == 3
    assert commands[0].endswith(f"{as_typed(recommended.first.command)} --seed 5")
    assert "--set train.batch_size=8 --weights generated" in commands[0]
    other = next(why for subject, why in recommended.first.reasons if subject == "other weights")
    assert commands[1].rpartition(": ")[2] == f"{as_typed(other).rpartition(': ')[2]} --seed 5"
    assert "--set train.lr=0.01 --set train.batch_size=8 --weights resnet18" in commands[1]
    assert commands[2].endswith(as_typed(recommended.second.command))


def test_under_the_contests_terms_only_what_they_allow_is_told() -> None:
    told = few_photos_note(situation(4, purpose=CONTEST), Path("b"), {})
    assert told is not None
    (command,) = as_typed(told).splitlines()[1:]
    assert "--weights resnet18" in command
    assert "--rules contest" in command


@pytest.mark.parametrize("typical", [20, 400])
def test_enough_photos_in_the_middle_are_not_doubted(typical: int) -> None:
    assert few_photos_note(situation(typical), Path("b"), {}) is None


def test_another_network_drops_what_was_said_of_the_first() -> None:
    given = {"overrides": ["model.arguments={widths: [8]}", "train.lr=0.1", "train.amp=true"], "data": "photos"}
    changed = with_official_start(given, "shelfnet_s", 1000)
    overrides = ["train.amp=true", "model.name=resnet18", "train.lr=0.01"]
    assert changed == {"overrides": overrides, "data": "photos", "weights": "resnet18"}
    assert with_official_start({"data": "photos"}, "resnet50", 100) == {
        "overrides": ["train.lr=0.01", "train.batch_size=8"],
        "data": "photos",
        "weights": "resnet50",
    }
    assert official_start("se_resnext50") == "se_resnext50"
    assert official_start("mindcv:resnet50") == "resnet18"


def test_arguments_are_repeated_as_they_were_given() -> None:
    request = TrainRequest(
        data="photos", out="runs/a", max_minutes=30, overrides=("train.lr=0.1",), track="mlflow", seed=0
    )
    given = arguments_of(request)
    assert given == {"data": "photos", "out": "runs/a", "max_minutes": 30, "overrides": ["train.lr=0.1"]}
    assert differing(request.to_json()) == {"max_minutes": 30, "overrides": ["train.lr=0.1"]}


def test_paths_within_the_working_directory_are_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short(tmp_path / "photos") == short(Path("photos")) == Path("photos")
    assert short(tmp_path.parent) == tmp_path.parent
    assert short(tmp_path) == tmp_path


def test_a_place_is_free_beside_what_lies_there(tmp_path: Path) -> None:
    assert unused(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a").mkdir()
    (tmp_path / "a_2.yaml").touch()
    assert unused(tmp_path / "a") == tmp_path / "a_2"
    assert unused(tmp_path / "a", ".yaml") == tmp_path / "a_3"
