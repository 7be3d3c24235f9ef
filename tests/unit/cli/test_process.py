"""The command makes its process its own: endings, memory, warnings."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys

import pytest

from shelfmind.cli.process import share_memory_arenas, treat_sigterm_as_ctrl_c, word_log_as_typed
from shelfmind.errors import UserError, call


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


def test_sigterm_is_ctrl_c_unless_there_is_a_handler() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        treat_sigterm_as_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        treat_sigterm_as_ctrl_c()
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


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
