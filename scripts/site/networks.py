"""The reference of the networks, of what `shelfmind models` lists."""

from __future__ import annotations

from typing import Any

from tables import code, table

from shelfmind.model_facts import model_facts


def networks_page() -> dict[str, str]:
    """The page by where it lies."""
    head = ("network", "parameters", "GFLOPs at 224 px", "embedding", "official ImageNet weights", "their top-1")
    said = (
        "# Networks\n\nThe names that `model.name` takes, as `shelfmind models` lists them; `shelfmind models NAME` "
        "draws one. Parameters and multiplications are those with 1,000 classes. With `pip install "
        "'shelfmind[mindcv]'`, `mindcv:NAME` is any network of MindCV.\n\n"
    )
    return {"reference/networks.md": said + table(head, map(_row, model_facts()))}


def _row(model: dict[str, Any]) -> tuple[str, ...]:
    size, top1 = model["official_megabytes"], model["official_top1"]
    return (
        code(model["name"]),
        f"{model['parameters']:,}",
        f"{model['gflops']:.2f}",
        str(model["embedding"]),
        f"{size} MB" if size else "",
        f"{top1}%" if top1 else "",
    )
