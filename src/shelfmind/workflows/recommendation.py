"""Looks at a data set and this machine, and recommends a recipe."""

from __future__ import annotations

from pathlib import Path

from shelfmind.data import open_catalog
from shelfmind.guidance.advice import Recommendation, recommend
from shelfmind.guidance.places import unused
from shelfmind.guidance.situation import Machine, Situation, photos_of
from shelfmind.guidance.speeds import MEASURED_GFLOPS
from shelfmind.kernels.choice import likely as likely_kernels
from shelfmind.machine.cores import available_cores
from shelfmind.machine.device import likely_device
from shelfmind.machine.matrix_speed import matrix_gflops
from shelfmind.progress import tell
from shelfmind.requests.guiding import GuidedRequest, RecipesRequest
from shelfmind.requests.watching import SILENT, Observer

FIRST_RUN = Path("runs/first")
"""Where a run goes if nothing else is said."""


def recommend_recipe(
    data: Path | str,
    purpose: str = "known",
    minutes: float | None = None,
    cores: int | None = None,
    device: str | None = None,
    format: str | None = None,
) -> Recommendation:
    """Recommend a recipe for a data set, as ``shelfmind recipes --for`` does; no photo is decoded.

    `first.arguments` are those of `shelfmind.train`: ``shelfmind.train(**recommendation.first.arguments)`` trains.

    Raises:
        UserError: data that cannot be used, or values out of range.
    """
    request = RecipesRequest(
        data=Path(data), purpose=purpose, minutes=minutes, cores=cores, device=device, format=format
    )
    request.require_inputs()
    return recommended(Path(data), request)


def recommended(
    data: Path, request: GuidedRequest, out: Path | None = None, watcher: Observer = SILENT
) -> Recommendation:
    """The recommendation for photos at `data`, whose training makes the run folder `out`, or the first that is free.

    Raises:
        UserError: data that cannot be used.
    """
    watcher.phase("looking at the photos")
    catalog = open_catalog(data, request.format)
    tell(catalog.notes, watcher.note)
    situation = Situation(
        data=data,
        photos=photos_of(catalog),
        machine=machine_here(request.device, request.cores),
        purpose=request.purpose,
        minutes=request.minutes,
        format=request.format,
    )
    return recommend(situation, unused(FIRST_RUN) if out is None else out)


def machine_here(device: str | None, cores: int | None) -> Machine:
    """This machine, or one like it with so many cores.

    By half a second of matrix products cores slower than the measured ones are found out; none are taken for faster
    ones, since products go twice as fast in some hours of the measured machine itself, and its trainings do not. Other
    devices than CPUs were not measured. Raises `UserError` for a variable that names no device.
    """
    device = device or likely_device()
    available = available_cores()
    if device != "CPU":
        return Machine(device, cores or available, "mindspore")
    name, precision = likely_kernels()
    pace = min(1.0, matrix_gflops() / MEASURED_GFLOPS)
    return Machine(device, cores or available, name if precision == "fp32" else f"{name}_{precision}", pace)
