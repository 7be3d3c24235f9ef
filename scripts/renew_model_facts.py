"""Write `model_facts.json`, computed from the networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shelfmind.machine.device import start_mindspore

start_mindspore("CPU")

from shelfmind.models import MODELS, create_model  # noqa: E402
from shelfmind.models.complexity import gflops  # noqa: E402
from shelfmind.models.official import OFFICIAL  # noqa: E402

FACTS = Path(__file__).parents[1] / "src" / "shelfmind" / "model_facts.json"


def facts(name: str) -> dict[str, Any]:
    """Return the facts of one network."""
    model = create_model(name, 1000)
    return {
        "name": name,
        "parameters": sum(int(parameter.size) for parameter in model.trainable_params()),
        "gflops": round(gflops(model), 3),
        "embedding": model.embedding_width,
        "official_megabytes": OFFICIAL[name].megabytes if name in OFFICIAL else None,
        "official_top1": OFFICIAL[name].top1 if name in OFFICIAL else None,
    }


if __name__ == "__main__":
    FACTS.write_text(json.dumps([facts(name) for name in sorted(MODELS)], indent=1) + "\n", encoding="utf-8")
