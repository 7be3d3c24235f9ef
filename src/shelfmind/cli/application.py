"""The command's outer shell: what it says of itself, and how it ends."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from shelfmind.cli.options import INTERRUPTED
from shelfmind.errors import UserError

app = typer.Typer(
    help="Recognises retail products (SKUs) in photos of shelf items.\n\n"
    "Start with:  shelfmind train PHOTOS --out runs/first   (PHOTOS holds one folder of images a product)",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def main() -> None:
    """Run the command; a user's mistake is one line and status 2, Ctrl-C is status 130, our own faults are status 1."""
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        fail(str(error), 2)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a mistake on the command line
            raise
        message, context = error.format_message(), getattr(error, "ctx", None)
        if not message:  # no verb: the help has been shown
            sys.exit(2)
        fail(f"{message.rstrip('.')}. See: {context.command_path if context else 'shelfmind'} --help", 2)
    if status == INTERRUPTED:
        fail("stopped", INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def fail(message: str, status: int) -> NoReturn:
    typer.echo(f"shelfmind: {message}", err=True)
    sys.exit(status)
