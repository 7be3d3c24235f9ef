"""Choose the engine: the requested one, or the fastest verified one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError, argument, call, unknown_name
from shelfmind.inference.engines import AUTO, MINDSPORE, Engine
from shelfmind.inference.exported import Exported, read_exported
from shelfmind.machine.device import start_mindspore
from shelfmind.machine.instructions import PRECISIONS, require_instructions, runs_fast
from shelfmind.machine.packages import how_to_install as how_to_install_package
from shelfmind.machine.packages import installed, missing
from shelfmind.recipe import Recipe
from shelfmind.runs.folder import RunFolder


@dataclass(frozen=True)
class EngineKind:
    """An engine for exported files.

    Attributes:
        package: the required package.
        command: the command that installs it.
        maker: the engine's class, as in ``module:name``.
        reads: the supported precisions by file format.
    """

    package: str
    command: str
    maker: str
    reads: Mapping[str, tuple[str, ...]]

    @property
    def version(self) -> str | None:
        """The version of the package, or None if it is not installed."""
        try:
            return metadata.version(self.package) if find_spec(self.package) is not None else None
        except metadata.PackageNotFoundError:
            return None

    def takes(self, exported: Exported) -> bool:
        """Whether it reads a file of this format and precision."""
        return exported.precision in self.reads.get(exported.format, ())


ENGINES = {
    "onnx": EngineKind(
        "onnxruntime",
        "pip install 'shelfmind[onnx]'",
        "shelfmind.inference.engines.onnx:OnnxEngine",
        {"onnx": ("fp32", "int8")},
    ),
    "openvino": EngineKind(
        "openvino",
        "pip install 'shelfmind[openvino]'",
        "shelfmind.inference.engines.openvino:OpenVinoEngine",
        {"onnx": ("fp32", "int8"), "openvino": ("fp32", "int8", "bf16")},
    ),
    "mindir": EngineKind(
        "mindspore",
        "pip install 'shelfmind[train]'",
        "shelfmind.inference.engines.mindir:MindIrEngine",
        {"mindir": ("fp32",)},
    ),
}
"""All engines of exported files. To add an engine, add an entry here."""
DEFAULT_FORMAT = "onnx"
"""The default export format."""
OWN = {"auto": "the fastest available", "mindspore": "the run's own"}
"""Further values of the option."""


def engine_of_file(wanted: str, exported: Exported, few: int | None = None, batch_size: int | None = None) -> Engine:
    """Return an engine for an exported file with batches of up to `batch_size` images, the recipe's if None.

    Raises:
        UserError: the engine is MindSpore, unknown, not installed or does not read the file, the precision differs, or
            the processor does not support it.
    """
    name, precision = _parsed(wanted)
    if name == MINDSPORE:
        raise UserError(f"{exported.path} is an exported file, which MindSpore does not read; use the run's folder")
    if precision not in (None, exported.precision):
        raise UserError(f"{exported.path} computes in {exported.precision}, not {precision}")
    require_instructions(exported.precision, f"{exported.path} ({exported.precision})")
    if name == AUTO:
        name = fastest(exported) or ""
        if not name:
            how = how_to_install([each for each, kind in ENGINES.items() if kind.takes(exported)])
            raise UserError(f"no engine for {exported.path} is installed; run: {how}")
    elif not ENGINES[name].takes(exported):
        able = " or ".join(each for each, kind in ENGINES.items() if kind.takes(exported))
        raise UserError(f"{exported.path} has the format {exported.format}, which {able} reads, but not {name}")
    require_installed(name)
    return engine_factory(name)(exported, batch_size or exported.recipe.evaluation.batch_size, few)


def engine_of_run(
    wanted: str, run: RunFolder, recipe: Recipe, classes: int, few: int | None = None
) -> tuple[Engine, str]:
    """Return an engine for a run, and the checksum of its weights.

    Raises:
        UserError: the engine is unknown or not installed, or the run was not exported for it.
    """
    name, precision = _parsed(wanted)
    if name != MINDSPORE:
        exported = _export_of(run, name, precision)
        if exported is not None:
            chosen = name if name != AUTO else str(fastest(exported))
            engine = engine_of_file(chosen, exported, few, recipe.evaluation.batch_size)
            return engine, str(exported.facts["weights"])
    if not installed(MINDSPORE):
        raise missing(MINDSPORE) if name == MINDSPORE else _no_engine(run)
    start_mindspore()
    from shelfmind.inference.engines.mindspore import engine_of

    return engine_of(run, recipe, classes, few)


def _no_engine(run: RunFolder) -> UserError:
    """Return the reason why a run cannot be used without MindSpore."""
    exports = [read_exported(path) for path in run.exports()]
    if exports and not any(find_spec(kind.package) for kind in ENGINES.values()):
        able = [name for name, kind in ENGINES.items() if any(map(kind.takes, exports))]
        return UserError(f"no engine for the exported files of {run.root} is installed; run: {how_to_install(able)}")
    return UserError(
        f"{run.root} needs MindSpore, which is not installed here; either export it on a machine with MindSpore: "
        f"{call('export', run=str(run.root))} and use that file, or install it here: "
        f"{how_to_install_package(MINDSPORE)}"
    )


def fastest(exported: Exported) -> str | None:
    """Return the installed engine that was the fastest when the file was verified."""
    usable = [name for name in engines_for(exported.format, exported.precision) if name in exported.facts["parity"]]
    return max(usable, key=lambda name: _speed(exported, name), default=None)


def engines_for(format: str, precision: str) -> list[str]:
    """Return the installed engines that read such files with a precision that this processor computes efficiently."""
    able = [name for name, kind in ENGINES.items() if precision in kind.reads.get(format, ())]
    return [name for name in able if find_spec(ENGINES[name].package) is not None and runs_fast(precision)]


def how_to_install(names: list[str]) -> str:
    """Return the commands that install one of these engines."""
    return " or ".join(ENGINES[name].command for name in names)


def require_installed(name: str) -> None:
    """Raise `UserError` for an engine that is not installed."""
    if find_spec(ENGINES[name].package) is None:
        raise UserError(f"the engine {name} is not installed; run: {ENGINES[name].command}")


def engine_facts() -> dict[str, str]:
    """Return the version and precisions of each engine of exported files, or how to install it."""
    found = {}
    for name, kind in ENGINES.items():
        computed = dict.fromkeys(each for precisions in kind.reads.values() for each in precisions)
        quick = ", ".join(each for each in computed if runs_fast(each))
        found[name] = f"{kind.version}, {quick}" if kind.version else f"not installed; run: {kind.command}"
    return found


def file_checksum(path: Path) -> str:
    """Return the SHA-256 of a run's weights. Raises `UserError` if they cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror or error}), so the run's exported files cannot be verified; "
            "restore it, or use an exported file in place of the run"
        ) from error


