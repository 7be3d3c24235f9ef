"""Which engine answers: the one that was asked for, or the fastest whose answers were checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from shelfmind.errors import UserError, argument, call, unknown_name
from shelfmind.inference.engines import AUTO, MINDSPORE, Engine
from shelfmind.inference.exported import Exported, read_exported
from shelfmind.machine.device import start_mindspore
from shelfmind.machine.packages import how_to_install as how_to_install_package
from shelfmind.machine.packages import installed
from shelfmind.recipe import Recipe
from shelfmind.runs.folder import RunFolder

ENGINES = {
    "onnx": ("onnxruntime", "shelfmind.inference.engines.onnx:OnnxEngine"),
    "openvino": ("openvino", "shelfmind.inference.engines.openvino:OpenVinoEngine"),
}
"""What runs exported files: the package that each needs, and its class. A further engine is a line here."""
OWN = {"auto": "the fastest that may be used", "mindspore": "the run's own"}
"""What may be asked for besides."""


def engine_of_file(wanted: str, exported: Exported, few: int | None = None) -> Engine:
    """An engine for an exported file.

    Raises:
        UserError: MindSpore was asked for, an unknown engine, or one that is not installed.
    """
    if wanted == MINDSPORE:
        raise UserError(f"{exported.path} is an exported file, which MindSpore does not read; give the run's folder")
    name = fastest(exported) if wanted == AUTO else wanted
    if name is None:
        raise UserError(f"no engine for {exported.path} is installed; run: {how_to_install()}")
    if name not in ENGINES:
        raise unknown_name("engine", name, (AUTO, MINDSPORE, *ENGINES))
    return made(name)(exported, exported.recipe.evaluation.batch_size, few)


def engine_of_run(
    wanted: str, run: RunFolder, recipe: Recipe, classes: int, few: int | None = None
) -> tuple[Engine, str]:
    """An engine for a run, and the checksum of its weights.

    Raises:
        UserError: an unknown engine, one that is not installed, or one that the run was not exported for.
    """
    if wanted not in (AUTO, MINDSPORE, *ENGINES):
        raise unknown_name("engine", wanted, (AUTO, MINDSPORE, *ENGINES))
    if wanted != MINDSPORE:
        exported = _export_of(run, wanted)
        if exported is not None and (wanted != AUTO or fastest(exported) is not None):
            return engine_of_file(wanted, exported, few), str(exported.facts["weights"])
    if not installed(MINDSPORE):
        raise _unanswerable(run)
    start_mindspore()
    from shelfmind.inference.engines.mindspore import engine_of

    return engine_of(run, recipe, classes, few)


def _unanswerable(run: RunFolder) -> UserError:
    """Why a run cannot answer where MindSpore is not installed."""
    if run.exported.exists() and not installed_engines():
        return UserError(f"no engine for {run.exported} is installed; run: {how_to_install()}")
    return UserError(
        f"{run.root} answers only by MindSpore, which is not installed here; either run, where it is: "
        f"{call('export', run=str(run.root))} and take the file that it writes, or here: "
        f"{how_to_install_package(MINDSPORE)}"
    )


def fastest(exported: Exported) -> str | None:
    """The engine that was fastest when the file was checked, of those that are installed here."""
    checked = {name: each for name, each in exported.facts["parity"].items() if name in ENGINES}
    installed = [name for name in installed_engines() if name in checked]
    return max(installed, key=lambda name: float(checked[name]["images_per_second"]), default=None)


def how_to_install() -> str:
    """The commands that install an engine for exported files."""
    return " or ".join(f"pip install 'shelfmind[{each}]'" for each in ENGINES)


def installed_engines() -> list[str]:
    """The engines for exported files whose packages are installed."""
    return [name for name, (package, _) in ENGINES.items() if find_spec(package) is not None]


def _export_of(run: RunFolder, wanted: str) -> Exported | None:
    """The file that was exported of the run's weights as they are; None if there is none and any engine will do."""
    how = call("export", run=str(run.root))
    if not run.exported.exists():
        if wanted == AUTO:
            return None
        raise UserError(f"{run.root} was not exported yet, which {argument('engine', wanted)} needs; run: {how}")
    exported = read_exported(run.exported)
    if exported.facts["weights_file"] != file_checksum(run.weights):
        if wanted == AUTO:
            return None
        raise UserError(f"{run.exported} is of other weights than {run.weights}; export it again: {how}")
    return exported


def file_checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def made(name: str) -> Callable[[Exported, int, int | None], Engine]:
    """What makes an engine of an exported file."""
    module, _, attribute = ENGINES[name][1].partition(":")
    found: Callable[[Exported, int, int | None], Engine] = getattr(import_module(module), attribute)
    return found
