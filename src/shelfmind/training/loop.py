"""The training loop: plan, train, validate and save each epoch."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from mindspore import Parameter, Tensor, nn, ops

from shelfmind.arrays import Floats
from shelfmind.errors import UserError, setting
from shelfmind.images.class_sampling import SampledBatches
from shelfmind.images.loader import TrainingBatches
from shelfmind.images.squares import Squares, in_order
from shelfmind.inference.forward import Forward
from shelfmind.machine.device import interruptible
from shelfmind.machine.distributed import ALONE, World
from shelfmind.models.checkpoint import Checkpoint, save_checkpoint
from shelfmind.recipe import Recipe, Stage
from shelfmind.runs.folder import RunFolder
from shelfmind.training.class_table import ClassTable
from shelfmind.training.clock import BudgetClock, Clock, EpochPlan, Pace, StepWatch
from shelfmind.training.schedule import averaging_decay, learning_rate, stage_at, validation_size
from shelfmind.training.state import Position, Tensors
from shelfmind.training.step import Step
from shelfmind.training.watching import EpochEntry, StepFigures, Watcher

MOVING = (".moving_mean", ".moving_variance")
"""The ends of the names of moving statistics."""
READ_EVERY = 10
"""Steps between readings of the loss on devices that run asynchronously while Python prepares the next steps."""


@dataclass
class Training:
    """The complete state of a training run, ready to continue from `position`.

    `ema_weights` are the averaged weights of the network, which become the run's. Losses are read every `read_every`
    steps; `unread` are the losses since, each with its step number in the epoch, from 1. `table` has the rows of all
    classes if a step trains a sample of them.
    """

    run: RunFolder
    recipe: Recipe
    kind: str
    clock: Clock
    batches: TrainingBatches
    val_squares: Squares
    val_labels: npt.NDArray[np.int64]
    forward: Forward
    optimizer: nn.Optimizer
    step: Step
    tensors: Tensors
    ema_weights: dict[str, Parameter]
    position: Position
    read_every: int = 1
    world: World = ALONE
    table: ClassTable | None = None
    watch: StepWatch = field(default_factory=StepWatch)
    unread: list[tuple[int, Tensor]] = field(default_factory=list)


def train_to_the_end(training: Training, watcher: Watcher) -> None:
    """Run the remaining epochs; save everything after each epoch, and within long epochs.

    In a data-parallel job all processes do so in step, and the leader saves.
    """
    while training.position.progress < 1.0:
        if training.position.plan is None:
            training.position.plan = plan_epoch(training)
        train_epoch(training, training.position.plan, watcher)
        entry = validate(training, training.position.plan)
        began = time.perf_counter()
        if training.world.leads:
            keep_weights(training, entry)
        training.position.finish_epoch(entry)
        if training.world.leads:
            training.tensors.save(training.run, training.kind, training.position)
            training.run.write_log(training.position.history)
        training.position.saving_s = time.perf_counter() - began
        training.position.elapsed_s += training.position.saving_s
        watcher.epoch(entry)


def steps_between_readings(device: str) -> int:
    """Steps between readings of the loss: 1 on CPUs, which are busy during a step anyway."""
    return 1 if device == "CPU" else READ_EVERY


def plan_epoch(training: Training) -> EpochPlan:
    """The next epoch; for a time budget, from the duration of an epoch at this image size by the leader's clock."""
    clock, at = training.clock, (training.position.epoch, training.position.progress)
    plan = clock.plan(*at, expected_pace(training)) if isinstance(clock, BudgetClock) else clock.plan(*at)
    return EpochPlan(**json.loads(training.world.share(json.dumps(plan.to_json()))))


def expected_pace(training: Training) -> Pace:
    """The time used, and the expected durations of the next epoch: those of the last epoch at its image size, else
    scaled by pixels except for the saving."""
    position = training.position
    size = stage_at(training.recipe, position.progress).image_size
    nearest = min(position.epoch_seconds, key=lambda each: abs(int(each) - size))
    scale = (size / int(nearest)) ** 2
    fixed_s = position.validation_seconds.get(nearest, 0.0) * scale + position.saving_s
    return Pace(position.elapsed_s, position.epoch_seconds[nearest] * scale + position.saving_s, fixed_s)


