"""Tables of ablations: YAML in, validated rows out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from shelfmind.errors import UserError, unknown_name
from shelfmind.recipe import Recipe, RecipeSection, recipe_names
from shelfmind.structured_text import parse_yaml
from shelfmind.validation import Location, dotted, first_fault

BASE = "base"
"""The name of the row that others are compared with."""
MAX_NAME_LENGTH = 60
_KEYS_OF_AN_ENSEMBLE = {"name", "words", "against", "logit_adjust", "temperature", "ensemble"}
"""The keys that an ensemble of other rows may have, besides views in `set`."""


class Part(BaseModel):
    """Part of a table: frozen; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Part):
    """A text in English and optionally in Chinese."""

    en: str
    zh: str = ""


def _words(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    """Recipe changes with dotted keys: ``train: {lr: 0.1}`` becomes ``train.lr: 0.1``, so no section is replaced."""
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for key, each in value.items():
        section = Recipe.model_fields.get(str(key))
        inner = each if isinstance(each, Mapping) and section is not None and _is_section(section.annotation) else None
        for name, one in ({f"{key}.{name}": one for name, one in inner.items()} if inner else {str(key): each}).items():
            if name in flat:
                raise ValueError(f"has {name} twice")
            flat[name] = one
    return flat


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, RecipeSection)


Text = Annotated[Words, BeforeValidator(_words)]
Changes = Annotated[dict[str, Any], BeforeValidator(_flat)]


class Pretraining(Part):
    """Pretraining of a row's network."""

    broader: str | None = Field(
        None,
        description="CSV with the columns class,broader, relative to the data set: pretrain on the broader classes.",
    )
    set: Changes = Field({}, description="Changes of the recipe pretrain, or with broader of the row's recipe.")
    length: float = Field(1.0, gt=0, description="Length relative to the epochs of the row.")
    seed: int | None = Field(
        None, ge=0, description="Seed of a single pretraining for all seeds. Defaults to the seed of the row."
    )


class FixRes(Part):
    """Fine-tuning of the classifier and the last batch norm for a larger test resolution (FixRes)."""

    size: int | None = Field(None, ge=16, le=4096, description="Height and width in pixels.")
    scale: float | None = Field(
        None, gt=1, description="Size relative to the evaluation size of the row, rounded to 8 px."
    )
    epochs: int = Field(5, ge=1, description="Number of epochs.")

    @model_validator(mode="after")
    def _one_size(self) -> FixRes:
        if (self.size is None) == (self.scale is None):
            raise ValueError("must have either size or scale")
        return self

    def size_for(self, recipe: Recipe) -> int:
        """The size in pixels for a network of this recipe."""
        if self.scale is None:
            assert self.size is not None
            return self.size
        return 8 * round(self.scale * recipe.evaluation_size / 8)


class Row(Part):
    """A change of the base: of its recipe, length, initial weights or post-processing."""

    name: str
    words: Text = Words(en="")
    against: str = Field(BASE, description="Row to compare with.")
    set: Changes = Field({}, description="Recipe changes, like --set of the command.")
    length: float = Field(1.0, gt=0, description="Length relative to the epochs or minutes of the base.")
    wrong_labels: float | None = Field(
        None, ge=0, lt=1, description="Share of training labels to replace by wrong ones. Defaults to that of the base."
    )
    init: str | None = Field(None, description="Start from the run of this row with the same seed.")
    pretrain: Pretraining | None = Field(None, description="Start from pretraining on the same photos.")
    teacher: str | None = Field(None, description="Distil from the run of this row with the same seed.")
    soup: Literal["uniform", "greedy"] | None = Field(None, description="Average the snapshots of the run.")
    fixres: FixRes | None = Field(None, description="Fine-tune for a larger test resolution afterwards.")
    logit_adjust: float | None = Field(None, gt=0, description="Strength of logit adjustment after training.")
    temperature: bool = Field(False, description="Apply temperature scaling, cross-fitted on two halves of the images.")
    ensemble: bool | tuple[str, ...] = Field(
        False, description="Evaluate the ensemble of all seeds, or of these rows with the same seed."
    )

    @property
    def members(self) -> tuple[str, ...]:
        """The other rows that it is an ensemble of."""
        return () if isinstance(self.ensemble, bool) else self.ensemble

    @field_validator("name")
    @classmethod
    def _short(cls, value: str) -> str:
        value = value.strip()
        if not value or len(value) > MAX_NAME_LENGTH or not value.isprintable() or "|" in value:
            raise ValueError(f"must be one line of 1 to {MAX_NAME_LENGTH} characters without '|', got {value!r}")
        return value

    @field_validator("ensemble", mode="before")
    @classmethod
    def _whole_or_rows(cls, value: Any) -> Any:
        names = value if isinstance(value, list | tuple) else [None]
        if not isinstance(value, bool) and not all(isinstance(each, str) for each in names):
            raise ValueError(f"must be true, false or a list of rows, got {value!r}")
        return value

    @model_validator(mode="after")
    def _one_start(self) -> Row:
        if self.init is not None and self.pretrain is not None:
            raise ValueError("must have at most one of init and pretrain")
        return self

    @model_validator(mode="after")
    def _trains_nothing(self) -> Row:
        """The ensemble of other rows has no run of its own to change."""
        if isinstance(self.ensemble, bool):
            return self
        if len(set(self.members)) < max(2, len(self.members)):
            raise ValueError("ensemble must be true or a list of at least two different rows")
        own = self.model_dump(exclude_defaults=True, exclude={*_KEYS_OF_AN_ENSEMBLE, "set"})
        unused = [*own, *(key for key in self.set if key != "evaluation.tta")]
        if unused:
            raise ValueError(f"the ensemble of other rows trains nothing of its own: remove {', '.join(unused)}")
        return self


