"""One process of a data-parallel training that `training.launch` has started."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from shelfmind.errors import UserError
from shelfmind.files import write_text
from shelfmind.machine.job import ROLE, SCHEDULER, end_with_starter, share_cores
from shelfmind.training.launch import JobFolder


def main(root: Path) -> int:
    """Train by the request in the job folder. Exit status 2 for invalid input, reported in the folder."""
    end_with_starter()
    share_cores()
    folder, rank = JobFolder(root), int(os.environ.get("RANK_ID", "0"))
    scheduler = os.environ.get(ROLE) == SCHEDULER
    write_text(folder.scheduler if scheduler else folder.process(rank), str(os.getpid()))
    from shelfmind.machine.device import start_mindspore

    start_mindspore()  # in the scheduler, to the end of the job
    if scheduler:
        return 0
    from shelfmind.object_stores.objects import one_state
    from shelfmind.training.events import EventWriter
    from shelfmind.training.run import train_here
    from shelfmind.training.watching import Watcher

    try:
        with one_state(), open(folder.events if rank == 0 else os.devnull, "a", encoding="utf-8") as file:
            train_here(_request(folder), EventWriter(file) if rank == 0 else Watcher())
    except UserError as error:
        write_text(folder.fault(rank), error.message)
        return 2
    write_text(folder.ended(rank), "")
    return 0


def _request(folder: JobFolder) -> Any:
    from shelfmind.recipe import parse_recipe
    from shelfmind.requests.training import TrainRequest

    given = json.loads(folder.request.read_text(encoding="utf-8"))
    if isinstance(given.get("recipe"), dict):
        given["recipe"] = parse_recipe(given["recipe"]["whole"], "given")
    return TrainRequest(**given)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
