"""What must not load MindSpore does not, and what loads it leaves the caller's process alone."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "program",
    [
        "import shelfmind",
        "from shelfmind import TrackingWatcher, Watcher, list_models, list_recipes; list_models(), list_recipes()",
        "import shelfmind.data, shelfmind.pages.evaluation_report, shelfmind.recipe",
        "import shelfmind.review.running, shelfmind.workflows.gallery_audit, shelfmind.workflows.prepare",
        "from typer.testing import CliRunner; from shelfmind.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0",
        "from typer.testing import CliRunner; from shelfmind.cli import app; "
        "assert CliRunner().invoke(app, ['train', 'x', '--out', 'y', '--set', 'train.epoch=3']).exit_code == 1",
    ],
)
def test_mindspore_is_not_loaded(program: str) -> None:
    check = f"{program}\nimport sys; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_predicting_loads_neither_scipy_nor_scikit_learn() -> None:
    modules = (
        "inference.recognizer, inference.predict_files, workflows.evaluate_runs, workflows.galleries, gallery.guard"
    )
    program = f"import {', '.join('shelfmind.' + each for each in modules.split(', '))}\nimport sys\n"
    program += "assert not {'mindspore', 'scipy', 'sklearn'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


STATE = """
import os, signal, sys, warnings
def state():
    return [signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)], list(warnings.filters)
before, variables = state(), dict(os.environ)
import shelfmind
"""


def test_a_look_at_the_library_changes_nothing() -> None:
    look = "shelfmind.Watcher(), shelfmind.list_models(), shelfmind.list_recipes(), shelfmind.TrackingWatcher"
    program = f"{STATE}\n{look}\nassert dict(os.environ) == variables\nassert state() == before"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_with_mindspore_signals_and_warnings_stay_the_callers() -> None:
    program = f"{STATE}\nshelfmind.create_model\nassert 'mindspore' in sys.modules\nassert state()[0] == before[0]"
    program += "\nassert not [each for each in state()[1] if each not in before[1] and 'mindspore' in str(each[3])]"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
