"""Rule sets for training and evaluation, checked before they start; contest has the rules of the RP2K contest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shelfmind.data.digest import training_digest
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.records import Catalog
from shelfmind.runs.adaptation import ADAPTED

Rules = Callable[[Catalog, Mapping[str, Any], Sequence[Mapping[str, Any]]], None]


def contest(catalog: Catalog, weights: Mapping[str, Any], teachers: Sequence[Mapping[str, Any]]) -> None:
    """The rules of the contest.

    1. MindSpore only: for training, teachers and prediction, see `engine_under`.
    2. Initial weights are random, official ones of MindSpore, or were trained by this tool on the same training images,
       as shown by the chain of provenance files. The same holds for teachers.
    3. The test split is used for evaluation only. (The normalisation statistics are constants of the recipe, and there
       are no pseudo-labels.)

    Raises:
        UserError: a rule is violated.
    """
    digest = training_digest(catalog)
    _weights_are_allowed(digest, weights, ())
    for teacher in teachers:
        if teacher["engine"] != "mindspore":
            raise UserError(f"contest rule 1: MindSpore only, but the teacher {teacher['path']} is not a MindSpore run")
        _weights_are_allowed(digest, teacher, ())
    tested = {sample.path.resolve() for sample in catalog.split("test")}
    for sample in (*catalog.split("train"), *catalog.split("val")):
        if sample.path.resolve() in tested:
            raise UserError(f"contest rule 3: the test split must not be trained on, but {sample.path} is in both")


RULES: dict[str, Rules] = {"contest": contest}
ENGINES = {"contest": ("mindspore", "mindir")}
"""The allowed engines of each rule set; the first is the default."""


def require_rules(
    name: str | None, catalog: Catalog, weights: Mapping[str, Any], teachers: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Check the rule set `name`, if given; `weights` and `teachers` are as in `provenance.json`."""
    if name is None:
        return
    if name not in RULES:
        raise unknown_name("rules", name, RULES)
    RULES[name](catalog, weights, teachers)


def engine_under(name: str | None, engine: str) -> str:
    """The engine to use under the rule set `name`, given the requested one.

    Raises:
        UserError: unknown rules, or a forbidden engine.
    """
    if name is None:
        return engine
    if name not in RULES:
        raise unknown_name("rules", name, RULES)
    allowed = ENGINES[name]
    if engine == "auto":
        return allowed[0]
    if engine.partition(":")[0] not in allowed:
        raise UserError(
            f"{name} rule 1: MindSpore only, so {argument('rules', name)} excludes {argument('engine', engine)}; "
            f"omit it or choose {' or '.join(allowed)}"
        )
    return engine


def _weights_are_allowed(train_digest: str, weights: Mapping[str, Any], chain: tuple[str, ...]) -> None:
    origin = weights.get("origin")
    if origin in ("random", "official"):
        return
    path = str(weights.get("path"))
    where = " <- ".join((*chain, path))
    rule = f"contest rule 2: weights must be official or trained here on the contest's training set, but {where}"
    if origin == "generated":
        raise UserError(f"{rule} was trained on synthetic photos")
    if origin != "run":
        raise UserError(f"{rule} has no provenance file")
    provenance = weights["provenance"]
    try:
        digest, before = provenance["data"]["train_digest"], provenance["weights"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{rule} has a provenance without {error}") from error
    if ADAPTED in provenance:
        raise UserError(f"{rule} was adapted to other photos")
    if digest != train_digest:
        raise UserError(f"{rule} was trained on other images ({provenance['data'].get('path')})")
    for each in (before, *provenance.get("teachers", [])):
        _weights_are_allowed(train_digest, each, (*chain, path))
