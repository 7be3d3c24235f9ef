"""From a table to steps: which runs are the same, in which order they come, and how minutes are shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfmind.ablation.expansion import Cell, Expansion, Settings
from shelfmind.ablation.table import Table
from shelfmind.errors import UserError

DATA = "0" * 64


PLAIN = Settings()


def expansion(*rows: dict[str, object], settings: Settings = PLAIN, **more: object) -> Expansion:
    return Expansion(Table.model_validate({"about": "x", "rows": rows, **more}), "t", settings)


def cells(made: Expansion, seeds: tuple[int, ...] = (0,)) -> dict[tuple[str, int | None], Cell]:
    return {(cell.row, cell.seed): cell for cell in made.cells(seeds)}


def runs(cell: Cell, cores: int = 2) -> list[str]:
    return [step.digest(DATA, cores) for step in cell.answer.all_steps()]


def test_views_and_what_is_done_afterwards_share_the_bases_run() -> None:
    made = expansion(
        {"name": "views", "set": {"evaluation.tta": ["flip"]}},
        {"name": "adjusted", "logit_adjust": 1.0},
        {"name": "fixres", "fixres": {"scale": 1.2}},
        {"name": "together", "ensemble": True},
        {"name": "lr", "set": {"train.lr": 0.1}},
    )
    found = cells(made, (0, 1))
    base = runs(found["base", 0])
    assert runs(found["views", 0]) == runs(found["adjusted", 0]) == base
    assert runs(found["fixres", 0])[:1] == base
    assert runs(found["together", None]) == base + runs(found["base", 1])
    assert runs(found["lr", 0]) != base != runs(found["base", 1])
    assert found["views", 0].answer.views == ("flip",)
    assert len({cell.answer.digest(DATA, 2, "test") for cell in found.values()}) == len(found)


def test_an_ensemble_of_rows_has_their_runs_with_its_seed_and_its_own_views() -> None:
    made = expansion(
        {"name": "long", "length": 2},
        {"name": "together", "ensemble": ["base", "long"], "set": {"evaluation.tta": ["flip"]}},
    )
    found = cells(made, (0, 1))
    for seed in (0, 1):
        ensemble = found["together", seed]
        assert runs(ensemble) == runs(found["base", seed]) + runs(found["long", seed])
        assert ensemble.answer.views == ("flip",)
    assert made.lengths("together") == (*made.lengths("base"), *made.lengths("long"))
    assert made.changes("together") == {"evaluation.tta": "[flip]", "ensemble": "[base, long]"}


def test_a_size_that_changes_nothing_is_refused_before_training() -> None:
    for row in ({"set": {"data.image_size": 160}}, {"pretrain": {"set": {"data.image_size": 96}}}):
        with pytest.raises(UserError, match=r"row 'a': .*data\.image_size is .*, but the last of train\.stages is "):
            expansion({"name": "a", **row}).cells([0])


def test_broader_classes_are_known_by_their_list_and_its_content(tmp_path: Path) -> None:
    """Another list under the same name is another pretraining; steps without one stay the same wherever the data is."""
    rows = {"name": "broad", "pretrain": {"broader": "brands.csv"}}, {"name": "alone", "pretrain": {}}
    found = []
    for text in ("class,broader\na,A\n", "class,broader\na,B\n"):
        (tmp_path / "brands.csv").write_text(text)
        made = expansion(*rows, settings=Settings(data=tmp_path))
        found.append({name: runs(cell) for (name, _), cell in cells(made).items()})
    without = cells(expansion(*rows))
    for name in ("base", "alone"):
        assert found[0][name] == found[1][name] == runs(without[name, 0])
    assert len({tuple(each["broad"]) for each in (*found, {"broad": runs(without["broad", 0])})}) == 3


def test_two_tables_share_a_base_but_not_over_other_data() -> None:
    one, other = expansion({"name": "a", "length": 2}), expansion({"name": "b", "set": {"train.lr": 0.1}})
    first, second = cells(one)["base", 0].answer.steps[0], cells(other)["base", 0].answer.steps[0]
    assert first.digest(DATA, 2) == second.digest(DATA, 2)
    assert first.digest(DATA, 2) != second.digest("1" * 64, 2)


def test_minutes_are_of_the_cores_that_they_had_epochs_are_not() -> None:
    epochs, minutes = (
        expansion({"name": "a", "length": 2}, settings=each) for each in (Settings(), Settings(minutes=5))
    )
    for made, differ in ((epochs, False), (minutes, True)):
        step = cells(made)["base", 0].answer.steps[0]
        assert (step.digest(DATA, 1) != step.digest(DATA, 2)) == differ


def test_what_a_row_starts_from_comes_first_with_the_same_seed() -> None:
    made = expansion(
        {"name": "pre", "pretrain": {"set": {"train.batch_size": 16}, "length": 0.5}},
        {"name": "once", "pretrain": {"length": 2, "seed": 9}},
        {"name": "crt", "init": "base", "set": {"train.trainable": "classifier"}, "length": 0.25},
        {"name": "taught", "teacher": "crt"},
    )
    found = cells(made, (4,))
    pre, once, crt, taught = (found[name, 4].answer.all_steps() for name in ("pre", "once", "crt", "taught"))
    assert [(step.kind, step.seed) for step in pre] == [("pretrain", 4), ("train", 4)]
    assert [(step.kind, step.seed) for step in once] == [("pretrain", 9), ("train", 4)]
    assert pre[0].recipe is not None
    assert (pre[0].recipe.train.task, pre[0].recipe.train.epochs, pre[0].recipe.train.batch_size) == ("simsiam", 20, 16)
    assert [step.length for step in crt] == [40, 10]
    assert crt[0] == found["base", 4].answer.steps[0]
    assert taught[:2] == crt
    assert taught[2].teachers == (crt[1],)


def test_pretraining_without_labels_prepares_photos_as_its_row_does() -> None:
    settings = Settings(overrides=("data.resize=squash", "data.mean=[0.5, 0.5, 0.5]", "train.amp=off"))
    made = expansion({"name": "pre", "pretrain": {"set": {"data.fill": [0, 0, 0]}}}, settings=settings)
    recipe = cells(made)["pre", 0].answer.all_steps()[0].recipe
    assert recipe is not None
    assert (recipe.data.resize, recipe.data.mean, recipe.train.amp) == ("squash", (0.5, 0.5, 0.5), "off")
    assert recipe.data.fill == (0, 0, 0)


def test_rows_that_start_from_runs_of_the_base_are_known() -> None:
    made = expansion(
        {"name": "views", "set": {"evaluation.tta": ["flip"]}},
        {"name": "fixres", "fixres": {"scale": 1.2}},
        {"name": "crt", "init": "base", "set": {"train.trainable": "classifier"}, "length": 0.25},
        {"name": "pre", "pretrain": {}},
        {"name": "taught", "teacher": "base"},
        {"name": "longer", "length": 2},
        {"name": "longer_views", "against": "longer", "length": 2, "set": {"evaluation.tta": ["flip"]}},
    )
    found = {row for row in made.rows if row != "base" and made.starts_from_runs_of(row, made.rows[row].against)}
    assert found == {"views", "fixres", "crt", "longer_views"}


def test_other_arguments_of_another_network_or_loss_are_no_mistake() -> None:
    base = {"set": {"model.arguments.attention": "none", "loss": {"name": "focal", "arguments": {"gamma": 2.0}}}}
    made = expansion(
        {"name": "other", "set": {"model.name": "resnet18", "model.arguments": {}}},
        {"name": "plain", "set": {"loss.name": "cross_entropy", "loss.arguments": {}}},
        {"name": "more", "set": {"model.arguments": {"attention": "none", "dropout": 0.1}}},
        base=base,
    )
    assert made.recipes["more"].model.arguments == {"attention": "none", "dropout": 0.1}


def test_equal_minutes_are_those_of_all_steps() -> None:
    made = expansion(
        {"name": "pre", "pretrain": {"length": 1}},
        {"name": "crt", "init": "base", "set": {"train.trainable": "classifier"}, "length": 0.25},
        {"name": "fixres", "fixres": {"scale": 1.2}},
        {"name": "double", "length": 2},
        settings=Settings(minutes=10),
    )
    lengths = {name: made.lengths(name) for name in made.rows}
    assert lengths["base"] == (10,)
    assert lengths["pre"] == (5, 5)
    assert lengths["crt"] == pytest.approx((8, 2))
    assert lengths["fixres"] == pytest.approx((10 * 40 / 45, 10 * 5 / 45))
    assert lengths["double"] == (20,)


def test_the_command_changes_the_base_and_rows_change_that() -> None:
    settings = Settings(recipe="demo", overrides=("train.lr=0.3", "train.batch_size=16"), epochs=4)
    made = expansion({"name": "a", "set": {"train.lr": 0.1}, "length": 2}, settings=settings)
    base, row = made.recipes["base"].train, made.recipes["a"].train
    assert (base.lr, base.batch_size, base.epochs) == (0.3, 16, 4)
    assert (row.lr, row.batch_size, row.epochs) == (0.1, 16, 8)


def test_another_table_has_another_plan() -> None:
    one = expansion({"name": "a", "set": {"train.lr": 0.1}}).plan()
    assert one == expansion({"name": "a", "set": {"train": {"lr": 0.1}}, "words": "told otherwise"}).plan()
    assert one != expansion({"name": "a", "set": {"train.lr": 0.2}}).plan()
    assert one != expansion({"name": "b", "set": {"train.lr": 0.1}}).plan()
    assert one != expansion({"name": "a", "set": {"train.lr": 0.1}}, metric="macro_top1").plan()


def test_wrong_labels_of_the_base_are_those_of_its_rows() -> None:
    rows = ({"name": "lr", "set": {"train.lr": 0.1}}, {"name": "clean", "wrong_labels": 0.0})
    found = cells(expansion(*rows, base={"wrong_labels": 0.2}))
    shares = [found[name, 0].answer.steps[0].wrong_labels for name in ("base", "lr", "clean")]
    assert shares == [0.2, 0.2, 0.0]
