"""What the processes of a data-parallel training agree on before they start."""

from __future__ import annotations

import atexit
import base64
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from shelfmind.errors import UserError, setting
from shelfmind.kernels.choice import Choice
from shelfmind.machine.distributed import World, world
from shelfmind.machine.job import SCRATCH_HERE
from shelfmind.nouns import counted
from shelfmind.recipe import Recipe
from shelfmind.runs.folder import RunFolder, read_json
from shelfmind.runs.provenance import PACKAGES, version_of
from shelfmind.training.loop import Training
from shelfmind.training.state import Position


def require_equal_parts(recipe: Recipe, images: int) -> None:
    """Raise `UserError` unless all processes have the same number of images in every batch."""
    processes, train = world().size, recipe.train
    if processes == 1:
        return
    if train.batch_size % processes:
        nearest = max(1, round(train.batch_size / processes)) * processes
        raise UserError(
            f"a batch of {counted(train.batch_size, 'image')} cannot be divided equally among {processes} processes; "
            f"choose a multiple, such as {setting('train.batch_size', nearest)}"
        )
    own = train.batch_size // processes
    if images < 2 * processes:
        raise UserError(f"{counted(images, 'training image')} are too few for {processes} processes")
    if own < 2:
        raise UserError(f"each of {processes} processes needs at least 2 images of a batch of {train.batch_size}")
    for key in ("images_per_class", "micro_batch_size"):
        size = getattr(train, key)
        if size is not None and own % size:
            raise UserError(
                f"train.{key} must divide the part of a batch of each of {processes} processes, {own}, got {size}"
            )


def facts_of_start(recipe: Recipe, seed: int, weights: str | None, kernels: Choice) -> dict[str, str]:
    """What must be equal in all processes before a training reads its photos; `weights` is a digest."""
    return {"initial weights": str(weights), "recipe": recipe.dump(), "seed": str(seed), **fact_of_kernels(kernels)}


def fact_of_kernels(kernels: Choice) -> dict[str, str]:
    """Kernels, precision and version of oneDNN."""
    return {"kernels": json.dumps(kernels.record())}


def require_agreement(facts: Mapping[str, str], together: World | None = None) -> None:
    """Raise `UserError`, in all processes, if one has other facts or package versions than the leader.

    Facts are exchanged as SHA-256.
    """
    together = together or world()
    if together.size == 1:
        return
    own = {**facts, **{f"version of {package}": str(version_of(package)) for package in PACKAGES}}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in own.items()}
    everyone = [json.loads(text) for text in together.gather(json.dumps({"host": os.uname().nodename, **digests}))]
    for rank, others in enumerate(everyone):
        different = [name for name in digests if others.get(name) != everyone[0].get(name)]
        if different:
            raise UserError(
                f"process {rank} on {others['host']} differs from process 0 on {everyone[0]['host']} in: "
                f"{', '.join(different)}; give all processes the same data, arguments and packages"
            )


def require_same_number(run: RunFolder) -> None:
    """Raise `UserError` if an unfinished run was started with another number of processes."""
    started = int(read_json(run.provenance).get("processes", 1))
    if started != world().size and not run.is_trained():
        raise UserError(
            f"{run.root} was started with {counted(started, 'process', 'processes')} and cannot resume with "
            f"{world().size}"
        )


def scratch_folder() -> RunFolder:
    """A folder in place of the run folder for a process that does not lead; deleted when the process ends, or by
    ``train --devices`` when the job has ended."""
    folder = tempfile.mkdtemp(prefix="shelfmind-", dir=os.environ.get(SCRATCH_HERE))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return RunFolder(Path(folder))


def leaders_run(root: Path) -> RunFolder:
    """The run folder to resume: for the leader the folder itself, for the others a copy of its small files, so that
    hosts need no common file system."""
    run = RunFolder(root)
    if world().size == 1:
        return run
    small = [run.recipe, run.provenance, run.split, run.classes, run.log, run.broader]
    if world().leads:
        run.require()
        contents = {path.name: base64.b64encode(path.read_bytes()).decode() for path in small if path.exists()}
        world().share(json.dumps({"files": contents, "begun": run.state.exists()}))
        return run
    shared = json.loads(world().share(""))
    copy = scratch_folder()
    for name, content in shared["files"].items():
        (copy.root / name).write_bytes(base64.b64decode(content))
    if shared["begun"]:
        copy.state.touch()  # its content is broadcast
    return copy


def start_together(training: Training) -> None:
    """Give all processes the leader's position and tensors."""
    together = training.world
    if together.size == 1:
        return
    training.position = Position.from_text(together.share(training.position.to_text()))
    groups = training.tensors.groups
    together.broadcast([parameter for role in sorted(groups) for _, parameter in sorted(groups[role].items())])
    for _, table in sorted(training.tensors.tables.items()):
        table[...] = together.sum(table if together.leads else np.zeros_like(table))
