"""Chooses the kernels of a network: the requested ones, or the fastest ones that run here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shelfmind.errors import UserError, setting
from shelfmind.kernels.library import (
    UnavailableError,
    find_compiler,
    has_bf16,
    installed,
    load_library,
    require_bf16,
    require_fast_processor,
)

if TYPE_CHECKING:
    from shelfmind.kernels.stock import Kernels

AUTO, MINDSPORE, ONEDNN = "auto", "mindspore", "onednn"
VARIABLE = "SHELFMIND_KERNELS"
"""Environment variable that replaces ``auto`` on a machine or in a process."""


@dataclass(frozen=True)
class Choice:
    """Kernels by name and precision, and why faster ones are not used."""

    name: str
    precision: str
    version: str | None = None
    note: str | None = None

    def record(self) -> dict[str, Any]:
        """The record in `provenance.json`, so that training resumes with the same kernels."""
        return {"name": self.name, "precision": self.precision, "version": self.version}


def choose(wanted: str, amp: str, device: str, threads: int, own_network: bool = True) -> Choice:
    """The kernels for training with this ``train.kernels`` and ``train.amp`` on this device.

    ``auto`` chooses oneDNN for a network of shelfmind on a CPU with AVX2, else MindSpore. oneDNN computes in
    bfloat16 if `amp` is on, or if it is auto and the CPU supports it.

    Raises:
        UserError: oneDNN was requested and cannot run.
    """
    requested = wanted if wanted != AUTO else os.environ.get(VARIABLE) or AUTO
    if requested not in (AUTO, MINDSPORE, ONEDNN):
        raise UserError(f"{VARIABLE} must be auto, mindspore or onednn, got '{requested}'")
    if requested == MINDSPORE:
        return _mindspore(amp, device)
    try:
        return _onednn(amp, device, threads, own_network)
    except UnavailableError as error:
        if requested == ONEDNN:
            raise UserError(f"{_requested_by(wanted)}: {error}") from error
        return _mindspore(amp, device, note=_fallback_note(error))


def choose_recorded(record: Mapping[str, Any] | None, amp: str, device: str, threads: int) -> Choice:
    """The kernels that a run was started with; MindSpore's if none are recorded, as in early versions.

    Raises:
        UserError: they cannot run here.
    """
    if record is None or record["name"] == MINDSPORE:
        return _mindspore(amp, device)
    try:
        choice = _onednn("on" if record["precision"] == "bf16" else "off", device, threads, own_network=True)
    except UnavailableError as error:
        raise UserError(
            f"the training started with oneDNN kernels in {record['precision']} and cannot resume without them: {error}"
        ) from error
    if choice.version != record["version"]:
        raise UserError(
            f"the training started with oneDNN {record['version']}, but {choice.version} is installed: install the "
            "former, or start a new run"
        )
    return choice


def kernels_of(choice: Choice, threads: int, precision: str | None = None) -> Kernels:
    """The kernels of a choice, in its precision or another. MindSpore must be running."""
    from shelfmind.kernels.stock import STOCK

    if choice.name == MINDSPORE:
        return STOCK
    from shelfmind.kernels.channels_last import OneDnnKernels

    return OneDnnKernels(load_library(threads), precision or choice.precision)


def likely() -> tuple[str, str]:
    """Name and precision of the kernels that `choose` will probably select on this CPU, without compiling any."""
    if os.environ.get(VARIABLE) == MINDSPORE or not installed():
        return MINDSPORE, "fp32"
    try:
        require_fast_processor()
        find_compiler()
    except UnavailableError:
        return MINDSPORE, "fp32"
    return ONEDNN, "bf16" if has_bf16() else "fp32"


def describe(threads: int) -> str:
    """The kernels on this CPU, or what is missing and how to install it."""
    try:
        choice = _onednn("auto", "CPU", threads, own_network=True)
    except UnavailableError as error:
        return f"MindSpore, fp32 ({error})"
    if choice.precision == "bf16":
        return f"oneDNN {choice.version}, trains in bf16 (train.amp=off: fp32) and predicts in fp32"
    return f"oneDNN {choice.version}, fp32 (this CPU has no bfloat16)"


def _onednn(amp: str, device: str, threads: int, own_network: bool) -> Choice:
    if device != "CPU":
        raise UnavailableError(f"oneDNN kernels run on CPUs only, not on {device}", fixable=False)
    if not own_network:
        raise UnavailableError("MindCV networks use MindSpore's operators", fixable=False)
    require_fast_processor()
    half = amp == "on" or (amp == "auto" and has_bf16())
    if half:
        require_bf16()
    library = load_library(threads)
    return Choice(ONEDNN, "bf16" if half else "fp32", library.version)


def _mindspore(amp: str, device: str, note: str | None = None) -> Choice:
    half = amp == "on" or (amp == "auto" and device != "CPU")
    return Choice(MINDSPORE, "fp16" if half else "fp32", note=note)


def _fallback_note(error: UnavailableError) -> str | None:
    """The note on a fallback; None if nothing can be done about it."""
    return f"training with MindSpore's kernels; oneDNN's would be faster: {error}" if error.fixable else None


def _requested_by(wanted: str) -> str:
    return setting("train.kernels", ONEDNN) if wanted == ONEDNN else f"{VARIABLE}={ONEDNN}"
