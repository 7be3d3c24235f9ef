"""The table of rules: which recipe suits which situation, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from shelfmind.guidance import thresholds as limits
from shelfmind.guidance.purposes import CHANGING, CONTEST, KNOWN
from shelfmind.guidance.situation import Situation
from shelfmind.guidance.speeds import epochs_within, steps_per_epoch
from shelfmind.guidance.starts import GENERATED, WEIGHTS_KEY, official_changes, official_start, small_batch
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe, load_recipe

Reason = tuple[str, str]
"""The choice and its reasons."""


@dataclass(frozen=True)
class Choice:
    """A recipe with changed keys, the recommended number of steps with its justification, and the reasons.

    Without a recipe the photos are enrolled in a gallery instead. With `ignores_budget`, the time budget does not
    apply; a `capped` choice takes no more of it than its steps need on a busy machine.
    """

    recipe: str | None
    changes: Mapping[str, Any] = field(default_factory=dict)
    steps: int = limits.FULL_STEPS
    meaning: str = "grocery_cpu reached 78% on real photos of 81 products after this many"
    reasons: tuple[Reason, ...] = ()
    ignores_budget: bool = False
    capped: bool = False


@dataclass(frozen=True)
class Rule:
    """A rule: conditions for the best choice and the runner-up, the choice itself, and when to prefer it."""

    best: Callable[[Situation], bool]
    runner_up: Callable[[Situation], bool]
    choice: Callable[[Situation], Choice]
    prefer: str


def affordable_steps(recipe: str, situation: Situation) -> float:
    """The number of steps of a recipe within the time budget; infinite without a budget."""
    if situation.minutes is None:
        return float("inf")
    settings = _packaged(recipe)
    epochs = epochs_within(situation.minutes, settings, situation.photos, situation.machine)
    return epochs * steps_per_epoch(settings, situation.photos)


@cache
def _packaged(name: str) -> Recipe:
    return load_recipe(name)


def epochs_for(choice: Choice, recipe: Recipe, situation: Situation) -> int:
    """The number of epochs for the steps of a choice."""
    return min(limits.MAX_EPOCHS, max(10, -(-choice.steps // steps_per_epoch(recipe, situation.photos))))


_SMALL_BATCH: Reason = ("batch size", "small, so that an epoch has several steps despite few photos")


def _few(situation: Situation) -> bool:
    return situation.photos.few


def _never_applies(situation: Situation) -> bool:
    return False


def _always_applies(situation: Situation) -> bool:
    return True


def _wants_deep_network(situation: Situation) -> bool:
    many = situation.photos.train_photos >= limits.MANY_PHOTOS
    return situation.purpose != CHANGING and (many or situation.purpose == CONTEST) and not situation.photos.few


def _accelerated(situation: Situation) -> bool:
    return situation.machine.device != "CPU"


def _has_time_and_pixels(situation: Situation) -> bool:
    side = situation.photos.longer_side
    large = side is None or side >= limits.SMALL_PHOTOS
    return large and affordable_steps("grocery_cpu", situation) >= limits.ENOUGH_STEPS


def _deep(situation: Situation) -> Choice:
    return Choice(
        "rp2k/se_resnext50",
        steps=75 * max(1, situation.photos.train_photos // 128),
        meaning="as published",
        reasons=(("recipe", "from the contest solution: published with 96.94% top-1 on RP2K; not measured by us"),),
    )


def _from_imagenet(situation: Situation) -> Choice:
    photos, network = situation.photos, official_start("shelfnet_s")
    changes = official_changes("shelfnet_s", photos.train_photos)
    why = "a better start than random weights; not measured by us"
    if photos.few:
        middle = counted(photos.typical, "training photo")
        why = (
            f"half of the classes have {middle} or fewer; random weights learn little from fewer than "
            f"{limits.FEW_PHOTOS}"
        )
    reasons = [
        ("weights", f"MindSpore's official ImageNet weights of {network}: {why}"),
        ("learning rate", f"a fifth of the usual one, to preserve the features of {network}"),
    ]
    if "train.batch_size" in changes:
        reasons.append(_SMALL_BATCH)
    return Choice(
        "default" if situation.purpose != CHANGING else "grocery_embedding",
        changes,
        limits.FINE_TUNING_STEPS,
        "a rule of thumb for fine-tuning, not measured by us",
        tuple(reasons),
        capped=True,
    )


def _from_generated(situation: Situation) -> Choice:
    middle = counted(situation.photos.typical, "training photo")
    why = (
        f"half of the classes have {middle} or fewer, too few for random weights; these weights are shipped with "
        "shelfmind, and were trained on synthetic packages. With 5 to 20 photos of each product, they gained 9 to 14 "
        "points on packages, but lost 5 to 10 on fruit"
    )
    batch = small_batch(situation.photos.train_photos)
    reasons = [("weights", why)]
    if batch:
        reasons.append(_SMALL_BATCH)
    meaning = "as measured with 5 and 10 photos of each product; a quarter of them were enough with 5"
    changes = {WEIGHTS_KEY: GENERATED, **batch}
    return Choice("default", changes, limits.FINE_TUNING_STEPS, meaning, tuple(reasons), capped=True)


def _enrolled(situation: Situation) -> Choice:
    return Choice(
        None,
        reasons=(("gallery", "the photos are enrolled, not trained on: one per product is enough to begin with"),),
    )


def _embedding(situation: Situation) -> Choice:
    why = "augments the light colour: best accuracy on new products enrolled from a few photos"
    return Choice("grocery_embedding", reasons=(("recipe", why),))


def _supervised_contrast(situation: Situation) -> Choice:
    why = (
        "supervised contrastive loss: 63.6% instead of 55.8% of new products recognised from 1 photo each, too few "
        "photos to be sure; no difference from 8"
    )
    return Choice("methods/embedding_supcon", reasons=(("recipe", why),))


def _balanced(situation: Situation) -> Choice:
    largest, smallest = situation.photos.largest, situation.photos.smallest
    plain = next(RULES[name].choice(situation) for name in _PLAIN if RULES[name].best(situation))
    why = f"classes have {smallest:,} to {counted(largest, 'training photo')}; all classes are drawn equally often"
    kept = [(subject, reason) for subject, reason in plain.reasons if subject == "weights"]
    return replace(plain, changes={**plain.changes, "train.sampling": "class"}, reasons=(("sampling", why), *kept))


def _thorough(situation: Situation) -> Choice:
    measured = "78.4% on real photos of 81 products after 62 to 99 minutes on one core"
    why = f"small network, progressive resolution: {measured}"
    return Choice("grocery_cpu", reasons=(("recipe", why),))


def _short(situation: Situation) -> Choice:
    side = situation.photos.longer_side
    why = "small network at 80, then 112 px: more steps in little time"
    if side is not None and side < limits.SMALL_PHOTOS:
        why = f"the photos are about {side} px long, so larger inputs would add no detail"
    meaning = "grocery_cpu passed 60% on real photos of 81 products after this many"
    return _sooner(Choice("default", steps=limits.ENOUGH_STEPS, meaning=meaning, reasons=(("recipe", why),)), situation)


def _quickest(situation: Situation) -> Choice:
    why = "small network at 64, then 80 px: the most steps within the time budget"
    choice = Choice("demo", steps=limits.SHORT_STEPS, meaning="enough for a first look", reasons=(("recipe", why),))
    return _sooner(choice, situation)


def _sooner(choice: Choice, situation: Situation) -> Choice:
    """A short training from the weights shipped with shelfmind, unless the contest's terms forbid it."""
    if situation.purpose == CONTEST:
        return choice
    why = (
        "shipped with shelfmind, trained on synthetic packages: after 6 epochs on real photos of 81 products, 52.7% "
        "instead of 30.2% with random weights"
    )
    return replace(choice, changes={WEIGHTS_KEY: GENERATED}, reasons=(*choice.reasons, ("weights", why)))


