"""The questions of `init`: each has a default, and is repeated after an invalid answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from shelfmind.errors import UserError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask no questions: use the default of every missing argument.")]
Answers = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """A question that is asked unless one of `names` is given.

    `read` turns the answer into arguments, given the earlier answers, or raises `UserError`.
    """

    names: tuple[str, ...]
    text: str
    default: Callable[[], str | None]
    read: Callable[[str, Answers], Answers]
    shown: str | None = None
    """Shown in brackets instead of the default."""


def prompt_for_missing(given: Answers, *, yes: Yes = False) -> Answers:
    """The given arguments of `init` and the user's answers; without a terminal nothing is asked."""
    answers = dict(given)
    if yes or not on_terminal():
        return answers
    for question in _questions():
        if not answers.keys() & set(question.names):
            answers.update(_ask_question(question, answers))
    return answers


def on_terminal() -> bool:
    """Whether a user can answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask_question(question: Question, answers: Answers) -> Answers:
    default = question.default()
    brackets = question.shown or default
    text = question.text if brackets is None else f"{question.text} [{brackets}]"
    while True:
        try:
            answer = typer.prompt(text, default=default, show_default=False, err=True, prompt_suffix=" ")
        except typer.Abort:  # Ctrl-C, or the end of the input
            typer.echo(err=True)
            raise KeyboardInterrupt from None
        try:
            return question.read(str(answer).strip(), answers)
        except UserError as error:
            typer.echo(f"  {error}", err=True)


def _questions() -> tuple[Question, ...]:
    from shelfmind.guidance.places import unused
    from shelfmind.guidance.purposes import PURPOSES
    from shelfmind.machine.cores import available_cores
    from shelfmind.machine.device import likely_device
    from shelfmind.workflows.recommendation import FIRST_RUN

    purposes = "".join(f"\n  {number} {name}: {words}" for number, (name, words) in enumerate(PURPOSES.items(), 1))
    return (
        Question(("data",), "Where are the photos?", lambda: None, _photos),
        Question(("purpose",), f"What is the recogniser for?{purposes}\nNumber or name", lambda: "1", _purpose),
        Question(("minutes",), "How many minutes may training take?", lambda: "", _minutes, "no limit"),
        Question(
            ("device", "cores"),
            "Training device and number of cores? (CPU, GPU or Ascend, and a number)",
            lambda: f"{likely_device()} {available_cores()}",
            _machine,
        ),
        Question(
            ("out",),
            "Where should the run be written? The recipe is written next to it",
            lambda: str(unused(FIRST_RUN, ".yaml")),
            _out,
        ),
    )


def _photos(answer: str, answers: Answers) -> Answers:
    from shelfmind.data import open_catalog
    from shelfmind.nouns import counted

    path = Path(answer).expanduser()
    catalog = open_catalog(path, answers.get("format"))
    found = f"{counted(len(catalog.samples), 'photo')} of {counted(len(catalog.class_names), 'product')}"
    typer.echo(f"  {found}", err=True)
    return {"data": path}


def _purpose(answer: str, answers: Answers) -> Answers:
    from shelfmind.guidance.purposes import PURPOSES

    names = list(PURPOSES)
    if answer.isdecimal() and 1 <= int(answer) <= len(names):
        answer = names[int(answer) - 1]
    return _checked({"purpose": answer})


def _minutes(answer: str, answers: Answers) -> Answers:
    return _checked({"minutes": answer}) if answer else {}


def _machine(answer: str, answers: Answers) -> Answers:
    devices = {"cpu": "CPU", "gpu": "GPU", "ascend": "Ascend"}
    words = answer.replace(",", " ").split()
    found = {"cores" if word.isdecimal() else "device": devices.get(word.casefold(), word) for word in words}
    return _checked(found)


def _out(answer: str, answers: Answers) -> Answers:
    from shelfmind.workflows.first_recipe import default_recipe_path, require_free_places

    out = Path(answer).expanduser()
    require_free_places(Path(answers["data"]), out, Path(answers.get("recipe") or default_recipe_path(out)))
    return {"out": out}


def _checked(found: Mapping[str, Any]) -> Answers:
    """The answer, validated by the request."""
    from shelfmind.requests.guiding import InitRequest

    InitRequest(**found)
    return dict(found)
