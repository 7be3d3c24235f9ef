"""The temperature of a run's probabilities: kept beside its weights, and used only with what it was fitted to."""

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
    """Keep what came out of a calibration, and return the temperature that no longer holds for it (None: none did).

    A temperature that is kept is what every later prediction of this run with these weights and views uses. One that is
    not takes an earlier one for these weights and views away, but leaves one for other views of these weights alone.
    """
    before = _kept_before(run, checksum)
    if before is not None and before[1] != tuple(tta) and not scaling.kept:
        return None
    replaced = None if before is None else before[0]
    content = {**asdict(scaling), "replaced": replaced, "split": split, "tta": list(tta), "weights": checksum}
    write_json(run.calibration, content)
    return replaced


def read_temperature(run: RunFolder, checksum: str, tta: Sequence[str]) -> float:
    """The temperature that fits these weights and views; 1 where there is none."""
    if not run.calibration.exists():
        return 1.0
    content = read_json(run.calibration)
    try:
        return float(content["temperature"]) if _is_of(content, checksum, tta) else 1.0
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{run.calibration} is damaged: {error}; delete it or calibrate again") from error


def temperatures(run: RunFolder, checksum: str) -> list[tuple[list[str], float]]:
    """The temperatures of these weights, each with the test-time views that it is for."""
    if not run.calibration.exists():
        return []
    content = read_json(run.calibration)
    views = tuple(content.get("tta", ()))
    return [(list(views), read_temperature(run, checksum, views))] if content.get("weights") == checksum else []


def note_on_temperature(run: RunFolder, temperature: float, split: str) -> tuple[str, ...]:
    """What to know where `temperature`, that of the run, is used on images that it may have been fitted to."""
    if temperature == 1.0:
        return ()
    fitted_to = split_names(str(read_json(run.calibration).get("split", "")))
    same = ", ".join(name for name in split_names(split) if name in fitted_to)
    text = f"the temperature {temperature:.3f} was fitted to images of {same}, so that the calibration error flatters"
    return (text,) if same else ()


def _is_of(content: Mapping[str, Any], checksum: str, tta: Sequence[str]) -> bool:
    return bool(content["weights"] == checksum and tuple(content["tta"]) == tuple(tta))


def _kept_before(run: RunFolder, checksum: str) -> tuple[float, tuple[str, ...]] | None:
    """A temperature other than 1 for these weights and the views that it is for; None also where it is damaged."""
    if not run.calibration.exists():
        return None
    try:
        content = read_json(run.calibration)
        temperature, views = float(content["temperature"]), tuple(content["tta"])
        return None if content["weights"] != checksum or temperature == 1.0 else (temperature, views)
    except (UserError, KeyError, TypeError, ValueError):
        return None
