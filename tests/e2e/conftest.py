"""A tiny data set, one trained run, and two ways to run the command: a process of its own, and a warm one."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

COMMAND = str(Path(sys.executable).with_name("shelfmind"))
TINY = [
    "data.image_size=32",
    "data.resize_to=32",
    "data.evaluation_size=32",
    "train.stages=[]",
    "train.batch_size=4",
    "train.epochs=3",
    "train.checkpoint_steps=2",
    "train.ema_decay=0.9",
    "evaluation.batch_size=4",
    "model.arguments={widths: [8], depths: [1], attention: none}",
]
"""A training of three epochs of six steps, saved after every second step."""
READ = """
import numpy, sys
from pathlib import Path
from shelfmind.machine.device import start_mindspore
start_mindspore()
from shelfmind.models.checkpoint import load_checkpoint
import json
checkpoint = load_checkpoint(Path({path!r}))
numpy.savez({out!r}, **{{name.replace("/", "|"): array for name, array in checkpoint.arrays.items()}})
answer = checkpoint.note
"""
"""Reads a checkpoint whose checksum is right."""


@pytest.fixture(scope="session")
def settings() -> Callable[..., list[str]]:
    """`--set` options of the tiny training, and more of them."""
    return lambda *more: [word for value in (*TINY, *more) for word in ("--set", value)]


@pytest.fixture(scope="session")
def command() -> str:
    """The command's path, for tests that start it by themselves."""
    return COMMAND


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    status: int
    stdout: str
    stderr: str
    answer: Any = None

    @property
    def error(self) -> str:
        """The one line of a user's mistake: only notes on the data set may be said before it on the error stream."""
        lines = [line for line in self.stderr.splitlines() if not line.startswith("note: ")]
        assert self.status == 2, self
        assert len(lines) == 1, self.stderr
        assert lines[0].startswith("shelfmind: "), lines
        assert self.stdout == "", self.stdout
        return lines[0]


Cold = Callable[..., Outcome]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this test session; the working directory of its commands lies in it."""
    root = tmp_path_factory.mktemp("e2e")
    (root / "working").mkdir()
    return root


@pytest.fixture(scope="session")
def environment(place: Path, make_cache: Callable[[Path], Path]) -> dict[str, str]:
    """The environment of every command: a cache of its own, no terminal, no variables of the person who tests."""
    kept = {name: value for name, value in os.environ.items() if name not in ("ONEDNN_MAX_CPU_ISA", "FORCE_COLOR")}
    return {**kept, "SHELFMIND_CACHE": str(make_cache(place / "cache")), "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}


@pytest.fixture(scope="session")
def cold(place: Path, environment: dict[str, str]) -> Cold:
    """Run a command, or any other program, in a process of its own."""

    def run(*argv: object, program: tuple[str, ...] = (COMMAND,), variables: Any = (), **more: Any) -> Outcome:
        done = subprocess.run(
            [*program, *map(str, argv)],
            cwd=place / "working",
            env={**environment, **dict(variables)},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            **more,
        )
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


class Warm:
    """A process in which MindSpore is loaded already, if the interpreter has it."""

    def __init__(self, folder: Path, environment: dict[str, str], python: str = sys.executable) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [python, str(Path(__file__).with_name("warm_command.py"))],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __call__(self, *argv: object, cwd: Path | None = None) -> Outcome:
        """Run a command."""
        return self._ask({"argv": [str(word) for word in argv], "cwd": str(cwd or self.folder)})

    def python(self, code: str) -> Any:
        """Run Python and return what it sets `answer` to."""
        outcome = self._ask({"code": code, "cwd": str(self.folder)})
        assert outcome.status == 0, outcome.stderr
        return outcome.answer

    def _ask(self, request: dict[str, Any]) -> Outcome:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the process died of {request}"
        return Outcome(**json.loads(line))

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(120)


@pytest.fixture(scope="session")
def started(place: Path, environment: dict[str, str]) -> Iterator[Callable[..., Warm]]:
    """Start a warm process, of another interpreter and with other variables if any are given."""
    processes = []

    def start(python: str = sys.executable, **variables: str) -> Warm:
        processes.append(Warm(place / "working", {**environment, **variables}, python))
        return processes[-1]

    yield start
    for process in processes:
        process.close()


@pytest.fixture(scope="session")
def warm(started: Callable[..., Warm]) -> Warm:
    """Run commands one after the other in one process, which saves MindSpore's start."""
    return started()


