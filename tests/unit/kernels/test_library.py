"""What is missing for oneDNN's kernels is said once, with what to do; a training does without them."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from shelfmind.errors import UserError
from shelfmind.kernels import choice
from shelfmind.kernels import library as module
from shelfmind.kernels.choice import choose, choose_recorded, describe


@pytest.fixture
def capable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU with AVX-512 and bfloat16, whatever this one is, and no word of the environment."""
    monkeypatch.delenv("SHELFMIND_KERNELS", raising=False)
    monkeypatch.setattr(choice, "require_fast_processor", lambda: None)
    monkeypatch.setattr(choice, "require_bf16", lambda: None)
    monkeypatch.setattr(choice, "has_bf16", lambda: True)


@pytest.fixture
def without_onednn(capable: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(package: str) -> Any:
        raise metadata.PackageNotFoundError(package)

    module.find_onednn.cache_clear()
    monkeypatch.setattr(metadata, "files", none)
    monkeypatch.setattr(metadata, "distribution", none)


def test_without_onednn_mindspores_own_train_and_a_note_says_how_to_install_it(without_onednn: None) -> None:
    assert not module.installed()
    found = choose("auto", "auto", "CPU", 2)
    assert (found.name, found.precision) == ("mindspore", "fp32")
    assert found.note is not None
    assert "onednn-cpu-gomp is not installed; run: pip install 'shelfmind[kernels]'" in found.note
    assert "pip install" in describe(2)
    with pytest.raises(UserError, match=r"train\.kernels=onednn: onednn-cpu-gomp is not installed"):
        choose("onednn", "auto", "CPU", 2)


def test_without_a_compiler_or_with_one_that_fails(
    capable: None, library: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    found = choose("auto", "auto", "CPU", 2)
    assert found.name == "mindspore"
    assert "no-such-compiler is not installed" in str(found.note)
    monkeypatch.setenv("CXX", "false")
    assert "failed to compile: " in str(choose("auto", "auto", "CPU", 2).note)
    assert not list(library.path.parent.glob("*tmp*"))


def test_a_cpu_without_the_instructions_keeps_mindspores_own_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELFMIND_KERNELS", raising=False)
    monkeypatch.setattr(module, "processor_flags", lambda: frozenset({"avx"}))
    found = choose("auto", "auto", "CPU", 2)
    assert (found.name, found.note) == ("mindspore", None)
    with pytest.raises(UserError, match="need a CPU with AVX2; this one lacks avx2, fma"):
        choose("onednn", "auto", "CPU", 2)


def test_bfloat16_without_avx512_is_refused_or_left_to_mindspore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHELFMIND_KERNELS", raising=False)
    monkeypatch.setattr(module, "processor_flags", lambda: frozenset({"avx2", "fma"}))
    assert choose("auto", "on", "CPU", 2).name == "mindspore"
    with pytest.raises(UserError, match="kernels in bfloat16 need a CPU with AVX-512; this one lacks avx512f"):
        choose("onednn", "on", "CPU", 2)


@pytest.mark.parametrize(
    ("wanted", "amp", "device", "expected"),
    [
        ("auto", "auto", "GPU", ("mindspore", "fp16")),
        ("auto", "off", "Ascend", ("mindspore", "fp32")),
        ("mindspore", "auto", "CPU", ("mindspore", "fp32")),
        ("mindspore", "on", "CPU", ("mindspore", "fp16")),
    ],
)
def test_mindspores_own_where_they_are_asked_for_or_the_device_has_better(
    capable: None, wanted: str, amp: str, device: str, expected: tuple[str, str]
) -> None:
    found = choose(wanted, amp, device, 2)
    assert (found.name, found.precision, found.note) == (*expected, None)


def test_onednns_in_the_precision_of_amp(capable: None, library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def precisions() -> list[str]:
        return [choose("auto", amp, "CPU", 2).precision for amp in ("auto", "on", "off")]

    assert precisions() == ["bf16", "bf16", "fp32"]
    assert "trains in bf16" in describe(2)
    with monkeypatch.context() as patch:
        patch.setattr(choice, "has_bf16", lambda: False)
        assert precisions() == ["fp32", "bf16", "fp32"]
        assert "this CPU has no bfloat16" in describe(2)
    assert choose("auto", "auto", "CPU", 2, own_network=False).name == "mindspore"
    monkeypatch.setenv("SHELFMIND_KERNELS", "mindspore")
    assert choose("auto", "auto", "CPU", 2).name == "mindspore"
    assert choose("onednn", "auto", "CPU", 2).name == "onednn"
    monkeypatch.setenv("SHELFMIND_KERNELS", "mkl")
    with pytest.raises(UserError, match="SHELFMIND_KERNELS must be auto, mindspore or onednn, got 'mkl'"):
        choose("auto", "auto", "CPU", 2)


def test_a_training_goes_on_with_what_it_began_with(capable: None, library: Any) -> None:
    recorded = choose("auto", "auto", "CPU", 2).record()
    assert choose_recorded(recorded, "auto", "CPU", 2).record() == recorded
    before_auto_took_bf16 = {**recorded, "precision": "fp32"}
    assert choose_recorded(before_auto_took_bf16, "auto", "CPU", 2).record() == before_auto_took_bf16
    assert choose_recorded(None, "auto", "CPU", 2).name == "mindspore"
    with pytest.raises(UserError, match=r"started with oneDNN 3\.1\.0, but 3"):
        choose_recorded({**recorded, "version": "3.1.0"}, "auto", "CPU", 2)


def test_a_training_that_began_with_onednn_does_not_go_on_without(without_onednn: None) -> None:
    recorded = {"name": "onednn", "precision": "bf16", "version": "3.2.0"}
    with pytest.raises(UserError, match=r"oneDNN kernels in bf16 and cannot resume without them: .* pip install"):
        choose_recorded(recorded, "auto", "CPU", 2)


def test_a_damaged_library_is_compiled_anew(
    capable: None, library: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = library.path.read_bytes()
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_compile", lambda *inputs: inputs[-1].write_bytes(whole))
    path = module.compiled()
    path.write_bytes(whole[:1000])
    assert module.compiled() == path
    assert path.read_bytes() == whole
    monkeypatch.setattr(module, "_compile", lambda *inputs: pytest.fail("it was whole"))
    assert module.compiled() == path
