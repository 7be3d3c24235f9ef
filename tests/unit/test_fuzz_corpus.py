"""Inputs that the fuzzer (`benchmarks/fuzz.py`) found are read, or refused with an error of shelfmind.

`tests/fuzz_corpus` has a folder for each parser. To keep a new finding, copy its input there.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "fuzz_corpus"
DEEP = {"lists": b"[", "mappings": b'{"a":', "blocks": b"- "}
"""Openings that nest."""
LEVELS, LEVELS_OF_YAML = 20_000, 400
"""Too many for a parser that recurses; that of YAML does so more often, and is slow."""


@pytest.fixture(scope="module")
def fuzz(monkeypatch_module: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch_module.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("fuzz")


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch
        for name in [name for name in sys.modules if name in ("command", "one_thread") or name.startswith("fuzz")]:
            del sys.modules[name]


@pytest.mark.parametrize(
    "file", [pytest.param(file, id=f"{file.parent.name}/{file.name}") for file in sorted(CORPUS.glob("*/*"))]
)
def test_what_was_found_is_no_fault_anymore(file: Path, fuzz, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = file.parent.name.replace("-", ", ").replace("_", " ")
    if name in ("arrow shard", "parquet shard"):
        pytest.importorskip("pyarrow", reason="needs pyarrow: pip install 'shelfmind[parquet]'")
    parser = fuzz.PARSERS[name]
    assert fuzz.fault_of(parser.parse, file.read_bytes()) is None


@pytest.mark.parametrize("deep", DEEP)
def test_deep_nesting_is_no_fault(deep: str, fuzz, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, parser in fuzz.PARSERS.items():
        if parser.tokens:
            levels = LEVELS_OF_YAML if parser.tokens is fuzz.YAML else LEVELS
            assert fuzz.fault_of(parser.parse, DEEP[deep] * levels) is None, name


def test_every_parser_reads_what_it_starts_from_and_refuses_damage(fuzz, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, parser in fuzz.PARSERS.items():
        seeds = parser.seeds()
        parser.parse(seeds[0])
        for content in (*seeds, *(fuzz.input_of(parser, seeds, name, 7, number) for number in range(10))):
            assert fuzz.fault_of(parser.parse, content) is None, (name, content)


def test_a_fault_of_each_kind_is_found(fuzz) -> None:
    def fail(content: bytes) -> None:
        raise KeyError(content)

    assert fuzz.fault_of(fail, b"x") == "KeyError in its caller"
    assert fuzz.minimised(lambda content: fail(content) if b"ab" in content else None, b"123ab456") == b"ab"


def test_a_crash_of_a_process_is_found_and_its_input_kept(fuzz, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(fuzz.PARSERS, "keys", fuzz.Parser(lambda content: os._exit(3), lambda: [b"x"], 1))
    progress = fuzz.Progress(seed=0)
    fuzz.run_block("keys", progress, 5, tmp_path)
    assert progress.following == {"keys": 1}
    assert progress.findings == {"keys: crash, exit status 3": {"inputs": 1, "kept": ["keys-0"]}}
    assert (tmp_path / "keys-0").exists()
