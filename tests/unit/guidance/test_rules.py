"""Which recipe suits which situation: the table of rules, on numbers alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shelfmind.cli.wording import as_typed
from shelfmind.errors import UserError
from shelfmind.guidance.advice import advice_json, recommend, recommendation_json
from shelfmind.guidance.purposes import PURPOSES
from shelfmind.guidance.recipe_file import command_of, recipe_file
from shelfmind.guidance.rules import RULES, ranked
from shelfmind.guidance.situation import Machine, Photos, Situation
from shelfmind.guidance.speeds import milliseconds, training_minutes
from shelfmind.model_facts import list_models
from shelfmind.recipe import load_recipe, recipe_names
from shelfmind.requests.galleries import GalleryCreateRequest
from shelfmind.requests.training import TrainRequest

GROCERY = Photos(2936, 2640, 296, 81, smallest=16, typical=30, largest=70, longer_side=348)
SIX = Photos(30, 24, 3, 6, smallest=3, typical=4, largest=5, longer_side=212)
RP2K = Photos(384_311, 310_000, 34_000, 2388, smallest=1, typical=60, largest=9600, longer_side=300)
TAIL = replace(GROCERY, smallest=3, largest=300)
SMALL = replace(GROCERY, longer_side=90)
CPU, GPU = Machine("CPU", 2, "onednn_bf16"), Machine("GPU", 16, "mindspore")
SLOW = Machine("CPU", 2, "mindspore", pace=0.5)
OUT = Path("runs/first")


def situation(photos: Photos, machine: Machine = CPU, **more: Any) -> Situation:
    return Situation(Path("商品 照片"), photos, machine, **more)


@pytest.mark.parametrize(
    ("given", "best", "runner_up"),
    [
        (situation(GROCERY), "thorough", "imagenet"),
        (situation(GROCERY, minutes=60), "thorough", "imagenet"),
        (situation(GROCERY, SLOW, minutes=20), "short", "longer"),
        (situation(GROCERY, SLOW, minutes=4), "quickest", "longer"),
        (situation(GROCERY, minutes=0.1), "quickest", "longer"),
        (situation(SMALL), "short", "imagenet"),
        (situation(TAIL), "thorough", "balanced"),
        (situation(GROCERY, purpose="changing"), "embedding", "supervised_contrast"),
        (situation(GROCERY, purpose="contest"), "thorough", "deep"),
        (situation(RP2K, GPU, purpose="contest"), "deep", "balanced"),
        (situation(RP2K, GPU), "deep", "balanced"),
        (situation(RP2K), "thorough", "deep"),
        (situation(SIX), "generated_few", "enrolled"),
        (situation(SIX, minutes=1), "generated_few", "enrolled"),
        (situation(SIX, purpose="changing"), "imagenet_few", "enrolled"),
        (situation(SIX, purpose="contest"), "imagenet_few", "thorough"),
    ],
)
def test_the_first_rule_that_applies_is_recommended(given: Situation, best: str, runner_up: str) -> None:
    assert ranked(given) == (best, runner_up)


def every_situation() -> list[Situation]:
    return [
        situation(photos, machine, purpose=purpose, minutes=minutes)
        for photos in (GROCERY, SIX, RP2K, TAIL, SMALL)
        for machine, minutes in ((CPU, None), (SLOW, 2.0), (SLOW, 20.0), (GPU, 30.0))
        for purpose in PURPOSES
    ]


def test_every_recommendation_is_a_request_with_reasons_and_a_recipe_that_loads() -> None:
    used = set()
    for given in every_situation():
        recommendation = recommend(given, OUT)
        for advice in (recommendation.first, recommendation.second):
            assert advice is not None, given
            used.add(advice.rule)
            request = (TrainRequest if advice.verb == "train" else GalleryCreateRequest)(**advice.arguments)
            assert all(subject and why for subject, why in advice.reasons)
            assert advice.reasons
            if isinstance(request, TrainRequest):
                assert request.settings.model.weights == advice.changes.get("model.weights")
                assert (request.rules == "contest") == (given.purpose == "contest")
                assert request.epochs is None or request.max_minutes is None
        assert recommendation.second is not None
        assert recommendation.second.prefer
        assert recommendation.second.rule != recommendation.first.rule
    assert used == set(RULES), "a rule that never applies"


def test_under_the_contests_terms_nothing_is_enrolled_and_no_other_weights_are_taken() -> None:
    for given in every_situation():
        if given.purpose == "contest":
            recommendation = recommend(given, OUT)
            for advice in (recommendation.first, recommendation.second):
                assert advice is not None
                assert advice.verb == "train"
                assert advice.changes.get("model.weights") in (None, "resnet18")


def test_the_command_has_the_users_path_quoted_and_the_minutes_as_typed() -> None:
    advice = recommend(situation(GROCERY, minutes=60.0), OUT).first
    typed = as_typed(advice.command)
    assert typed == "shelfmind train '商品 照片' --recipe grocery_cpu --max-minutes 60 --out runs/first"
    assert str(advice.command).startswith("shelfmind.train(data='商品 照片', recipe='grocery_cpu'")
    assert advice_json(advice, as_typed)["command"] == typed


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(UserError, match="too few training images"):
        recommend(situation(replace(GROCERY, train_photos=0, classes=0)), OUT)


@pytest.mark.parametrize(
    ("photos", "least", "most"), [(SIX, 200, 200), (GROCERY, 175, 195), (replace(GROCERY, train_photos=60_000), 10, 10)]
)
def test_few_photos_are_gone_over_more_often_within_limits(photos: Photos, least: int, most: int) -> None:
    first = recommend(situation(replace(photos, typical=30)), OUT).first
    assert first.epochs is not None
    assert least <= first.epochs <= most


def test_times_are_those_measured_and_between() -> None:
    assert milliseconds("shelfnet_s", 64, "onednn_bf16") == pytest.approx(46 / 32)
    assert milliseconds("resnet50", 112, "mindspore") == pytest.approx(1046 / 16)
    assert 72 / 32 < milliseconds("shelfnet_s", 112, "onednn_bf16") < 124 / 32
    assert milliseconds("resnet50", 224, "onednn") == pytest.approx(4 * 642 / 16)
    assert milliseconds("resnet50", 56, "onednn") == pytest.approx(642 / 16 / 4)
    assert milliseconds("resnet18", 112, "onednn") == pytest.approx(1.814 / 4.089 * 642 / 16)
    assert all(milliseconds(name, 128, "mindspore") > 0 for name in list_models())


def test_an_hour_of_the_measured_training_is_estimated_as_about_an_hour() -> None:
    """RESULTS, Grocery Store: 81 epochs of `grocery_cpu` took 60 minutes with MindSpore's own kernels, disturbed."""
    minutes = training_minutes(load_recipe("grocery_cpu"), 81, GROCERY, Machine("CPU", 2, "mindspore"))
    assert 40 < minutes < 70


