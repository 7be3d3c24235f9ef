"""The command's own face: its version, its help, and what it answers mistakes with."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import typer

import shelfmind
from shelfmind import cli, verbs

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command in this process; returns its status and both outputs."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shelfmind", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


VERBS = [" ".join(verbs.command_words(name)) for name in verbs.VERBS]


def test_the_version_is_said(command: Command) -> None:
    assert command("--version") == (0, f"shelfmind {shelfmind.__version__}\n", "")


@pytest.mark.parametrize("verb", ["", *verbs.GROUPS, *VERBS])
def test_h_is_short_for_help(command: Command, verb: str) -> None:
    words = verb.split()
    status, said, _ = command(*words, "-h")
    assert status == 0
    assert said == command(*words, "--help")[1]
    assert "Usage" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--classes 1", "--classes must be at least 2, got 1"),
        ("--glare 1.5", "--glare must be at most 1, got 1.5"),
        ("--test-fraction 2", "--test-fraction must be at most 0.9, got 2"),
        ("--size 10-20", "--size"),
        ("--set classes=1", "--classes must be at least 2, got 1"),
        ("--classes 8 --set classes=1", "--classes must be at least 2, got 1"),
        ("--set glare=much", "--glare must be a number, got 'much'"),
        ("--set glair=1", "unknown setting 'glair'; did you mean glare"),
        ("--classes 100 --images 99", "99 images are too few for 100 classes"),
    ],
)
def test_generate_names_the_option_that_is_wrong(command: Command, words: str, said: str, tmp_path) -> None:
    status, _, error = command("generate", "--out", str(tmp_path / "out"), *words.split())
    assert status == 2
    assert error.startswith(f"shelfmind: {said}")
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_key_without_its_section_is_answered_with_the_whole_key(command: Command, tmp_path) -> None:
    status, _, error = command("train", str(tmp_path), "--out", str(tmp_path / "run"), "--set", "lr=0.1")
    assert status == 2
    assert "did you mean train.lr?" in error


def test_the_package_lists_its_verbs() -> None:
    assert set(shelfmind.__all__) <= set(dir(shelfmind))
    assert "__version__" in dir(shelfmind)
    assert "annotations" not in dir(shelfmind)


def test_every_verb_is_found() -> None:
    assert isinstance(cli.app, typer.Typer)
    assert {"train", "evaluate", "predict", "generate"} <= set(typer.main.get_command(cli.app).list_commands(None))
