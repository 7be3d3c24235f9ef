"""Expands a table into cells: the steps of each row and seed, at equal epochs or equal minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.ablation.steps import Answer, Step
from shelfmind.ablation.table import BASE, Pretraining, Row, Table, Words
from shelfmind.errors import UserError
from shelfmind.machine.checksums import file_sha256
from shelfmind.overrides import format_override
from shelfmind.recipe import Recipe, load_recipe, require_trained_size, with_overrides


@dataclass(frozen=True)
class Cell:
    """One row and seed; None for an ensemble of all seeds."""

    row: str
    seed: int | None
    answer: Answer


@dataclass(frozen=True)
class Settings:
    """Changes to a table by arguments: base recipe, overrides, epochs, or minutes instead of epochs; and the data set,
    which has the lists of broader classes."""

    recipe: str | None = None
    overrides: tuple[str, ...] = ()
    epochs: int | None = None
    minutes: float | None = None
    data: Path | None = None


class Expansion:
    """A table with its settings: the recipe of each row, and its cells."""

    def __init__(self, table: Table, name: str, settings: Settings) -> None:
        """Raise `UserError` for a row with an invalid recipe, or that equals the base or another row."""
        self.table, self.name, self.settings = table, name, settings
        base = table.base
        first = Row(name=BASE, words=base.words, wrong_labels=base.wrong_labels)
        self.rows: dict[str, Row] = {BASE: first, **{row.name: row for row in table.rows}}
        self._require_order()
        self.recipes: dict[str, Recipe] = {}
        for row in self.rows.values():  # the base first
            self.recipes[row.name] = self._recipe(row)
        for row in self.rows.values():
            self._require_trainable(row)
        self._require_different()

    def cells(self, seeds: Sequence[int]) -> list[Cell]:
        """The cells, seed by seed, so that complete tables with fewer seeds come first; ensembles last."""
        alone = [row for row in self.rows.values() if row.ensemble is not True]
        found = [Cell(row.name, seed, self._answer(row, (seed,))) for seed in seeds for row in alone]
        together = [row for row in self.rows.values() if row.ensemble is True]
        return found + [Cell(row.name, None, self._answer(row, seeds)) for row in together]

    def lengths(self, row: str, seeds: Sequence[int] = (0,)) -> tuple[float, ...]:
        """The epochs or minutes of each step of a row, in order, for one seed (for an ensemble of seeds: for all).

        Steps without either are left out.
        """
        given = self.rows[row]
        steps = self._answer(given, seeds if given.ensemble is True else seeds[:1]).all_steps()
        return tuple(step.length for step in steps if step.length)

    def starts_from_runs_of(self, row: str, other: str) -> bool:
        """Whether a row uses or continues the runs of another row instead of training its own from the beginning."""
        own, others = (self._answer(self.rows[name], (0,)) for name in (row, other))
        return bool(set(own.all_steps()) & set(others.steps)) and self.rows[row].teacher is None

    def changes(self, row: str) -> dict[str, str]:
        """The changes of a row, for reports."""
        if row == BASE:
            return {}
        given = self.rows[row]
        settings = given.model_dump(exclude_defaults=True, exclude={"name", "words", "against"})
        changes = settings.pop("set", {}) | settings
        return {key: _formatted(value) for key, value in changes.items()}

    def plan(self) -> dict[str, Any]:
        """What the table compares; it identifies this version of the table."""
        rows = {name: self._identity(row) for name, row in self.rows.items()}
        return {
            "metric": self.table.metric,
            "minutes": self.settings.minutes,
            "base": rows.pop(BASE),
            "rows": {name: [row, self.rows[name].against] for name, row in rows.items()},
        }

    def _recipe(self, row: Row) -> Recipe:
        table, settings = self.table, self.settings
        try:
            recipe = load_recipe(
                settings.recipe or table.base.recipe,
                [*_overrides(table.base.set), *settings.overrides, *self._epochs(), *_overrides(row.set)],
            )
            require_trained_size(recipe)
            if row.name != BASE:
                _require_whole_arguments(row, recipe, self.recipes[BASE])
        except UserError as error:
            where = f"table {self.name}: " if row.name == BASE else f"table {self.name}: row '{row.name}': "
            raise UserError(f"{where}{error.message}") from None
        epochs = max(1, round(recipe.train.epochs * row.length))
        if self.settings.minutes is not None:
            return recipe
        return recipe.model_copy(update={"train": recipe.train.model_copy(update={"epochs": epochs})})

    def _epochs(self) -> list[str]:
        return [] if self.settings.epochs is None else [f"train.epochs={self.settings.epochs}"]

    def _answer(self, row: Row, seeds: Sequence[int]) -> Answer:
        views = self.recipes[row.name].evaluation.tta
        members = [self.rows[name] for name in row.members] or [row]
        steps = tuple(self._last(each, seed, self._minutes(each)) for seed in seeds for each in members)
        return Answer(steps, views, row.logit_adjust, row.temperature)

    def _minutes(self, row: Row) -> float | None:
        """The minutes of all steps of a row; a row that starts from another row's run shares its steps."""
        if self.settings.minutes is None:
            return None
        return self.settings.minutes * (1.0 if row.init is not None else row.length)

    def _last(self, row: Row, seed: int, minutes: float | None) -> Step:
        """The last step of a row; `minutes` are for all its steps except those of a teacher."""
        own, fine = minutes, minutes
        if row.fixres is not None and minutes is not None:
            epochs = row.fixres.epochs
            fine = minutes * epochs / (self.recipes[row.name].train.epochs + epochs)  # in proportion, as in epochs
            own = minutes - fine
        step = self._trained(row, seed, own)
        if row.soup is not None:
            step = Step("soup", None, seed, source=step, of=(("rule", row.soup),))
        if row.fixres is not None:
            size = row.fixres.size_for(self.recipes[row.name])
            step = Step("fixres", None, seed, fine, source=step, of=(("epochs", row.fixres.epochs), ("size", size)))
        return step

    def _trained(self, row: Row, seed: int, minutes: float | None) -> Step:
        recipe, source = _without_views(self.recipes[row.name]), None
        before = None if minutes is None else minutes * _share_before(row)
        own = None if minutes is None or before is None else minutes - before
        if row.init is not None:
            source = self._last(self.rows[row.init], seed, before)
        if row.pretrain is not None:
            source = self._pretrained(row, row.pretrain, seed, before)
        teachers: tuple[Step, ...] = ()
        if row.teacher is not None:
            teacher = self.rows[row.teacher]
            teachers = (self._last(teacher, seed, self._minutes(teacher)),)
        return Step("train", recipe, seed, own, self._wrong_labels(row), source, teachers)

    def _pretrained(self, row: Row, pretrain: Pretraining, seed: int, minutes: float | None) -> Step:
        own = _without_views(self.recipes[row.name])
        changes = _overrides(pretrain.set)
        if "train.epochs" in pretrain.set:
            raise UserError(f"table {self.name}: row '{row.name}': pretrain: set its epochs by length, not by set")
        try:
            if pretrain.broader is not None:
                recipe = with_overrides(own, changes, "of the row")
            else:
                recipe = load_recipe("pretrain", [*_preparation(own), *changes])
            require_trained_size(recipe)
        except UserError as error:
            raise UserError(f"table {self.name}: row '{row.name}': pretrain: {error.message}") from None
        epochs = max(1, round(own.train.epochs * pretrain.length))
        recipe = recipe.model_copy(
            update={"model": own.model, "train": recipe.train.model_copy(update={"epochs": epochs})}
        )
        seed = seed if pretrain.seed is None else pretrain.seed
        return Step("pretrain", recipe, seed, minutes, self._wrong_labels(row), of=self._broader(pretrain))

    def _broader(self, pretrain: Pretraining) -> tuple[tuple[str, str], ...]:
        """The list of broader classes that a pretraining learns, by its name and content."""
        if pretrain.broader is None:
            return ()
        named, root = ("broader", pretrain.broader), self.settings.data
        if root is None or not (root / pretrain.broader).is_file():
            return (named,)
        return named, ("broader_sha256", file_sha256(root / pretrain.broader))

    def _wrong_labels(self, row: Row) -> float:
        return self.table.base.wrong_labels if row.wrong_labels is None else row.wrong_labels

    def _identity(self, row: Row) -> list[Any]:
        answer = self._answer(row, (0,))
        steps = [step.text for step in answer.steps]
        return [steps, list(answer.views), answer.logit_adjust, answer.temperature, row.ensemble is True]

    def _require_different(self) -> None:
        seen: dict[str, str] = {}
        for name, row in self.rows.items():
            identity = str(self._identity(row))
            if identity in seen:
                other = "the base" if seen[identity] == BASE else f"row '{seen[identity]}'"
                raise UserError(f"table {self.name}: row '{name}' equals {other}; there is nothing to compare")
            seen[identity] = name

    def _require_trainable(self, row: Row) -> None:
        """Reject rows that cannot be trained, before training starts."""
        recipe, problem = self.recipes[row.name], None
        if row.soup is not None and recipe.train.snapshots < 2:
            problem = "soup averages snapshots: set train.snapshots to 2 or more"
        if row.fixres is not None and row.fixres.size_for(recipe) < recipe.stages[-1].image_size:
            problem = f"fixres needs at least the {recipe.stages[-1].image_size} px of the training"
        started = row.init is not None or row.pretrain is not None or recipe.model.weights is not None
        if recipe.train.trainable != "all" and not started:
            problem = f"train.trainable={recipe.train.trainable} freezes weights: choose these by init"
        if problem is not None:
            raise UserError(f"table {self.name}: row '{row.name}': {problem}")

    def _require_order(self) -> None:
        """Reject rows with circular dependencies."""
        for name in self.rows:
            self._require_acyclic(name, ())

    def _require_acyclic(self, name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise UserError(f"table {self.name}: row '{name}' depends on itself: {' -> '.join((*above, name))}")
        row = self.rows[name]
        for needed in (row.init, row.teacher, *row.members):
            if needed is not None:
                if self.rows[needed].ensemble:
                    raise UserError(
                        f"table {self.name}: row '{name}' needs a single run, but '{needed}' is an ensemble"
                    )
                self._require_acyclic(needed, (*above, name))


def _share_before(row: Row) -> float:
    """At equal minutes, the share of the earlier step: in proportion to the epochs that it would take."""
    if row.init is not None:
        return 1 / (1 + row.length)
    return 0.0 if row.pretrain is None else row.pretrain.length / (1 + row.pretrain.length)


def _require_whole_arguments(row: Row, recipe: Recipe, base: Recipe) -> None:
    """Reject a row that would silently drop arguments of the base's network or loss, such as its widths."""
    if recipe.model.name == base.model.name:
        _require_none_dropped(row, "model.arguments", recipe.model.arguments, base.model.arguments)
    if recipe.loss.name == base.loss.name:
        _require_none_dropped(row, "loss.arguments", recipe.loss.arguments, base.loss.arguments)


def _require_none_dropped(row: Row, key: str, own: Mapping[str, Any], base: Mapping[str, Any]) -> None:
    dropped = sorted(base.keys() - own.keys())
    if key in row.set and dropped:
        raise UserError(
            f"{key} replaces all arguments of the base, and drops {', '.join(dropped)}; "
            f"set single ones instead, such as {key}.{next(iter(own), dropped[0])}"
        )


def _preparation(recipe: Recipe) -> list[str]:
    """How photos are prepared and computed with, which pretraining without labels takes over from a row."""
    data, train = recipe.data, recipe.train
    kept = {
        "data.resize": data.resize,
        "data.fill": list(data.fill),
        "data.mean": list(data.mean),
        "data.std": list(data.std),
        "train.kernels": train.kernels,
        "train.amp": train.amp,
    }
    return _overrides(kept)


def _overrides(changes: Mapping[str, Any]) -> list[str]:
    return [format_override(key, value) for key, value in changes.items()]


def _without_views(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"evaluation": recipe.evaluation.model_copy(update={"tta": ()})})


def _formatted(value: Any) -> str:
    if isinstance(value, Words):
        return value.en
    return format_override("", value).removeprefix("=")
