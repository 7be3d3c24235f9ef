"""Runs the command and kills it, as kill -9 would, at an exact moment: ``FILE:NUMBER:before|after`` and the command.

The moment is the NUMBER-th time that FILE is renamed into its place, right before or right after the renaming.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any


def main() -> None:
    name, number, moment = sys.argv.pop(1).split(":")
    left = int(number)
    rename = os.replace

    def replace(source: Any, target: Any, **more: Any) -> None:
        nonlocal left
        left -= os.path.basename(target) == name
        if left == 0 and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target, **more)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace
    from shelfmind.cli import main as command

    command()


if __name__ == "__main__":
    main()
