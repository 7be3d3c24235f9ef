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
from shelfmind.validation import Location, dotted, first_fault

BASE = "base"
"""The name of the row that every other one is compared with."""
LONGEST_NAME = 60


class Part(BaseModel):
    """Part of a table: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Words(Part):
    """A text for people: in English, and in Chinese if it is given."""

    en: str
    zh: str = ""


def _words(value: Any) -> Any:
    return {"en": value} if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    """Changes of a recipe by dotted keys; ``train: {lr: 0.1}`` is ``train.lr: 0.1``, and no section is replaced."""
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
    """What a row's network learns before its training."""

    broader: str | None = Field(
        None, description="a CSV with the columns class,broader, relative to the data set: learn the broader classes"
    )
    set: Changes = Field({}, description="changes of the recipe pretrain, or with broader of the row's own")
    length: float = Field(1.0, gt=0, description="times the epochs of the row")
    seed: int | None = Field(None, ge=0, description="one pretraining of this seed for all; the row's if not given")


class FixRes(Part):
    """A fine-tuning of classifier and last normalisation on larger test-like images."""

    size: int | None = Field(None, ge=16, le=4096, description="height and width in pixels")
    scale: float | None = Field(None, gt=1, description="times the row's evaluation size, to the nearest 8 px")
    epochs: int = Field(5, ge=1, description="passes over the training images")

    @model_validator(mode="after")
    def _one_size(self) -> FixRes:
        if (self.size is None) == (self.scale is None):
            raise ValueError("takes one of size and scale")
        return self

    def size_for(self, recipe: Recipe) -> int:
        """The size in pixels for a network of this recipe."""
        if self.scale is None:
            assert self.size is not None
            return self.size
        return 8 * round(self.scale * recipe.evaluation_size / 8)


class Row(Part):
    """A change of the base: of its recipe, of its length, of what it starts from, or of what is made of its run."""

    name: str
    words: Text = Words(en="")
    against: str = Field(BASE, description="the row that it is compared with")
    set: Changes = Field({}, description="changes of the recipe, as the command's --set")
    length: float = Field(1.0, gt=0, description="times the epochs or minutes of the base")
    wrong_labels: float | None = Field(
        None, ge=0, lt=1, description="share of the training labels that are made wrong; the base's if not given"
    )
    init: str | None = Field(None, description="start from the run of this row and of the same seed")
    pretrain: Pretraining | None = Field(None, description="start from a pretraining on the same photos")
    teacher: str | None = Field(None, description="also learn from the run of this row and of the same seed")
    soup: Literal["uniform", "greedy"] | None = Field(None, description="average the run's snapshots")
    fixres: FixRes | None = Field(None, description="then fit it to larger test images")
    logit_adjust: float | None = Field(None, gt=0, description="favour rare classes by this strength afterwards")
    temperature: bool = Field(False, description="scale by a temperature fitted to the other half of the images")
    ensemble: bool = Field(False, description="judge the mean of all seeds together")

    @field_validator("name")
    @classmethod
    def _short(cls, value: str) -> str:
        value = value.strip()
        if not value or len(value) > LONGEST_NAME or not value.isprintable() or "|" in value:
            raise ValueError(f"must be one line of 1 to {LONGEST_NAME} characters without '|', got {value!r}")
        return value

    @model_validator(mode="after")
    def _one_start(self) -> Row:
        if self.init is not None and self.pretrain is not None:
            raise ValueError("takes one of init and pretrain")
        return self


class Base(Part):
    """What all rows are changes of."""

    recipe: str = Field("default", description="a packaged recipe, or a file, beside the table if it lies there")
    words: Text = Words(en="the recipe as it is", zh="原配方")
    set: Changes = {}
    wrong_labels: float = Field(0.0, ge=0, lt=1)


def _base(value: Any) -> Any:
    return {"recipe": value} if isinstance(value, str) else value


