"""The `shelfmind` command: one verb a function; each parses, calls and prints."""

from shelfmind.cli import data_sets  # the verbs list themselves, in the order in which help shows them

# isort: split
from shelfmind.cli import training

# isort: split
from shelfmind.cli import measuring

# isort: split
from shelfmind.cli import facts
from shelfmind.cli.application import app, main

__all__ = ["app", "data_sets", "facts", "main", "measuring", "training"]