def train_epoch(training: Training, plan: EpochPlan, watcher: Watcher) -> None:
    """Run the remaining steps of the planned epoch; it continues the pass over the images where the last one ended."""
    position, recipe, steps_per_pass = training.position, training.recipe, training.batches.steps_per_epoch
    stage = stage_at(recipe, plan.start)
    mix = plan.start < recipe.mixing.until
    training.watch.reset()
    while position.step_in_epoch < plan.steps:
        passed, start = divmod(position.step, steps_per_pass)
        steps = min(plan.steps - position.step_in_epoch, steps_per_pass - start, recipe.train.checkpoint_steps)
        stop = position.step_in_epoch + steps
        began = training.watch.start()
        for images, targets in training.batches.segment(passed, start, start + steps, stage.image_size, mix):
            take_step(training, plan, images, targets)
            loss = None
            if position.step % training.read_every == 0 or position.step_in_epoch == stop:
                loss = read_losses(training, plan)
            training.watch.step(stage.image_size)
            if loss is not None:
                step_s = training.watch.step_s
                speed = len(images) * training.world.size / step_s if step_s else 0.0
                watcher.step(step_figures(position, plan, loss, speed))
        average_statistics(training)
        if training.table is not None:
            training.table.finish()
        position.epoch_elapsed_s += time.perf_counter() - began
        if stop < plan.steps and training.world.leads:
            began = time.perf_counter()
            training.tensors.save(training.run, training.kind, position)
            position.epoch_elapsed_s += training.watch.saved(began)


def average_statistics(training: Training) -> None:
    """Average the moving statistics over all processes, each of which has normalised its own images."""
    if training.world.size == 1:
        return
    for role in ("model", "averaged"):
        statistics = [each for name, each in training.tensors.groups[role].items() if name.endswith(MOVING)]
        for each in statistics:
            mean = training.world.sum(each.asnumpy()) / training.world.size
            ops.assign(each, Tensor(mean, each.dtype))  # set_data would change the next graph that is compiled


def step_figures(position: Position, plan: EpochPlan, loss: float, images_per_second: float) -> StepFigures:
    """The step metrics for a watcher."""
    return StepFigures(
        epoch=plan.epoch,
        step=position.step,
        step_in_epoch=position.step_in_epoch,
        steps=plan.steps,
        progress=plan.progress_at(position.step_in_epoch),
        loss=loss,
        images_per_second=images_per_second,
    )


def take_step(training: Training, plan: EpochPlan, images: Floats, targets: Floats) -> None:
    """One update at the current learning rate, without waiting for the loss."""
    position, train = training.position, training.recipe.train
    progress = plan.moment_of(position.step_in_epoch)
    rate = learning_rate(train, progress)
    set_learning_rate(training.optimizer, rate)
    decay = averaging_decay(train, position.step)
    loss = update(training, images, targets, decay, progress)
    position.step_in_epoch += 1
    position.step += 1
    training.unread.append((position.step_in_epoch, loss))


def update(training: Training, images: Floats, targets: Floats, decay: float, progress: float) -> Tensor:
    """One update by the batch at the position of `training`; returns the loss, unread."""
    position = training.position
    inputs = Tensor(images), Tensor(targets), Tensor(np.float32(decay)), Tensor(np.float32(progress))
    with interruptible():
        if training.table is None:
            return training.step(*inputs)
        assert isinstance(training.batches, SampledBatches)
        sample = training.batches.sample(*divmod(position.step, training.batches.steps_per_epoch))
        with training.table.sampled(sample, decay):
            return training.step(*inputs)


def read_losses(training: Training, plan: EpochPlan) -> float:
    """Wait for the steps with unread losses, accumulate their losses, and return the last one.

    Nothing is saved between a step and this call, so that no saved state follows a non-finite loss. Raises `UserError`
    that names the failing step.
    """
    loss = math.nan
    for step, tensor in training.unread:
        with interruptible():
            loss = float(tensor.asnumpy())
        if not math.isfinite(loss):
            lower = training.recipe.train.lr / 3
            raise UserError(
                f"the loss is {loss} at step {step} of epoch {plan.epoch + 1}; "
                f"try a lower rate: {setting('train.lr', f'{lower:.2g}')} or {setting('train.clip_norm', 5)}"
            )
        training.position.loss_sum += loss
    training.unread.clear()
    return loss


