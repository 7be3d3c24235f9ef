"""The verbs `ablate` and `ablations`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shelfmind.ablation.comparing import tabulate
from shelfmind.ablation.data import SEED, Source, TrainingData
from shelfmind.ablation.expansion import Cell, Expansion, Settings
from shelfmind.ablation.files import write_files
from shelfmind.ablation.processes import Cells, Failure
from shelfmind.ablation.steps import Step
from shelfmind.ablation.store import LISTS, RESULTS, RUNS, Store
from shelfmind.ablation.table import BASE, Table, read_table, table_names, table_text
from shelfmind.data import absolute, open_catalog, require_outside
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError, argument
from shelfmind.evaluation.intervals import MIN_IMAGES, too_few_images
from shelfmind.files import make_folder
from shelfmind.images.squares import open_squares
from shelfmind.machine.cores import available_cores
from shelfmind.machine.packages import require
from shelfmind.nouns import counted
from shelfmind.progress import tell
from shelfmind.records import Catalog
from shelfmind.requests.ablating import PLAN_FILE, AblateRequest, AblationsRequest
from shelfmind.requests.calling import takes
from shelfmind.requests.watching import SILENT, Observer
from shelfmind.runs.plans import keep_plan


@takes(AblateRequest)
def ablate(request: AblateRequest, watcher: Observer = SILENT) -> dict[str, Any]:
    """Train every row of a table for every seed, compare the rows with the base, and write the table.

    Finished cells are reused, others are resumed; all tables of the folder share their runs. The table is updated
    whenever a cell ends.

    Returns:
        The contents of `ablation.json`: metrics of each row, differences with intervals and verdicts, cost, failures.

    Raises:
        UserError: an invalid table, a table or data set other than the folder was started with, a folder inside the
            data set, or too few images to evaluate on. A row that fails in training is not an error, but listed in the
            table.
    """
    bench = Bench.opened(request, watcher)
    cells = bench.expansion.cells(request.seeds)
    if request.max_minutes is not None:
        bench.decode_images(cells, watcher)
    processes = Cells(bench.store, bench.task, request.jobs, watcher)
    with closing(processes.work(cells)) as ended:  # terminates the processes in any case
        for _ in ended:
            bench.write(cells, processes.failures)
    return bench.write(cells, processes.failures)


def describe_tables(request: AblationsRequest, watcher: Observer = SILENT) -> str | Mapping[str, str]:
    """The packaged tables.

    Returns:
        The question of each table, by name; or the YAML of the requested table.

    Raises:
        UserError: there is no such table.
    """
    if request.name is not None:
        read_table(request.name)
        return table_text(request.name)
    return {name: read_table(name).about.en for name in table_names()}


def table_name(given: str) -> str:
    """The name of the folder of a table: its own name or that of its file. Raises `UserError` for a reserved name."""
    name = given if given in table_names() else Path(given).stem
    if name in (RUNS, RESULTS, LISTS):
        raise UserError(f"the folder name '{name}' is reserved; rename the file of the table")
    return name


@dataclass(frozen=True)
class Bench:
    """A table, its data set and its store."""

    request: AblateRequest
    expansion: Expansion
    data: TrainingData
    store: Store

    @classmethod
    def opened(cls, request: AblateRequest, watcher: Observer = SILENT) -> Bench:
        """Open the requested table, its data set and its folder, which is created if necessary.

        Raises:
            UserError: see `ablate`.
        """
        require("mindspore")
        table = read_table(request.table)
        name = table_name(request.table)
        root = absolute(request.data)
        settings = Settings(request.recipe, request.overrides, request.epochs, request.max_minutes, root)
        expansion = Expansion(table, name, settings)
        cores = _cores_per_job(request.jobs)
        require_outside(root, request.out)
        catalog = open_catalog(request.data, request.format, SEED)
        tell(catalog.notes, watcher.note)
        own, lists = Source(root, request.format), request.out.absolute() / LISTS
        data = TrainingData(own, catalog, data_digest(catalog), lists)
        _require_broader(table, root)
        store = Store(request.out.absolute(), data.digest, _evaluation_split(catalog, request.split), cores)
        make_folder(request.out)
        make_folder(request.out / name)
        plan = {"data": str(data.own.path), "digest": data.digest, "split": store.split, **expansion.plan()}
        keep_plan(request.out / name / PLAN_FILE, plan)
        make_folder(request.out / RESULTS)
        return cls(request, expansion, data, store)

    def task(self, cell: Cell) -> dict[str, Any]:
        """The task for the process of a cell."""
        store, answer, source = self.store, cell.answer, self.data.source()
        return {
            "steps": [self._step(step) for step in answer.all_steps()],
            "runs": [str(store.place(step).run) for step in answer.steps],
            "views": list(answer.views),
            "logit_adjust": answer.logit_adjust,
            "temperature": answer.temperature,
            "data": str(source.path),
            "format": source.format,
            "split": self.store.split,
            "result": str(store.result(answer)),
            "offline": self.request.offline,
            "max_bad_fraction": self.request.max_bad_fraction,
        }

    def _step(self, step: Step) -> dict[str, Any]:
        store, source, of = self.store, self.data.source(step.wrong_labels), dict(step.of)
        if "broader" in of:
            of["broader"] = str(self.data.own.path / of["broader"])
        return {
            "kind": step.kind,
            "folder": str(store.place(step).folder),
            "described": store.describe(step),
            "recipe": None if step.recipe is None else step.recipe.dump(),
            "seed": step.seed,
            "minutes": step.minutes,
            "data": str(source.path),
            "format": source.format,
            "source": None if step.source is None else str(store.place(step.source).run),
            "teachers": [str(store.place(each).run) for each in step.teachers],
            "of": of,
        }

    def decode_images(self, cells: Sequence[Cell], watcher: Observer = SILENT) -> None:
        """Decode all images into the cache, so that at equal minutes no run spends time on it."""
        catalog = self.data.catalog
        samples = [sample for split in ("train", "val", "test") for sample in catalog.split(split)]
        recipes = [step.recipe for cell in cells for step in cell.answer.all_steps() if step.recipe is not None]
        for data in {recipe.data.model_dump_json(): recipe.data for recipe in recipes}.values():
            open_squares(samples, data, watcher.counter("checking images", len(samples)))

    def write(self, cells: Sequence[Cell], failures: Sequence[Failure]) -> dict[str, Any]:
        """Write and return the table of the cells that have finished so far."""
        request, expansion = self.request, self.expansion
        counts = self.data.catalog.class_counts("train")
        keep_best = any(recipe.train.keep == "best" for recipe in expansion.recipes.values())
        found = tabulate(expansion, self.store, cells, failures, counts)
        result = {
            "table": expansion.name,
            "about": expansion.table.about.model_dump(),
            "recipe": request.recipe or expansion.table.base.recipe,
            "base": expansion.recipes[BASE].dump(),
            "data": str(self.data.own.path),
            "train_images": int(counts.sum()),
            "split": self.store.split,
            "seeds": list(request.seeds),
            "max_minutes": request.max_minutes,
            "cores": self.store.cores,
            "jobs": request.jobs,
            "chosen_by_metric": self.store.split == "val" and keep_best,
            **found,
        }
        write_files(request.out / expansion.name, result)
        return result


def _cores_per_job(jobs: int) -> int:
    cores = available_cores()
    if jobs > cores:
        raise UserError(f"{argument('jobs')} must be at most {cores}, the number of available cores, got {jobs}")
    return cores // jobs


def _evaluation_split(catalog: Catalog, wanted: str | None) -> str:
    split = wanted or ("test" if catalog.split("test") else "val")
    images = len(catalog.split(split))
    if too_few_images(images):
        raise UserError(
            f"{catalog.root} has {counted(images, 'image')} in {split}, but at least {MIN_IMAGES} are needed "
            "for evaluation"
        )
    return split


def _require_broader(table: Table, root: Path) -> None:
    """Raise `UserError` if a list of broader classes is missing."""
    for row in table.rows:
        broader = None if row.pretrain is None else row.pretrain.broader
        if broader is not None and not (root / broader).is_file():
            raise UserError(f"row '{row.name}' needs {root / broader}, which does not exist")
