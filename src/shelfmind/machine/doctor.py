"""Diagnoses the machine: versions, device, cores, memory, and convolution speed."""

from __future__ import annotations

import os
import platform
import shutil
import time
from importlib import metadata
from typing import Any

import numpy as np

from shelfmind.files import cache_folder
from shelfmind.kernels.choice import describe
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import start_mindspore, wait_without_spinning
from shelfmind.machine.packages import EXTRAS, how_to_install, installed

MIN_GFLOPS = 10.0
_REPEATS, _PATIENCE_S = 20, 3.0
"""How often, and for how long at most, the convolution is measured."""
_ISA = "ONEDNN_MAX_CPU_ISA"
PACKAGES = ("shelfmind", "mindspore", "onnxruntime", "openvino", "numpy", "pillow", "pydantic", "typer", "rich")
NEEDED_BY = {
    "train": "to train, export, explain, check labels, and predict with runs that were not exported",
    "analysis": "to calibrate, audit, discover, and search galleries of more than 20,000 photos",
    "export": "to export runs as ONNX or OpenVINO files",
    "serve": "to serve predictions over HTTP",
    "parquet": "to write embeddings, and to read photos in Parquet and Arrow files",
    "ray": "to predict, embed, audit and enrol on a cluster",
    "s3": "to read photos and galleries in S3",
    "object-stores": "to read photos in other object stores",
}
"""What each extra is needed for."""


def examine() -> dict[str, Any]:
    """Facts about this machine; `missing`: packages that are not installed, with the commands that install them; and
    `problems`, each with a remedy. Without MindSpore, facts about it are omitted."""
    given_isa = os.environ.get(_ISA)
    facts: dict[str, Any] = {
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "system": platform.platform(),
        "cores": available_cores(),
        "memory_gb": _memory_gb(),
        "cache": str(cache_folder()),
        "cache_free_gb": round(shutil.disk_usage(cache_folder()).free / 2**30, 1),
    }
    if installed("mindspore"):
        mindspore = start_mindspore()
        facts["device"] = mindspore.get_context("device_target")
        facts["convolution_gflops"] = round(convolution_gflops(), 1)  # before shelfmind's kernels are loaded
        facts["kernels"] = describe(available_cores()) if facts["device"] == "CPU" else "MindSpore"
        facts["instructions_of_mindspores_kernels"] = os.environ.get(_ISA)
        facts["idle_threads"] = "sleep" if wait_without_spinning() else "spin"
    facts["missing"] = _missing()
    facts["problems"] = _problems(facts, given_isa)
    return facts


def _missing() -> dict[str, str]:
    """What requires a package that is not installed, by package name."""
    absent = [package for package in EXTRAS if not installed(package)]
    return {EXTRAS[package][0]: f"{NEEDED_BY[EXTRAS[package][1]]}: {how_to_install(package)}" for package in absent}


def convolution_gflops() -> float:
    """Billions of floating-point operations per second of a 3x3 convolution, 64 to 64 channels on (8, 64, 56, 56).

    The fastest of several calls counts, so that other processes disturb it less.
    """
    mindspore = start_mindspore()
    convolution = mindspore.nn.Conv2d(64, 64, 3, pad_mode="pad", padding=1)
    images = mindspore.Tensor(np.ones((8, 64, 56, 56), np.float32))

    def convolve(inputs: Any) -> Any:
        return convolution(inputs)

    run = mindspore.jit(convolve)
    run(images).asnumpy()
    fastest, started = np.inf, time.perf_counter()
    for _ in range(_REPEATS):
        began = time.perf_counter()
        run(images).asnumpy()
        ended = time.perf_counter()
        fastest = min(fastest, ended - began)
        if ended - started > _PATIENCE_S:
            break
    operations = 2 * 8 * 64 * 64 * 9 * 56 * 56
    return float(operations / fastest / 1e9)


def _problems(facts: dict[str, Any], given_isa: str | None) -> list[str]:
    """What to mend; `given_isa` is the user's limit on the instructions of MindSpore's kernels."""
    problems = []
    if facts.get("device") == "CPU" and facts["convolution_gflops"] < MIN_GFLOPS:
        remedy = "other processes may be using the cores"
        if given_isa not in (None, "AVX2"):
            remedy += f", or {_ISA}={given_isa} slows it down: unset it"
        problems.append(
            f"convolutions with MindSpore's kernels run at {facts['convolution_gflops']} GFLOP/s, less than "
            f"{MIN_GFLOPS:.0f}: {remedy}"
        )
    numpy_version = facts["versions"]["numpy"] or "none"
    if "device" in facts and not numpy_version.startswith("1."):
        problems.append(f"numpy {numpy_version} breaks MindSpore; install numpy<2")
    if facts["cache_free_gb"] < 1:
        problems.append(f"less than 1 GB is free at {facts['cache']}; free some space or set SHELFMIND_CACHE")
    if facts.get("idle_threads") == "spin":
        problems.append("this version of MindSpore busy-waits, which slows down training on few cores; use 2.8.0")
    return problems


def _memory_gb() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
