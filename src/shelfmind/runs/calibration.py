"""The temperature of a run, stored with its weights and valid only for these weights and views."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from shelfmind.errors import UserError
from shelfmind.evaluation.calibration import TemperatureScaling
from shelfmind.files import write_json
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.known_data import split_names


def write_temperature(
    run: RunFolder, scaling: TemperatureScaling, checksum: str, tta: Sequence[str], split: str
) -> float | None:
    """Store the result of a calibration, and return the earlier temperature that it replaces (None if there is none).

    A kept temperature applies to all later predictions of this run with these weights and views. A rejected one removes
    an earlier temperature for these weights and views, but not for other views.
    """
    before = _earlier_temperature(run, checksum)
    if before is not None and before[1] != tuple(tta) and not scaling.kept:
        return None
    replaced = None if before is None else before[0]
    content = {**asdict(scaling), "replaced": replaced, "split": split, "tta": list(tta), "weights": checksum}
    with run.new_results():
        write_json(run.calibration, content)
    return replaced


def read_temperature(run: RunFolder, checksum: str, tta: Sequence[str]) -> float:
    """The temperature for these weights and views; 1 if there is none."""
    if not run.calibration.exists():
        return 1.0
    content = read_json(run.calibration)
    try:
        return float(content["temperature"]) if _matches(content, checksum, tta) else 1.0
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.calibration} is damaged: {error}; delete it or calibrate again") from error


def temperatures(run: RunFolder, checksum: str) -> list[tuple[list[str], float]]:
    """The temperatures of these weights, each with its test-time views."""
    if not run.calibration.exists():
        return []
    content = read_json(run.calibration)
    views = tuple(content.get("tta", ()))
    return [(list(views), read_temperature(run, checksum, views))] if content.get("weights") == checksum else []


def note_on_temperature(run: RunFolder, temperature: float, split: str) -> tuple[str, ...]:
    """A note if the temperature of the run is used on images that it may have been fitted to."""
    if temperature == 1.0:
        return ()
    fitted_to = split_names(str(read_json(run.calibration).get("split", "")))
    same = ", ".join(name for name in split_names(split) if name in fitted_to)
    text = f"the temperature {temperature:.3f} was fitted to images of {same}, so the calibration error is optimistic"
    return (text,) if same else ()


def _matches(content: Mapping[str, Any], checksum: str, tta: Sequence[str]) -> bool:
    return bool(content["weights"] == checksum and tuple(content["tta"]) == tuple(tta))


def _earlier_temperature(run: RunFolder, checksum: str) -> tuple[float, tuple[str, ...]] | None:
    """An earlier temperature other than 1 for these weights, with its views; None if there is none or it is damaged."""
    if not run.calibration.exists():
        return None
    try:
        content = read_json(run.calibration)
        temperature, views = float(content["temperature"]), tuple(content["tta"])
        return None if content["weights"] != checksum or temperature == 1.0 else (temperature, views)
    except (UserError, KeyError, TypeError, ValueError):
        return None
