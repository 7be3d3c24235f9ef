"""Recommends a recipe for a data set and this machine."""

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
"""The default run folder."""
MEASUREMENT_NOISE = 0.7
"""Cores are slower than the measured ones if their matrix products are slower than this fraction. On one machine, the
speed of matrix products varies by a quarter with its load; without the margin, two estimates for the same data would
differ."""


def recommend_recipe(
    data: Path | str,
    purpose: str = "known",
    minutes: float | None = None,
    cores: int | None = None,
    device: str | None = None,
    format: str | None = None,
) -> Recommendation:
    """Recommend a recipe for a data set, like ``shelfmind recipes --for``, without decoding photos.

    `first.arguments` are for `shelfmind.train`: ``shelfmind.train(**recommendation.first.arguments)``.

    Raises:
        UserError: unusable data, or values out of range.
    """
    request = RecipesRequest(
        data=Path(data), purpose=purpose, minutes=minutes, cores=cores, device=device, format=format
    )
    request.require_inputs()
    return recommended(Path(data), request)


def recommended(
    data: Path, request: GuidedRequest, out: Path | None = None, watcher: Observer = SILENT
) -> Recommendation:
    """The recommendation for the photos at `data`; its command trains into `out`, by default the first unused run
    folder.

    Raises:
        UserError: unusable data.
    """
    watcher.phase("reading photos")
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
    """This machine, or a similar one with the given number of cores.

    Half a second of matrix products detects cores slower than the measured ones, beyond `MEASUREMENT_NOISE`. Faster
    ones are not credited: on the measured machine itself, the speed of training does not follow that of matrix
    products. Other devices than CPUs were not measured. Raises `UserError` if the environment variable names no device.
    """
    device = device or likely_device()
    available = available_cores()
    if device != "CPU":
        return Machine(device, cores or available, "mindspore")
    name, precision = likely_kernels()
    speed = matrix_gflops() / MEASURED_GFLOPS
    pace = speed if speed < MEASUREMENT_NOISE else 1.0
    return Machine(device, cores or available, name if precision == "fp32" else f"{name}_{precision}", pace)
