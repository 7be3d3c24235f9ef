"""A training with oneDNN's kernels: repeatable, resumable to the bit, and the same weights for everything else."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from pathlib import Path

import pytest

from shelfmind.kernels.library import can_bf16

pytestmark = pytest.mark.slow
KILLED = (sys.executable, str(Path(__file__).with_name("killed_command.py")))
WEIGHTS = """
import hashlib
from pathlib import Path
from shelfmind.machine.device import start_mindspore
start_mindspore()
from shelfmind.models.checkpoint import load_checkpoint
arrays = load_checkpoint(Path({path!r})).arrays
answer = {{name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in sorted(arrays.items())}}
"""


@pytest.fixture(scope="module")
def compiled(environment: dict[str, str], monkeypatch_module: pytest.MonkeyPatch) -> None:
    """oneDNN's kernels in the cache of the commands."""
    from shelfmind.kernels.library import UnavailableError, load_library, require_fast_processor

    monkeypatch_module.setenv("SHELFMIND_CACHE", environment["SHELFMIND_CACHE"])
    try:
        require_fast_processor()
        load_library(1)
    except UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def onednn(compiled, started):
    """Runs commands in one process that prefers oneDNN's kernels."""
    return started(SHELFMIND_KERNELS="onednn")


def test_killed_resumed_predicted_and_refused_without_them(onednn, data, cold, warm, settings, photos, tmp_path):
    precision, amp = ("bf16", "on") if can_bf16() else ("fp32", "off")
    options = settings("train.kernels=onednn", f"train.amp={amp}")
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    outcome = onednn("train", data, "--out", undisturbed, *options)
    assert outcome.status == 0, outcome.stderr
    outcome = cold("state.ckpt:2:after", "train", data, "--out", killed, *options, program=KILLED)
    assert outcome.status == -signal.SIGKILL, outcome.stderr
    record = json.loads((killed / "provenance.json").read_text())["kernels"]
    assert (record["name"], record["precision"]) == ("onednn", precision)

    refused = cold("train", "--resume", killed, variables={"CXX": "no-such-compiler"})
    assert refused.status == 2
    assert f"started with oneDNN kernels in {precision} and cannot resume without them" in refused.stderr

    outcome = onednn("train", "--resume", killed)
    assert outcome.status == 0, outcome.stderr
    for name in ("state.ckpt", "weights.ckpt"):
        one, other = (warm.python(WEIGHTS.format(path=str(run / name))) for run in (undisturbed, killed))
        assert one == other

    tables = []
    for name, command in {"own": warm, "onednn": onednn}.items():
        table = tmp_path / f"{name}.csv"
        outcome = command("predict", undisturbed, *photos[:2], "--out", table)
        assert outcome.status == 0, outcome.stderr
        tables.append(table.read_text().splitlines())
    assert "engine: mindspore onednn" in outcome.stderr
    assert [line.split(",")[:2] for line in tables[0]] == [line.split(",")[:2] for line in tables[1]]


def test_a_run_from_before_kernels_were_recorded_goes_on_with_mindspores_own(onednn, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained.run, run)
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance.pop("kernels").keys() == {"name", "precision", "version"}
    (run / "provenance.json").write_text(json.dumps(provenance))
    outcome = onednn("train", "--resume", run)
    assert outcome.status == 0, outcome.stderr
