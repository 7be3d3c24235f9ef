"""The reference of the networks that `shelfmind models` lists."""

from __future__ import annotations

from typing import Any

from tables import code, table

from shelfmind.model_facts import model_facts


def networks_page() -> dict[str, str]:
    """Return the page by path."""
    head = ("network", "parameters", "GFLOPs at 224 px", "embedding", "official ImageNet weights", "ImageNet top-1")
    said = (
        "# Networks\n\nLook up the networks that `model.name` accepts, as listed by `shelfmind models`. "
        "`shelfmind models NAME` shows the stages of one. Parameters and GFLOPs are for 1,000 classes. With "
        "`pip install 'shelfmind[mindcv]'`, `mindcv:NAME` selects any network of MindCV.\n\n"
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