class Table(Part):
    """What a table file says."""

    about: Text = Field(description="the question that it answers")
    base: Annotated[Base, BeforeValidator(_base)] = Base()
    judge: Literal["top1", "macro_top1", "likelihood"] = Field("top1", description="the figure that decides")
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names(self) -> Table:
        names = [row.name for row in self.rows]
        for name in names:
            if name == BASE:
                raise ValueError(f"the name '{BASE}' is the base's own; give the row another")
            if names.count(name) > 1:
                raise ValueError(f"two rows are called '{name}'; give one of them another name")
        known = (BASE, *names)
        for row in self.rows:
            for key in ("against", "init", "teacher"):
                named = getattr(row, key)
                if named is not None and named not in known:
                    raise ValueError(f"row '{row.name}': {key}: {unknown_name('row', named, known)}")
                if named == row.name:
                    raise ValueError(f"row '{row.name}': {key} names the row itself")
        return self


def table_names() -> list[str]:
    """The tables that come with the package."""
    root = resources.files("shelfmind") / "ablation" / "tables"
    return sorted(entry.name.removesuffix(".yaml") for entry in root.iterdir() if entry.name.endswith(".yaml"))


def table_text(name: str) -> str:
    """The YAML text of a packaged table or of a file. Raises `UserError` if there is none, or it cannot be read."""
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
    """The table called `name`, packaged or a YAML file.

    Raises:
        UserError: there is none, it is no YAML, or a key or a value is wrong, with the nearest right key.
    """
    try:
        content = yaml.load(table_text(name), _EachKeyOnce)  # nosec B506  # a safe loader, too
    except yaml.YAMLError as error:
        raise UserError(f"the table {name} is not valid YAML: {_where(error)}") from None
    if not isinstance(content, dict):
        raise UserError(f"the table {name} must be a mapping with the keys about, base and rows")
    try:
        table = Table.model_validate(content)
    except ValidationError as error:
        raise UserError(f"table {name}: {_fault(error, content)}") from None
    return table.model_copy(update={"base": _beside(table.base, name)})


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a mapping that has a key twice, of which YAML would keep the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"the key '{twice}' is there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"{error.problem} (line {error.problem_mark.line + 1})"
    return str(error).splitlines()[0]


def _beside(base: Base, name: str) -> Base:
    """The base with its recipe's place, where that is a file beside the table's."""
    beside = Path(name).expanduser().parent / base.recipe
    if base.recipe not in recipe_names() and beside.is_file():
        return base.model_copy(update={"recipe": str(beside)})
    return base


def _fault(error: ValidationError, content: Mapping[str, Any]) -> str:
    fault = first_fault(error)
    row, inner = _row_at(fault.location, content)
    if fault.unknown:
        *above, key = inner
        said = str(unknown_name("key", str(key), _part_at(fault.location[:-1]).model_fields))
        said = f"{dotted(tuple(above))}: {said}" if above else said
    else:
        said = fault.sentence(lambda location: dotted(_row_at(location, content)[1])) if inner else fault.problem
    return f"{row}{said}"


def _row_at(location: Location, content: Mapping[str, Any]) -> tuple[str, Location]:
    """The words for the row that a fault lies in, and where in it."""
    if len(location) < 2 or location[0] != "rows" or not isinstance(location[1], int):
        return "", location
    row = content["rows"][location[1]]
    name = row.get("name") if isinstance(row, Mapping) else None
    return (f"row '{name}': " if name is not None else f"row {location[1] + 1}: "), location[2:]


def _part_at(location: Location) -> type[Part]:
    """The part of a table whose keys lie at this place."""
    kind: Any = Table
    for step in location:
        if not isinstance(step, int):  # a number is a place in a list, whose entries are the part
            found = kind.model_fields[step].annotation
            kind = next((each for each in (found, *get_args(found)) if _is_part(each)), Table)
    part: type[Part] = kind
    return part


def _is_part(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Part)
