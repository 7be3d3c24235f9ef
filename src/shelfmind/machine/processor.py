"""The processor's name and the instruction sets that matter to networks."""

from __future__ import annotations

import platform
from pathlib import Path

from shelfmind.machine.instructions import instructions

_FACTS = Path("/proc/cpuinfo")
_NOTABLE = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def processor_name() -> str:
    """The vendor's name, or the architecture if that is unknown."""
    if _FACTS.exists():
        lines = _FACTS.read_text(encoding="utf-8", errors="replace").splitlines()
        named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
        if named:
            return named
    return platform.processor() or platform.machine()


def notable_instructions() -> list[str]:
    """The instruction sets that speed up networks, by their Linux names; empty on other systems."""
    found = instructions() or frozenset()
    return [name for name in _NOTABLE if name in found]
