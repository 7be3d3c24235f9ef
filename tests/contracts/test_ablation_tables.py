"""Every table that comes with shelfmind says what it asks, and each of its rows is a recipe that can be built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shelfmind.ablation.expansion import Expansion, Settings
from shelfmind.ablation.table import BASE, read_table, table_names, table_text
from shelfmind.recipe import load_recipe, parse_recipe

NAMES = table_names()
ROWS = [(name, row) for name in NAMES for row in (BASE, *(each.name for each in read_table(name).rows))]
OTHER_BASES = ("grocery_cpu", "demo", "rp2k/se_resnext50")


def test_the_documents_tables_and_ours_are_there() -> None:
    document = {"resize", "augmentation", "fixres", "capacity", "batch_size", "length", "deep_layers"}
    assert document | {"long_tail", "wrong_labels", "resolution", "initialisation"} <= set(NAMES)
    augmentation = {"cutout_8th", "cutout_16th", "cutout_32nd", "auto_augment", "random_erasing"}
    assert augmentation <= {row.name for row in read_table("augmentation").rows}
    assert len(read_table("fixres").rows) + 1 == 4
    assert len(read_table("capacity").rows) + 1 == 4


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_asks_in_both_languages(name: str) -> None:
    table = read_table(name)
    headline = table_text(name).splitlines()[0]
    assert headline.startswith("# ")
    assert f"shelfmind ablate {name} --data" in headline
    texts = [table.about, table.base.words, *(row.words for row in table.rows)]
    assert all(text.en and text.zh for text in texts)
    assert table.about.en.endswith("?")


@pytest.mark.parametrize("name", NAMES)
def test_every_row_differs_from_the_base_and_survives_being_written(name: str) -> None:
    expansion = Expansion(read_table(name), name, Settings())  # which refuses rows that do not differ
    for row, recipe in expansion.recipes.items():
        steps = expansion.cells((0,))[list(expansion.recipes).index(row)].answer.all_steps()
        assert all(step.recipe is None or step.recipe == parse_recipe(_plain(step.recipe), row) for step in steps)
        assert expansion.changes(row) or row == BASE
        assert recipe.model.name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", OTHER_BASES)
def test_another_base_and_equal_minutes_will_do(name: str, base: str) -> None:
    expansion = Expansion(read_table(name), name, Settings(recipe=base, minutes=10))
    for cell in expansion.cells((3,)):
        minutes = sum(step.minutes or 0 for step in cell.answer.all_steps())
        assert minutes == pytest.approx(10 * (1 if expansion.rows[cell.row].init else expansion.rows[cell.row].length))


@pytest.fixture(scope="module")
def build(mindspore: Any) -> Iterator[Any]:
    """`shelfmind.training.build`, in which rows share networks of the same arguments, which take most of the time."""
    from shelfmind.training import build

    made: dict[str, Any] = {}
    create = build.create_model

    def shared(*words: Any, **arguments: Any) -> Any:
        key = repr((words, sorted(arguments.items())))
        if key not in made:
            made[key] = create(*words, **arguments)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "create_model", shared)
        yield build


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_its_rows_can_be_built(name: str, row: str, build: Any) -> None:
    from mindspore.nn.utils import no_init_parameters

    expansion = Expansion(read_table(name), name, Settings())
    cell = next(cell for cell in expansion.cells((0,)) if cell.row == row)
    for step in cell.answer.all_steps():
        if step.recipe is None:
            continue
        recipe = step.recipe
        if step.source is not None:
            recipe = recipe.model_copy(update={"model": recipe.model.model_copy(update={"weights": "a run"})})
        with no_init_parameters():
            assert build.refuse_unbuildable(recipe, 5, None) is None


def _plain(recipe: Any) -> Any:
    import yaml

    return yaml.safe_load(recipe.dump())


def test_the_default_recipe_is_a_base_that_there_is() -> None:
    for name in NAMES:
        assert load_recipe(read_table(name).base.recipe)
