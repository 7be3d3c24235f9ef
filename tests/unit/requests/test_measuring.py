"""What the measuring verbs take, and what they refuse before anything is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shelfmind.cli.wording import as_typed
from shelfmind.errors import UserError
from shelfmind.requests.auditing import AuditRequest
from shelfmind.requests.galleries import GalleryAddRequest
from shelfmind.requests.measuring import (
    CalibrateRequest,
    EmbedRequest,
    EvaluateRequest,
    ExplainRequest,
    PredictRequest,
)
from shelfmind.requests.request import Request


def test_one_run_or_several() -> None:
    one = EvaluateRequest(runs="first", data="photos", tta="flip,none")
    assert (one.runs, one.results, one.tta) == ((Path("first"),), Path("first"), ("flip",))
    several = EvaluateRequest(runs=["a", "b"], data="photos", out="together")
    assert (several.runs, several.results) == ((Path("a"), Path("b")), Path("together"))


@pytest.mark.parametrize(
    ("runs", "others", "said"),
    [
        (["a", "b"], {}, "several runs need --out"),
        (["a", "b"], {"out": "c", "logit_adjust": 1}, "cannot be combined with --logit-adjust"),
        (["a"], {"out": "c"}, "--out is for several runs"),
        ([], {}, "RUN... must have at least 1 entry, got []"),
    ],
)
def test_results_of_several_runs_need_a_folder(runs: list[str], others: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        EvaluateRequest(runs=runs, data="photos", **others)
    assert said in as_typed(error.value.message, EvaluateRequest)


@pytest.mark.parametrize(
    ("request_type", "given"),
    [
        (PredictRequest, {"run": "r", "paths": "a.jpg"}),
        (EmbedRequest, {"run": "r", "paths": "a.jpg", "out": "a.parquet"}),
        (AuditRequest, {"data": "photos", "out": "audit"}),
        (GalleryAddRequest, {"gallery": "g", "data": "photos"}),
    ],
)
def test_workers_need_a_cluster(request_type: type[Request], given: dict[str, object]) -> None:
    with pytest.raises(UserError, match="workers needs ray, the cluster that they work on"):
        request_type(**given, workers=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "--ray needs --out, the file that the parts are joined to"),
        (
            {"out": "a.csv", "gallery": "g", "together": True},
            "--together is for a few photos of one object and excludes",
        ),
    ],
)
def test_predictions_of_a_cluster_are_rows_of_a_file(given: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as error:
        PredictRequest(run="r", paths="a.jpg", ray="auto", **given)
    assert said in as_typed(error.value.message, PredictRequest)


def test_a_run_that_is_none_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        PredictRequest(run=tmp_path / "missing", paths="a.jpg").require_inputs()
    assert f"create one with: shelfmind train DATA --out {tmp_path / 'missing'}" in as_typed(error.value.message)
    with pytest.raises(UserError, match=r"is not a run folder: it has no recipe\.yaml"):
        ExplainRequest(run=tmp_path, paths=["a.jpg"], out="page").require_inputs()


@pytest.mark.parametrize("image", [np.zeros((4, 4, 3), np.uint8), Image.new("RGB", (4, 4))])
def test_images_themselves_are_refused_with_what_takes_them(image: object) -> None:
    for paths in (image, [image], ["a.jpg", image]):
        with pytest.raises(UserError, match=r"use shelfmind\.load\(run\)\.predict"):
            PredictRequest(run="run", paths=paths)


def test_one_image_or_many() -> None:
    assert PredictRequest(run="run", paths="a.jpg").paths == ("a.jpg",)
    with pytest.raises(UserError, match="top must be at least 1, got 0"):
        PredictRequest(run="run", paths=["a.jpg"], top=0)


def test_a_file_that_is_not_there_is_made_by_an_export_and_a_folder_by_a_training(tmp_path: Path) -> None:
    for name, how in (("shelf.openvino", r"export\(run=RUN, format='openvino'"), ("run", r"train\(")):
        with pytest.raises(UserError, match=rf"there is no (file|run).*{name}; create (one|it) with: .*{how}"):
            PredictRequest(run=tmp_path / name, paths=("a",)).require_inputs()


def test_a_file_where_only_a_run_will_do_is_called_one(tmp_path: Path) -> None:
    file = tmp_path / "shelf.onnx"
    file.touch()
    with pytest.raises(UserError, match=r"shelf\.onnx is a file, but a run folder is needed"):
        CalibrateRequest(run=file, data=tmp_path).require_inputs()
