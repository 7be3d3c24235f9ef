"""Messages that Python and the command put differently."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import shelfmind
from shelfmind.cli.wording import as_typed
from shelfmind.errors import UserError, argument, call, setting, unknown_name
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
OF_OTHER_PROGRAMS = {"--upgrade", "--error-unmatch", "--always", "--dirty", "--abbrev"}
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]+")


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
            call("prepare", out="a b", data="DATA", drop_leaks=True),
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


def speaks_of_flags(path: Path) -> bool:
    """Whether a text in the module, its docstrings aside, has an option of the command in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
    ]
    return any(flag not in OF_OTHER_PROGRAMS for text in texts for flag in FLAG.findall(text))


def test_the_library_speaks_of_arguments_not_of_flags() -> None:
    command = {"cli", "requests"}
    modules = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    speaking = {path.as_posix() for path in modules if path.parts[0] not in command and speaks_of_flags(PACKAGE / path)}
    allowed = {"shelf_generator/settings.py"}  # a request, which names its flags and shows commands
    assert speaking - allowed == STILL_SPEAK_OF_FLAGS & speaking
    assert speaking >= STILL_SPEAK_OF_FLAGS, "these have been mended: take them off the list"
