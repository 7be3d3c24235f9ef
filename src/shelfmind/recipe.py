"""Recipes: YAML in, validated and frozen pydantic models out."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shelfmind.choices import choice_of
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.overrides import parse_override
from shelfmind.policies import POLICIES
from shelfmind.validation import dotted, first_fault

COSINE_SCALE = 30.0
"""What the cosines of a cosine classifier are multiplied by to give logits; margin losses divide by it."""


class RecipeSection(BaseModel):
    """Part of a recipe: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(RecipeSection):
    """How an image becomes the network's input."""

    image_size: int = Field(224, ge=16, le=2048, description="height and width of a training image in pixels")
    resize_to: int = Field(256, ge=16, le=4096, description="size of the square that every photo is brought to first")
    evaluation_size: int | None = Field(
        None, ge=16, le=4096, description="height and width at validation and prediction; image_size if not given"
    )
    resize: Annotated[str, choice_of("resize", "images.resize:RESIZES")] = Field(
        "structure_retention", description="how a photo of any proportions becomes a square"
    )
    fill: tuple[int, int, int] = Field((124, 116, 104), description="RGB colour of the padding, 0 to 255")
    mean: tuple[float, float, float] = Field((0.485, 0.456, 0.406), description="RGB mean taken off, for values 0 to 1")
    std: tuple[float, float, float] = Field((0.229, 0.224, 0.225), description="RGB deviation divided by")

    @field_validator("fill")
    @classmethod
    def _colour(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(0 <= channel <= 255 for channel in value):
            raise ValueError(f"each channel must lie between 0 and 255, got {value}")
        return value

    @field_validator("std")
    @classmethod
    def _deviation(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0:
            raise ValueError(f"each deviation must be greater than 0, got {value}")
        return value


class ModelRecipe(RecipeSection):
    """Which network."""

    name: str = Field("shelfnet_s", description="a name from `shelfmind models`")
    arguments: dict[str, Any] = Field({}, description="arguments of the model's function, such as last_stage_width: 2")
    weights: str | None = Field(
        None, description="what to start from: a file, a run folder, official weights' name, or generated"
    )


class LossRecipe(RecipeSection):
    """What is minimised."""

    name: Annotated[str, choice_of("loss", "losses:LOSSES")] = Field("cross_entropy", description="what is minimised")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="share of the target spread over all classes")
    arguments: dict[str, Any] = Field({}, description="of the loss's function, such as gamma: 2 for focal")


class DistillationRecipe(RecipeSection):
    """What is learnt from trained networks besides the labels."""

    teachers: tuple[str, ...] = Field(
        (), description="runs or exported files whose answers are learnt; several are averaged"
    )
    weight: float = Field(0.9, gt=0, le=1, description="of the teachers' answers; the loss of the labels has the rest")
    temperature: float = Field(2.0, gt=0, description="what logits are divided by, theirs and the network's")


class MixingRecipe(RecipeSection):
    """Mixup and CutMix of pairs of images within a batch."""

    mixup: float = Field(0.0, ge=0, le=1, description="share of the batches mixed by Mixup")
    mixup_alpha: float = Field(0.2, gt=0, description="both parameters of Mixup's beta distribution")
    cutmix: float = Field(0.0, ge=0, le=1, description="share of the batches mixed by CutMix")
    cutmix_alpha: float = Field(1.0, gt=0, description="both parameters of CutMix's beta distribution")
    until: float = Field(1.0, ge=0, le=1, description="share of the training after which mixing ends")

    @model_validator(mode="after")
    def _shares(self) -> MixingRecipe:
        if self.mixup + self.cutmix > 1:
            raise ValueError(f"mixup and cutmix together must be at most 1, got {self.mixup + self.cutmix:g}")
        return self


class Stage(RecipeSection):
    """A stretch of the training at one image size."""

    image_size: int = Field(..., ge=16, le=2048, description="height and width of the training images in pixels")
    share: float = Field(..., gt=0, le=1, description="share of the training: of its epochs, or of its minutes")


class TrainRecipe(RecipeSection):
    """How the network is trained."""

    task: Annotated[str, choice_of("task", "training.tasks:TASKS")] = Field(
        "classify", description="learn labels, or that two views of a photo are the same (self-supervised)"
    )
    epochs: int = Field(75, ge=1, description="passes over the training images")
    batch_size: int = Field(128, ge=2, description="images a step")
    micro_batch_size: int | None = Field(
        None,
        ge=2,
        description="images at once: a step adds up the gradients of so many after so many; all if not given",
    )
    sampling: Annotated[str, choice_of("sampling", "images.sampling:SAMPLERS")] = Field(
        "instance", description="how often an image of a rare class is drawn in an epoch"
    )
    repeat_threshold: float = Field(
        1.0e-3, gt=0, le=1, description="share of the images below which repeat_factor repeats a class"
    )
    images_per_class: int = Field(
        1, ge=1, description="so many images of each class that is in a batch; 1 leaves to chance which classes are"
    )
    trainable: Annotated[str, choice_of("trainable part", "models.freezing:PARTS")] = Field(
        "all", description="what is trained; the rest keeps the weights that the training starts from"
    )
    optimizer: Annotated[str, choice_of("optimizer", "training.optimizer:OPTIMIZERS")] = Field(
        "sgd", description="sgd has Nesterov momentum"
    )
    lr: float = Field(0.05, gt=0, description="learning rate after the warm-up")
    lr_batch_size: int | None = Field(
        None, ge=2, description="the batch_size that lr is meant for; the rate grows in proportion to batch_size"
    )
    final_lr: float = Field(0.0, ge=0, description="learning rate at the end of the cosine")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the training over which the rate rises from 0")
    schedule: Annotated[str, choice_of("schedule", "training.schedule:SCHEDULES")] = Field(
        "cosine", description="what the rate does after the warm-up"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    weight_decay: float = Field(1.0e-4, ge=0, description="on weights only, never on normalisation or biases")
    clip_norm: float | None = Field(None, gt=0, description="largest norm of the whole gradient; null leaves it alone")
    ema_decay: float = Field(0.999, ge=0, lt=1, description="decay a step of the averaged weights; 0 turns it off")
    amp: Literal["auto", "off", "on"] = Field(
        "auto",
        description="16-bit arithmetic, on CPUs bfloat16 with oneDNN's kernels; auto: where the device has it",
    )
    kernels: Literal["auto", "mindspore", "onednn"] = Field(
        "auto", description="operators on CPUs; auto: oneDNN's where they are installed and the CPU has AVX-512"
    )
    stages: tuple[Stage, ...] = Field((), description="progressive resolution; none: image_size throughout")
    keep: Literal["best", "last"] = Field(
        "best", description="which weights become the run's: best on val, or the last"
    )
    snapshots: int = Field(0, ge=0, description="how many of the last epochs' averaged weights are kept for a soup")
    checkpoint_steps: int = Field(2000, ge=1, description="steps after which a long epoch is saved part-way")
    workers: int = Field(1, ge=1, le=256, description="threads that prepare training images")

    @property
    def peak_lr(self) -> float:
        """The learning rate after the warm-up, scaled to the batch size (Goyal et al., 2017)."""
        return self.lr * self.batch_size / (self.lr_batch_size or self.batch_size)

    @field_validator("amp", mode="before")
    @classmethod
    def _on_or_off(cls, value: Any) -> Any:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # YAML takes them for truths

    @model_validator(mode="after")
    def _parts(self) -> TrainRecipe:
        if self.micro_batch_size is not None and self.batch_size % self.micro_batch_size:
            raise ValueError(f"micro_batch_size must divide batch_size {self.batch_size}, got {self.micro_batch_size}")
        if self.batch_size % self.images_per_class:
            raise ValueError(f"images_per_class must divide batch_size {self.batch_size}, got {self.images_per_class}")
        return self

    @field_validator("stages")
    @classmethod
    def _complete(cls, value: tuple[Stage, ...]) -> tuple[Stage, ...]:
        shares = sum(stage.share for stage in value)
        if value and abs(shares - 1) > 1e-6:
            raise ValueError(f"the shares of all stages must add up to 1, got {shares:g}")
        return value


class EvaluationRecipe(RecipeSection):
    """How predictions are made."""

    tta: tuple[Annotated[str, choice_of("test-time view", "inference.views:VIEWS")], ...] = Field(
        (), description="views averaged at prediction besides the plain one, such as flip"
    )
    batch_size: int = Field(64, ge=1, description="images a forward pass")


_AUGMENTATIONS = tuple(f"transforms.augment:{table}" for table in ("AUGMENTATIONS", "FIRST", "LAST"))
Augmentation = tuple[Annotated[str, choice_of("augmentation", *_AUGMENTATIONS)], dict[str, Any]]


class Recipe(RecipeSection):
    """Everything that decides how a run comes about, apart from the data and the seed."""

    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: LossRecipe = LossRecipe()
    augment: tuple[Augmentation, ...] = Field(
        (), description="operators in order: a name, or name: {parameters}; or a policy's name"
    )
    mixing: MixingRecipe = MixingRecipe()
    distillation: DistillationRecipe = DistillationRecipe()
    train: TrainRecipe = TrainRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()

    @field_validator("augment", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        if isinstance(value, str):
            if value not in POLICIES:
                raise ValueError(str(unknown_name("augmentation policy", value, POLICIES)))
            value = POLICIES[value]
        if not isinstance(value, Sequence):
            raise ValueError(f"must be a list of operators or the name of a policy, got {value!r}")
        return [_augmentation(entry) for entry in value]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of the training, at least one."""
        return self.train.stages or (Stage(image_size=self.data.image_size, share=1.0),)

    @property
    def evaluation_size(self) -> int:
        """Height and width in pixels at validation and prediction."""
        return self.data.evaluation_size or self.data.image_size

    def dump(self) -> str:
        """The whole recipe as YAML that `load_recipe` reads back."""
        content = self.model_dump(mode="json")
        content["augment"] = [{name: parameters} if parameters else name for name, parameters in self.augment]
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def model_kind(recipe: Recipe, classes: int) -> str:
    """What a checkpoint of this recipe belongs to."""
    arguments = ", ".join(f"{key}={value}" for key, value in sorted(recipe.model.arguments.items()))
    return f"{recipe.model.name}({arguments}) with {classes} classes"


def _augmentation(entry: Any) -> Any:
    if isinstance(entry, str):
        return entry, {}
    if isinstance(entry, Mapping) and len(entry) == 1:
        name, parameters = next(iter(entry.items()))
        return name, parameters or {}
    if isinstance(entry, Sequence) and len(entry) == 2:
        return entry
    raise ValueError(f"an operator must be a name or 'name: {{parameters}}', got {entry!r}")


def recipe_names() -> list[str]:
    """The recipes that come with the package."""
    root = resources.files("shelfmind") / "recipes"
    found = []
    for entry in root.iterdir():
        if entry.is_dir():
            found += [f"{entry.name}/{item.name[:-5]}" for item in entry.iterdir() if item.name.endswith(".yaml")]
        elif entry.name.endswith(".yaml"):
            found.append(entry.name[:-5])
    return sorted(name for name in found if name != "base")


def recipe_text(name: str) -> str:
    """The YAML text of a packaged recipe or of a file."""
    if name in recipe_names() or name == "base":
        return (resources.files("shelfmind") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.exists():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the recipe {name} cannot be read: {error}") from error
    raise unknown_name("recipe", name, recipe_names())


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe called `name` (packaged, or a YAML file) with `overrides` such as ``train.epochs=3`` applied."""
    content = _with_parents(name, ())
    for override in overrides:
        _apply(content, override)
    return parse_recipe(content, name)


def with_overrides(recipe: Recipe, overrides: Sequence[str], name: str) -> Recipe:
    """The recipe with `overrides` such as ``train.epochs=3`` applied; `name` is what a message calls it."""
    content = yaml.safe_load(recipe.dump())
    for override in overrides:
        _apply(content, override)
    return parse_recipe(content, name)


def parse_recipe(content: Mapping[str, Any], name: str) -> Recipe:
    """A recipe from its parsed YAML; the first fault is named with the nearest right key."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise UserError(f"recipe {name}: {_fault(error)}") from None


def _with_parents(name: str, children: tuple[str, ...]) -> dict[str, Any]:
    if name in children:
        raise UserError(f"recipe {name} extends itself: {' -> '.join((*children, name))}")
    try:
        content = yaml.safe_load(recipe_text(name))
    except yaml.YAMLError as error:
        raise UserError(f"recipe {name} is not valid YAML: {str(error).splitlines()[0]}") from None
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UserError(f"recipe {name} must be a mapping of sections, got {type(content).__name__}")
    parent = content.pop("extends", None)
    if parent is None:
        return content
    parent = str(parent)
    beside = Path(name).parent / parent
    if parent not in recipe_names() and parent != "base" and beside.exists():
        parent = str(beside)
    return _merge(_with_parents(parent, (*children, name)), content)


def _merge(base: Mapping[str, Any], overriding: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overriding.items():
        both_mappings = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merge(merged[key], value) if both_mappings else value
    return merged


def _apply(content: dict[str, Any], override: str) -> None:
    key, value = parse_override(override, "train.epochs=3")
    *sections, last = key.split(".")
    target = content
    for section in sections:
        target = target.setdefault(section, {})
        if not isinstance(target, dict):
            raise UserError(f"{argument('overrides')}: {override}: '{section}' has no keys below it")
    target[last] = value


def _fault(error: ValidationError) -> str:
    fault = first_fault(error)
    if not fault.unknown:
        return fault.sentence(dotted)
    *sections, key = (str(part) for part in fault.location)
    section = _section_at(sections)
    near = _nearest(key, section)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(section.model_fields))}"
    return f"unknown key '{'.'.join((*sections, key))}'; {hint}"


def _section_at(location: Sequence[str]) -> type[BaseModel]:
    """The section at these keys; an index of a list leads to what the list holds."""
    kind: Any = Recipe
    for part in location:
        kind = get_args(kind)[0] if get_args(kind) else kind.model_fields[part].annotation
    section: type[BaseModel] = kind
    return section


def _nearest(key: str, section: type[BaseModel]) -> list[str]:
    """The keys that may be meant: this very one in another section, else one spelled much like it, here or there, else
    what is least unlike it here."""
    kinds = {name: field.annotation for name, field in Recipe.model_fields.items()}
    sections = {n: kind for n, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    whole = [(name, each) for name, kind in sections.items() for each in kind.model_fields]
    here = sorted(section.model_fields)
    for known, cutoff in (({each for _, each in whole}, 1.0), (here, 0.7), ({each for _, each in whole}, 0.7)):
        similar = difflib.get_close_matches(key, sorted(known), n=1, cutoff=cutoff)
        if similar:
            return similar if known is here else [f"{name}.{each}" for name, each in whole if each in similar]
    return difflib.get_close_matches(key, here, n=2, cutoff=0.4)
