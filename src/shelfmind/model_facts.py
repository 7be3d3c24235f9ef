"""What is known of every model without building it; `make facts` renews it and a test compares it."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from shelfmind.errors import unknown_name


def model_facts(name: str | None = None) -> list[dict[str, Any]]:
    """Of every model, or of one: name, parameters at 1,000 classes, gflops (billions of multiply-adds of an image of
    224 px), embedding (width), official_megabytes (of the official weights, None without any) and official_top1
    (ImageNet, %, or None)."""
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
    """The names that `create_model` takes, in their order."""
    return [row["name"] for row in model_facts()]
