"""Cross-validate a recipe on the training split, fold by fold. An interrupted run resumes.

    .venv/bin/python benchmarks/cross_validate.py PHOTOS --recipe grocery_cpu --max-minutes 20 --out folds

The training images of each class are divided, in natural order of their file names, into as many blocks as there are
folds. Consecutive photos thus mostly stay together, and a held-out photo's neighbours are not trained on. Validation
and test images are not used. Prints top-1 of each fold, and top-1 and macro top-1 of all held-out images with a 95%
bootstrap interval over images.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import mindspore_started  # noqa: F401 - before MindSpore
import numpy as np
from command import exit_status, parser_of

from shelfmind.data import open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.data.folds import block_folds
from shelfmind.errors import UserError
from shelfmind.evaluation import Evaluation, evaluate
from shelfmind.files import make_folder, write_json
from shelfmind.records import Catalog, Predictions
from shelfmind.runs.plans import keep_plan
from shelfmind.tables import write_table
from shelfmind.training.run import resume, train


def fold_rows(catalog: Catalog, fold: int, folds: int) -> list[tuple[str, str, str]]:
    """Return path, label and split of the training images, with block `fold` of `folds` of each class as val."""
    samples = catalog.split("train")
    names = [sample.path.as_posix() for sample in samples]
    held_out = block_folds(names, np.array([sample.label for sample in samples], np.int64), folds, least=folds)
    return [
        (str(sample.path), catalog.class_names[sample.label], "val" if own == fold else "train")
        for sample, own in zip(samples, held_out.tolist(), strict=True)
    ]


def write_fold(catalog: Catalog, fold: int, folds: int, path: Path) -> None:
    """Write them as a CSV list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, ("path", "label", "split"), fold_rows(catalog, fold, folds))


def run_fold(data: Path, run: Path, arguments: argparse.Namespace) -> Evaluation | None:
    """Train a fold, or resume it."""
    if (run / "recipe.yaml").exists():
        return resume(run)
    return train(
        data,
        recipe=arguments.recipe,
        overrides=["train.keep=last", *arguments.set],  # the best epoch would be chosen on the held-out images
        max_minutes=arguments.max_minutes,
        seed=arguments.seed,
        out=run,
    )


def together(runs: list[Path], train_images: np.ndarray) -> Evaluation:
    """Return the evaluation of all held-out images, each predicted by the network that was not trained on it."""
    parts = [Predictions.load(run / "evaluation" / "val" / "predictions.npz") for run in runs]
    pooled = Predictions(
        paths=tuple(path for part in parts for path in part.paths),
        labels=np.concatenate([part.labels for part in parts]),
        probabilities=np.concatenate([part.probabilities for part in parts]),
        embeddings=np.concatenate([part.embeddings for part in parts]),
        class_names=parts[0].class_names,
    )
    return evaluate(pooled, train_images, split="folds")


def main() -> int:
    """Run the selected folds. Return the exit status."""
    arguments = _arguments()

    def work() -> None:
        catalog = open_catalog(arguments.data)
        make_folder(arguments.out)
        keep_plan(arguments.out / "plan.json", _plan(arguments, data_digest(catalog)))
        runs = []
        for fold in arguments.only or range(arguments.folds):
            folder = arguments.out / f"fold{fold}"
            if not (folder / "images.csv").exists():
                write_fold(catalog, fold, arguments.folds, folder / "images.csv")
            evaluation = run_fold(folder / "images.csv", folder / "run", arguments)
            if evaluation is None:
                raise UserError(f"every class of {arguments.data} has fewer than {arguments.folds} training images")
            print(f"fold {fold}: {evaluation.images} images, top-1 {evaluation.top1:.2%}", flush=True)
            runs.append(folder / "run")
        pooled = together(runs, catalog.class_counts("train"))
        low, high = pooled.top1_ci95
        print(f"{len(runs)} folds together: {pooled.images} images, top-1 {pooled.top1:.2%}", end=" ")
        print(f"({low:.2%} to {high:.2%}), macro top-1 {pooled.macro_top1:.2%}")
        write_json(arguments.out / "together.json", pooled.to_json())

    return exit_status(work)


def _plan(arguments: argparse.Namespace, digest: str) -> dict[str, Any]:
    """Return what all folds must have in common."""
    kept = {name: getattr(arguments, name) for name in ("recipe", "set", "max_minutes", "folds", "seed")}
    return {"data": str(arguments.data.absolute()), "digest": digest, **kept}


def _arguments() -> argparse.Namespace:
    parser = parser_of(__doc__)
    parser.add_argument("data", type=Path, help="a data set")
    parser.add_argument("--recipe", default="default", help="(default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--max-minutes", type=float, help="time budget per fold, instead of the recipe's epochs")
    parser.add_argument("--folds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--only", type=int, nargs="+", help="run only these folds (first fold: 0)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder for lists and runs")
    arguments = parser.parse_args()
    if arguments.folds < 2 or not all(0 <= fold < arguments.folds for fold in arguments.only or ()):
        parser.error("--folds must be at least 2, and --only must be below it")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
