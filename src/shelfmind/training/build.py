"""Builds a training run from a recipe and images, and rejects contradictory recipes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import mindspore
import numpy as np

from shelfmind.errors import UserError, argument, setting
from shelfmind.images.class_sampling import SampledBatches
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.squares import Squares
from shelfmind.inference.engines.mindspore import MindSporeEngine
from shelfmind.inference.forward import Forward
from shelfmind.inference.views import test_time_views
from shelfmind.kernels.choice import ONEDNN, Choice, kernels_of
from shelfmind.kernels.stock import STOCK, Kernels
from shelfmind.kernels.synchronised import synchronised
from shelfmind.losses import LOSSES, distilled, loss_kind
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import mixed_precision
from shelfmind.machine.distributed import world
from shelfmind.models import create_model
from shelfmind.models.freezing import NEW_CLASSIFIER, train_only
from shelfmind.models.network import Network, OwnNetwork
from shelfmind.models.weights import Loaded, Start, load_arrays
from shelfmind.nouns import counted
from shelfmind.recipe import DistillationRecipe, Recipe, model_kind
from shelfmind.records import BadFile, Sample
from shelfmind.runs.folder import RunFolder
from shelfmind.training.class_table import ClassTable
from shelfmind.training.clock import BudgetClock, Clock, EpochClock
from shelfmind.training.loop import Training, steps_between_readings
from shelfmind.training.optimizer import NesterovMomentum, build_optimizer
from shelfmind.training.schedule import end_of_epoch
from shelfmind.training.state import Position, Tensors
from shelfmind.training.step import LossScaler, averages_of, build_step
from shelfmind.training.tasks import TASKS
from shelfmind.training.teaching import DistillationBatches, Teacher
from shelfmind.transforms.augment import build_augmentations

RESERVE_SHARE, RESERVE_S = 0.01, 10.0


@dataclass(frozen=True)
class Images:
    """The images of a training run: squares and samples of the train and val splits."""

    train: Squares
    train_samples: list[Sample]
    val: Squares
    val_samples: list[Sample]
    val_bad: list[BadFile]


def refuse_unbuildable(recipe: Recipe, classes: int, start: Start | None) -> str | None:
    """Reject invalid names, arguments, sizes and initial weights before anything is created or read.

    Returns a summary of what was loaded from `start` and what was not.
    """
    model = build_model(recipe, classes, seed=0)
    for size in (recipe.evaluation_size, *(stage.image_size for stage in recipe.stages)):
        if size < model.least_image_size:
            raise UserError(f"images for {recipe.model.name} must be at least {model.least_image_size} px, got {size}")
    loaded = None
    if start is not None:
        loaded = f"initial weights: {start.name} ({load_start(model, recipe, start)})"
    refuse_contradictions(recipe)
    if loss_kind(recipe.loss.name).embeddings and not hasattr(model, "head"):
        raise UserError(
            f"the loss {recipe.loss.name} compares embeddings, which only shelfmind's networks give; choose one"
        )
    if recipe.loss.sampled_classes is not None and not hasattr(model, "head"):
        raise UserError(
            f"only shelfmind's networks can be trained on a sample of the classes, and {recipe.model.name} is none; "
            "choose one, or remove loss.sampled_classes"
        )
    TASKS[recipe.train.task].loss(recipe.loss, np.ones(classes, np.int64))
    train_only(model, recipe.train.trainable)
    test_time_views(recipe.evaluation.tta)
    for stage in recipe.stages:
        build_augmentations(recipe.augment, stage.image_size, recipe.data)
    return loaded


def refuse_contradictions(recipe: Recipe) -> None:
    """Reject a recipe with contradictory settings."""
    kind = loss_kind(recipe.loss.name)
    classifier = recipe.model.arguments.get("classifier", "linear")
    if kind.classifiers and classifier not in kind.classifiers:
        raise UserError(
            f"the loss {recipe.loss.name} needs the logits of a {' or '.join(kind.classifiers)} classifier, "
            f"but the model has a {classifier} one; add {setting('model.arguments.classifier', kind.classifiers[0])}"
        )
    if not kind.smoothing and recipe.loss.label_smoothing > 0:
        raise UserError(
            f"the loss {recipe.loss.name} does not support label smoothing; add {setting('loss.label_smoothing', 0)}"
        )
    if not kind.soft_targets and recipe.mixing.mixup + recipe.mixing.cutmix > 0:
        raise UserError(
            f"the loss {recipe.loss.name} needs one class per image, but Mixup and CutMix give two; "
            f"add {setting('mixing.mixup', 0)} and {setting('mixing.cutmix', 0)}"
        )
    if kind.embeddings and recipe.train.images_per_class < 2:
        raise UserError(
            f"the loss {recipe.loss.name} compares images of the same class within a batch; "
            f"add {setting('train.images_per_class', 4)}"
        )
    if kind.embeddings and recipe.train.micro_batch_size is not None:
        raise UserError(
            f"the loss {recipe.loss.name} compares all images of a batch; it excludes train.micro_batch_size"
        )
    mixes = recipe.mixing.mixup + recipe.mixing.cutmix > 0
    if not TASKS[recipe.train.task].labelled and (mixes or recipe.train.micro_batch_size is not None):
        raise UserError(
            f"the task {recipe.train.task} compares two views of all images of a batch; "
            "it excludes Mixup, CutMix and train.micro_batch_size"
        )
    refuse_inconsistent_distillation(recipe)
    refuse_inconsistent_sampling(recipe)
    if recipe.train.trainable != "all" and recipe.model.weights is None:
        raise UserError(
            f"train.trainable={recipe.train.trainable} freezes all other weights; "
            f"provide them with {argument('weights')}"
        )


def refuse_inconsistent_distillation(recipe: Recipe) -> None:
    """Reject teachers for a task without labels, and distillation settings without teachers."""
    distils = recipe.distillation
    if distils.teachers and not TASKS[recipe.train.task].labelled:
        raise UserError(f"the task {recipe.train.task} learns no classes, so it cannot use a teacher")
    if not distils.teachers and distils != DistillationRecipe():
        raise UserError(f"the recipe's section distillation needs a teacher; provide one with {argument('teacher')}")


def refuse_inconsistent_sampling(recipe: Recipe) -> None:
    """Reject a sample of the classes where all are needed, and one that cannot hold the classes of a batch."""
    sampled, loss, train = recipe.loss.sampled_classes, recipe.loss.name, recipe.train
    if sampled is None:
        return
    if not TASKS[train.task].labelled:
        raise UserError(f"the task {train.task} learns no classes; remove loss.sampled_classes")
    if not loss_kind(loss).sampled:
        possible = ", ".join(name for name, kind in LOSSES.items() if kind.sampled)
        raise UserError(f"the loss {loss} needs all classes; remove loss.sampled_classes, or choose one of: {possible}")
    if recipe.distillation.teachers:
        raise UserError(
            "distillation compares the predictions for all classes; remove the teachers, or loss.sampled_classes"
        )
    if sampled < train.batch_size:
        raise UserError(
            f"a batch of {counted(train.batch_size, 'image')} may have as many classes, all of which a step needs; "
            f"add {setting('loss.sampled_classes', train.batch_size)} or more"
        )


def build_model(
    recipe: Recipe, classes: int, seed: int, start: Start | None = None, kernels: Kernels = STOCK
) -> Network:
    """The recipe's network with its initial weights."""
    model = create_model(recipe.model.name, classes, seed, kernels=kernels, **recipe.model.arguments)
    if start is not None:
        load_start(model, recipe, start)
    return model