_PLAIN = ("thorough", "short", "quickest")
"""The rules of plain recipes, slowest first."""

RULES: dict[str, Rule] = {
    "deep": Rule(
        best=lambda it: _wants_deep_network(it) and _accelerated(it),
        runner_up=_wants_deep_network,
        choice=_deep,
        prefer="with a GPU or an Ascend, or if weeks of CPU time are acceptable",
    ),
    "generated_few": Rule(
        best=lambda it: it.photos.few and it.purpose == KNOWN,
        runner_up=_never_applies,
        choice=_from_generated,
        prefer="",
    ),
    "imagenet_few": Rule(best=_few, runner_up=_never_applies, choice=_from_imagenet, prefer=""),
    "enrolled": Rule(
        best=_never_applies,
        runner_up=lambda it: it.photos.few and it.purpose != CONTEST,
        choice=_enrolled,
        prefer="if you have a run that was trained on more photos of similar products (RUN)",
    ),
    "embedding": Rule(
        best=lambda it: it.purpose == CHANGING,
        runner_up=_never_applies,
        choice=_embedding,
        prefer="",
    ),
    "supervised_contrast": Rule(
        best=_never_applies,
        runner_up=lambda it: it.purpose == CHANGING,
        choice=_supervised_contrast,
        prefer="if there will be a single photo of each new product",
    ),
    "balanced": Rule(
        best=_never_applies,
        runner_up=lambda it: it.photos.long_tail,
        choice=_balanced,
        prefer="if all products matter equally, however rare: frequent ones lose accuracy",
    ),
    "longer": Rule(
        best=_never_applies,
        runner_up=lambda it: not it.photos.few and affordable_steps("grocery_cpu", it) < limits.ENOUGH_STEPS,
        choice=lambda it: replace(_thorough(it), ignores_budget=True),
        prefer="if training may exceed the time budget",
    ),
    "thorough": Rule(
        best=_has_time_and_pixels,
        runner_up=_few,
        choice=_thorough,
        prefer="if the official weights are not available",
    ),
    "short": Rule(
        best=lambda it: affordable_steps("default", it) >= limits.SHORT_STEPS,
        runner_up=_never_applies,
        choice=_short,
        prefer="",
    ),
    "quickest": Rule(best=_always_applies, runner_up=_never_applies, choice=_quickest, prefer=""),
    "imagenet": Rule(
        best=_never_applies,
        runner_up=lambda it: it.purpose in (KNOWN, CONTEST),
        choice=_from_imagenet,
        prefer="if the official weights can be downloaded and prediction may take four times as long",
    ),
}
"""The first rule whose `best` applies is recommended, the first other one whose `runner_up` applies is second."""


def ranked(situation: Situation) -> tuple[str, str | None]:
    """The names of the best rule and the runner-up."""
    best = next(name for name, rule in RULES.items() if rule.best(situation))
    return best, next((name for name, rule in RULES.items() if name != best and rule.runner_up(situation)), None)
