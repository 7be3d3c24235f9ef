"""What must not load MindSpore does not."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "program",
    [
        "import shelfmind",
        "import shelfmind.data, shelfmind.evaluation.report, shelfmind.recipe",
        "import shelfmind.review.running, shelfmind.cleaning.prepare",
        "from typer.testing import CliRunner; from shelfmind.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0",
        "from typer.testing import CliRunner; from shelfmind.cli import app; "
        "assert CliRunner().invoke(app, ['train', 'x', '--out', 'y', '--set', 'train.epoch=3']).exit_code == 1",
    ],
)
def test_mindspore_is_not_loaded(program: str) -> None:
    check = f"{program}\nimport sys; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