class Base(Part):
    """The base of all rows."""

    recipe: str = Field(
        "default", description="Packaged recipe or recipe file; a path relative to the table is tried first."
    )
    words: Text = Words(en="the unchanged recipe", zh="原配方")
    set: Changes = {}
    wrong_labels: float = Field(0.0, ge=0, lt=1)


def _base(value: Any) -> Any:
    return {"recipe": value} if isinstance(value, str) else value


class Table(Part):
    """The contents of a table file."""

    about: Text = Field(description="Question that the table answers.")
    base: Annotated[Base, BeforeValidator(_base)] = Base()
    metric: Literal["top1", "macro_top1", "likelihood"] = Field("top1", description="Metric that decides.")
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> Table:
        names = [row.name for row in self.rows]
        for name in names:
            if name == BASE:
                raise ValueError(f"the name '{BASE}' is reserved for the base; rename the row")
            if names.count(name) > 1:
                raise ValueError(f"two rows are called '{name}'; rename one of them")
        known = (BASE, *names)
        for row in self.rows:
            single = [(key, getattr(row, key)) for key in ("against", "init", "teacher")]
            for key, named in [*single, *(("ensemble", member) for member in row.members)]:
                if named is not None and named not in known:
                    raise ValueError(f"row '{row.name}': {key}: {unknown_name('row', named, known)}")
                if named == row.name:
                    raise ValueError(f"row '{row.name}': {key} refers to the row itself")
        return self


def table_names() -> list[str]:
    """The names of the packaged tables."""
    root = resources.files("shelfmind") / "ablation" / "tables"
    return sorted(entry.name.removesuffix(".yaml") for entry in root.iterdir() if entry.name.endswith(".yaml"))


def table_text(name: str) -> str:
    """The YAML text of a packaged table or of a file. Raises `UserError` if it is missing or unreadable."""
    if name in table_names():
        place = resources.files("shelfmind") / "ablation" / "tables" / f"{name}.yaml"
        return place.read_text(encoding="utf-8")
    path = Path(name).expanduser()
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        raise unknown_name("table", name, table_names())
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UserError(f"the table {name} cannot be read: {reason}") from error


def read_table(name: str) -> Table:
    """Read the table `name`, packaged or a YAML file.

    Raises:
        UserError: the table is missing, is not valid YAML, or has an invalid key (with the closest valid one) or value.
    """
    try:
        content = parse_yaml(table_text(name), _EachKeyOnce)
    except yaml.YAMLError as error:
        raise UserError(f"the table {name} is not valid YAML: {_where(error)}") from None
    if not isinstance(content, dict):
        raise UserError(f"the table {name} must be a mapping with the keys about, base and rows")
    try:
        table = Table.model_validate(content)
    except ValidationError as error:
        raise UserError(f"table {name}: {_fault(error, content)}") from None
    return table.model_copy(update={"base": _with_path(table.base, name)})


class _EachKeyOnce(yaml.SafeLoader):
    """Rejects duplicate keys, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"duplicate key '{twice}'", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1})"
    return str(error).splitlines()[0]


def _with_path(base: Base, name: str) -> Base:
    """The base with the path of its recipe, if that is a file next to the table."""
    path = Path(name).expanduser().parent / base.recipe
    if base.recipe not in recipe_names() and path.is_file():
        return base.model_copy(update={"recipe": str(path)})
    return base


def _fault(error: ValidationError, content: Mapping[str, Any]) -> str:
    fault = first_fault(error)
    row, inner = _row_at(fault.location, content)
    if fault.unknown:
        *above, key = inner
        problem = str(unknown_name("key", str(key), _part_at(fault.location[:-1]).model_fields))
        problem = f"{dotted(tuple(above))}: {problem}" if above else problem
    else:
        problem = fault.sentence(lambda location: dotted(_row_at(location, content)[1])) if inner else fault.problem
    return f"{row}{problem}"


def _row_at(location: Location, content: Mapping[str, Any]) -> tuple[str, Location]:
    """The name of the row of a fault for messages, and the location within it."""
    if len(location) < 2 or location[0] != "rows" or not isinstance(location[1], int):
        return "", location
    row = content["rows"][location[1]]
    name = row.get("name") if isinstance(row, Mapping) else None
    return (f"row '{name}': " if name is not None else f"row {location[1] + 1}: "), location[2:]


def _part_at(location: Location) -> type[Part]:
    """The part of a table at this location."""
    kind: Any = Table
    for step in location:
        if not isinstance(step, int):  # an index into a list of parts
            found = kind.model_fields[step].annotation
            kind = next((each for each in (found, *get_args(found)) if _is_part(each)), Table)
    part: type[Part] = kind
    return part


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Part)
