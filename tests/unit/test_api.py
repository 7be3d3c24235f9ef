"""What tools and people know of the public functions."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import pytest

import shelfmind
from shelfmind.errors import UserError
from shelfmind.requests.preparing import PrepareRequest

ROOT = Path(__file__).parents[2]


def renewal() -> Any:
    """The script that writes the stub."""
    spec = importlib.util.spec_from_file_location("renew_api", ROOT / "scripts" / "renew_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_stub_is_up_to_date() -> None:
    module = renewal()
    assert module.STUB.read_text(encoding="utf-8") == module.Stub().text(), "run: make api"


def test_a_verb_shows_its_arguments_and_takes_them(tmp_path: Path) -> None:
    assert {*inspect.signature(shelfmind.prepare).parameters} == {*PrepareRequest.model_fields, "watcher"}
    assert "    fraction: Keep this share of each class and split" in (shelfmind.prepare.__doc__ or "")
    with pytest.raises(UserError, match="fraction must be at most 1, got 2"):
        shelfmind.prepare(tmp_path, tmp_path / "out", fraction=2)
    with pytest.raises(UserError, match="no such file or folder"):
        shelfmind.prepare(PrepareRequest(data=tmp_path / "missing", out=tmp_path / "out"))


def test_the_package_says_that_it_is_typed() -> None:
    package = Path(shelfmind.__file__).parent
    assert (package / "py.typed").is_file()
    assert (package / "__init__.pyi").is_file()
