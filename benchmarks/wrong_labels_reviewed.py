"""Train on wrong labels after a review, compared with plain and noise-robust training. An interrupted run resumes.

    .venv/bin/python benchmarks/wrong_labels_reviewed.py --data PHOTOS --recipe grocery_cpu --seeds 3 --out ablations

Rows, labels and training runs are those of `shelfmind ablate wrong_labels`; with the same `--out`, the runs are shared.
For each share of wrong labels, `find-label-errors` evaluates the training labels with networks of the row's recipe that
were not trained on them; val and test are not used. A reviewer who knows the truth decides on the flagged labels only,
in the review's log; `prepare` creates the clean data set; then the row's recipe is trained on it with each seed. One
review serves all seeds, as the wrong labels do, unless `--review-each-seed` is given.

Prints, and writes to OUT/wrong_labels_reviewed/figures.json: top-1 and macro top-1 of each row with the SD over seeds,
the difference from plain training on the same wrong labels with its 95% bootstrap interval over images, and for each
review (row-seed) how many wrong labels it found among how many photos checked.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of
from rows import read_rows

from shelfmind.ablation.ablate import Bench
from shelfmind.ablation.comparing import Finished
from shelfmind.ablation.data import with_wrong_labels
from shelfmind.ablation.expansion import Cell
from shelfmind.ablation.processes import Cells
from shelfmind.ablation.store import Result
from shelfmind.ablation.table import BASE
from shelfmind.analysis.decisions import FILE_NAME, read_decisions
from shelfmind.cleaning.preparation_record import IMAGES_FILE
from shelfmind.data.list_file import write_list
from shelfmind.errors import UserError, unknown_name
from shelfmind.files import write_json
from shelfmind.machine.checksums import file_sha256
from shelfmind.requests.ablating import AblateRequest
from shelfmind.review.audit_folder import read_audit
from shelfmind.review.deck import Deck
from shelfmind.runs.plans import keep_plan
from shelfmind.tables import write_table
from shelfmind.training.label_check import find_label_errors
from shelfmind.training.watching import EpochEntry, Watcher
from shelfmind.workflows.prepare import prepare

REVIEWED = "_reviewed"
METRICS = ("top1", "macro_top1")
LIST_COLUMNS = ("path", "label", "split")


class Lines(Watcher):
    """Prints notes, warnings and epochs."""

    def note(self, text: str) -> None:
        """Print it."""
        print(f"  {text}", flush=True)

    def warn(self, text: str) -> None:
        """Print it."""
        print(f"  warning: {text}", flush=True)

    def epoch(self, entry: EpochEntry) -> None:
        """Print the progress."""
        print(f"  epoch {entry['epoch']}: loss {entry['train_loss']:.3f}, {entry['progress']:.0%}", flush=True)


@dataclass(frozen=True)
class Review:
    """A row's wrong labels and what became of them, in a folder: the lists `pool.csv` (wrong, all splits), `truth.csv`
    (the same in the same order) and `train.csv` (what is evaluated), the label `check` with its log, and `clean`."""

    folder: Path

    @property
    def check(self) -> Path:
        """The output folder of `find-label-errors`."""
        return self.folder / "check"

    @property
    def clean(self) -> Path:
        """The output folder of `prepare`."""
        return self.folder / "clean"

    def done(self, bench: Bench, row: str, seed: int, arguments: argparse.Namespace) -> Review:
        """Check, review and clean; finished steps are skipped."""
        settings = {"folds": arguments.folds, "epochs": arguments.check_epochs, "minutes": arguments.check_minutes}
        recipe, data = bench.expansion.recipes[row], bench.data
        plan = {"data": str(data.own.path), "digest": data.digest, "recipe": recipe.dump(), "seed": seed, **settings}
        self.folder.mkdir(parents=True, exist_ok=True)
        keep_plan(self.folder / "plan.json", plan)
        if self.clean.exists():
            return self
        print(f"{row}: checking labels", flush=True)
        self._plant(bench, _share(bench, row))
        find_label_errors(
            self.folder / "train.csv",
            out=self.check,
            folds=arguments.folds,
            recipe=recipe,
            epochs=arguments.check_epochs,
            max_minutes=arguments.check_minutes,
            seed=seed,
            max_bad_fraction=bench.request.max_bad_fraction,
            watcher=Lines(),
        )
        self._decide()
        lost = {row["label"] for row in self._rows("truth")} - {row["label"] for row in self._rows("pool")}
        log, new = (self.check / FILE_NAME,), tuple(sorted(lost))
        decisions = log if log[0].exists() else ()  # nothing was flagged
        pool = self.folder / "pool.csv"
        prepare(pool, out=self.clean, decisions=decisions, new_classes=new, link="symbolic", watcher=Lines())
        return self

    @property
    def figures(self) -> dict[str, Any]:
        """Return how many labels were wrong, how many photos were reviewed, and how many were corrected."""
        pairs = list(zip(self._rows("pool"), self._rows("truth"), strict=True))
        decisions = read_decisions(self.check / FILE_NAME) if (self.check / FILE_NAME).exists() else []
        return {
            "training_images": sum(wrong["split"] == "train" for wrong, _ in pairs),
            "wrong": sum(wrong["label"] != true["label"] for wrong, true in pairs),
            "looked_at": len(decisions),
            "found": sum(each.decision == "relabel" for each in decisions),
            "doubt": read_audit(self.check).notice,
        }

    def _plant(self, bench: Bench, share: float) -> None:
        catalog = bench.data.catalog
        for name, labelled in (("truth", catalog), ("pool", with_wrong_labels(catalog, share))):
            write_list(self.folder / f"{name}.csv", labelled.samples, labelled.class_names)
        train = [row for row in self._rows("pool") if row["split"] == "train"]
        write_table(self.folder / "train.csv", LIST_COLUMNS, [tuple(row[key] for key in LIST_COLUMNS) for row in train])

    def _decide(self) -> None:
        """Decide every suspect by the truth; earlier decisions are kept."""
        truth = {row["path"]: row["label"] for row in self._rows("truth")}
        audit, log = read_audit(self.check), self.check / FILE_NAME
        deck = Deck(audit, "who knows the truth", log)
        decided = {each.path for each in read_decisions(log)} if log.exists() else set()
        for number, suspect in enumerate(audit.suspects):
            label = truth[str(self.folder / suspect.path)]  # an absolute path stays as it is
            if suspect.path not in decided:
                right = label == suspect.given
                deck.decide(number, "keep" if right else "relabel", None if right else label)

    def _rows(self, name: str) -> list[dict[str, str]]:
        return read_rows(self.folder / f"{name}.csv")


@dataclass(frozen=True)
class Compared:
    """A row with wrong labels, the rows compared with it, and its reviews by seed."""

    row: str
    others: tuple[str, ...]
    reviews: Mapping[int, Review]

    def cell(self, plain: Cell) -> Cell:
        """Return the run after the review that corresponds to this plain run; the same run if nothing was corrected."""
        assert plain.seed is not None
        review, (last,) = self.reviews[plain.seed], plain.answer.steps
        if not review.figures["found"]:
            return replace(plain, row=self.row + REVIEWED)
        step = replace(last, of=(("review", file_sha256(review.clean / IMAGES_FILE)),))
        return Cell(self.row + REVIEWED, plain.seed, replace(plain.answer, steps=(step,)))


def work(bench: Bench, arguments: argparse.Namespace) -> int:
    """Review, train and compare. Return the exit status."""
    root = bench.request.out.absolute() / f"{bench.expansion.name}{REVIEWED}"
    compared = [_compared(bench, row, root, arguments) for row in _rows(bench, arguments.rows)]
    others = {BASE: _others(bench, BASE), **{each.row: each.others for each in compared}}
    wanted = [name for row in others for name in (row, *others[row])]
    cells = [cell for cell in bench.expansion.cells(bench.request.seeds) if cell.row in wanted]
    after = {each.row: [each.cell(cell) for cell in cells if cell.row == each.row] for each in compared}
    reviews = {
        cell.answer: each.reviews[cell.seed]
        for each in compared
        for cell in after[each.row]
        if cell.seed is not None and dict(cell.answer.steps[0].of)
    }

    def task(cell: Cell) -> dict[str, Any]:
        made = bench.task(cell)
        if cell.answer in reviews:
            made["steps"][-1] |= {"data": str(reviews[cell.answer].clean), "format": "folder"}
        return made

    cells += [cell for of_row in after.values() for cell in of_row]
    processes = Cells(bench.store, task, bench.request.jobs, Lines())
    for _ in processes.work(cells):
        pass
    against = {name: row for row, beside in others.items() for name in (*beside, row + REVIEWED)}
    order = [name for row in others for name in (row, *others[row], row + REVIEWED)]
    figures = {
        "split": bench.store.split,
        "seeds": list(bench.request.seeds),
        "rows": _figures(bench, cells, order, against),
        "reviews": {each.folder.name: each.figures for one in compared for each in one.reviews.values()},
        "failures": [vars(failure) for failure in processes.failures],
    }
    write_json(root / "figures.json", figures)
    print(written(figures))
    return 1 if processes.failures else 0


def _compared(bench: Bench, row: str, root: Path, arguments: argparse.Namespace) -> Compared:
    made, seeds = {}, bench.request.seeds
    for seed in seeds:
        own = seed if arguments.review_each_seed else seeds[0]
        made[seed] = Review(root / f"{row}-{own}").done(bench, row, own, arguments)
    return Compared(row, _others(bench, row), made)


def _share(bench: Bench, row: str) -> float:
    share = bench.expansion.rows[row].wrong_labels
    return bench.expansion.table.base.wrong_labels if share is None else share


def _others(bench: Bench, row: str) -> tuple[str, ...]:
    """Return the rows compared with a row on the same wrong labels."""
    rows = bench.expansion.rows
    same = [name for name in rows if rows[name].against == row and _share(bench, name) == _share(bench, row)]
    return tuple(name for name in same if name != row)


def _rows(bench: Bench, wanted: Sequence[str]) -> list[str]:
    """Return the rows to review: those selected, or all that differ from the base only in their labels."""
    rows = bench.expansion.rows
    for name in wanted:
        if name not in rows:
            raise unknown_name("row", name, rows)
        if rows[name].set or len(bench.expansion.cells((0,))[list(rows).index(name)].answer.all_steps()) != 1:
            raise UserError(f"row '{name}' changes more than wrong_labels; only plain rows can be reviewed")
    plain = [name for name, row in rows.items() if row.wrong_labels and not row.set and row.against == BASE]
    if not wanted and not plain:
        raise UserError(f"table {bench.expansion.name} has no row that differs from the base in wrong_labels alone")
    return list(wanted) or plain


def _figures(
    bench: Bench, cells: Sequence[Cell], order: Sequence[str], against: Mapping[str, str]
) -> list[dict[str, Any]]:
    found: dict[str, dict[int | None, Result]] = {}
    for cell in cells:
        result = Result.load(bench.store.result(cell.answer))
        if result is not None:
            found.setdefault(cell.row, {})[cell.seed] = result
    return [_figures_of(row, found, against.get(row)) for row in order if row in found]


def _figures_of(row: str, found: Mapping[str, Mapping[int | None, Result]], other: str | None) -> dict[str, Any]:
    own = Finished(tuple(found[row]), tuple(found[row].values()))
    told: dict[str, Any] = {"row": row, "against": other}
    for metric in METRICS:
        by_seed = own.by_seed(metric)
        spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else None
        told[metric] = {"mean": float(np.mean(by_seed)), "spread": spread, "by_seed": by_seed}
        if other is None or other not in found:
            continue
        plain = Finished(tuple(found[other]), tuple(found[other].values()))
        change = own.compared_with(plain, metric)
        if change is not None:
            told[metric] |= {"change": change.difference, "ci95": list(change.ci95), "changes": list(change.by_seed)}
    return told


def written(figures: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = [
        f"Evaluated on {figures['split']}; seeds {', '.join(map(str, figures['seeds']))}; differences from plain "
        "training on the same wrong labels with 95% intervals over images.",
        "",
        "| row | top-1 | difference | macro top-1 | difference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in figures["rows"]:
        cells = [text for metric in METRICS for text in _texts(row[metric])]
        lines.append(f"| {row['row']} | {' | '.join(cells)} |")
    lines.append("")
    for name, each in figures["reviews"].items():
        told = (
            f"{each['wrong']} of {each['training_images']} labels were wrong, {each['looked_at']} photos were reviewed"
        )
        lines.append(f"- {name}: {told}, {each['found']} labels corrected.")
        if each["doubt"]:
            lines.append(f"  {each['doubt']}")
    return "\n".join(lines)


def _texts(figure: Mapping[str, Any]) -> tuple[str, str]:
    spread = "" if figure["spread"] is None else f" ± {100 * figure['spread']:.1f}"
    if "change" not in figure:
        return f"{100 * figure['mean']:.1f}{spread}", "–"
    low, high = (f"{100 * end:+.1f}" for end in figure["ci95"])
    return f"{100 * figure['mean']:.1f}{spread}", f"{100 * figure['change']:+.1f} ({low} to {high})"


def main() -> int:
    """Run the command. Return the exit status."""
    arguments = _arguments()
    status = []

    def run() -> None:
        request = AblateRequest(
            table=arguments.table,
            data=arguments.data,
            out=arguments.out,
            seeds=arguments.seeds,
            recipe=arguments.recipe,
            overrides=tuple(arguments.set),
            epochs=arguments.epochs,
            max_minutes=arguments.max_minutes,
            split=arguments.split,
            jobs=arguments.jobs,
            format=arguments.format,
        )
        request.require_inputs()
        status.append(work(Bench.opened(request, Lines()), arguments))

    return exit_status(run) or status[0]


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a data set")
    add("--out", type=Path, required=True, help="folder for runs, reviews and results; may be that of `ablate`")
    add("--table", default="wrong_labels", help="a table of `ablate` (default: %(default)s)")
    add("--rows", nargs="+", default=[], metavar="ROW", help="plain rows to review (default: all)")
    add(
        "--seeds",
        default="3",
        metavar="N|SEED,SEED,...",
        help="seeds of the training runs, as for `ablate` (default: 3)",
    )
    add("--recipe", help="base recipe instead of the table's")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="change the base recipe")
    add("--epochs", type=int, help="epochs of the base, instead of its recipe's")
    add("--max-minutes", type=float, help="minutes per training run, instead of epochs")
    add("--split", choices=("val", "test"), default="val", help="evaluation images (default: %(default)s)")
    add("--jobs", type=int, default=1, help="parallel training runs (default: %(default)s)")
    add("--format", help="format of the data (default: detected automatically)")
    add("--folds", type=int, default=5, help="networks of the label check (default: %(default)s)")
    add("--check-epochs", type=int, help="epochs per network (default: the recipe's)")
    add("--check-minutes", type=float, help="minutes for all networks together, instead of epochs")
    add("--review-each-seed", action="store_true", help="check and review with each seed (default: with the first)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
