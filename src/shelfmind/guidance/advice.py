"""Advice on a recipe: command, duration, reasons and runner-up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from shelfmind.errors import Message, UserError, call
from shelfmind.guidance import thresholds as limits
from shelfmind.guidance.arguments import whole
from shelfmind.guidance.rules import RULES, Choice, Reason, epochs_for, ranked
from shelfmind.guidance.situation import Situation
from shelfmind.guidance.speeds import epochs_within, steps_per_epoch, training_minutes
from shelfmind.guidance.starts import GENERATED, WEIGHTS_KEY, too_few
from shelfmind.nouns import counted, in_minutes
from shelfmind.overrides import format_override
from shelfmind.recipe import Recipe, load_recipe

_SECONDS_PER_PRODUCT, _SECONDS_PER_PHOTO = 0.5, 0.06
"""Time to enrol: RESULTS, "Enrolling": 0.47 s for a product of 8 photos."""
BUSY = 2.0
"""Factor by which a busy machine may be slower than estimated."""


@dataclass(frozen=True)
class Advice:
    """One option: a command that makes a recogniser.

    `arguments` are for the public function `verb`; `changes` are changed recipe keys; `minutes` is an estimate, None
    if the device was not measured; `prefer` says when to prefer this option.
    """

    rule: str
    verb: str
    arguments: Mapping[str, Any]
    recipe: str | None
    changes: Mapping[str, Any]
    epochs: int | None
    minutes: float | None
    reasons: tuple[Reason, ...]
    prefer: str

    @property
    def command(self) -> Message:
        """The command to run."""
        return Message(call(self.verb, **self.arguments))


@dataclass(frozen=True)
class Recommendation:
    """The advice for a situation, and the runner-up if there is one."""

    situation: Situation
    first: Advice
    second: Advice | None


def recommend(situation: Situation, out: Path) -> Recommendation:
    """Recommend a recipe for a situation; `out` is the run folder of its command.

    Raises:
        UserError: there is nothing to train on.
    """
    if situation.photos.train_photos < 2 or situation.photos.classes < 2:
        raise UserError(f"{situation.data} has too few training images for any recipe; at least 2 classes are needed")
    best, beside = ranked(situation)
    return Recommendation(
        situation, _advice(best, situation, out), None if beside is None else _advice(beside, situation, out)
    )


def few_photos_note(situation: Situation, out: Path, kept: Mapping[str, Any]) -> Message | None:
    """The note before training from random weights on too few photos per class, with the commands that `recommend`
    gives for them, one a line; None if there are enough.

    Args:
        out: The run folder of the commands.
        kept: Further arguments of the training, which its commands repeat.
    """
    photos = situation.photos
    if not photos.few or photos.train_photos < 2 or photos.classes < 2:
        return None
    recommendation = recommend(situation, out)
    first, second = recommendation.first, recommendation.second
    starts = [first.arguments, _other_start(RULES[first.rule].choice(situation), situation, out)]
    options = [(_start_of(each), call("train", **{**each, **kept})) for each in starts if each]
    if second is not None and second.recipe is None:
        options.append((f"with a gallery, {second.prefer}", call(second.verb, **second.arguments)))
    commands = [f"  {start}: {command}" for start, command in options]
    return Message("\n".join([f"{too_few(photos.typical)}. Start instead:", *commands]))


def _advice(rule: str, situation: Situation, out: Path) -> Advice:
    choice, prefer = RULES[rule].choice(situation), RULES[rule].prefer
    if choice.recipe is None:
        return _enrolment(rule, choice, situation, prefer)
    training = _training(choice, situation, out)
    return Advice(
        rule=rule,
        verb="train",
        arguments=training.arguments,
        recipe=choice.recipe,
        changes=choice.changes,
        epochs=training.epochs,
        minutes=training.needed if training.minutes is None else training.minutes,
        reasons=(
            *choice.reasons,
            ("length", _length(choice, training, situation)),
            *_other_weights(choice, situation, out),
            *_long_tail_reasons(situation),
        ),
        prefer=prefer,
    )


@dataclass(frozen=True)
class _Training:
    """The training of a choice: for `epochs`, or within a budget of `minutes`; `needed` are the estimated minutes, None
    if unknown."""

    recipe: Recipe
    epochs: int | None
    minutes: float | None
    needed: float | None
    arguments: dict[str, Any]


def _training(choice: Choice, situation: Situation, out: Path) -> _Training:
    assert choice.recipe is not None
    overrides = [format_override(key, value) for key, value in choice.changes.items() if key != WEIGHTS_KEY]
    recipe = load_recipe(choice.recipe, overrides)
    wanted = epochs_for(choice, recipe, situation)
    needed = _estimate(recipe, wanted, situation)
    minutes = _budget(choice, needed, situation.minutes)
    epochs = wanted if minutes is None else None
    arguments = _training_arguments(choice, overrides, epochs, minutes, situation, out)
    return _Training(recipe, epochs, minutes, needed, arguments)


def _training_arguments(
    choice: Choice, overrides: list[str], epochs: int | None, minutes: float | None, situation: Situation, out: Path
) -> dict[str, Any]:
    given = {
        "data": str(situation.data),
        "recipe": choice.recipe,
        "overrides": overrides or None,
        "weights": choice.changes.get(WEIGHTS_KEY),
        "epochs": epochs,
        "max_minutes": None if minutes is None else whole(minutes),
        "rules": situation.rules,
        "format": situation.format,
        "out": str(out),
    }
    return {name: value for name, value in given.items() if value is not None}


def _budget(choice: Choice, needed: float | None, minutes: float | None) -> float | None:
    """The time budget of the command: the given one, or less if the choice cannot use it all. It has room for a busy
    machine."""
    if choice.ignores_budget or minutes is None:
        return None
    if not choice.capped or needed is None:
        return minutes
    return min(minutes, math.ceil(BUSY * needed))


def _estimate(recipe: Recipe, epochs: int, situation: Situation) -> float | None:
    if situation.machine.device != "CPU":
        return None
    return training_minutes(recipe, epochs, situation.photos, situation.machine)


def _enrolment(rule: str, choice: Choice, situation: Situation, prefer: str) -> Advice:
    photos = situation.photos
    arguments = {"gallery": "products", "run": "RUN", "data": str(situation.data)}
    if situation.format is not None:
        arguments["format"] = situation.format
    seconds = (_SECONDS_PER_PRODUCT * photos.classes + _SECONDS_PER_PHOTO * photos.photos) / situation.machine.pace
    return Advice(rule, "gallery_create", arguments, None, {}, None, seconds / 60, choice.reasons, prefer)


def _length(choice: Choice, training: _Training, situation: Situation) -> str:
    epochs, minutes, per_epoch = training.epochs, training.minutes, steps_per_epoch(training.recipe, situation.photos)
    if epochs is not None:
        steps = epochs * per_epoch
        fewer = f", although {choice.steps:,} would be usual: with more epochs, validation and saving would dominate"
        formatted = f"{counted(epochs, 'epoch')} of {counted(per_epoch, 'step')}, {steps:,} in total"
        return f"{formatted}: {choice.meaning}" if steps >= choice.steps else f"{formatted}{fewer}"
    assert minutes is not None
    given = in_minutes(minutes)
    if situation.machine.device != "CPU":
        return f"the schedule is scaled to {given}"
    fitting = epochs_within(minutes, training.recipe, situation.photos, situation.machine)
    steps = round(fitting * per_epoch)
    formatted = f"about {counted(round(fitting), 'epoch')}, {counted(steps, 'step')}, fit into {given}"
    return f"{formatted}: far from convergence" if steps < limits.SHORT_STEPS else formatted


def _other_weights(choice: Choice, situation: Situation, out: Path) -> list[Reason]:
    """The command that starts from the other kind of pretrained weights, if a choice starts from one."""
    arguments = _other_start(choice, situation, out)
    if arguments is None:
        return []
    return [("other weights", Message(f"to start {_start_of(arguments)}: {call('train', **arguments)}"))]


def _start_of(arguments: Mapping[str, Any]) -> str:
    if arguments["weights"] == GENERATED:
        return "from the weights shipped with shelfmind, without a download"
    return "from official ImageNet weights, which are downloaded"


def _other_start(choice: Choice, situation: Situation, out: Path) -> dict[str, Any] | None:
    if WEIGHTS_KEY not in choice.changes or not situation.photos.few or situation.rules is not None:
        return None
    other = "imagenet_few" if choice.changes[WEIGHTS_KEY] == GENERATED else "generated_few"
    return _training(RULES[other].choice(situation), situation, out).arguments


def _long_tail_reasons(situation: Situation) -> list[Reason]:
    photos = situation.photos
    if not photos.long_tail:
        return []
    favour = call("evaluate", runs=["RUN"], data=str(situation.data), format=situation.format, logit_adjust=0.5)
    counts = f"{photos.smallest:,} to {counted(photos.largest, 'training photo')} a class"
    return [
        ("long tail", Message(f"{counts}; to test without training whether favouring rare classes helps: {favour}"))
    ]


def advice_json(advice: Advice, word: Callable[[str], str] = str) -> dict[str, Any]:
    """The advice as JSON; `word` words its command and reasons for the reader."""
    return {
        "rule": advice.rule,
        "recipe": advice.recipe,
        "changes": dict(advice.changes),
        "verb": advice.verb,
        "arguments": dict(advice.arguments),
        "command": word(advice.command),
        "epochs": advice.epochs,
        "minutes": None if advice.minutes is None else round(advice.minutes, 1),
        "reasons": [{"of": subject, "why": word(why)} for subject, why in advice.reasons],
        "prefer": advice.prefer or None,
    }


def recommendation_json(recommendation: Recommendation, word: Callable[[str], str] = str) -> dict[str, Any]:
    """The recommendation and its basis as JSON."""
    situation, second = recommendation.situation, recommendation.second
    return {
        "data": str(situation.data),
        "purpose": situation.purpose,
        "minutes": situation.minutes,
        "photos": asdict(situation.photos),
        "machine": asdict(situation.machine),
        "recommended": advice_json(recommendation.first, word),
        "runner_up": None if second is None else advice_json(second, word),
    }
