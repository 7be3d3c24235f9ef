"""Who answers from which file: the fastest that was checked, is installed and that the processor is able to run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.exporting.parity import Parity
from shelfmind.inference.engines import choice
from shelfmind.inference.engines.choice import (
    ENGINES,
    engine_facts,
    engine_of_file,
    engine_of_run,
    fastest,
    file_checksum,
)
from shelfmind.inference.exported import CARRIERS, Exported
from shelfmind.machine import instructions
from shelfmind.recipe import Recipe
from shelfmind.requests.measuring import PredictRequest
from shelfmind.runs.folder import RunFolder
from shelfmind.runs.rules import engine_under


def exported(form: str = "onnx", precision: str = "fp32", **speeds: float) -> Exported:
    """A file that was compared on these engines."""
    facts = {"precision": precision, "parity": {name: {"images_per_second": each} for name, each in speeds.items()}}
    facts["recipe"] = Recipe().model_dump(mode="json")
    facts["weights_file"] = "same"
    return Exported(Path(f"shelf.{form}"), b"", form, facts, None)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says which packages are installed and what instructions the processor has."""

    def put(installed: tuple[str, ...], flags: set[str] | None) -> None:
        monkeypatch.setattr(choice, "find_spec", lambda name: name if name in installed else None)
        monkeypatch.setattr(instructions, "instructions", lambda: flags if flags is None else frozenset(flags))

    put(("onnxruntime", "openvino"), {"avx512_vnni", "avx512_bf16"})
    return put


def test_the_fastest_that_is_installed_and_was_checked(machine: Any) -> None:
    file = exported(onnx=10, openvino=20, mindir=90)
    assert fastest(file) == "openvino"
    machine(("onnxruntime",), None)
    assert fastest(file) == "onnx"
    assert fastest(exported(openvino=20)) is None
    assert fastest(exported("openvino", "bf16", onnx=90)) is None


def test_what_does_not_go_together_says_what_does(machine: Any) -> None:
    mistakes = {
        ("openvino:int8", "onnx", "fp32"): "computes in fp32, not int8",
        ("onnx", "openvino", "fp32"): "has the format openvino, which openvino reads, but not onnx",
        ("mindspore", "onnx", "fp32"): "use the run's folder",
        ("onyx", "onnx", "fp32"): "did you mean onnx",
        ("onnx:int9", "onnx", "fp32"): "did you mean int8",
        ("auto", "mindir", "fp32"): "is installed; run: pip install 'shelfmind\\[train\\]'",
        ("mindir", "mindir", "fp32"): "mindir is not installed; run: pip install 'shelfmind\\[train\\]'",
    }
    for (wanted, form, precision), words in mistakes.items():
        with pytest.raises(UserError, match=words):
            engine_of_file(wanted, exported(form, precision))
    machine((), None)
    with pytest.raises(UserError, match=r"pip install 'shelfmind\[onnx\]' or pip install 'shelfmind\[openvino\]'"):
        engine_of_file("auto", exported())


def test_a_processor_without_the_instructions(machine: Any) -> None:
    machine(("onnxruntime", "openvino"), {"avx2"})
    assert fastest(exported(onnx=1)) == "onnx"
    for precision, needed in (("int8", "amx_int8 or avx512_vnni or avx_vnni"), ("bf16", "amx_bf16 or avx512_bf16")):
        assert fastest(exported("openvino", precision, openvino=9)) is None
        with pytest.raises(UserError, match=f"needs a processor with {needed}"):
            engine_of_file("openvino", exported("openvino", precision, openvino=9))
    machine((), None)
    assert instructions.runs_fast("bf16")  # nobody can say


