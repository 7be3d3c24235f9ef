"""Facts about a trained run, to choose the next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from shelfmind.data import needed_format
from shelfmind.evaluation import Evaluation
from shelfmind.guidance.arguments import arguments_of, differing
from shelfmind.guidance.next_steps import Trained
from shelfmind.guidance.places import short
from shelfmind.requests.training import TrainRequest
from shelfmind.runs.folder import RunFolder, read_json


def trained_by(request: TrainRequest, evaluation: Evaluation | None) -> Trained:
    """The facts about a finished run, started or resumed by `request`."""
    run = RunFolder(request.run)
    recipe, origin, log = run.read_recipe(), read_json(run.provenance), run.read_log()
    return Trained(
        run=run.root,
        figures=None if evaluation is None else evaluation.to_json(),
        counts=run.read_classes()[1],
        epochs=recipe.train.epochs,
        steps=sum(int(entry["steps"]) for entry in log),
        network=recipe.model.name,
        arguments=arguments_of(request) if request.resume is None else _original_arguments(origin),
        tests=bool(origin["data"]["images"].get("test")),
        from_random=origin["weights"]["origin"] == "random",
    )


def _original_arguments(origin: dict[str, Any]) -> dict[str, Any]:
    """The original arguments of a resumed run, from its provenance."""
    data = Path(origin["data"]["path"])
    given = {"data": str(short(data)), "format": needed_format(data, origin["data"]["format"])}
    return {**{name: value for name, value in given.items() if value is not None}, **differing(origin["command"])}
