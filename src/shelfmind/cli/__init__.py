"""The `shelfmind` command: its options come from the requests of the verbs, what it prints from `outcomes`."""

from shelfmind.cli.application import app, main

__all__ = ["app", "main"]
