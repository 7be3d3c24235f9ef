"""Rules that a training and its figures must keep, checked before they begin; the contest's are those of RP2K's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shelfmind.data.digest import training_digest
from shelfmind.errors import UserError, argument, unknown_name
from shelfmind.records import Catalog
from shelfmind.runs.adaptation import ADAPTED

Rules = Callable[[Catalog, Mapping[str, Any], Sequence[Mapping[str, Any]]], None]


def contest(catalog: Catalog, weights: Mapping[str, Any], teachers: Sequence[Mapping[str, Any]]) -> None:
    """The contest's terms.

    1. MindSpore only: it trains, teachers answer by it, and under these rules it answers, see `engine_under`.
    2. The first weights are random, official ones of MindSpore, or were trained by this tool on the same training
       images, which the chain of provenance files must show; so were those of teachers.
    3. The test split is touched by nothing but evaluation: no file of it is trained on. (The statistics of
       normalisation are the recipe's constants, and there are no pseudo-labels.)

    Raises:
        UserError: which rule is broken, and how.
    """
    digest = training_digest(catalog)
    _weights_are_allowed(digest, weights, ())
    for teacher in teachers:
        if teacher["engine"] != "mindspore":
            raise UserError(f"contest rule 1: MindSpore only, but the teacher {teacher['path']} is no run of MindSpore")
        _weights_are_allowed(digest, teacher, ())
    tested = {sample.path.resolve() for sample in catalog.split("test")}
    for sample in (*catalog.split("train"), *catalog.split("val")):
        if sample.path.resolve() in tested:
            raise UserError(f"contest rule 3: the test split must not be trained on, but {sample.path} is in both")


RULES: dict[str, Rules] = {"contest": contest}
ENGINES = {"contest": ("mindspore", "mindir")}
"""Who may answer under which rules; the first where nobody is asked for by name."""


def require_rules(
    name: str | None, catalog: Catalog, weights: Mapping[str, Any], teachers: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Check the rules called `name`, if there are any to keep; both kinds are as `provenance.json` has them."""
    if name is None:
        return
    if name not in RULES:
        raise unknown_name("rules", name, RULES)
    RULES[name](catalog, weights, teachers)


def engine_under(name: str | None, engine: str) -> str:
    """The engine that answers under the rules called `name`, of the one that was asked for.

    Raises:
        UserError: unknown rules, or an engine that they forbid.
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
            f"{name} rule 1: MindSpore only, so {argument('rules', name)} takes no {argument('engine', engine)}; "
            f"leave it out or give {' or '.join(allowed)}"
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
        raise UserError(f"{rule} was trained on drawn photos")
    if origin != "run":
        raise UserError(f"{rule} has no provenance beside it")
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
