"""Shell completion: what the shell asks the command when Tab is pressed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("shelfmind")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("shelfmind tra", {"train"}),
        ("shelfmind gallery ca", {"calibrate"}),
        ("shelfmind train --max", {"--max-minutes", "--max-bad-fraction"}),
    ],
)
def test_tab_offers_commands_and_options(typed: str, offered: set[str]) -> None:
    asked = {"_SHELFMIND_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run([COMMAND], env={**os.environ, **asked}, capture_output=True, text=True, timeout=120)
    assert (done.returncode, set(done.stdout.split())) == (0, offered)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(shell: str) -> None:
    asked = {"_SHELFMIND_COMPLETE": f"source_{shell}"}
    done = subprocess.run([COMMAND], env={**os.environ, **asked}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert f"_SHELFMIND_COMPLETE=complete_{shell}" in done.stdout
