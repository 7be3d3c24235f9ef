"""The process of one subject: receives requests for calls or steps as lines of JSON, and idles in between.

python -m shelfmind.benchmarking.worker '{"kind": "engine", "place": ..., "engine": ..., "batches": [1, 32]}'
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from shelfmind.errors import UserError

Work = Callable[[], None]
MIN_CALLS = 3
ONE_SIZE = ("mindspore", "mindir")
"""Engines whose graphs have a fixed batch size."""
WARM_CALLS = dict.fromkeys(ONE_SIZE, 30)
"""MindSpore chooses a kernel's number of threads in its first 25 calls; other engines are warm after three."""


def engine_calls(place: str, engine: str, batches: list[int]) -> tuple[dict[str, Work], dict[str, Any]]:
    """For each batch size, a call that predicts this many 8-bit images of the network's input size; and facts."""
    from shelfmind.inference.predictor import Predictor, load

    generator = np.random.default_rng(0)
    calls: dict[str, Work] = {}
    predictor: Predictor | None = None
    for batch in batches:
        if predictor is None or predictor.engine.name.startswith(ONE_SIZE):
            predictor = load(Path(place), (), engine, batch)
        size = predictor.recipe.evaluation_size
        images = generator.integers(0, 256, (batch, size, size, 3), np.uint8)
        calls[str(batch)] = _call(predictor.engine, images)
    assert predictor is not None
    facts = {"engine": predictor.engine.name, "version": predictor.engine.version}
    return calls, {**facts, "image_size": predictor.recipe.evaluation_size}


def training_steps(place: str, overrides: list[str]) -> tuple[dict[str, Work], dict[str, Any]]:
    """A training step of the run's recipe on random images, without modifying the run; and facts."""
    from shelfmind.machine.device import interruptible, start_mindspore

    mindspore = start_mindspore()
    from shelfmind.benchmarking.scratch import scratch_training
    from shelfmind.training.loop import update

    scratch = scratch_training(Path(place), overrides)
    recipe = scratch.recipe
    size = recipe.stages[-1].image_size
    images, targets = scratch.batches.example(size)

    def step() -> None:
        loss = update(scratch, images, targets, 0.0, 0.0)
        with interruptible():
            loss.asnumpy()

    batch = str(recipe.train.batch_size)
    facts = {"engine": "mindspore", "version": mindspore.__version__, "image_size": size}
    return {batch: step}, facts


KINDS: dict[str, Callable[..., tuple[dict[str, Work], dict[str, Any]]]] = {
    "engine": engine_calls,
    "training": training_steps,
}


def main() -> None:
    """Serve requests until the pipe closes; answers go to the original stdout, the output of libraries to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers, flush=True)

    wanted = json.loads(sys.argv[1])
    try:
        works, facts = KINDS[wanted.pop("kind")](**wanted)
        for work in works.values():
            for _ in range(WARM_CALLS.get(str(facts["engine"]).partition(" ")[0], MIN_CALLS)):
                work()
    except UserError as error:
        answer({"error": str(error)})
        return
    answer(facts)
    for line in sys.stdin:
        request = json.loads(line)
        answer({"ms": _timed(works[request["batch"]], request["seconds"])})


def _call(engine: Callable[[Any], Any], images: Any) -> Work:
    def call() -> None:
        engine(images)

    return call


def _timed(work: Work, seconds: float) -> list[float]:
    """Milliseconds of each call within this many seconds, at least three calls."""
    found: list[float] = []
    until = time.perf_counter() + seconds
    while len(found) < MIN_CALLS or time.perf_counter() < until:
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return found


if __name__ == "__main__":
    main()
