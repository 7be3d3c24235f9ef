"""Turns verbs into commands: the arguments of the request become options."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from shelfmind.errors import UserError
from shelfmind.machine.job import started_by_msrun
from shelfmind.verbs import VERBS, Verb, command_words

INTERRUPTED = 130
"""The exit status after Ctrl-C, by shell convention."""


def command_stub(name: str) -> Any:
    """A command with only name and summary, for the list of commands; imports nothing."""

    def nothing() -> None: ...

    verb = VERBS[name]
    return _typer_command(command_words(name)[-1], verb, nothing, verb.summary)


def full_command(name: str) -> Any:
    """The command with all options of the verb."""
    from shelfmind.requests.arguments import arguments

    verb = VERBS[name]
    request_type = verb.request_type
    extra = [*_further_options(verb.printer), *_further_options(verb.prompts)]

    def run(context: typer.Context, **values: Any) -> None:
        given = {
            key: value for key, value in values.items() if _is_given(context, key) and key in request_type.model_fields
        }
        _run(verb, given, {each.name: values[each.name] for each in extra})

    parameters = [inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [_parameter(each, request_type) for each in arguments(request_type) if each.in_command]
    run.__signature__ = inspect.Signature([*parameters, *extra])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return _typer_command(command_words(name)[-1], verb, run, _help(verb))


def _run(verb: Verb, given: dict[str, Any], options: dict[str, Any]) -> None:
    """Run the verb and show the outcome; errors are worded for the command line."""
    from shelfmind.cli.wording import as_typed
    from shelfmind.display import Display, TrainingDisplay

    class Shown(TrainingDisplay):
        def note(self, text: str) -> None:
            super().note(as_typed(text, verb.request_type))

        def warn(self, text: str) -> None:
            super().warn(as_typed(text, verb.request_type))

        def result(self, text: str) -> None:
            typer.echo(text)

        def worded(self, text: str) -> str:
            return as_typed(text)

    display = Display()
    advice = None
    try:
        if verb.prompts is not None:
            given = verb.prompts(given, **_taken_by(verb.prompts, options))
        request = verb.request_type(**given)
        advice = request.advice_when_stopped
        with display.showing():
            outcome = verb.run(request, Shown(display))
        if _follows():
            return
        verb.printer(outcome, request, display, **_taken_by(verb.printer, options))
        display.repeat_warnings()
    except UserError as error:
        typed = UserError(as_typed(error.message, verb.request_type))
        typed.status = error.status
        raise typed from error
    except KeyboardInterrupt:
        how = advice() if advice is not None else None
        if how is None:
            raise
        display.line(f"stopped; {as_typed(how, verb.request_type)}")
        sys.exit(INTERRUPTED)


def _follows() -> bool:
    """Whether another process of an `msrun` job leads, which shows the outcome."""
    if not started_by_msrun():
        return False
    from shelfmind.machine.distributed import world

    return not world().leads


def _further_options(function: Any) -> list[inspect.Parameter]:
    """The keyword arguments of a function that shows the outcome or asks questions, without loading its other types."""
    parameters = [] if function is None else inspect.signature(function).parameters.values()
    options = [each for each in parameters if each.kind == each.KEYWORD_ONLY]
    return [
        each.replace(annotation=eval(each.annotation, function.__globals__))  # nosec B307  # ours
        for each in options
    ]


def _taken_by(function: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {each.name: options[each.name] for each in _further_options(function) if each.name in options}


def _is_given(context: typer.Context, key: str) -> bool:
    source = context.get_parameter_source(key)
    return source is not None and source.name != "DEFAULT"


def _parameter(each: Any, request_type: Any) -> inspect.Parameter:
    """A parameter that Typer reads as plain text: the request validates it, with better messages."""
    from shelfmind.cli.wording import as_typed

    described = _without_markup(as_typed(each.description, request_type))
    kind: Any = bool if each.switch else list[str] if each.repeated else str
    if each.positional:
        info: Any = typer.Argument(help=described, metavar=each.metavar.removesuffix("..."))
    else:
        repeatable = " May be repeated." if each.repeated else ""
        info = typer.Option(*each.flags, help=described + repeatable, metavar=each.metavar or None)
    default: Any = inspect.Parameter.empty
    if not each.required:
        default = each.default if each.switch else _shown_default(each)
        kind = kind if each.switch else kind | None
    return inspect.Parameter(
        each.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, info]
    )


def _shown_default(each: Any) -> Any:
    """The default shown in help; arguments that are not given are not passed on."""
    if each.default is None or each.default in ((), {}):
        return None
    return [str(one) for one in each.default] if each.repeated else each.written(each.default)


def _help(verb: Verb) -> str:
    request = verb.request_type
    parts = [f"{verb.summary} {request.details}".strip()]
    if request.examples:
        parts += ["Examples:", *(f"  {example}" for example in request.examples)]
    return _without_markup("\n\n".join(parts))


def _without_markup(text: str) -> str:
    """Brackets, as in ``shelfmind[ray]``, that Rich prints instead of reading them as markup."""
    return text.replace("[", "\\[")


def _typer_command(name: str, verb: Verb, function: Callable[..., None], help: str) -> Any:
    alone = typer.Typer(add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
    alone.command(name, help=help, rich_help_panel=verb.panel)(function)
    return typer.main.get_command(alone)