def load_start(model: Network, recipe: Recipe, start: Start) -> Loaded:
    """Load initial weights into a network, without their classifier if the recipe trains a new one."""
    arrays = start.backbone if recipe.train.trainable == NEW_CLASSIFIER else start.arrays
    return load_arrays(model, arrays, start.path)


def build_training(
    run: RunFolder,
    recipe: Recipe,
    images: Images,
    classes: int,
    seed: int,
    max_minutes: float | None,
    began: float,
    start: Start | None,
    choice: Choice,
    teachers: Sequence[Teacher] = (),
) -> Training:
    """Build a training run at its start; `began` is the time at which the command started, for a time budget.

    The averaged weights are validated in float32, as they will be used.
    """
    task, together = TASKS[recipe.train.task], world()
    cores = available_cores()
    ema_network = build_model(recipe, classes, seed, start, kernels_of(choice, cores, "fp32"))
    ema_weights = {p.name: p for p in ema_network.get_parameters()}  # wrapping it renames them
    averaged = task.wrap(ema_network, seed)
    kernels = kernels_of(choice, cores)
    if recipe.train.sync_batch_norm:
        kernels = synchronised(kernels, together.size)
    network = build_model(recipe, classes, seed, start, kernels)
    table = None
    sampled = recipe.loss.sampled_classes
    if sampled is not None and sampled < classes:
        assert isinstance(network, OwnNetwork)
        assert isinstance(ema_network, OwnNetwork)
        table = ClassTable(network.head, ema_network.head, sampled)
    model = task.wrap(network, seed)
    if choice.precision == "fp16":
        model = mixed_precision(model)
    train_only(model, recipe.train.trainable)
    if isinstance(network, OwnNetwork) and task.labelled and loss_kind(recipe.loss.name).embeddings:
        network.head.before_neck = True
    optimizer = build_optimizer(list(model.trainable_params()), recipe.train)
    fused = choice.name == ONEDNN and isinstance(optimizer, NesterovMomentum)
    scaler = LossScaler() if getattr(model, "mixed_precision", False) else None
    if table is not None:
        table.attach(optimizer)
    averaged_parameters = {p.name: p for p in averaged.get_parameters()}
    averaged.update_parameters_name("averaged.")  # a graph needs unique names
    own = {id(parameter) for parameter in model.get_parameters()}
    in_table = set() if table is None else table.parameters
    groups = {
        "model": {p.name: p for p in model.get_parameters() if id(p) not in in_table},
        "averaged": {name: p for name, p in averaged_parameters.items() if id(p) not in in_table},
        "optimizer": {p.name: p for p in optimizer.get_parameters() if id(p) not in own | in_table},
        "scaler": {p.name: p for p in scaler.get_parameters()} if scaler else {},
    }
    labels = np.array([sample.label for sample in images.train_samples], np.int64)
    loss = task.loss(recipe.loss, np.bincount(labels, minlength=classes))
    micro_batch_size = recipe.train.micro_batch_size
    if table is not None:
        batches: TrainingBatches = SampledBatches(images.train, labels, classes, recipe, seed, table.size)
    elif teachers:
        loss = distilled(loss, recipe.distillation.weight, recipe.distillation.temperature)
        batches = DistillationBatches(images.train, labels, classes, recipe, seed, teachers)
    else:
        batches = task.batches(images.train, labels, classes, recipe, seed)
    validated = images.val_samples if task.labelled else []
    position = Position()
    ends = partial(end_of_epoch, recipe)
    clock: Clock = EpochClock(recipe.train.epochs, batches.steps_per_epoch, ends)
    if max_minutes is not None:
        reserve_s = RESERVE_S + RESERVE_SHARE * max_minutes * 60
        clock = BudgetClock(max_minutes * 60 - reserve_s, batches.steps_per_epoch, ends)
        position.elapsed_s = time.perf_counter() - began
    return Training(
        run=run,
        recipe=recipe,
        kind=model_kind(recipe, classes),
        clock=clock,
        batches=batches,
        val_squares=images.val,
        val_labels=np.array([sample.label for sample in validated], np.int64),
        forward=Forward(MindSporeEngine(ema_network, recipe), recipe.evaluation.batch_size),
        optimizer=optimizer,
        step=build_step(
            model,
            averages_of(model, averaged) if table is None else table.averages_of(model, averaged),
            optimizer,
            loss,
            clip_norm=recipe.train.clip_norm,
            scaler=scaler,
            micro_batch_size=micro_batch_size,
            fused=fused,
            processes=together.size,
        ),
        tensors=Tensors(groups, {} if table is None else table.arrays()),
        ema_weights=ema_weights,
        position=position,
        read_every=steps_between_readings(mindspore.get_context("device_target")),
        world=together,
        table=table,
    )
