"""What the training verbs take, and what they refuse before anything is loaded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from shelfmind.cli.wording import as_typed
from shelfmind.errors import UserError
from shelfmind.recipe import Recipe, Stage, TrainRecipe
from shelfmind.requests.improving import FixresRequest, SoupRequest, TuneRequest
from shelfmind.requests.label_checking import FindLabelErrorsRequest
from shelfmind.requests.training import PretrainRequest, TrainRequest


def new(**values: Any) -> TrainRequest:
    return TrainRequest(**{"data": "photos", "out": "run", **values})


@pytest.mark.parametrize("given", [{}, {"epochs": 1}, {"max_minutes": 0.5}])
def test_one_length_or_none(given: dict[str, Any]) -> None:
    assert new(**given).run == Path("run")


@pytest.mark.parametrize("kind", ["train", "tune", "fixres"])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 3, "max_minutes": 5}, "epochs and max_minutes cannot be combined"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"max_minutes": 0}, "max_minutes must be greater than 0, got 0"),
        ({"max_minutes": -1}, "max_minutes must be greater than 0, got -1"),
        ({"max_minutes": math.nan}, "max_minutes must be a finite number, got nan"),
        ({"max_minutes": math.inf}, "max_minutes must be a finite number, got inf"),
    ],
)
def test_a_length_that_cannot_be(kind: str, given: dict[str, Any], said: str) -> None:
    make = {
        "train": new,
        "tune": lambda **values: TuneRequest(data="photos", out="search", **values),
        "fixres": lambda **values: FixresRequest(run="run", out="other", resolutions=(96,), **values),
    }[kind]
    with pytest.raises(UserError, match=said):
        make(**given)


def test_epochs_weights_and_overrides_change_the_recipe() -> None:
    settings = new(epochs=3, weights=Path("runs/first"), overrides=("train.lr=0.5",)).settings
    assert (settings.train.epochs, settings.train.lr, settings.model.weights) == (3, 0.5, "runs/first")
    own = Recipe()
    assert new(recipe=own).settings == own
    with pytest.raises(UserError, match="overrides need the name of a recipe"):
        new(recipe=own, overrides=("train.lr=0.5",))


def test_a_recipe_that_cannot_be_is_refused_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did you mean epochs"):
        TrainRequest(data=tmp_path, out=tmp_path / "run", overrides=("train.epoch=3",)).require_inputs()
    with pytest.raises(UserError, match="no such file or folder"):
        new(data=tmp_path / "missing").require_inputs()


def test_the_last_stage_has_the_image_size_of_the_recipe(tmp_path: Path) -> None:
    """Otherwise the image size would change nothing, whoever sets it."""
    for size in (64, 160):
        with pytest.raises(UserError) as error:
            new(data=tmp_path, overrides=(f"data.image_size={size}",)).require_inputs()
        assert as_typed(error.value.message, TrainRequest) == (
            f"data.image_size is {size}, but the last of train.stages is 112; give both the same size, or train at "
            "data.image_size throughout with --set train.stages='[]'"
        )
    new(data=tmp_path, overrides=("data.image_size=160", "train.stages=[]")).require_inputs()
    whole = Recipe(train=TrainRecipe(stages=(Stage(image_size=64, share=1),)))
    with pytest.raises(UserError, match=r"the last of train\.stages is 64"):
        _ = new(recipe=whole).settings


def test_data_and_out_or_a_run_to_go_on_with() -> None:
    for lacking in ({}, {"data": "photos"}, {"out": "run"}):
        with pytest.raises(UserError, match="train needs data and out, or resume and a run"):
            TrainRequest(**lacking)
    with pytest.raises(UserError) as error:
        PretrainRequest()
    assert as_typed(error.value.message, PretrainRequest) == "pretrain needs DATA and --out, or --resume and a run"


def test_a_run_goes_on_as_it_began() -> None:
    assert TrainRequest(resume="run", track="tensorboard, mlflow").track == ("tensorboard", "mlflow")
    for other in ({"seed": 1}, {"data": "photos"}, {"epochs": 2, "out": "run"}):
        with pytest.raises(UserError, match="resume keeps the original arguments of the run and excludes"):
            TrainRequest(resume="run", **other)
    with pytest.raises(UserError) as error:
        TrainRequest(resume="run", data="photos")
    assert (
        as_typed(error.value.message, TrainRequest)
        == "--resume keeps the original arguments of the run and excludes DATA"
    )


def test_after_ctrl_c_a_run_that_has_begun_is_gone_on_with(tmp_path: Path) -> None:
    request = new(out=tmp_path)
    assert request.advice_when_stopped() is None
    (tmp_path / "recipe.yaml").touch()
    early = request.advice_when_stopped()
    assert early is not None
    assert as_typed(early, TrainRequest).startswith("there is no checkpoint yet. Start from the beginning with: ")
    (tmp_path / "state.ckpt").touch()
    advice = request.advice_when_stopped()
    assert advice is not None
    assert as_typed(advice, TrainRequest).endswith(f"Resume with: shelfmind train --resume {tmp_path}")


def test_what_is_recorded_is_what_decides(tmp_path: Path) -> None:
    record = new(recipe=Recipe(), seed=3, track="mlflow", split_of=tmp_path).to_json()
    assert record["recipe"] == "a Recipe"
    assert (record["seed"], record["split_of"]) == (3, str(tmp_path))
    assert not {"data", "out", "resume", "track", "format"} & set(record)


def test_pretraining_takes_the_recipe_that_fits_what_is_learnt(tmp_path: Path) -> None:
    (tmp_path / "broader.csv").write_text("class,broader\na,b\n")
    without = PretrainRequest(data=tmp_path, out=tmp_path / "run", weights="some.ckpt")
    assert (without.settings.train.task, without.settings.model.weights) == ("simsiam", "some.ckpt")
    broader = PretrainRequest(data=tmp_path, out=tmp_path / "run", broader=tmp_path / "broader.csv")
    assert broader.settings.train.task == "classify"
    broader.require_inputs()
    with pytest.raises(UserError, match="broader provides labels, but the task simsiam uses none"):
        broader.model_copy(update={"recipe": "pretrain"}).require_inputs()


def test_a_search_space_is_a_mapping_or_a_file_of_one(tmp_path: Path) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("train.lr: [0.1, 0.2]\n")
    for given in (space, str(space), {"train.lr": [0.1, 0.2]}):
        assert TuneRequest(data="photos", out="search", space=given).space == {"train.lr": [0.1, 0.2]}
    space.write_text("- a\n")
    with pytest.raises(UserError, match="must map recipe keys to choices or ranges"):
        TuneRequest(data="photos", out="search", space=space)
    with pytest.raises(UserError, match="cannot be read"):
        TuneRequest(data="photos", out="search", space=tmp_path / "missing.yaml")


def test_image_sizes_and_kinds_of_soup() -> None:
    assert FixresRequest(run="run", out="other", resolutions="96, 112").resolutions == (96, 112)
    assert FixresRequest(run="run", out="other", resolutions=96).resolutions == (96,)
    with pytest.raises(UserError, match=r"resolutions must be sizes such as 224,256,288, got 'big'"):
        FixresRequest(run="run", out="other", resolutions="big")
    with pytest.raises(UserError, match="did you mean greedy"):
        SoupRequest(run="run", out="soup", kind="gready")


def test_a_label_check_needs_two_folds() -> None:
    with pytest.raises(UserError, match="folds must be at least 2, got 1"):
        FindLabelErrorsRequest(data="photos", out="labels", folds=1)
