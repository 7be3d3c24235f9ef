"""The protocol of the workers of `engines.py`: each holds some variants of one network and calls them on request.

Needs only NumPy, so that it runs both in PyTorch's environment and in shelfmind's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from worker_pipe import serve

Answers = tuple[np.ndarray, np.ndarray]
"""Probabilities (N, C) and embeddings (N, D)."""
Call = Callable[[np.ndarray], Answers]
"""Predicts 8-bit squares (N, S, S, 3)."""
Make = Callable[[str, int], Call]
"""Prepares a variant for this many squares."""


def serve_calls(make: Make, images: np.ndarray, about: Mapping[str, Any]) -> None:
    """Serve until the coordinator closes the pipe: create, warm up, run and time variants."""
    calls: dict[tuple[str, int], Call] = {}

    def start(variant: str, batch: int, warm: int) -> dict[str, Any]:
        """Create a variant for one batch size; an error is a valid result: some variants do not run everywhere."""
        began = time.perf_counter()
        try:
            call = make(variant, batch)
            for _ in range(warm):
                call(images[:batch])
        except Exception as error:  # report whatever a library raises
            return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
        calls[variant, batch] = call
        return {"seconds": time.perf_counter() - began}

    def answer(variant: str, batch: int, path: str) -> dict[str, Any]:
        probabilities, embeddings = calls[variant, batch](images[:batch])
        np.savez(path, probabilities=np.float32(probabilities), embeddings=np.float32(embeddings))
        return {}

    def measure(variant: str, batch: int, seconds: float, least: int) -> dict[str, Any]:
        """Return milliseconds of each call, for this time and number of calls, without the first (cold caches)."""
        call, own, found = calls[variant, batch], images[:batch], list[float]()
        call(own)
        until = time.perf_counter() + seconds
        while len(found) < least or time.perf_counter() < until:
            began = time.perf_counter()
            call(own)
            found.append((time.perf_counter() - began) * 1000)
        return {"ms": found}

    serve({"about": lambda: dict(about), "start": start, "answer": answer, "measure": measure})
