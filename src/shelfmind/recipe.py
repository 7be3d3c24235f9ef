"""Recipes: YAML in, validated and frozen pydantic models out."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from shelfmind.choices import choice_of
from shelfmind.errors import UserError, argument, setting, unknown_name
from shelfmind.overrides import parse_override
from shelfmind.policies import POLICIES
from shelfmind.structured_text import parse_yaml
from shelfmind.validation import dotted, first_fault

COSINE_SCALE = 30.0
"""Factor from cosines to logits of a cosine classifier; margin losses divide by it."""


class RecipeSection(BaseModel):
    """A section of a recipe: frozen; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(RecipeSection):
    """Preparation of images for the network."""

    image_size: int = Field(
        224,
        ge=16,
        le=2048,
        description="Height and width of training images in pixels; with stages, of the last stage.",
    )
    resize_to: int = Field(256, ge=16, le=4096, description="Size of the square that every photo is first resized to.")
    evaluation_size: int | None = Field(
        None, ge=16, le=4096, description="Height and width for validation and prediction. Defaults to image_size."
    )
    resize: Annotated[str, choice_of("resize", "images.resize:RESIZES")] = Field(
        "structure_retention", description="How photos of any aspect ratio are made square."
    )
    fill: tuple[int, int, int] = Field((124, 116, 104), description="RGB colour of the padding, 0 to 255.")
    mean: tuple[float, float, float] = Field(
        (0.485, 0.456, 0.406), description="RGB mean for normalisation, for values 0 to 1."
    )
    std: tuple[float, float, float] = Field(
        (0.229, 0.224, 0.225), description="RGB standard deviation for normalisation."
    )

    @field_validator("fill")
    @classmethod
    def _colour(cls, value: tuple[int, int, int]) -> tuple[int, int, int]:
        if not all(0 <= channel <= 255 for channel in value):
            raise ValueError(f"each channel must be between 0 and 255, got {value}")
        return value

    @field_validator("std")
    @classmethod
    def _deviation(cls, value: tuple[float, float, float]) -> tuple[float, float, float]:
        if min(value) <= 0:
            raise ValueError(f"each deviation must be greater than 0, got {value}")
        return value


class ModelRecipe(RecipeSection):
    """The network."""

    name: str = Field("shelfnet_s", description="Name from `shelfmind models`.")
    arguments: dict[str, Any] = Field({}, description="Arguments of the model function, such as last_stage_width: 2.")
    weights: str | None = Field(
        None, description="Initial weights: a checkpoint, a run folder, the name of official weights, or generated."
    )


class LossRecipe(RecipeSection):
    """The loss function."""

    name: Annotated[str, choice_of("loss", "losses:LOSSES")] = Field("cross_entropy", description="Name of the loss.")
    label_smoothing: float = Field(0.1, ge=0, lt=1, description="Share of the target distributed over all classes.")
    arguments: dict[str, Any] = Field({}, description="Arguments of the loss function, such as gamma: 2 for focal.")
    sampled_classes: int | None = Field(
        None,
        ge=2,
        description="Classes per step for many classes (Partial FC): those of the batch and a uniform sample of the "
        "others, at least batch_size in total. null: all classes.",
    )


class DistillationRecipe(RecipeSection):
    """Knowledge distillation from trained networks."""

    teachers: tuple[str, ...] = Field(
        (), description="Runs or exported files to distil from. Predictions of several teachers are averaged."
    )
    weight: float = Field(0.9, gt=0, le=1, description="Weight of the distillation loss; the label loss has the rest.")
    temperature: float = Field(2.0, gt=0, description="Temperature that divides the logits of teachers and student.")


