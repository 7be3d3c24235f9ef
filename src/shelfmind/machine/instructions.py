"""The number formats that this processor computes efficiently, by its instruction sets."""

from __future__ import annotations

import platform
from pathlib import Path

from shelfmind.errors import UserError

_CPU_FACTS = Path("/proc/cpuinfo")
PRECISIONS = {
    "fp32": frozenset[str](),
    "bf16": frozenset({"avx512_bf16", "amx_bf16"}),
    "int8": frozenset({"avx512_vnni", "avx_vnni", "amx_int8"}),
}
"""Number formats for inference, each with the x86 instruction sets of which it needs one.

Without them, bf16 is no faster than fp32, and int8 overflows: `vpmaddubsw` adds 8-bit products in 16 bits.
"""


def instructions() -> frozenset[str] | None:
    """The instruction sets of an x86 processor by their Linux names; None for other processors and systems."""
    if platform.machine() not in ("x86_64", "AMD64") or not _CPU_FACTS.exists():
        return None
    lines = _CPU_FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
    return frozenset(next((line.partition(":")[2] for line in lines if line.startswith("flags")), "").split())


def runs_fast(precision: str) -> bool:
    """Whether the processor has instructions for a precision; assumed if unknown."""
    needed, found = PRECISIONS[precision], instructions()
    return not needed or found is None or bool(needed & found)


def require_instructions(precision: str, what: str) -> None:
    """Raise `UserError` for a precision without processor support."""
    if not runs_fast(precision):
        needed = " or ".join(sorted(PRECISIONS[precision]))
        raise UserError(f"{what} needs a processor with {needed}, which this one lacks; use another precision")
