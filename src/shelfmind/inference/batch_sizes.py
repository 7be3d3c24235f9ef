"""Batch sizes of inference: as requested, or the fastest on this machine, measured once."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from shelfmind.errors import UserError
from shelfmind.files import cache_folder, write_text
from shelfmind.inference.engines import Engine
from shelfmind.inference.forward import SHARE, Forward
from shelfmind.machine.ahead import map_ahead
from shelfmind.machine.cores import available_cores
from shelfmind.machine.processor import processor_name
from shelfmind.recipe import Recipe
from shelfmind.structured_text import parse_json

BatchSize = int | str | None
"""A number of images, ``auto``, or None for a good default."""
AUTO = "auto"
CANDIDATES = (1, 2, 4, 8, 16, 32, 64)
MAX_CALL_S = 1.0
"""Maximum duration of a call in seconds. Longer calls delay Ctrl-C and use more memory."""
ROUND_S, ROUNDS = 0.25, 3
SPEED_SHARE = 0.97
"""Share of the best speed that the chosen, smallest batch size must reach."""


def forward_of(engine: Engine, recipe: Recipe, tta: Sequence[str], batch: BatchSize) -> Forward:
    """Return the forward pass of an engine with test-time views and the batch size `batch`."""
    if isinstance(batch, int):
        return Forward(engine, batch, tta, batch)
    share = fastest_batch_size(engine, recipe, tta) if batch == AUTO else SHARE
    return Forward(engine, recipe.evaluation.batch_size, tta, share)


def with_batch_size(recipe: Recipe, batch_size: int) -> Recipe:
    """Return the recipe with this evaluation batch size."""
    evaluation = recipe.evaluation.model_copy(update={"batch_size": batch_size})
    return recipe.model_copy(update={"evaluation": evaluation})


def fastest_batch_size(engine: Engine, recipe: Recipe, tta: Sequence[str] = ()) -> int:
    """Return the smallest batch size close to the best speed, among those that a core computes within a second.

    The result is cached by engine, network, image size, views, cores and processor. An engine without concurrent calls
    keeps the batch size for which its graph is compiled.
    """
    key = _key(engine, recipe, tta)
    cached = _cached()
    if key not in cached:
        speeds = _speeds(engine, recipe, tta)
        if not speeds:
            return SHARE
        cached = {**_cached(), key: next(n for n in speeds if speeds[n] >= SPEED_SHARE * max(speeds.values()))}
        with suppress(UserError):  # full disk: it is measured again next time
            write_text(_path(), json.dumps(cached, indent=1) + "\n")
    return cached[key]


def _speeds(engine: Engine, recipe: Recipe, tta: Sequence[str]) -> dict[int, float]:
    """Return images/s by batch size: the best of several short rounds with one thread per core."""
    side, cores = recipe.data.resize_to, available_cores()
    photos = list(np.random.default_rng(0).integers(0, 256, (max(CANDIDATES), side, side, 3), np.uint8))
    speeds: dict[int, float] = {}
    for count in CANDIDATES:
        forward = Forward(engine, count, tta, share=count).parallel
        if forward is None:
            return {}

        def round_of(until: float, forward: Forward = forward, count: int = count) -> int:
            done = 0
            while not done or time.perf_counter() < until:
                forward.batch(photos[:count], recipe.evaluation_size)
                done += count
            return done

        list(map_ahead(round_of, [0.0] * cores, cores, cores))  # compiles and allocates memory
        for _ in range(ROUNDS):
            began = time.perf_counter()
            done = sum(map_ahead(round_of, [began + ROUND_S] * cores, cores, cores))
            speeds[count] = max(speeds.get(count, 0.0), done / (time.perf_counter() - began))
        if 2 * count * cores / speeds[count] > MAX_CALL_S:
            break
    return speeds


def _key(engine: Engine, recipe: Recipe, tta: Sequence[str]) -> str:
    network = f"{recipe.model.name} {json.dumps(recipe.model.arguments, sort_keys=True)}"
    sizes = f"{recipe.data.resize_to} to {recipe.evaluation_size} px"
    where = f"{available_cores()} cores of {processor_name()}"
    return "; ".join((f"{engine.name} {engine.version}", network, sizes, f"views {','.join(tta) or 'none'}", where))


def _path() -> Path:
    return cache_folder() / "batch_sizes.json"


def _cached() -> Mapping[str, int]:
    try:
        found = parse_json(_path().read_text(encoding="utf-8"))
        return {str(key): max(1, int(value)) for key, value in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):  # missing or damaged
        return {}
