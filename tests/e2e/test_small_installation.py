"""The wheel where nothing but an engine is installed: small, and its answers are those of a whole installation."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from email import message_from_bytes
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
MOST_MB = 250
ABSENT = ("mindspore", "scipy", "sklearn", "pandas", "onnx", "openvino")
OWN = {"PYTHONPATH": ""}
"""No package but those of the environment."""
ONNX_ALONE = "import sys; sys.modules['openvino'] = None"
"""Leaves the whole installation the engine that the small one has; galleries take the fastest."""
pytestmark = pytest.mark.slow


def needed(requirements: Iterable[str], extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """The names of all that these requirements of a package bring with its extras, by the metadata of what is here."""
    for text in requirements:
        each = Requirement(text)
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            yield canonicalize_name(each.name)
            yield from needed(requires(each.name) or (), frozenset(each.extras))


def locked(names: set[str]) -> str:
    """The lines of requirements.lock, with their hashes, of these packages."""
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))
    return "\n".join(each for each in entries if re.split("[ =]", each)[0] in names)


def pip(*words: object) -> None:
    """Run pip; no connection is a reason to skip, anything else a failure."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, words)], capture_output=True, text=True
    )
    if done.returncode and re.search("connection|temporary failure|timed out", done.stderr, re.IGNORECASE):
        pytest.skip("the package index cannot be reached, so that nothing can be installed from it")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def small(place: Path) -> Path:
    """The `bin` of an environment with the wheel, ONNX Runtime and nothing else, all of the lock's versions."""
    folder = place / "small"
    source = place / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", place / "wheel", source)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    wheel = next((place / "wheel").glob("*.whl"))
    with ZipFile(wheel) as content:
        about = next(name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        own = message_from_bytes(content.read(about)).get_all("Requires-Dist", [])
    names = set(needed(own, frozenset({"onnx"})))
    (place / "small.lock").write_text(locked(names), encoding="utf-8")
    into = ("--python", folder / "bin" / "python", "install", "--quiet", "--no-deps")
    pip(*into, "--require-hashes", "-r", place / "small.lock")
    pip(*into, wheel)
    pip("--python", folder / "bin" / "python", "check")
    return folder / "bin"


@pytest.fixture(scope="module")
def exported(trained: Any, warm: Any, place: Path) -> Path:
    """A copy of the trained run with its exported file."""
    run = place / "run for the small one"
    shutil.copytree(trained.run, run)
    outcome = warm("export", run)
    assert outcome.status == 0, outcome.stderr
    return run


def test_it_is_small_and_lacks_what_is_large(small: Path) -> None:
    site = next((small.parent / "lib").glob("python*/site-packages"))
    code = f"import importlib.util as u; print([n for n in {ABSENT} if u.find_spec(n)])"
    found = subprocess.run([small / "python", "-I", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    files = [os.lstat(path) for path in site.rglob("*")]
    assert sum(each.st_blocks * 512 for each in files) < MOST_MB * 2**20


def test_it_answers_to_the_bit(
    small: Path, exported: Path, photos: list[Path], data: Path, started: Any, tmp_path: Path
) -> None:
    file, gallery = exported / "network.onnx", tmp_path / "库"
    found = {}
    large = started()
    large.python(ONNX_ALONE)
    for name, command in {"large": large, "small": started(str(small / "python"), **OWN)}.items():

        def ask(*words: object, command: Any = command) -> Any:
            outcome = command(*words)
            assert outcome.status == 0, outcome.stderr
            return outcome

        out = tmp_path / f"{name}.npz"
        ask("predict", file, *photos, "--engine", "onnx", "--out", out)
        ask("gallery", "create", gallery, "--run", file)
        enrolled = [
            ask("gallery", "add", gallery, photo, "--sku", photo.parent.name, "--run", file) for photo in photos[:3]
        ]
        searched = json.loads(ask("gallery", "search", gallery, *photos[3:], "--json", "-").stdout)
        figures = json.loads(ask("evaluate", exported, data, "--engine", "onnx", "--json", "-").stdout)
        said = (exported / "report.html").read_text(encoding="utf-8")
        shutil.rmtree(gallery)
        figures.pop("notes")
        with np.load(out, allow_pickle=False) as arrays:
            found[name] = dict(arrays), [each.stderr for each in enrolled], searched, figures
    assert "they need gradients and thus MindSpore" in said
    whole, part = found["large"], found["small"]
    assert whole[0].keys() == part[0].keys()
    assert len(whole[0]["probabilities"]) == len(photos)
    for key, values in whole[0].items():
        np.testing.assert_array_equal(part[0][key], values)
    assert whole[1] == part[1]
    assert [each["matches"] for each in whole[2]] == [each["matches"] for each in part[2]]
    assert whole[3] == part[3]


def test_what_is_missing_is_one_line_with_the_command(
    small: Path, trained: Any, exported: Path, photos: list[Path], data: Path, cold: Any, tmp_path: Path
) -> None:
    program = {"program": (str(small / "shelfmind"),), "variables": OWN}
    said = {
        ("train", data, "--out", tmp_path / "run"): "needs MindSpore, which is not installed; run: pip install "
        "'shelfmind[train]'",
        ("explain", exported, photos[0], "--out", tmp_path / "maps"): "pip install 'shelfmind[train]'",
        ("audit", data, "--out", tmp_path / "audit"): "needs SciPy, which is not installed; run: pip install "
        "'shelfmind[analysis]'",
        (
            "predict",
            trained.run,
            photos[0],
        ): "which is not installed here; either export it on a machine with MindSpore: shelfmind export",
        ("predict", exported, photos[0], "--engine", "openvino"): "pip install 'shelfmind[openvino]'",
    }
    for words, message in said.items():
        assert message in cold(*words, **program).error
    doctor = cold("doctor", "--json", "-", **program)
    assert doctor.status == 0, doctor.stderr
    expected = {
        "MindSpore",
        "SciPy",
        "scikit-learn",
        "FastAPI and uvicorn",
        "PyArrow",
        "Ray",
        "boto3",
        "fsspec",
        "onnx",
    }
    assert set(json.loads(doctor.stdout)["missing"]) == expected
