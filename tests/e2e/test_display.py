"""What people see: help that teaches, bars on a terminal, plain lines elsewhere, no colours where unwanted."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest
import yaml

VERBS = ["train", "evaluate", "predict", "generate", "models", "recipes", "doctor"]
ESCAPE = "\x1b"
STYLE = re.compile(r"\x1b\[([\d;]*)m")
ANY_ESCAPE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")
BAR = "━"
HELP = """
import sys
from shelfmind import cli
for words in {words!r}:
    sys.argv = ["shelfmind", *words]
    try:
        cli.main()
    except SystemExit as end:
        print("status", end.code)
    print("=====", "mindspore" in sys.modules)
"""


@pytest.fixture(scope="module")
def helps(cold):
    """What --help says of the program (under "") and of each verb."""
    words = [["--help"], *([verb, "--help"] for verb in VERBS)]
    outcome = cold("-c", HELP.format(words=words), program=(sys.executable,))
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr == ""
    texts = re.split(r"^===== (?:True|False)\n", outcome.stdout, flags=re.MULTILINE)
    assert "===== True" not in outcome.stdout  # MindSpore is not loaded
    return dict(zip(["", *VERBS], texts, strict=False))


def test_help_is_status_0_and_plain_without_a_terminal(helps):
    assert set(helps) == {"", *VERBS}
    for text in helps.values():
        assert text.rstrip().endswith("status 0")
        assert ESCAPE not in text


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_teaches_by_example(verb, helps):
    lines = [line.strip(" │") for line in helps[verb].splitlines()]
    if verb == "":
        assert any("shelfmind train PHOTOS --out" in line for line in lines)
        assert all(any(line.startswith(f"{name} ") for line in lines) for name in VERBS)
    else:
        assert any(line.startswith(f"shelfmind {verb}") for line in lines), helps[verb]


def test_the_help_of_the_program_is_the_same_in_a_process_of_its_own(helps, cold):
    outcome = cold("--help")
    assert outcome.status == 0
    assert outcome.stdout.split() == helps[""].split()[:-2]


@pytest.mark.parametrize(("word", "near"), [("trian", "train"), ("evalute", "evaluate"), ("predictions", "predict")])
def test_an_unknown_verb_is_one_line_that_names_the_nearest(word, near, warm):
    error = warm(word, "photos").error
    assert word in error
    assert near in error.replace(word, "")


def test_an_option_that_does_not_exist_is_one_line(warm):
    assert "--jsn" in warm("models", "--jsn").error


def test_recipes_are_listed_and_shown_whole(warm, tmp_path):
    table = warm("recipes").stdout
    names = json.loads(warm("recipes", "--json", "-").stdout)
    assert {"default", "grocery_cpu", "rp2k/resnet50", "rp2k/se_resnext50"} <= set(names)
    assert all(name in table and purpose for name, purpose in names.items())
    shown = warm("recipes", "default")
    assert shown.status == 0
    assert yaml.safe_load(shown.stdout)["train"]["epochs"] == 40
    assert yaml.safe_load(shown.stdout)["augment"][1] == "horizontal_flip"
    (tmp_path / "mine.yaml").write_text(shown.stdout)
    assert warm("recipes", tmp_path / "mine.yaml").stdout == shown.stdout
    assert json.loads(warm("recipes", "default", "--json", "-").stdout)["train"]["epochs"] == 40


def test_models_are_listed_with_their_parameters(warm):
    outcome = warm("models", "--json", "-")
    assert outcome.status == 0, outcome.stderr
    models = {model["name"]: model for model in json.loads(outcome.stdout)}
    assert models["resnet50"]["parameters"] == 25_557_032  # as He et al. have it, for 1,000 classes
    assert models["resnet50"]["embedding"] == 2048
    assert {"resnet18", "se_resnext50", "shelfnet_s"} < set(models)
    table = warm("models").stdout
    assert all(name in table for name in models)
    assert "25,557,032" in table


@pytest.fixture(scope="module")
def diagnosed(warm, place):
    """What doctor said and wrote: it measures, which takes seconds."""
    outcome = warm("doctor", "--json", place / "facts.json")
    return outcome, json.loads((place / "facts.json").read_text())


def test_doctor_says_what_it_finds(diagnosed):
    outcome, facts = diagnosed
    assert outcome.status == (2 if facts["problems"] else 0), outcome.stderr
    assert all(f"problem: {problem}" in outcome.stdout for problem in facts["problems"])
    assert ("no problems found" in outcome.stdout) == (not facts["problems"])
    assert facts["versions"]["mindspore"] in outcome.stdout
    assert facts["device"] == "CPU"
    assert facts["convolution_gflops"] > 0
    assert all(f"engine {name}" in outcome.stdout for name in facts["engines"])
    assert facts["engines"].keys() == {"onnx", "openvino", "mindir"}


def test_nothing_is_styled_without_a_terminal(diagnosed, trained, data, photos, copied_run, warm):
    assert ESCAPE not in diagnosed[0].stdout + diagnosed[0].stderr
    for words in (
        ["recipes"],
        ["models"],
        ["predict", trained.run, photos[0]],
        ["evaluate", copied_run, data],
        ["train", "--resume", copied_run],
        ["train", data],
    ):
        outcome = warm(*words)
        assert outcome.stdout + outcome.stderr
        assert ESCAPE not in outcome.stdout + outcome.stderr, words
        assert BAR not in outcome.stderr, words


# On a terminal


@pytest.fixture(scope="module")
def on_terminal(command, environment, place):
    """Run a command on a terminal of 120 columns; returns its status and all it wrote."""

    def run(*words, **variables):
        control, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        kept = {name: value for name, value in environment.items() if name not in ("COLUMNS", "NO_COLOR", "CI")}
        process = subprocess.Popen(
            [command, *map(str, words)],
            cwd=place / "working",
            env={**kept, "TERM": "xterm", **variables},
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        said = b""
        with suppress(OSError):  # EIO: the process has closed the terminal
            while part := os.read(control, 65536):
                said += part
        os.close(control)
        return process.wait(120), said.decode()

    return run


def colours(text):
    """The codes of colours, fore- and background, in what was written."""
    codes = [code for match in STYLE.finditer(text) for code in match[1].split(";")]
    return [code for code in codes if re.fullmatch(r"[34]\d|9\d|10\d", code)]


def test_training_draws_a_bar_with_its_speed_and_the_time_left(on_terminal, data, settings, tmp_path):
    status, said = on_terminal("train", data, "--out", tmp_path / "run", *settings("train.epochs=1"))
    assert status == 0, said
    assert colours(said)
    plain = ANY_ESCAPE.sub("", said)
    bars = [line for line in re.split(r"[\r\n]+", plain) if line.startswith("training") and BAR in line]
    assert bars
    assert re.search(r"epoch 1 step 6/6 loss \d.* images/s .*left", bars[-1])
    assert "1000/1000" in bars[-1]


@pytest.mark.parametrize(("verb", "variables"), [("predict", {"NO_COLOR": "1"}), ("evaluate", {})])
def test_other_long_work_shows_how_much_is_left_in_colours_if_wanted(
    verb, variables, on_terminal, copied_run, data, photos
):
    what = data if verb == "evaluate" else data / "test"
    status, said = on_terminal(verb, copied_run, what, **variables)
    assert status == 0, said
    assert ESCAPE in said  # the bar moves
    assert bool(colours(said)) != bool(variables)
    plain = ANY_ESCAPE.sub("", said)
    assert BAR in plain
    assert re.search(rf"{len(photos)}/{len(photos)} +\d+ images/s", plain), plain
