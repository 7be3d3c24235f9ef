"""The `shelfmind` command: its options come from the requests of the verbs, what it prints from `outcomes`."""

import sys

try:
    from shelfmind.cli.application import app, main
except KeyboardInterrupt:  # Ctrl-C while the command is still being read
    sys.stderr.write("shelfmind: stopped\n")
    sys.exit(130)

__all__ = ["app", "main"]
