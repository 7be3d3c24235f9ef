"""Facts about every model, without building it; `make facts` updates them and a test compares them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from shelfmind.errors import unknown_name


def model_facts(name: str | None = None) -> list[dict[str, Any]]:
    """Facts about all models, or about one.

    Each has name, parameters (with 1,000 classes), gflops (billions of multiply-adds for an image of 224 px), embedding
    (width), official_megabytes (size of the official weights, or None) and official_top1 (ImageNet, %, or None).
    """
    rows: list[dict[str, Any]] = json.loads(
        (resources.files("shelfmind") / "model_facts.json").read_text(encoding="utf-8")
    )
    if name is None:
        return rows
    found = [row for row in rows if row["name"] == name]
    if not found:
        raise unknown_name("model", name, [row["name"] for row in rows])
    return found


def list_models() -> list[str]:
    """The names of all models for `create_model`."""
    return [row["name"] for row in model_facts()]
