"""Shared by the benchmark commands: a parser that shows the script's docstring, and one-line errors."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError
from shelfmind.files import write_json


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the unformatted docstring."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def show(figures: Mapping[str, Any], path: Path | None) -> None:
    """Print the results, and write them as JSON if a path is given."""
    for name, figure in figures.items():
        print(f"{name}: {figure}")
    if path is not None:
        write_json(path, figures)


def exit_status(work: Callable[[], None]) -> int:
    """Run the work. Return 0, or 2 after a one-line message about invalid input."""
    try:
        work()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
