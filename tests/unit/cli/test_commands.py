"""The commands that are made of requests."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

import shelfmind
from shelfmind import verbs
from shelfmind.api import function_of
from shelfmind.cli import app, commands, main
from shelfmind.cli.outcomes.figures import JsonFile, write_figures
from shelfmind.errors import UserError, argument, call
from shelfmind.requests.arguments import arguments
from shelfmind.requests.calling import takes
from shelfmind.requests.request import Flag, Positional, Request
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.verbs import VERBS, Verb


def _texts(verb: Verb) -> str:
    """The words of its help."""
    request = verb.request_type
    return " ".join([verb.summary, request.details, *request.examples, *(a.description for a in arguments(request))])


class Stack(Request):
    """What the verb of these tests takes."""

    boxes: Annotated[tuple[Path, ...], Positional(metavar="BOX...")] = Field(description="what to stack")
    top: Annotated[Path, Positional()] = Field(description="what to put above")
    height: int = Field(3, ge=1, description="in boxes")
    labels: Annotated[tuple[str, ...], Flag("--label", "-l")] = Field((), description="on them")
    careful: bool = Field(True, description="slowly")
    quick: bool = Field(False, description="fast")
    examples: ClassVar[tuple[str, ...]] = ("shelfmind stack a b c --height 2",)

    def advice_when_stopped(self) -> str | None:
        return f"go on with {call('stack', boxes=['BOX'], top=self.top, height=self.height)}"


Stack.model_rebuild()


@takes(Stack)
def stack(request: Stack, watcher: Observer = SILENT) -> Stack:
    """Stack boxes.

    Returns:
        What was asked for.
    """
    watcher.note(f"{argument('height')} is {request.height}")
    if request.height == 99:
        raise KeyboardInterrupt
    if request.height > 5:
        raise UserError(f"{argument('height')} must be at most what {argument('labels')} say, got {request.height}")
    return request


Times = Annotated[int, typer.Option(help="again")]


def show(outcome: Stack, request: Stack, display: Any, *, times: Times = 1, json_file: JsonFile = None) -> None:
    """Print it."""
    write_figures(outcome.to_json(), json_file)
    for _ in range(times):
        typer.echo(f"{outcome.boxes} {outcome.top} {outcome.labels} {sorted(outcome.model_fields_set)}")


@pytest.fixture
def stacking(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verb `stack` is in the table."""
    place = sys.modules[__name__]
    monkeypatch.setattr(verbs, "_load", lambda name: getattr(place, name.partition(":")[2]))
    verb = Verb("Tests", "Stack boxes.", "here:Stack", "here:stack", "here:show", mindspore=False)
    monkeypatch.setitem(VERBS, "stack", verb)


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[Any, str, str]:
    """Status, output and error output of a command."""
    monkeypatch.setattr(sys, "argv", ["shelfmind", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def test_places_flags_lists_and_further_options_reach_the_verb(stacking, capsys, monkeypatch) -> None:
    words = ("stack", "a", "b", "c", "--height", 2, "--label", "x", "-l", "y", "--times", 2)
    status, out, err = run(capsys, monkeypatch, *words)
    assert status == 0
    said = f"{(Path('a'), Path('b'))} c ('x', 'y') ['boxes', 'height', 'labels', 'top']"
    assert out.splitlines() == [said, said]
    assert "--height is 2" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("a", "b", "--height", 0), "--height must be at least 1, got 0"),
        (("a", "b", "--height", "tall"), "--height must be a whole number, got 'tall'"),
        (("a", "b", "--height", 7), "--height must be at most what --label say, got 7"),
        ((), "Missing argument"),
        (("a", "b", "--heigt", 7), "--height"),
    ],
)
def test_a_mistake_is_one_line_with_the_flag(words, said, stacking, capsys, monkeypatch) -> None:
    status, out, err = run(capsys, monkeypatch, "stack", *words)
    assert (status, out) == (2, "")
    assert said in err.splitlines()[-1]


def test_an_output_that_cannot_be_written_is_refused_before_the_work(stacking, capsys, monkeypatch, tmp_path) -> None:
    status, out, err = run(capsys, monkeypatch, "stack", "a", "b", "--json", tmp_path / "missing" / "figures.json")
    assert (status, out) == (2, "")
    assert "cannot be written: the folder" in err
    assert "--height is" not in err
    assert run(capsys, monkeypatch, "stack", "a", "b", "--json", tmp_path / "figures.json")[0] == 0
    assert '"height": 3' in (tmp_path / "figures.json").read_text()


def test_after_ctrl_c_the_request_says_how_to_go_on(stacking, capsys, monkeypatch) -> None:
    status, _, err = run(capsys, monkeypatch, "stack", "a", "b", "--height", 99)
    assert status == 130
    assert "stopped; go on with shelfmind stack BOX b --height 99" in err


def test_help_shows_bounds_defaults_and_examples(stacking, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "dumb")
    said = CliRunner().invoke(app, ["stack", "--help"]).output
    for part in (
        "Stack boxes.",
        "shelfmind stack a b c --height 2",
        "<int> [x>=1]",
        "[default: 3]",
        "May be repeated.",
    ):
        assert part in said
    assert "Stack boxes." in CliRunner().invoke(app, ["--help"]).output


def test_an_unknown_verb_comes_with_the_nearest(capsys, monkeypatch) -> None:
    status, _, err = run(capsys, monkeypatch, "generat")
    assert status == 2
    assert "unknown verb 'generat'; did you mean generate" in err


def test_help_loads_neither_pydantic_nor_mindspore() -> None:
    program = "import sys; from typer.testing import CliRunner; from shelfmind.cli import app; "
    program += "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
    program += "sys.exit(', '.join({'pydantic', 'mindspore', 'numpy'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_of_the_table_is_whole(name: str) -> None:
    verb = VERBS[name]
    request = verb.request_type
    assert issubclass(request, Request)
    assert all(each.description for each in arguments(request))
    assert verb.summary.endswith(".")
    assert callable(verb.printer)
    assert request.examples
    if not verb.in_python:
        assert name not in shelfmind.__all__
        return
    function = function_of(name)
    assert all(f"    {field}: " in (function.__doc__ or "") for field in request.model_fields)
    assert "Returns:" in (function.__doc__ or "")
    assert name in shelfmind.__all__


@pytest.mark.parametrize(
    "example", [example for verb in VERBS.values() for example in verb.request_type.examples], ids=str
)
def test_every_example_in_help_is_a_request(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    monkeypatch.setattr(commands, "_run", lambda verb, given, options: asked.append(verb.request_type(**given)))
    result = CliRunner().invoke(app, shlex.split(example.partition(" > ")[0])[1:])
    assert result.exit_code == 0, result.output
    assert len(asked) == 1


@pytest.mark.parametrize("name", [name for name, verb in VERBS.items() if "[" in _texts(verb)])
def test_help_shows_brackets(name: str) -> None:
    shown = CliRunner().invoke(app, [*verbs.command_words(name), "--help"], terminal_width=10_000).output
    texts = _texts(VERBS[name])
    assert all(found in shown for found in re.findall(r"shelfmind\[[a-z0-9-]+\]", texts))