class MixingRecipe(RecipeSection):
    """Mixup and CutMix within a batch."""

    mixup: float = Field(0.0, ge=0, le=1, description="Share of batches with Mixup.")
    mixup_alpha: float = Field(0.2, gt=0, description="Both parameters of the beta distribution of Mixup.")
    cutmix: float = Field(0.0, ge=0, le=1, description="Share of batches with CutMix.")
    cutmix_alpha: float = Field(1.0, gt=0, description="Both parameters of the beta distribution of CutMix.")
    until: float = Field(1.0, ge=0, le=1, description="Share of training after which mixing ends.")

    @model_validator(mode="after")
    def _shares(self) -> MixingRecipe:
        if self.mixup + self.cutmix > 1:
            raise ValueError(f"the sum of mixup and cutmix must be at most 1, got {self.mixup + self.cutmix:g}")
        return self


class Stage(RecipeSection):
    """A stage of training at one image size."""

    image_size: int = Field(..., ge=16, le=2048, description="Height and width of the training images in pixels.")
    share: float = Field(..., gt=0, le=1, description="Share of the training epochs or minutes.")


class TrainRecipe(RecipeSection):
    """The training procedure."""

    task: Annotated[str, choice_of("task", "training.tasks:TASKS")] = Field(
        "classify", description="classify: learn labels. simsiam: self-supervised."
    )
    epochs: int = Field(75, ge=1, description="Number of epochs.")
    batch_size: int = Field(128, ge=2, description="Images per step.")
    micro_batch_size: int | None = Field(
        None,
        ge=2,
        description="Images per forward pass: a step accumulates gradients over several passes. Defaults to "
        "batch_size.",
    )
    sampling: Annotated[str, choice_of("sampling", "images.sampling:SAMPLERS")] = Field(
        "instance",
        description="Sampling of images within an epoch; it decides how often images of rare classes appear.",
    )
    repeat_threshold: float = Field(
        1.0e-3, gt=0, le=1, description="Share of the images below which repeat_factor oversamples a class."
    )
    images_per_class: int = Field(
        1, ge=1, description="Images per class within a batch. 1: classes are sampled independently."
    )
    sync_batch_norm: bool = Field(
        False,
        description="Batch normalisation over the images of all processes of a data-parallel job. Otherwise each "
        "process normalises its own images, and the moving statistics are averaged.",
    )
    trainable: Annotated[str, choice_of("trainable part", "models.freezing:PARTS")] = Field(
        "all",
        description="Part of the network to train; the rest keeps its initial weights. new_classifier: the classifier, "
        "from random weights.",
    )
    optimizer: Annotated[str, choice_of("optimizer", "training.optimizer:OPTIMIZERS")] = Field(
        "sgd", description="Optimiser. sgd uses Nesterov momentum."
    )
    lr: float = Field(0.05, gt=0, description="Learning rate after warm-up.")
    lr_batch_size: int | None = Field(
        None, ge=2, description="Batch size that lr refers to; the learning rate scales linearly with batch_size."
    )
    final_lr: float = Field(0.0, ge=0, description="Final learning rate of the cosine schedule.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of training for the linear warm-up from 0.")
    schedule: Annotated[str, choice_of("schedule", "training.schedule:SCHEDULES")] = Field(
        "cosine", description="Learning-rate schedule after warm-up."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of sgd.")
    weight_decay: float = Field(
        1.0e-4, ge=0, description="Weight decay; not applied to normalisation layers and biases."
    )
    clip_norm: float | None = Field(None, gt=0, description="Maximum norm of the gradient. null: no clipping.")
    ema_decay: float = Field(
        0.999, ge=0, lt=1, description="Decay per step of the exponential moving average of the weights. 0 disables it."
    )
    amp: Literal["auto", "off", "on"] = Field(
        "auto",
        description="Mixed precision (on CPUs bfloat16 with oneDNN kernels). auto: if the device supports it.",
    )
    kernels: Literal["auto", "mindspore", "onednn"] = Field(
        "auto", description="Kernels on CPUs. auto: oneDNN if installed and the CPU has AVX2."
    )
    stages: tuple[Stage, ...] = Field(
        (), description="Stages of progressive resolution. Defaults to a single stage at image_size."
    )
    keep: Literal["best", "last"] = Field("best", description="Weights of the run: best on val, or last.")
    snapshots: int = Field(
        0, ge=0, description="Number of final epochs whose averaged weights are kept for a model soup."
    )
    checkpoint_steps: int = Field(2000, ge=1, description="Steps between checkpoints within an epoch.")
    workers: int = Field(1, ge=1, le=256, description="Threads for loading and augmentation.")

    @property
    def peak_lr(self) -> float:
        """The learning rate after warm-up, scaled to the batch size (Goyal et al., 2017)."""
        return self.lr * self.batch_size / (self.lr_batch_size or self.batch_size)

    @field_validator("amp", mode="before")
    @classmethod
    def _on_or_off(cls, value: Any) -> Any:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value  # YAML reads on, off as bool

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
            raise ValueError(f"the shares of all stages must sum to 1, got {shares:g}")
        return value


class EvaluationRecipe(RecipeSection):
    """Prediction settings."""

    tta: tuple[Annotated[str, choice_of("test-time view", "inference.views:VIEWS")], ...] = Field(
        (), description="Test-time augmentation views, averaged with the plain image, such as flip."
    )
    batch_size: int = Field(64, ge=1, description="Images per forward pass.")


_AUGMENTATIONS = tuple(f"transforms.augment:{table}" for table in ("AUGMENTATIONS", "FIRST", "LAST"))
Augmentation = tuple[Annotated[str, choice_of("augmentation", *_AUGMENTATIONS)], dict[str, Any]]


class Recipe(RecipeSection):
    """All training settings except the data and the seed."""

    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    loss: LossRecipe = LossRecipe()
    augment: tuple[Augmentation, ...] = Field(
        (), description="Operators in order, each a name or name: {parameters}; or the name of a policy."
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
        """The stages of training, at least one."""
        return self.train.stages or (Stage(image_size=self.data.image_size, share=1.0),)

    @property
    def evaluation_size(self) -> int:
        """Height and width in pixels for validation and prediction."""
        return self.data.evaluation_size or self.data.image_size

    def dump(self) -> str:
        """The complete recipe as YAML for `load_recipe`."""
        content = self.model_dump(mode="json")
        content["augment"] = [{name: parameters} if parameters else name for name, parameters in self.augment]
        return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def require_trained_size(recipe: Recipe) -> None:
    """Raise `UserError` if a training with stages ends at another size than `data.image_size`, which would then have
    no effect. Recipes of trained runs are not required to comply."""
    last = recipe.stages[-1].image_size
    if last != recipe.data.image_size:
        raise UserError(
            f"data.image_size is {recipe.data.image_size}, but the last of train.stages is {last}; give both the same "
            f"size, or train at data.image_size throughout with {setting('train.stages', [])}"
        )


def model_kind(recipe: Recipe, classes: int) -> str:
    """The description of the model, stored in its checkpoints."""
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
    """The names of the packaged recipes."""
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
    if path.suffix in (".yaml", ".yml") or os.path.exists(path):
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the recipe {name} cannot be read: {error}") from error
    raise unknown_name("recipe", name, recipe_names())


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Load the recipe `name` (packaged, or a YAML file) and apply `overrides` such as ``train.epochs=3``."""
    content = _with_parents(name, ())
    for override in overrides:
        _apply(content, override)
    return parse_recipe(content, name)


def with_overrides(recipe: Recipe, overrides: Sequence[str], name: str) -> Recipe:
    """Apply `overrides` such as ``train.epochs=3`` to the recipe; messages call it `name`."""
    content = yaml.safe_load(recipe.dump())
    for override in overrides:
        _apply(content, override)
    return parse_recipe(content, name)


def parse_recipe(content: Mapping[str, Any], name: str) -> Recipe:
    """Validate a recipe from parsed YAML; an error names the first fault and suggests the closest key."""
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise UserError(f"recipe {name}: {_fault(error)}") from None
    except UnicodeEncodeError:  # half of a surrogate pair in JSON, for example
        raise UserError(f"recipe {name}: a text contains characters that are not Unicode") from None


def note_built_in_defaults(recipe: Recipe | str) -> str | None:
    """A note that a recipe file takes built-in defaults because it neither extends a recipe nor has all sections."""
    if isinstance(recipe, Recipe) or recipe in recipe_names():
        return None
    content = _content(recipe)
    absent = [section for section in Recipe.model_fields if section not in content]
    if "extends" in content or not absent:
        return None
    return (
        f"the recipe {recipe} does not extend another one: sections and keys that it omits ({', '.join(absent)}) take "
        "built-in defaults, which train without augmentation; to change only some keys of a recipe, begin the file "
        "with, for example, 'extends: default'"
    )


def _with_parents(name: str, children: tuple[str, ...]) -> dict[str, Any]:
    if name in children:
        raise UserError(f"recipe {name} extends itself: {' -> '.join((*children, name))}")
    content = _content(name)
    parent = content.pop("extends", None)
    if parent is None:
        return content
    parent = str(parent)
    path = Path(name).parent / parent
    if parent not in recipe_names() and parent != "base" and os.path.exists(path):
        parent = str(path)
    return _merge(_with_parents(parent, (*children, name)), content)


def _content(name: str) -> dict[str, Any]:
    """The parsed YAML of a packaged recipe or of a file, without its parents."""
    try:
        content = parse_yaml(recipe_text(name))
    except yaml.YAMLError as error:
        raise UserError(f"recipe {name} is not valid YAML: {str(error).splitlines()[0]}") from None
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise UserError(f"recipe {name} must be a mapping of sections, got {type(content).__name__}")
    return content


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
        return f"{fault.sentence(dotted)}{_hint_at_name(error)}"
    *sections, key = (str(part) for part in fault.location)
    section = _section_at(sections)
    near = _nearest(key, section)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(section.model_fields))}"
    return f"unknown key '{'.'.join((*sections, key))}'; {hint}"


def _hint_at_name(error: ValidationError) -> str:
    """A hint for a name given to a whole section, such as ``loss=focal`` instead of ``loss.name=focal``."""
    first = error.errors(include_url=False)[0]
    section = Recipe.model_fields.get(str(first["loc"][0])) if len(first["loc"]) == 1 else None
    kind = None if section is None else section.annotation
    named = isinstance(kind, type) and issubclass(kind, BaseModel) and "name" in kind.model_fields
    return (
        f"; did you mean {first['loc'][0]}.name={first['input']}?" if named and isinstance(first["input"], str) else ""
    )


def _section_at(location: Sequence[str]) -> type[BaseModel]:
    """The section at these keys; an index leads to the element type of a list."""
    kind: Any = Recipe
    for part in location:
        kind = get_args(kind)[0] if get_args(kind) else kind.model_fields[part].annotation
    section: type[BaseModel] = kind
    return section


def _nearest(key: str, section: type[BaseModel]) -> list[str]:
    """Candidate keys: the same key in another section, else a similarly spelled one here or elsewhere, else the most
    similar ones here."""
    kinds = {name: field.annotation for name, field in Recipe.model_fields.items()}
    sections = {n: kind for n, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseModel)}
    whole = [(name, each) for name, kind in sections.items() for each in kind.model_fields]
    here = sorted(section.model_fields)
    for known, cutoff in (({each for _, each in whole}, 1.0), (here, 0.7), ({each for _, each in whole}, 0.7)):
        similar = difflib.get_close_matches(key, sorted(known), n=1, cutoff=cutoff)
        if similar:
            return similar if known is here else [f"{name}.{each}" for name, each in whole if each in similar]
    return difflib.get_close_matches(key, here, n=2, cutoff=0.4)