def test_a_run_answers_from_its_fastest_file_of_the_same_weights(
    machine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {"network.onnx": exported(onnx=10), "network.int8.onnx": exported("onnx", "int8", onnx=30, openvino=50)}
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.setattr(choice, "read_exported", lambda path: files[path.name])
    monkeypatch.setattr(choice, "file_checksum", lambda path: "same")
    monkeypatch.setattr(choice, "engine_of_file", lambda name, file, few, batch_size: (name, file.precision))
    for file in files.values():
        file.facts["weights"] = "w"  # type: ignore[index]

    def answering(wanted: str) -> Any:
        return engine_of_run(wanted, RunFolder(tmp_path), Recipe(), 2)[0]

    assert answering("auto") == ("openvino", "int8")
    assert answering("onnx") == ("onnx", "int8")
    assert answering("onnx:fp32") == ("onnx", "fp32")
    with pytest.raises(UserError, match=r"not been exported for engine='openvino:bf16'; run: .*, precision='bf16'"):
        answering("openvino:bf16")
    with pytest.raises(UserError, match=r"onnx supports fp32 and int8, not bf16; use engine='openvino:bf16'"):
        answering("onnx:bf16")
    with pytest.raises(UserError, match=r"exported for engine='mindir'; run: .*format='mindir'"):
        answering("mindir")
    monkeypatch.setattr(choice, "file_checksum", file_checksum)
    with pytest.raises(UserError, match=r"weights.ckpt cannot be read .* use an exported file in place of the run"):
        answering("auto")
    monkeypatch.setattr(choice, "file_checksum", lambda path: "other")
    with pytest.raises(UserError, match="is of other weights than"):
        answering("onnx")
    monkeypatch.setattr(choice, "installed", lambda package: False)
    with pytest.raises(UserError, match="this needs MindSpore, which is not installed"):
        answering("mindspore")
    with pytest.raises(UserError, match="needs MindSpore, which is not installed here"):
        answering("auto")
    machine((), None)
    with pytest.raises(UserError, match=r"no engine for the exported files of .*\[onnx\]' or .*\[openvino\]'"):
        answering("auto")


def test_every_format_is_read_and_every_engine_reads_one() -> None:
    assert {form for kind in ENGINES.values() for form in kind.reads} == set(CARRIERS)
    computed = {each for kind in ENGINES.values() for precisions in kind.reads.values() for each in precisions}
    assert computed == set(instructions.PRECISIONS)


def test_engines_are_listed_with_what_they_compute_or_how_to_install_them(machine: Any) -> None:
    machine(("onnxruntime",), {"avx512_vnni"})
    found = engine_facts()
    assert found["onnx"].endswith(", fp32, int8")
    assert found["openvino"] == "not installed; run: pip install 'shelfmind[openvino]'"


def test_a_request_names_an_engine_and_perhaps_a_precision() -> None:
    for engine in ("auto", "mindspore", "openvino:int8", "onnx"):
        assert PredictRequest(run=Path("run"), paths=("a",), engine=engine).engine == engine
    for engine, words in {"onnx:int9": "did you mean int8", "auto:int8": "takes no precision", "x": "engine"}.items():
        with pytest.raises(UserError, match=words):
            PredictRequest(run=Path("run"), paths=("a",), engine=engine)


def test_contest_rules_take_mindspore_alone() -> None:
    assert engine_under(None, "auto") == "auto"
    assert engine_under("contest", "auto") == "mindspore"
    assert engine_under("contest", "mindir") == "mindir"
    with pytest.raises(UserError, match=r"contest rule 1: MindSpore only.*excludes engine='onnx:int8'"):
        engine_under("contest", "onnx:int8")
    with pytest.raises(UserError, match="did you mean contest"):
        engine_under("contests", "auto")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
@pytest.mark.parametrize("which", ["probabilities", "embeddings"])
def test_values_that_are_no_numbers_are_refused_wherever_they_come_from(which: str, precision: str) -> None:
    from shelfmind.exporting.parity import EngineOutputs, parity, require_parity

    good = EngineOutputs(np.full((8, 3), 1 / 3, np.float32), np.ones((8, 4), np.float32), 1.0)
    broken = replace(good, **{which: np.where(np.arange(8)[:, None] == 5, np.nan, getattr(good, which))})
    labels = np.zeros(8, np.int64)
    require_parity("onnx", parity(good, good, labels), precision, 1e-4)
    for before, after in ((good, broken), (broken, good), (broken, broken)):
        with pytest.raises(UserError, match="onnx or MindSpore gives NaN or infinite values for some of 8 images"):
            require_parity("onnx", parity(before, after, labels), precision, 1e-4)


def test_what_loses_accuracy_or_agrees_too_little_is_refused() -> None:
    from shelfmind.evaluation.intervals import Interval
    from shelfmind.exporting.parity import accepted, require_parity

    def found(change: float, agreement: float, low: float = -0.001, difference: float = 0.1) -> Parity:
        sure = Interval(low, 0.01)
        return Parity(1000, difference, 0.9, agreement, (0.8, sure), (0.8 + change, sure), (change, sure), 1.0)

    assert require_parity("onnx", found(-0.004, 0.97), "int8", accepted("int8", None)) == []
    (note,) = require_parity("onnx", found(-0.004, 0.97, low=-0.009), "int8", 0.005)
    assert "1,000 images cannot rule out a loss of more than 0.5 points" in note
    for lossy in (found(-0.006, 0.99), found(0.0, 0.94)):
        with pytest.raises(UserError, match=r"more than tolerance=0.005 allows; nothing was written"):
            require_parity("onnx", lossy, "int8", 0.005)
    with pytest.raises(UserError, match=r"by up to 0.1 in a probability"):
        require_parity("onnx", found(0.0, 1.0), "fp32", accepted("fp32", None))
