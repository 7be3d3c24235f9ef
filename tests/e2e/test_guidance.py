"""`recipes --for` and `init`, as a new user meets them, in this process and without MindSpore."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import shelfmind
from shelfmind import cli
from shelfmind.cli import questions
from shelfmind.recipe import load_recipe
from shelfmind.workflows import recommendation

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the command in this process and in an empty folder; returns its status and both outputs."""
    monkeypatch.setattr(recommendation, "matrix_gflops", lambda: 101.0)
    monkeypatch.setattr(recommendation, "likely_device", lambda: "CPU")
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["shelfmind", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return (int(ended.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def shelves(tmp_path: Path) -> Path:
    """Six products with Chinese names and five photos each."""
    folder = tmp_path / "商品 照片"
    generator = np.random.default_rng(0)
    for product in range(6):
        (folder / f"可乐{product}").mkdir(parents=True)
        for photo in range(5):
            pixels = generator.integers(0, 256, (40, 60, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"可乐{product}" / f"{photo}.jpg")
    return folder


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """A user at a terminal, who answers in this order, or raises; a list of what was asked."""

    def answer(*answers: Any) -> list[str]:
        asked: list[str] = []
        left: Iterator[Any] = iter(answers)

        def prompt(text: str, default: Any = None, **how: Any) -> Any:
            asked.append(text)
            said = next(left)
            if isinstance(said, type):
                raise said
            return default if said == "" and default is not None else said

        monkeypatch.setattr(questions, "on_terminal", lambda: True)
        monkeypatch.setattr(questions.typer, "prompt", prompt)
        return asked

    return answer


def test_a_recipe_is_recommended_with_its_command_and_the_runner_up(command: Command, shelves: Path) -> None:
    status, said, _ = command("recipes", "--for", shelves)
    assert status == 0
    assert "24 training photos of 6 products" in said
    assert "recommended: default" in said
    assert f"shelfmind train {shlex.quote(str(shelves))} --recipe default" in said
    assert "alternative, if you have a run" in said
    assert "shelfmind gallery create products --run RUN" in said
    status, said, _ = command("recipes", "--for", shelves, "--minutes", 0.5, "--cores", 64, "--json", "-")
    content = json.loads(said)
    assert status == 0
    assert content["machine"]["cores"] == 64
    assert content["photos"]["longer_side"] == 60
    assert content["recommended"]["arguments"]["max_minutes"] == 0.5
    again = shelfmind.recommend_recipe(shelves, minutes=0.5, cores=64)
    assert again.first.recipe == content["recommended"]["recipe"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--for", "missing"), "no such file or folder: missing"),
        (("--for", "empty"), "no data set in"),
        (("--for", "empty", "--minutes", "0"), "--minutes must be greater than 0, got 0"),
        (("--for", "empty", "--purpose", "knwn"), "unknown purpose 'knwn'; did you mean known?"),
        (("--cores", "2"), "--cores needs --for"),
        (("demo", "--for", "empty"), "give either the name of a recipe to show, or --for"),
    ],
)
def test_a_mistake_is_one_line(words: tuple[str, ...], said: str, command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    status, out, error = command("recipes", *words)
    assert (status, out) == (2, "")
    assert said in error
    assert len(error.splitlines()) == 1


def test_init_takes_defaults_where_nobody_can_answer(command: Command, shelves: Path, tmp_path: Path) -> None:
    for run in ("runs/first", "runs/first_2"):
        status, _, error = command("init", shelves, "--yes")
        assert status == 0, error
        assert f"--recipe {run}.yaml --out {run}" in error.splitlines()[-1]
        assert load_recipe(f"{run}.yaml").model.weights == "generated"
    assert not (tmp_path / "runs" / "first").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "DATA is missing"),
        (("nowhere", "--yes"), "no such file or folder: nowhere"),
        (("商品 照片", "--yes", "--out", "商品 照片/run"), "is inside the data set"),
        (("商品 照片", "--yes", "--recipe", "there.yaml"), "there.yaml exists already; choose another --recipe"),
        (("商品 照片", "--yes", "--out", "full"), "full exists and is not empty"),
        (("商品 照片", "--yes", "--out", "r.yaml"), "name the recipe file with --recipe r.yaml"),
    ],
)
def test_init_refuses_and_writes_nothing(
    words: tuple[str, ...], said: str, command: Command, shelves: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.yaml").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    before = sorted(tmp_path.rglob("*"))
    status, _, error = command("init", *words)
    assert status == 2
    assert said in error
    assert sorted(tmp_path.rglob("*")) == before


def test_init_asks_five_questions_and_asks_again_what_will_not_do(
    command: Command, shelves: Path, answering: Any, tmp_path: Path
) -> None:
    asked = answering("nowhere", shelves, "4", "changing", "-3", "0.5", "TPU 2", "cpu 1", shelves / "run", "runs/tried")
    status, _, error = command("init")
    assert status == 0, error
    assert [len([text for text in asked if text == each]) for each in dict.fromkeys(asked)] == [2] * 5
    assert "[1]" in asked[2]
    for said in ("/nowhere (closest existing folder: ", "30 photos of 6 products", "unknown purpose '4'"):
        assert said in error
    assert "minutes must be greater than 0" in error
    assert "device must be" in error
    assert "is inside the data set" in error
    recipe = load_recipe("runs/tried.yaml")
    assert next(name for name, _ in recipe.augment) == "random_color_cast", "that of changing products"
    assert "--max-minutes 0.5 --out runs/tried" in error.splitlines()[-1]


def test_init_asks_only_for_what_is_missing(command: Command, shelves: Path, answering: Any) -> None:
    asked = answering("", "")
    status, _, error = command("init", shelves, "--purpose", "known", "--cores", 1)
    assert status == 0, error
    assert [text.split("?")[0] for text in asked] == [
        "How many minutes may training take",
        "Where should the run be written",
    ]


def test_ctrl_c_at_a_question_leaves_nothing(command: Command, shelves: Path, answering: Any, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    answering(shelves, "1", questions.typer.Abort)
    status, _, error = command("init")
    assert status == 130
    assert error.splitlines()[-1] == "shelfmind: stopped"
    assert sorted(tmp_path.rglob("*")) == before


def test_an_audit_ends_with_the_next_step(command: Command, shelves: Path) -> None:
    first = next(shelves.rglob("*.jpg"))
    status, _, error = command("audit", shelves, "--out", "audit")
    assert status == 0, error
    quoted = shlex.quote(str(shelves))
    assert error.splitlines()[-1].endswith(f"get a recipe recommendation: shelfmind recipes --for {quoted}")
    other = next(path for path in shelves.iterdir() if path != first.parent)
    (other / "copy.jpg").write_bytes(first.read_bytes())
    status, _, error = command("audit", shelves, "--out", "audit", "--overwrite")
    assert status == 0, error
    assert error.splitlines()[-1].startswith("next: 2 labels may be wrong; review them in a browser: shelfmind review")


def test_a_training_says_before_and_after_what_helps(trained: Any, data: Path) -> None:
    lines = trained.outcome.stderr.splitlines()
    doubt = next(number for number, line in enumerate(lines) if line.startswith("note: half of the classes have"))
    begun = next(number for number, line in enumerate(lines) if line.startswith("training "))
    assert doubt < begun
    shipped, official, gallery = lines[doubt + 1 : doubt + 4]
    assert f"shelfmind train {shlex.quote(str(data))}" in official
    assert "--set model.name=resnet18 --set train.lr=0.01" in official
    assert "--weights resnet18" in official
    assert "--weights generated" in shipped
    assert "shelfmind gallery create products --run RUN" in gallery
    (step,) = [line for line in lines if line.startswith("next: ")]
    assert shlex.quote(str(trained.run)) in step or f"{trained.run}_imagenet" in step
