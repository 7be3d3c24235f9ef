"""Recipes: what is inherited, what is overridden, and what a mistake is answered with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from shelfmind.choices import names_in
from shelfmind.errors import UserError, unknown_name
from shelfmind.recipe import Recipe, RecipeSection, load_recipe, note_built_in_defaults, recipe_names


def written(folder: Path, text: str, name: str = "own.yaml") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_recipe_takes_from_its_parent_what_it_does_not_say(tmp_path: Path) -> None:
    child = load_recipe(written(tmp_path, "extends: default\ntrain: {lr: 0.125}\n"))
    parent = load_recipe("default")
    assert child.train.lr == 0.125
    assert child.train.model_copy(update={"lr": parent.train.lr}) == parent.train
    assert (child.data, child.model, child.augment) == (parent.data, parent.model, parent.augment)


def test_a_parent_may_be_a_file_beside_the_child(tmp_path: Path) -> None:
    written(tmp_path, "train: {epochs: 7, lr: 0.5}\n", "parent.yaml")
    recipe = load_recipe(written(tmp_path, "extends: parent.yaml\ntrain: {lr: 0.25}\n"))
    assert (recipe.train.epochs, recipe.train.lr) == (7, 0.25)


def test_a_list_replaces_its_parents_list(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, "extends: default\naugment: [horizontal_flip]\n"))
    assert recipe.augment == (("horizontal_flip", {}),)


def test_a_recipe_that_extends_itself_is_refused(tmp_path: Path) -> None:
    one, two = str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml")
    Path(one).write_text(f"extends: {two}\n")
    Path(two).write_text(f"extends: {one}\n")
    with pytest.raises(UserError, match="extends itself"):
        load_recipe(one)


def test_overrides_are_typed() -> None:
    overrides = ["train.epochs=3", "train.lr=1e-1", "train.clip_norm=null", "evaluation.tta=[flip, centre]"]
    overrides += ["model.arguments.last_stage_width=2", "data.resize=squash"]
    recipe = load_recipe("default", overrides)
    assert type(recipe.train.epochs) is int
    assert recipe.train.epochs == 3
    assert recipe.train.lr == pytest.approx(0.1)
    assert recipe.train.clip_norm is None
    assert recipe.evaluation.tta == ("flip", "centre")
    assert recipe.model.arguments == {"last_stage_width": 2}
    assert recipe.data.resize == "squash"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.epoch=3", "unknown key 'train.epoch'; did you mean epochs"),
        ("trian.epochs=3", "unknown key 'trian'; did you mean train"),
        ("train.epochs=three", "train.epochs must be a whole number"),
        ("train.epochs=0", "recipe default: train.epochs must be at least 1, got 0"),
        ("train.optimizer=sdg", "recipe default: train.optimizer: unknown optimizer 'sdg'; did you mean sgd?"),
        ("train.keep=bets", "train.keep must be best or last, got 'bets'; did you mean best?"),
        ("loss.name=focall", "loss.name: unknown loss 'focall'; did you mean focal?"),
        ("data.resize=sqash", "data.resize: unknown resize 'sqash'; did you mean squash?"),
        ("train.schedule=cosin", "train.schedule: unknown schedule 'cosin'; did you mean cosine"),
        ("train.sampling=clas", "train.sampling: unknown sampling 'clas'; did you mean class?"),
        ("train.task=clasify", "train.task: unknown task 'clasify'; did you mean classify?"),
        (
            "train.trainable=head",
            "train.trainable: unknown trainable part 'head'; known: all, ",
        ),
        ("train.sampling=3", "train.sampling must be text, got 3"),
        (
            "augment=[horizontal_flop]",
            "augment.0.0: unknown augmentation 'horizontal_flop'; did you mean",
        ),
        ("evaluation.tta=[flpi]", "evaluation.tta.0: unknown test-time view 'flpi'; did you mean flip?"),
        ("train.micro_batch_size=5", "micro_batch_size must divide batch_size 32, got 5"),
        ("train.epochs=2.5", "train.epochs"),
        ("train.epochs=", "train.epochs"),
        ("data.fill=[0, 0, 256]", "each channel must be between 0 and 255, got (0, 0, 256)"),
        ("data.std=[1, 0, 1]", "each deviation must be greater than 0, got (1.0, 0.0, 1.0)"),
        ("mixing={mixup: 0.6, cutmix: 0.6}", "the sum of mixup and cutmix must be at most 1, got 1.2"),
        (
            "train.stages=[{image_size: 32, share: 0.5}, {image_size: 64, share: 0.4}]",
            "the shares of all stages must sum to 1, got 0.9",
        ),
        ("train.stages=[{image_size: 32, shares: 1}]", "train.stages.0"),
        ("augment=flip", "unknown augmentation policy"),
        ("augment=3", "augment must be a list of operators or the name of a policy, got 3"),
        ("augment=[{a: {}, b: {}}]", "an operator must be a name"),
        ("train.epochs", "KEY=VALUE"),
        ("=3", "KEY=VALUE"),
        ("train.lr.high=3", "no keys below"),
        ("train.lr=[1", "must be valid YAML"),
    ],
)
def test_a_mistake_in_an_override_is_one_line_that_says_where(override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_recipe("default", [override])
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words", "train: [unclosed"])
def test_a_file_that_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="recipe") as caught:
        load_recipe(written(tmp_path, text))
    assert len(str(caught.value).splitlines()) == 1


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            load_recipe(str(path))
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe(str(tmp_path / "bytes.yaml"))


def test_an_empty_file_is_the_recipe_of_all_defaults(tmp_path: Path) -> None:
    assert load_recipe(written(tmp_path, "")) == Recipe()


def test_a_name_for_a_whole_section_is_understood() -> None:
    with pytest.raises(UserError, match=r"got 'focal'; did you mean loss\.name=focal\?$"):
        load_recipe("default", ["loss=focal"])
    with pytest.raises(UserError, match=r"train must be a section of keys, got 'fast'$"):
        load_recipe("default", ["train=fast"])


def test_a_file_without_a_parent_is_noted_unless_it_is_complete(tmp_path: Path) -> None:
    lone, child, whole = tmp_path / "lone.yaml", tmp_path / "child.yaml", tmp_path / "whole.yaml"
    lone.write_text("loss: {name: focal}\n", encoding="utf-8")
    child.write_text("extends: default\nloss: {name: focal}\n", encoding="utf-8")
    whole.write_text(load_recipe("default").dump(), encoding="utf-8")
    note = note_built_in_defaults(str(lone))
    assert note is not None
    assert "extends: default" in note
    assert "(data, model, augment, mixing" in note
    for quiet in (str(child), str(whole), "default", load_recipe("demo")):
        assert note_built_in_defaults(quiet) is None


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean default"):
        load_recipe("defualt")
    assert "base" not in recipe_names()


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Recipe().train.lr = 1.0  # type: ignore[misc]


def test_an_unknown_name_without_near_ones_lists_all() -> None:
    assert str(unknown_name("thing", "zzz", ["beta", "alpha"])) == "unknown thing 'zzz'; known: alpha, beta"
    assert "did you mean alpha?" in str(unknown_name("thing", "alhpa", ["beta", "alpha"]))


def test_descriptions_speak_of_what_a_recipe_has() -> None:
    """No name of the code in a sentence: words with an underscore are a recipe's keys or what they may be."""
    told = {}
    for section in (each.annotation for each in Recipe.model_fields.values()):
        if isinstance(section, type) and issubclass(section, RecipeSection):
            told |= {name: field.description or "" for name, field in section.model_fields.items()}
    known = {*told, *names_in("images.sampling:SAMPLERS"), *names_in("models.freezing:PARTS"), "last_stage_width"}
    words = {name: set(re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)) for name, text in told.items()}
    assert {name: found - known for name, found in words.items() if found - known} == {}
    assert words["repeat_threshold"] == {"repeat_factor"}
