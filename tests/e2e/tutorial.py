"""Runs the commands of a documentation page, as a reader does, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PATIENCE_S = 900
"""Of one block of commands; machines that test are busy."""
STAYS = "stays open"
"""In the title of a block: a terminal whose command runs until the reader is done."""
_BLOCK = re.compile(
    r"^```(?P<language>sh|python)(?: title=\"(?P<title>[^\"]*)\")?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """What a page has its reader type; `title` stands above it."""

    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """What is run of a page: ``sh`` and ``python``; ``bash`` is for what no test can do, such as installations."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(found["language"], found["title"] or "", found["text"]) for found in _BLOCK.finditer(text)]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


class Reader:
    """Does what a page says, with smaller data.

    `smaller` are replacements of the page's text, each of which must be there. `persons` are what the reader does by
    hand while a terminal stays open, by the title of its block; each gets the line in which the command says where it
    listens.
    """

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        smaller: Mapping[str, str],
        persons: Mapping[str, Callable[[str], None]] | None = None,
    ) -> None:
        self.folder = folder
        self.smaller = smaller
        self.persons = persons or {}
        scripts = str(Path(sys.executable).parent)
        self.environment = {**environment, "PATH": f"{scripts}{os.pathsep}{environment['PATH']}"}

    def follow(self, page: str) -> None:
        """Do all of the page, block by block; a block that fails says what it printed."""
        missing, open_ones = set(self.smaller), []
        try:
            for block in blocks(page):
                text = block.text
                for long, short in self.smaller.items():
                    if long in text:
                        missing.discard(long)
                        text = text.replace(long, short)
                if STAYS in block.title:
                    open_ones.append(self._opened(block.title, text))
                else:
                    self._done(block.language, text)
            assert not missing, f"{page} no longer says {missing}"
            for process in open_ones:
                assert self._closed(process) == 0
        finally:
            for process in open_ones:
                process.kill()
                process.wait()

    def _done(self, language: str, text: str) -> None:
        program = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*program, text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout.decode()}"

    def _opened(self, title: str, text: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"exec {text}"],
            cwd=self.folder,
            env={**self.environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        line = next(_lines_with(process, "http://"), "")
        assert line, f"{text}\nended with {process.wait()} before it said where it listens"
        if title in self.persons:
            self.persons[title](line.strip())
        return process

    def _closed(self, process: subprocess.Popen[str]) -> int:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        return process.returncode


def _lines_with(process: subprocess.Popen[str], part: str) -> Iterator[str]:
    assert process.stdout is not None
    ends = time.monotonic() + PATIENCE_S
    for line in process.stdout:
        if part in line:
            yield line
        assert time.monotonic() < ends
