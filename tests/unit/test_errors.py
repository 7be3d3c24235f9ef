"""Messages that Python and the command put differently."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import shelfmind
from shelfmind.cli.wording import as_typed
from shelfmind.errors import Message, UserError, argument, call, marked, setting, unknown_name
from shelfmind.progress import tell
from shelfmind.requests.preparing import PrepareRequest
from shelfmind.shelf_generator.settings import GenerateRequest

PACKAGE = Path(shelfmind.__file__).parent
STILL_SPEAK_OF_FLAGS = {
    "analysis/decisions.py",
    "images/checking.py",
    "files.py",
    "recipe.py",
    "review/audit_folder.py",
    "review/deck.py",
    "review/running.py",
    "workflows/evaluate.py",
    "runs/folder.py",
    "training/build.py",
    "training/fixres.py",
    "training/label_check.py",
    "training/loop.py",
    "training/out_of_fold.py",
    "training/pretrain.py",
    "training/run.py",
    "training/soup.py",
    "training/tracking.py",
}
"""Modules whose verbs have no request yet. None is ever added."""
OF_OTHER_PROGRAMS = {"--upgrade", "--head", "--address", "--error-unmatch", "--always", "--dirty", "--abbrev"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
COMMAND = re.compile(r"shelfmind [a-z-]+ (?:-|[A-Z]{2}|\Z)")
"""A call as it is typed: a verb with an option or with a name that stands for a value."""


@pytest.mark.parametrize(
    ("message", "python", "command"),
    [
        (argument("caps"), "caps", "--cap"),
        (argument("data"), "data", "DATA"),
        (argument("link", "copy"), "link='copy'", "--link copy"),
        (argument("new_classes", ["a b"]), "new_classes=['a b']", "--new-class 'a b'"),
        (argument("prefer", ["NAME"]), "prefer=[NAME]", "--prefer NAME"),
        (argument("drop_leaks", True), "drop_leaks=True", "--drop-leaks"),
        (argument("epochs"), "epochs", "epochs"),  # which this verb does not take
        (setting("train.lr", 0.1), "train.lr=0.1", "--set train.lr=0.1"),
        (setting("train.lr"), "train.lr", "--set train.lr"),
        (
            call("prepare", out="a b", data="DATA", drop_leaks=True, format=None),
            "shelfmind.prepare(out='a b', data=DATA, drop_leaks=True)",
            "shelfmind prepare DATA --out 'a b' --drop-leaks",
        ),
    ],
)
def test_a_term_is_put_as_its_reader_writes_it(message: str, python: str, command: str) -> None:
    error = UserError(f"take {message}, please")
    assert str(error) == f"take {python}, please"
    assert as_typed(error.message, PrepareRequest) == f"take {command}, please"
    assert as_typed(pickle.loads(pickle.dumps(error)).message, PrepareRequest) == f"take {command}, please"


def test_a_setting_without_a_flag_goes_by_set() -> None:
    assert as_typed(argument("family_size"), GenerateRequest) == "--set family_size"
    assert as_typed(argument("long_side"), GenerateRequest) == "--size"


def test_without_a_request_a_name_becomes_its_flag() -> None:
    assert as_typed(f"{argument('max_minutes')} or {argument('overwrite', True)}") == "--max-minutes or --overwrite"


@pytest.mark.parametrize("name", ["\x0e{\x0f", "\x0e{}\x0f", '\x0e{"argument": 3}\x0f', "\x0e{[]}\x0f"])
def test_odd_file_names_do_no_harm(name: str) -> None:
    error = UserError(f"{name} cannot be read")
    assert str(error).endswith(" cannot be read")
    assert as_typed(error.message).endswith(" cannot be read")


def test_unknown_names_come_with_near_or_with_all_known_ones() -> None:
    assert str(unknown_name("split", "tst", ["train", "test"])) == "unknown split 'tst'; did you mean test?"
    assert str(unknown_name("split", "zzz", ["train", "test"])) == "unknown split 'zzz'; known: test, train"


def is_documentation(node: ast.AST) -> bool:
    """Whether a part of a module is a docstring, a field's description, its flag, or a request's examples."""
    match node:
        case ast.Expr(value=ast.Constant()) | ast.keyword(arg="description") | ast.Call(func=ast.Name(id="Flag")):
            return True
        case ast.Assign(targets=[ast.Name(id="examples")]) | ast.AnnAssign(target=ast.Name(id="examples")):
            return True
    return False


def texts_for_readers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of all strings but documentation."""
    documentation = {each for node in ast.walk(tree) if is_documentation(node) for each in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield node.lineno, node.value


def spoken_as_typed(source: str) -> list[str]:
    """What a module's texts have of the command: flags, and calls of verbs."""
    found = []
    for line, text in texts_for_readers(ast.parse(source)):
        flags = [flag for flag in FLAG.findall(text) if flag not in OF_OTHER_PROGRAMS]
        found += [f"{line}: {each}" for each in (*flags, *COMMAND.findall(text))]
    return found


def test_the_library_speaks_of_arguments_not_of_flags() -> None:
    command = {"cli", "requests"}
    modules = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in command]
    modules.remove(PACKAGE / "benchmarking" / "processes.py")  # which starts the command
    assert len(modules) > 150
    spoken = {str(path.relative_to(PACKAGE)): spoken_as_typed(path.read_text(encoding="utf-8")) for path in modules}
    assert {module: found for module, found in spoken.items() if found} == {}


@pytest.mark.parametrize(
    "source",
    [
        'raise UserError(f"no run; make one with: shelfmind train DATA --out {root}")',
        'raise UserError("take another --out")',
        'note = f"go on with: shelfmind audit {root}"',
        'note = "go on with: shelfmind find-label-errors DATA"',
    ],
)
def test_a_message_that_speaks_as_one_types_is_found(source: str) -> None:
    assert spoken_as_typed(source)


def test_a_note_is_python_for_python_and_flags_for_the_command() -> None:
    note = Message(f"judge it with {argument('allow_seen')}")
    assert note == "judge it with allow_seen"
    assert as_typed(note) == "judge it with --allow-seen"
    assert as_typed(pickle.loads(pickle.dumps(note))) == "judge it with --allow-seen"
    assert as_typed(Message(f"warning: {marked(note)}")) == "warning: judge it with --allow-seen"


def test_what_is_told_of_a_data_set_can_be_read_without_the_command() -> None:
    told: list[str] = []
    tell([Message(f"take {argument('split', 'new')}"), "plain"], told.append)
    assert told == ["note: take split='new'", "note: plain"]
    assert [as_typed(text) for text in told] == ["note: take --split new", "note: plain"]
