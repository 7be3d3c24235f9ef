"""The top level of the command: its help, its version and its exit status."""

from __future__ import annotations

import errno
import sys
from typing import Annotated, Any, ClassVar, NoReturn

import typer
from typer.core import TyperGroup

from shelfmind import __version__
from shelfmind.cli.commands import INTERRUPTED, command_stub, full_command
from shelfmind.cli.process import prepare_process
from shelfmind.errors import UserError, unknown_name
from shelfmind.verbs import GROUPS, VERBS, command_words


class Verbs(TyperGroup):
    """The verbs of the table, each created on demand; the list of commands needs their summaries only."""

    group: ClassVar[str | None] = None
    """The group whose verbs are listed. None: the groups and the verbs without one."""
    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all verbs and groups."""
        return list(dict.fromkeys([*super().list_commands(ctx), *self._names()]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb or group of this name, or None."""
        name = self._names().get(cmd_name)
        if name is None:
            return super().get_command(ctx, cmd_name)
        if name in GROUPS:
            return _group_command(name)
        return command_stub(name) if self._listing else full_command(name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve as Typer does; suggest the closest verbs for an unknown one."""
        if args and not args[0].startswith("-") and args[0] not in self.list_commands(ctx):
            raise unknown_name("verb", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the list of all verbs."""
        self._listing = True
        super().format_help(ctx, formatter)

    def _names(self) -> dict[str, str]:
        """The verbs and groups of this level by their words on the command line."""
        found = {}
        for name, verb in VERBS.items():
            words = command_words(name)
            if verb.group == self.group:
                found[words[-1]] = name
            elif self.group is None:
                found[words[0]] = words[0]
        return found


def _group_command(name: str) -> Any:
    """The command of a group, with its verbs as subcommands."""
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
    help="Recognise retail products (SKUs) in product photos.\n\n"
    "Start with:  shelfmind init   (asks five questions), or\n\n"
    "             shelfmind train PHOTOS --out runs/first   (PHOTOS: one folder of images per product)",
    epilog="Environment variables: SHELFMIND_DEVICE (CPU, GPU or Ascend; the best available by default), "
    "SHELFMIND_CACHE (folder for decoded photos and downloads), SHELFMIND_CACHE_GB (size limit for decoded photos, "
    "and again for objects of stores).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)

_FILE_SYSTEM_ERRORS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT})
"""A missing permission or a full disk: the user can fix it, wherever it occurs."""


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"shelfmind {__version__}")
        raise typer.Exit


@app.callback()
def shelfmind(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command. Exit status 2 and one line for invalid input, 130 for Ctrl-C, 1 for internal errors."""
    prepare_process()
    try:
        status = app(standalone_mode=False)
    except UserError as error:
        from shelfmind.cli.wording import as_typed

        fail(as_typed(error.message), error.status)
    except KeyboardInterrupt:
        fail("stopped", INTERRUPTED)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.errno not in _FILE_SYSTEM_ERRORS:
            raise
        fail(f"{error.filename or 'a file'}: {error.strerror}", 2)
    except Exception as error:
        if not hasattr(error, "format_message"):  # not a usage error
            raise
        message, context = error.format_message(), getattr(error, "ctx", None)
        if not message:  # no verb: help was shown
            sys.exit(2)
        text = message.rstrip(".")
        if context is not None and text.startswith("Missing argument"):
            words = " ".join(context.command.collect_usage_pieces(context)).replace("{", "").replace("}", "")
            text += f" (usage: {context.command_path} {words})"
        fail(f"{text}. See: {context.command_path if context else 'shelfmind'} --help", 2)
    if status == INTERRUPTED:
        fail("stopped", INTERRUPTED)
    sys.exit(status if isinstance(status, int) else 0)


def fail(message: str, status: int) -> NoReturn:
    typer.echo(f"shelfmind: {message}", err=True)
    sys.exit(status)