def test_more_cores_and_faster_ones_take_less_and_other_devices_have_no_estimate() -> None:
    def minutes(machine: Machine) -> float | None:
        return recommend(situation(GROCERY, machine), OUT).first.minutes

    slow, fast, wide = (minutes(each) for each in (SLOW, CPU, replace(CPU, cores=8)))
    assert slow is not None
    assert fast is not None
    assert wide is not None
    assert slow > fast > wide
    assert minutes(GPU) is None


def test_a_budget_too_short_to_learn_much_says_so() -> None:
    first = recommend(situation(GROCERY, SLOW, minutes=1), OUT).first
    assert "far from convergence" in dict(first.reasons)["length"]


def test_few_photos_can_start_from_two_kinds_of_weights_except_in_a_contest() -> None:
    known = recommend(situation(SIX), OUT).first
    assert "--weights generated" in as_typed(known.command)
    assert "--set train.batch_size=8" in as_typed(known.command)
    assert "--weights resnet18" in as_typed(dict(known.reasons)["other weights"])
    changing = recommend(situation(SIX, purpose="changing"), OUT).first
    assert "--recipe grocery_embedding" in as_typed(changing.command)
    assert "--weights resnet18" in as_typed(changing.command)
    assert "--weights generated" in as_typed(dict(changing.reasons)["other weights"])
    assert "other weights" not in dict(recommend(situation(SIX, purpose="contest"), OUT).first.reasons)
    assert "other weights" not in dict(recommend(situation(GROCERY), OUT).first.reasons)


def test_a_fine_tuning_takes_no_more_time_than_it_has_use_for() -> None:
    hasty, patient = (recommend(situation(SIX, minutes=minutes), OUT).first for minutes in (1.0, 500.0))
    assert (hasty.epochs, hasty.arguments["max_minutes"]) == (None, 1)
    assert patient.epochs is None
    assert patient.minutes == patient.arguments["max_minutes"] < 60
    assert recommend(situation(GROCERY, minutes=500.0), OUT).first.epochs is None


def test_the_recipe_file_loads_as_recommended(tmp_path: Path) -> None:
    assert "default" in recipe_names()
    for given in [each for each in every_situation() if each.purpose != "contest"]:
        recommendation = recommend(given, OUT)
        path = tmp_path / "recipe.yaml"
        command = command_of(recommendation.first, path)
        path.write_text(recipe_file(recommendation, command, as_typed), encoding="utf-8")
        advice, settings = recommendation.first, load_recipe(str(path))
        wanted = TrainRequest(**advice.arguments).settings
        assert settings == wanted
        assert f"--recipe {path}" in as_typed(command)
        assert "--set" not in as_typed(command)
        assert "# Train with: shelfmind train '商品 照片'" in path.read_text(encoding="utf-8")


def test_a_path_with_a_line_break_stays_a_comment(tmp_path: Path) -> None:
    given = replace(situation(GROCERY), data=Path("photos\nextends: demo"))
    recommendation = recommend(given, OUT)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_file(recommendation, command_of(recommendation.first, path), as_typed), encoding="utf-8")
    assert load_recipe(str(path)).data.image_size == 160


def test_json_has_both_ways_and_what_they_are_based_on() -> None:
    content = recommendation_json(recommend(situation(SIX), OUT), as_typed)
    assert content["photos"]["train_photos"] == 24
    assert content["recommended"]["arguments"]["weights"] == "generated"
    assert content["runner_up"]["command"] == "shelfmind gallery create products --run RUN --data '商品 照片'"


def test_short_training_starts_from_the_shipped_weights_except_in_a_contest() -> None:
    for minutes, recipe in ((20, "default"), (4, "demo")):
        command = as_typed(recommend(situation(GROCERY, SLOW, minutes=minutes), OUT).first.command)
        assert f"--recipe {recipe}" in command
        assert "--weights generated" in command
        contest = recommend(situation(GROCERY, SLOW, minutes=minutes, purpose="contest"), OUT).first
        assert contest.recipe == recipe
        assert "weights" not in contest.arguments
    rare = replace(TAIL, longer_side=90)
    second = recommend(situation(rare), OUT).second
    assert second is not None
    assert second.changes == {"model.weights": "generated", "train.sampling": "class"}
