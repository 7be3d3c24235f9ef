"""Rate limits: one token bucket per caller."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

BURST_S = 2.0
"""Burst size: the number of seconds' worth of requests that a caller may send at once."""
MAX_CALLERS = 10_000
ROUNDING = 1e-9


class Rates:
    """Token buckets by caller, of `rate` tokens per second. The least recently used ones are dropped first."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rate, self.burst = rate, max(1.0, rate * BURST_S)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, caller: str) -> float:
        """Take a token and return 0; if there is none, return the seconds until the next one."""
        now = self._clock()
        tokens, then = self._buckets.pop(caller, (self.burst, now))
        tokens = min(self.burst, tokens + (now - then) * self.rate)
        wait = 0.0 if tokens > 1 - ROUNDING else (1 - tokens) / self.rate
        self._buckets[caller] = (tokens if wait else tokens - 1), now
        if len(self._buckets) > MAX_CALLERS:
            self._buckets.popitem(last=False)
        return wait
