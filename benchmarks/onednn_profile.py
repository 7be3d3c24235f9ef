"""Sum up oneDNN's output under ``DNNL_VERBOSE=1``: milliseconds and GFLOP/s per kind of work."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_SIZES = re.compile(r"(mb|g|ic|oc|oh|ow|kh|kw)(\d+)")
_DIRECTIONS = {"backward_data": "gradient of data", "backward_weights": "gradient of weights"}


@dataclass
class Work:
    """Time and arithmetic of all primitives of one kind; `flops` is 0 if not counted."""

    calls: int = 0
    ms: float = 0.0
    flops: float = 0.0

    @property
    def gflops_per_s(self) -> float | None:
        """Speed, if the arithmetic is known."""
        return self.flops / self.ms / 1e6 if self.flops and self.ms else None


def summarise(text: str) -> dict[str, Work]:
    """Return work by kind, implementation and direction, longest first, from verbose lines of oneDNN 2 or 3."""
    found: dict[str, Work] = {}
    for line in text.splitlines():
        fields = line.strip().split(",")
        if not line.startswith(("dnnl_verbose,", "onednn_verbose,")) or "exec" not in fields:
            continue
        _, kind, implementation, direction = fields[fields.index("exec") + 1 :][:4]
        try:
            shape, ms = fields[-2], float(fields[-1])
        except ValueError:  # a truncated line
            continue
        flops = 0.0
        if kind == "convolution":
            kind, flops = _convolution(shape)
        direction = _DIRECTIONS.get(direction, "forward" if direction.startswith("forward") else "")
        work = found.setdefault(f"{kind} {direction} [{implementation}]".replace("  ", " "), Work())
        work.calls += 1
        work.ms += ms
        work.flops += flops
    return dict(sorted(found.items(), key=lambda entry: -entry[1].ms))


def _convolution(shape: str) -> tuple[str, float]:
    """Return kind and floating-point operations of a convolution written as ``mb16_g32ic128oc128_ih28oh28kh3...``."""
    sizes = {key: int(value) for key, value in _SIZES.findall(shape)}
    groups, kernel = sizes.pop("g", 1), sizes.get("kh", 1)
    flops = 2.0 * math.prod(sizes.values()) / groups
    return f"{'grouped ' if groups > 1 else ''}{kernel}x{kernel} convolution", flops
