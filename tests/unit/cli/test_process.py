"""The command makes its process its own: output, endings, memory, warnings."""

from __future__ import annotations

import ctypes
import io
import json
import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

import shelfmind
from shelfmind.cli.outcomes.figures import write_figures
from shelfmind.cli.process import (
    escape_unprintable,
    share_memory_arenas,
    treat_signals_as_ctrl_c,
    word_log_as_typed,
)
from shelfmind.errors import UserError, call


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "latin-1", "ascii"])
def test_what_an_encoding_lacks_is_printed_as_escapes_and_json_stays_json(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    escape_unprintable()
    content = {"new/caf\udce9.jpg": "中 é \U0001f600"}
    write_figures(content, Path("-"))
    sys.stdout.flush()
    printed = sys.stdout.buffer.getvalue()
    assert json.loads(printed) == content
    assert ("中".encode() in printed) == (encoding == "utf-8")
    Console().print(Table(*content, *content.values()))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    escape_unprintable()


def test_memory_arenas_are_shared_unless_the_user_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert share_memory_arenas() == hasattr(ctypes.CDLL(None), "mallopt")
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    assert not share_memory_arenas()


def test_errors_in_a_log_name_commands(caplog: pytest.LogCaptureFixture) -> None:
    log, error = logging.getLogger("shelfmind.test"), UserError(f"no file; make one: {call('export', run='RUN')}")
    before = logging.getLogRecordFactory()
    try:
        word_log_as_typed()
        log.warning("%s of %d", error, 2)
        log.warning("nothing at all")
    finally:
        logging.setLogRecordFactory(before)
    assert caplog.messages == ["no file; make one: shelfmind export RUN of 2", "nothing at all"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_endings_are_ctrl_c_unless_there_is_a_handler(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(number, signal.SIG_DFL)  # whatever started the tests
        treat_signals_as_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        signal.signal(number, signal.SIG_IGN)  # nohup
        treat_signals_as_ctrl_c()
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def test_the_module_is_the_command(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "shelfmind", *words], check=False, capture_output=True, text=True)

    assert run("--version").stdout == f"shelfmind {shelfmind.__version__}\n"
    refused = run("audit", str(tmp_path / "没有"), "--out", str(tmp_path / "audit"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("shelfmind: ")


def test_the_command_prepares_its_process_before_the_verb_without_mindspore() -> None:
    program = """
import resource, signal, sys, warnings
from shelfmind import cli
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))
sys.argv = ["shelfmind", "recipes"]
try:
    cli.main()
except SystemExit as end:
    assert end.code == 0
assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
assert any("mindspore" in str(entry[3]) for entry in warnings.filters)
assert "mindspore" not in sys.modules
assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, stdout=subprocess.DEVNULL).returncode == 0
