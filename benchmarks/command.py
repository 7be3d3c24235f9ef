"""What the benchmarks' commands share: a parser that shows the script's docstring, and errors as one line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError
from shelfmind.files import write_json


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the docstring as it stands."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def show(figures: Mapping[str, Any], path: Path | None) -> None:
    """Print figures, and write them as JSON if there is a path."""
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    if path is not None:
        write_json(path, figures)


def exit_status(work: Callable[[], None]) -> int:
    """Do the work: 0, or 2 after one line that says what the user can mend."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
