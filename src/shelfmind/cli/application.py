"""The command's outer shell: what it says of itself, and how it ends."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any, ClassVar, NoReturn

import typer
from typer.core import TyperGroup

from shelfmind import __version__
from shelfmind.cli.commands import INTERRUPTED, listed_command, whole_command
from shelfmind.cli.process import prepare_process
from shelfmind.errors import UserError, unknown_name
from shelfmind.verbs import GROUPS, VERBS, command_words


class Verbs(TyperGroup):
    """The verbs of the table; each is made when it is asked for, and help makes do with their summaries."""

    group: ClassVar[str | None] = None
    """Of which group's verbs; None: those of none, and the groups."""
    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all verbs, and of groups."""
        return list(dict.fromkeys([*super().list_commands(ctx), *self._names()]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb, or the group, of this name, if there is one."""
        name = self._names().get(cmd_name)
        if name is None:
            return super().get_command(ctx, cmd_name)
        if name in GROUPS:
            return _group_command(name)
        return listed_command(name) if self._listing else whole_command(name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As Typer does it, with the nearest verbs for one that does not exist."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise unknown_name("verb", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of all verbs."""
        self._listing = True
        super().format_help(ctx, formatter)

    def _names(self) -> dict[str, str]:
        """The verbs and groups of this level by the words that they are typed as."""
        found = {}
        for name, verb in VERBS.items():
            words = command_words(name)
            if verb.group == self.group:
                found[words[-1]] = name
            elif self.group is None:
                found[words[0]] = words[0]
        return found


def _group_command(name: str) -> Any:
    """The command of a group, whose verbs are commands below it."""
    panel, summary = GROUPS[name]
    verbs = type(f"{name.capitalize()}Verbs", (Verbs,), {"group": name})
    below = typer.Typer(
        name=name,
        cls=verbs,
        help=summary,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    below.callback()(lambda: None)
    command: Any = typer.main.get_command(below)
    command.rich_help_panel = panel
    return command


app = typer.Typer(
    cls=Verbs,
    help="Recognises retail products (SKUs) in photos of shelf items.\n\n"
    "Start with:  shelfmind init   (it asks five questions), or\n\n"
    "             shelfmind train PHOTOS --out runs/first   (PHOTOS holds one folder of images a product)",
    epilog="Variables: SHELFMIND_DEVICE (CPU, GPU or Ascend; the best there is if not set), SHELFMIND_CACHE (where "
    "decoded photos and downloads are kept), SHELFMIND_CACHE_GB (how much the decoded photos may take).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_THE_PLACES_FAULT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""A file that may not be read or written, or a full disk: for the user to mend, wherever it is noticed."""


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"shelfmind {__version__}")
        raise typer.Exit


@app.callback()
def shelfmind(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command; a user's mistake is one line and status 2, Ctrl-C is status 130, our own faults are status 1."""
    prepare_process()
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        from shelfmind.cli.wording import as_typed

        fail(as_typed(error.message), 2)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.errno not in _THE_PLACES_FAULT:
            raise
        fail(f"{error.filename or 'a file'}: {error.strerror}", 2)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a mistake on the command line
            raise
        message, context = error.format_message(), getattr(error, "ctx", None)
        if not message:  # no verb: the help has been shown
            sys.exit(2)
        said = message.rstrip(".")
        if context is not None and said.startswith("Missing argument"):
            words = " ".join(context.command.collect_usage_pieces(context)).replace("{", "").replace("}", "")
            said += f" (usage: {context.command_path} {words})"
        fail(f"{said}. See: {context.command_path if context else 'shelfmind'} --help", 2)
    if status == INTERRUPTED:
        fail("stopped", INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def fail(message: str, status: int) -> NoReturn:
    typer.echo(f"shelfmind: {message}", err=True)
    sys.exit(status)