def validate(training: Training, plan: EpochPlan) -> EpochEntry:
    """Validate the averaged weights and return the epoch's log entry."""
    position, recipe = training.position, training.recipe
    stage = stage_at(recipe, plan.start)
    began = time.perf_counter()
    loss, top1 = validation_figures(training, validation_size(recipe, stage))
    seconds, validation_s = position.epoch_elapsed_s, time.perf_counter() - began
    position.epoch_elapsed_s += validation_s
    record_pace(training, stage, validation_s)
    return {
        "epoch": plan.epoch,
        "progress": round(plan.end, 6),
        "steps": plan.steps,
        "image_size": stage.image_size,
        "train_loss": position.loss_sum / plan.steps,
        "val_loss": loss,
        "val_top1": top1,
        "lr": learning_rate(recipe.train, plan.moment_of(0)),
        "images_per_second": round(plan.steps * training.batches.batch_size / seconds, 2),
        "elapsed_s": round(position.elapsed_s + position.epoch_elapsed_s, 2),
    }


def record_pace(training: Training, stage: Stage, validation_s: float) -> None:
    """Record the duration of an epoch at this image size, without compilation, for planning the next ones."""
    step_s, batches, forward = training.watch.step_s, training.batches, training.forward
    if step_s is None:
        return
    images = math.ceil(len(training.val_labels) / forward.batch_size) * forward.batch_size
    at_most_s = (
        step_s * images / batches.batch_size
    )  # validation costs less per image than a step; the rest is compilation
    size, validation_s = str(stage.image_size), min(validation_s, at_most_s)
    training.position.epoch_seconds[size] = step_s * batches.steps_per_epoch + validation_s
    training.position.validation_seconds[size] = validation_s


def validation_figures(training: Training, size: int) -> tuple[float | None, float | None]:
    """Mean negative log-likelihood and top-1 of the averaged weights; None without a validation split.

    Each process of a data-parallel job predicts its share of the images.
    """
    images, world = len(training.val_labels), training.world
    if images == 0:
        return None, None
    share = range(world.rank, images, world.size)
    sums = np.zeros(2, np.float32)
    if share:
        labels = training.val_labels[share]
        likelihoods, guesses, done = [], [], 0
        for probabilities, _ in training.forward.batches(in_order(training.val_squares, share), size):
            rows = np.arange(len(probabilities))
            likelihoods.append(probabilities[rows, labels[done + rows]])
            guesses.append(probabilities.argmax(1))
            done += len(rows)
        likelihood, right = np.concatenate(likelihoods), np.concatenate(guesses) == labels
        sums[:] = -np.log(np.maximum(likelihood, 1e-12)).sum(), right.sum()
    loss, hits = world.sum(sums)
    return float(loss) / images, float(hits) / images


def keep_weights(training: Training, entry: EpochEntry) -> None:
    """Save the averaged weights as last and, if so, as best, and select the run's weights according to the recipe."""
    run, position = training.run, training.position
    arrays = {name: parameter.asnumpy() for name, parameter in training.ema_weights.items()}
    checkpoint = Checkpoint(arrays, training.kind)
    save_checkpoint(run.last, checkpoint)
    keep_snapshot(training, checkpoint)
    if is_best(position, entry):
        position.best_top1, position.best_size = entry["val_top1"], entry["image_size"]
        save_checkpoint(run.best, checkpoint)
    run.select(run.best if training.recipe.train.keep == "best" and run.best.exists() else run.last)


def keep_snapshot(training: Training, checkpoint: Checkpoint) -> None:
    """Also save an epoch's averaged weights, and delete snapshots beyond the recipe's limit."""
    run, number = training.run, training.recipe.train.snapshots
    if number == 0:
        return
    path = run.snapshot(training.position.epoch)
    path.parent.mkdir(exist_ok=True)
    save_checkpoint(path, checkpoint)
    for old in list(run.snapshots().values())[:-number]:
        old.unlink()


def is_best(position: Position, entry: EpochEntry) -> bool:
    """Whether an epoch's weights are the best so far; on ties, the later epoch wins.

    Epochs of different image sizes are not compared: each stage is validated at its own size, and only the last stage's
    size is used for prediction, which weights of a smaller size are not adapted to. Each stage starts a new comparison.
    """
    if entry["val_top1"] is None:
        return False
    if position.best_top1 is None or entry["image_size"] != position.best_size:
        return True
    return bool(entry["val_top1"] >= position.best_top1)


def set_learning_rate(optimizer: nn.Optimizer, rate: float) -> None:
    """Set the rate that the compiled step reads."""
    parameter: Parameter = optimizer.learning_rate
    ops.assign(parameter, Tensor(rate, parameter.dtype))
