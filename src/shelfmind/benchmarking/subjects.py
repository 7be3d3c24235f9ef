"""What can be benchmarked of a run or an exported file on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from shelfmind.data import is_present, open_catalog
from shelfmind.errors import Message, UserError
from shelfmind.inference.engines import MINDSPORE
from shelfmind.inference.engines.choice import ENGINES, engines_for, file_checksum, how_to_install
from shelfmind.inference.exported import Exported, read_exported
from shelfmind.machine.instructions import require_instructions
from shelfmind.machine.packages import how_to_install as how_to_install_package
from shelfmind.progress import Counter
from shelfmind.recipe import Recipe
from shelfmind.runs.folder import RunFolder, read_json

TRAININGS: dict[str, tuple[str, ...]] = {
    "mindspore": ("train.kernels=mindspore", "distillation.teachers=[]"),
    "onednn fp32": ("train.kernels=onednn", "train.amp=off", "distillation.teachers=[]"),
    "onednn bf16": ("train.kernels=onednn", "train.amp=on", "distillation.teachers=[]"),
}
"""Variants of a training step, each with its recipe settings. A new variant is a line here."""


@dataclass(frozen=True)
class Subject:
    """An engine that predicts with a run or a file."""

    name: str
    place: Path
    engine: str


def subjects_of(place: Path) -> tuple[list[Subject], list[str]]:
    """MindSpore with a run, if installed, and every installed engine with every file that it reads; and notes.

    Files of a run are skipped if their weights differ from the run's current weights, or if this machine cannot run
    them.

    Raises:
        UserError: there is no usable engine.
    """
    if place.is_file():
        exported = read_exported(place)
        require_instructions(exported.precision, f"{place} ({exported.precision})")
        found = _of_file(exported)
        if not found:
            how = how_to_install([name for name, kind in ENGINES.items() if kind.takes(exported)])
            raise UserError(f"no engine for {place} is installed; run: {how}")
        return found, _left_out(exported)
    run = RunFolder(place)
    found = [Subject(MINDSPORE, place, MINDSPORE)] if find_spec("mindspore") is not None else []
    notes: list[str] = []
    if not found:
        notes.append(skipped(MINDSPORE, f"it is not installed; run: {how_to_install_package(MINDSPORE)}"))
    weights = file_checksum(run.weights)
    for path in run.exports():
        try:
            exported = read_exported(path)
        except UserError as error:
            notes.append(skipped(path.name, error.message))
            continue
        if exported.facts["weights_file"] == weights:
            found += _of_file(exported)
            notes += _left_out(exported)
        else:
            notes.append(skipped(path.name, f"its weights differ from {run.weights.name}; export it again"))
    if not found:
        raise UserError(f"neither MindSpore nor an engine for the exported files of {place} is installed")
    return found, notes


def recipe_of(place: Path) -> Recipe:
    """The recipe of the run, or of the file's run."""
    return read_exported(place).recipe if place.is_file() else RunFolder(place).read_recipe()


def photos_of(place: Path, counter: Counter) -> list[Path]:
    """The photos of the data set that the run was trained on. Raises `UserError` if it is gone or cannot be read."""
    if place.is_file():
        provenance = read_exported(place).facts["provenance"]
    else:
        provenance = read_json(RunFolder(place).provenance) if RunFolder(place).provenance.exists() else {}
    origin = provenance.get("data", {})
    data = Path(str(origin.get("path", "")))
    if not origin or not is_present(data):
        raise UserError("the run's photos are gone")
    catalog = open_catalog(data, origin.get("format"), same_names=True, one_class=True, counter=counter)
    return [sample.path for sample in catalog.samples]


def _of_file(exported: Exported) -> list[Subject]:
    names = engines_for(exported.format, exported.precision)
    return [Subject(_name(engine, exported), exported.path, engine) for engine in names]


def _left_out(exported: Exported) -> list[str]:
    """Why engines that read the file cannot be used here."""
    measured = engines_for(exported.format, exported.precision)
    reasons = {
        name: f"it is not installed; run: {kind.command}"
        if kind.version is None
        else f"this processor lacks the instructions for {exported.precision}"
        for name, kind in ENGINES.items()
        if kind.takes(exported) and name not in measured
    }
    return [skipped(_name(engine, exported), reason) for engine, reason in reasons.items()]


def _name(engine: str, exported: Exported) -> str:
    return f"{engine} {exported.precision} of {exported.format}"


def skipped(what: str, reason: str) -> Message:
    """The note on something that was not measured."""
    return Message(f"note: {what} was skipped: {reason}")
