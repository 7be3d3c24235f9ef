"""The temperature of a run's probabilities: kept beside its weights, and used only with what it was fitted to."""

from __future__ import annotations

from collections.abc import Sequence

from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import TemperatureScaling
from shelfmind.files import write_json
from shelfmind.runtime.run_folder import RunFolder, read_json


def write_temperature(
    run: RunFolder, scaling: TemperatureScaling, checksum: str, tta: Sequence[str], split: str
) -> None:
    """Keep a fitted temperature: every later prediction of this run with these weights and views uses it."""
    content = {
        "temperature": scaling.temperature,
        "ece_before": scaling.ece_before,
        "ece_after": scaling.ece_after,
        "images": scaling.images,
        "split": split,
        "tta": list(tta),
        "weights": checksum,
    }
    write_json(run.calibration, content)


def read_temperature(run: RunFolder, checksum: str, tta: Sequence[str]) -> float:
    """The temperature that fits these weights and views; 1 where there is none."""
    if not run.calibration.exists():
        return 1.0
    content = read_json(run.calibration)
    try:
        fits = content["weights"] == checksum and tuple(content["tta"]) == tuple(tta)
        return float(content["temperature"]) if fits else 1.0
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.calibration} is damaged: {error}; delete it or calibrate again") from error
