"""The `shelfmind` command: options come from the requests of the verbs, output from `outcomes`."""

import sys

try:
    from shelfmind.cli.application import app, main
except KeyboardInterrupt:  # Ctrl-C during import
    sys.stderr.write("shelfmind: stopped\n")
    sys.exit(130)

__all__ = ["app", "main"]