@pytest.fixture(scope="session")
def data(place: Path) -> Path:
    """36 photos of three made-up products with Chinese names, in train, val and test."""
    from shelfmind import generate

    folder = place / "商品 照片"
    sizes = {"long_side": (96, 160), "test_fraction": 0.2, "val_fraction": 0.1}
    generate(folder, classes=3, images=36, layout="folder", others_share=0, tail=0.1, **sizes)
    return folder


@dataclass(frozen=True)
class Trained:
    """The run that all tests share, and what the command said."""

    run: Path
    outcome: Outcome


@pytest.fixture(scope="session")
def trained(place: Path, data: Path, cold: Cold, settings: Callable[..., list[str]]) -> Trained:
    """An undisturbed training; tests must not change it, see `copied_run`."""
    run = place / "运行" / "first"
    return Trained(run, cold("train", data, "--out", run, *settings()))


@pytest.fixture
def copied_run(trained: Trained, tmp_path: Path) -> Path:
    """A copy of the trained run that a test may damage."""
    copy = tmp_path / "copied"
    shutil.copytree(trained.run, copy)
    return copy


@pytest.fixture(scope="session")
def photos(data: Path) -> list[Path]:
    """The photos of the test split, sorted."""
    return sorted((data / "test").rglob("*.jpg"))


@pytest.fixture(scope="session")
def odd(place: Path) -> dict[str, Path]:
    """Images of every unusual kind that can be used, by kind."""
    folder = place / "odd"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    photo = Image.fromarray(pixels)
    photo.convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(folder / "grey16.png")
    photo.quantize(8).save(folder / "palette.png", transparency=0)
    photo.save(folder / "animated.gif", save_all=True, append_images=[photo.rotate(180)], duration=100)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif)
    Image.new("RGB", (1, 1), "red").save(folder / "pixel.png")
    Image.fromarray(pixels[:1].repeat(100, 1)[:, :5000]).save(folder / "panorama.png")
    return {path.stem: path for path in sorted(folder.iterdir())}


@pytest.fixture(scope="session")
def bad(place: Path) -> dict[Path, str]:
    """Files with the names of images that cannot be used, and the reasons."""
    folder = place / "bad"
    folder.mkdir()
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 60, 3), np.uint8))
    encoded = {}
    for kind in ("JPEG", "PNG"):
        stream = io.BytesIO()
        photo.save(stream, kind)
        encoded[kind] = stream.getvalue()
    (folder / "cut.jpg").write_bytes(encoded["JPEG"][: len(encoded["JPEG"]) // 2])
    (folder / "cut.png").write_bytes(encoded["PNG"][: len(encoded["PNG"]) // 2])
    (folder / "empty.jpg").touch()
    (folder / "gone.jpg").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "text.jpg").write_text("no image at all")
    reasons = {"cut.jpg": "truncated", "cut.png": "truncated", "empty.jpg": "zero bytes", "gone.jpg": "missing"}
    reasons |= {"pipe.jpg": "not a regular file", "text.jpg": "not an image"}
    locked = folder / "locked.jpg"
    locked.touch(0)
    if os.access(locked, os.R_OK):  # root may read everything
        locked.unlink()
    else:
        reasons["locked.jpg"] = "no permission to read"
    return {folder / name: reasons[name] for name in sorted(reasons)}


@pytest.fixture
def contents(warm, tmp_path):
    """The arrays of a checkpoint whose checksum is right, and its note."""

    def read(path: Path):
        out = tmp_path / "arrays.npz"
        note = warm.python(READ.format(path=str(path), out=str(out)))
        with np.load(out) as archive:
            return dict(archive), json.loads(note) if note else None

    return read
