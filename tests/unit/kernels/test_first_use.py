"""The first use compiles the operators: by one process of several, and never half."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shelfmind.kernels import choice
from shelfmind.kernels import library as module
from shelfmind.kernels.choice import choose

LOAD = """
from shelfmind.kernels.library import UnavailableError, load_library
try:
    print(load_library(1).version)
except UnavailableError as error:
    print(error)
"""
COMPILER = """#!/bin/sh
for last; do :; done
if [ "$1" = -v ]; then exec g++ -v; fi
echo compiled >> {log}
head -c 1000 {library} > "$last"
sleep 1
cp {library} "$last"
"""
"""Takes its time over the library of this session, half of which is there for a second."""


@pytest.fixture
def compiler(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache and a compiler that notes each use; gives its log."""
    log, script = tmp_path / "log", tmp_path / "compiler"
    script.write_text(COMPILER.format(log=log, library=library.path))
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path / "cache"))
    return log


def start(code: str = LOAD) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def test_of_processes_at_once_one_compiles_and_all_load_it(compiler: Path, library: Any, tmp_path: Path) -> None:
    processes = [start() for _ in range(3)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [library.version] * 3
    assert compiler.read_text().split() == ["compiled"]
    assert len(list((tmp_path / "cache" / "kernels").glob("*.so"))) == 1


def test_after_a_process_was_killed_the_next_one_compiles(compiler: Path, library: Any) -> None:
    killed = start()
    until = time.monotonic() + 30
    while not compiler.exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert start().communicate(timeout=60)[0].strip() == library.version
    assert compiler.read_text().split() == ["compiled"] * 2


def test_a_cache_that_cannot_be_written_is_named_and_mindspores_own_train(
    compiler: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SHELFMIND_KERNELS", raising=False)
    monkeypatch.setattr(choice, "require_fast_processor", lambda: None)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "kernels").write_text("in the way")
    found = choose("auto", "auto", "CPU", 1)
    assert found.name == "mindspore"
    assert "cannot be stored in the cache (SHELFMIND_CACHE)" in str(found.note)
    assert str(tmp_path / "cache" / "kernels") in str(found.note)


def test_a_full_disk_leaves_nothing_behind(library: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFMIND_CACHE", str(tmp_path))
    monkeypatch.setattr(module, "_compile", lambda *inputs: shutil.copy(library.path, inputs[-1]))
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    limited += "\nimport signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)"
    limited += "\nimport shutil; from shelfmind.kernels import library"
    limited += f"\nlibrary._compile = lambda *inputs: shutil.copy({str(library.path)!r}, inputs[-1])"
    said = start(limited + LOAD).communicate(timeout=60)[0]
    assert "oneDNN kernels cannot be stored in the cache (SHELFMIND_CACHE)" in said
    assert "cannot be written" in said
    assert [path.name for path in (tmp_path / "kernels").iterdir()] == ["compiling.lock"]
    assert module.compiled().read_bytes() == library.path.read_bytes()