def engine_factory(name: str) -> Callable[[Exported, int, int | None], Engine]:
    """Return the factory of an engine for exported files."""
    module, _, attribute = ENGINES[name].maker.partition(":")
    found: Callable[[Exported, int, int | None], Engine] = getattr(import_module(module), attribute)
    return found


def _parsed(wanted: str) -> tuple[str, str | None]:
    """Return engine and precision, as of ``openvino:int8``; the precision of ``openvino`` is None."""
    name, _, precision = wanted.partition(":")
    if name not in (*OWN, *ENGINES):
        raise unknown_name("engine", name, (*OWN, *ENGINES))
    if precision and precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    return name, precision or None


def _export_of(run: RunFolder, name: str, precision: str | None) -> Exported | None:
    """Return the fastest exported file of the run's current weights for the engine; None if any engine will do."""
    found = {path: read_exported(path) for path in run.exports()}
    fitting = {
        path: each
        for path, each in found.items()
        if precision in (None, each.precision) and (name == AUTO or ENGINES[name].takes(each))
    }
    weights = file_checksum(run.weights) if fitting else ""
    current = [each for each in fitting.values() if each.facts["weights_file"] == weights]
    usable = [each for each in current if name != AUTO or fastest(each) is not None]
    if usable:
        return max(usable, key=lambda each: _speed(each, fastest(each) if name == AUTO else name))
    if name == AUTO and precision is None:
        return None
    wanted: dict[str, Any] = {"run": str(run.root)}
    if name != AUTO:
        formats = _formats(name, precision)
        if DEFAULT_FORMAT not in formats:
            wanted["format"] = formats[0]
    if precision is not None:
        wanted["precision"] = precision
    how = call("export", **wanted)
    if fitting and not current:
        raise UserError(f"{next(iter(fitting))} is of other weights than {run.weights}; export it again: {how}")
    wanted_engine = argument("engine", name if precision is None else f"{name}:{precision}")
    raise UserError(f"{run.root} has not been exported for {wanted_engine}; run: {how}")


def _formats(name: str, precision: str | None) -> list[str]:
    """Return the formats that an engine computes at this precision. Raises `UserError` if there are none."""
    reads = ENGINES[name].reads
    formats = [form for form, precisions in reads.items() if precision in (None, *precisions)]
    if not formats:
        own = dict.fromkeys(each for precisions in reads.values() for each in precisions)
        able = [each for each, kind in ENGINES.items() if any(precision in found for found in kind.reads.values())]
        others = " or ".join(argument("engine", f"{each}:{precision}") for each in able)
        raise UserError(f"{name} supports {' and '.join(own)}, not {precision}; use {others}")
    return formats


def _speed(exported: Exported, name: str | None) -> float:
    """Return images/s when the file was verified, or 0 for an engine that was not."""
    checked = exported.facts["parity"].get(name)
    return 0.0 if checked is None else float(checked["images_per_second"])
