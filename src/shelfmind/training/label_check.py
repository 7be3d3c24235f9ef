"""`find_label_errors`: from a data set to a list of all labels, the most doubtful first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.competence import doubt_of
from shelfmind.analysis.label_errors.check import LabelCheck, check_labels
from shelfmind.analysis.label_errors.files import find_suspects, write_label_errors
from shelfmind.analysis.label_errors.held_out import HeldOut, hold_out, read_images, write_images
from shelfmind.analysis.label_errors.judgement import Opinion, describe, source_of_folds
from shelfmind.analysis.measuring.facts import measured_meanwhile
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.analysis.suspects import FILE_NAME, write_suspects
from shelfmind.data import absolute, open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError
from shelfmind.files import write_json, write_whole
from shelfmind.images.checking import note_bad_files, refuse_too_many_bad
from shelfmind.machine.device import start_mindspore
from shelfmind.models.weights import Start
from shelfmind.nouns import counted
from shelfmind.pages.label_report import write_label_report
from shelfmind.progress import tell
from shelfmind.recipe import Recipe, load_recipe
from shelfmind.records import Catalog
from shelfmind.runs.first_weights import labels_unlearnt
from shelfmind.runs.provenance import describe_origin, describe_weights
from shelfmind.training.build import refuse_unbuildable
from shelfmind.training.clock import require_one_length
from shelfmind.training.out_of_fold import CheckFolder, Plan, predict_out_of_fold
from shelfmind.training.run import with_start
from shelfmind.training.watching import Watcher
from shelfmind.workflows.evaluate import MAX_BAD_FRACTION

Bools = npt.NDArray[np.bool_]
FOLDS = 5
OTHER_WEIGHTS = "begin with official weights, with a run that was pretrained without labels, or with none"


@dataclass(frozen=True)
class Findings:
    """What a label check found, in numbers.

    `flagged` labels are suspected to be wrong and `outliers` fit no class: no image is both, and together they are the
    `suspects` of the review. Not judged are images that are `alone` in their class, and those of networks that do not
    clearly beat guessing, of which `doubt` speaks (None: all do). `estimated_wrong` is confident learning's estimate,
    which also counts what the networks mix up; `accuracy` how often a network's first guess is the given label of an
    image that it never saw, whether it is trusted or not.
    """

    images: int
    judged: int
    not_judged: int
    alone: int
    flagged: int
    outliers: int
    suspects: int
    estimated_wrong: int
    accuracy: float
    bad_files: int
    folds: int
    trusted_folds: int
    doubt: str | None

    def to_json(self) -> dict[str, Any]:
        """For `audit.json`."""
        return asdict(self)


def find_label_errors(
    data: Path | str,
    out: Path | str,
    *,
    folds: int = FOLDS,
    recipe: Recipe | str = "default",
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    seed: int = 0,
    max_minutes: float | None = None,
    max_bad_fraction: float = MAX_BAD_FRACTION,
    format: str | None = None,
    weights: Path | str | None = None,
    offline: bool = False,
    watcher: Watcher | None = None,
) -> Findings:
    """Train a network a fold, let each judge the labels that it never saw, and rank all labels in the folder `out`.

    The same call on a folder that was begun goes on where it was stopped; finished folds are not trained again.

    Args:
        data: a data set, see `shelfmind.data.open_catalog`; images of all its splits are judged.
        out: the folder to make, or to go on with.
        folds: how many networks to train, at least 2.
        recipe: a recipe, a packaged recipe's name or a YAML file; the last weights are kept, so that held-out labels
            have no say in choosing them.
        overrides: recipe values such as ``train.lr=0.1``.
        epochs: instead of the recipe's; not with `max_minutes`.
        seed: of the weights, the order and the augmentations, and of the split where the data has none.
        max_minutes: fit all folds together into this time instead of a number of epochs.
        max_bad_fraction: share of unusable files above which to stop.
        format: of the data, if it should not be found out.
        weights: instead of the recipe's: a file, a run folder, or the name of official weights.
        offline: never download weights.
        watcher: told of the progress.

    Raises:
        UserError: anything the user can mend.
    """
    if folds < 2:
        raise UserError(f"--folds must be at least 2, got {folds}: an image is judged by a network that never saw it")
    if seed < 0:
        raise UserError(f"--seed must be at least 0, got {seed}")
    require_one_length(epochs, max_minutes)
    settings = _settings(recipe, overrides, epochs, weights)
    start_mindspore()
    watcher = watcher or Watcher()
    settings, start = with_start(settings, offline, watcher)
    watcher.phase("listing images")
    catalog = open_catalog(Path(data), format, seed)
    tell(catalog.notes, watcher.note)
    loaded = refuse_unbuildable(settings, len(catalog.class_names), start)
    if loaded is not None:
        watcher.note(loaded)
    check = CheckFolder(Path(out))
    check.open()
    with measured_meanwhile([sample.path for sample in catalog.samples], watcher.counter) as measured:
        refuse_too_many_bad(measured.bad_files, len(catalog.samples), max_bad_fraction, check.bad_files)
        tell(note_bad_files(measured.bad_files, len(catalog.samples), check.bad_files), watcher.note)
        catalog = catalog.without(measured.bad_files)
        plan = _plan(data, catalog, folds, seed, max_minutes, offline, settings)
        check.keep(plan)
        held_out = read_images(check.images, catalog) if check.images.exists() else None
        if held_out is None:
            groups = find_duplicates(measured, Limits(), watcher.counter)
            held_out = hold_out(catalog, folds, [group.members for group in groups])
            write_images(check.images, held_out)
    unlearnt = _unlearnt(start, held_out, watcher)
    write_whole(check.unseen, lambda temporary: np.save(temporary, unlearnt))
    command = {"folds": folds, "max_minutes": max_minutes, "max_bad_fraction": max_bad_fraction}
    origin = describe_origin(Path(data), catalog, seed, command, describe_weights(start))
    write_json(check.root / "provenance.json", origin)
    predict_out_of_fold(check, plan, held_out, watcher)
    return _judge(check, catalog, held_out, unlearnt, plan, len(measured.bad_files), watcher)


def _unlearnt(start: Start | None, held_out: HeldOut, watcher: Watcher) -> Bools:
    """Of which judged images the weights that the networks begin with did not learn the label; refused if of none."""
    if start is None or start.url is not None:
        return np.ones(held_out.judged, np.bool_)
    paths = [sample.path for sample in held_out.samples[: held_out.judged]]
    unlearnt = labels_unlearnt(start.path, paths, watcher.counter)
    learnt = f"the networks would begin with {start.path}, which learnt"
    if not unlearnt.any():
        raise UserError(f"{learnt} all of these labels, so that they could judge none: {OTHER_WEIGHTS}")
    if not unlearnt.all():
        some = f"{int((~unlearnt).sum()):,} of {counted(len(unlearnt), 'label')}"
        began = learnt.replace("would begin", "begin")
        watcher.warn(f"{began} {some}, so that it hides their errors: {OTHER_WEIGHTS}")
    return unlearnt


def _settings(recipe: Recipe | str, overrides: Sequence[str], epochs: int | None, weights: Path | str | None) -> Recipe:
    """The recipe of the folds."""
    if isinstance(recipe, Recipe) and overrides:
        raise UserError("overrides go with a recipe's name, not with a Recipe")
    settings = load_recipe(recipe, overrides) if isinstance(recipe, str) else recipe
    changes = {"keep": "last", **({} if epochs is None else {"epochs": epochs})}
    settings = settings.model_copy(update={"train": settings.train.model_copy(update=changes)})
    if weights is not None:
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"weights": str(weights)})})
    return settings


def _plan(
    data: Path | str,
    catalog: Catalog,
    folds: int,
    seed: int,
    max_minutes: float | None,
    offline: bool,
    settings: Recipe,
) -> Plan:
    return Plan(
        data=str(absolute(data)),
        format=catalog.format,
        digest=data_digest(catalog),
        folds=folds,
        seed=seed,
        max_minutes=max_minutes,
        offline=offline,
        recipe=settings.model_dump(mode="json"),
    )


def _judge(
    check: CheckFolder,
    catalog: Catalog,
    held_out: HeldOut,
    unlearnt: Bools,
    plan: Plan,
    bad_files: int,
    watcher: Watcher,
) -> Findings:
    """Score, rank and write everything; `audit.json` comes last."""
    probabilities = np.load(check.probabilities, mmap_mode="r")

    def embeddings(fold: int) -> Any:
        return np.load(check.embeddings(fold), mmap_mode="r")

    labels = check_labels(probabilities, held_out, embeddings, watcher.counter, unlearnt)
    suspects = find_suspects(labels, held_out, embeddings, watcher.counter)
    findings = _findings(labels, held_out, unlearnt, len(suspects), bad_files)
    if findings.doubt is not None:
        watcher.warn(findings.doubt)
    opinion = Opinion(
        source=source_of_folds(counted(plan.folds, "network"), unlearnt),
        held_out=held_out,
        probabilities=probabilities,
        embeddings=embeddings,
        unseen=unlearnt,
        root=catalog.root,
    )
    judgement = describe(opinion, labels, suspects)
    write_label_errors(check.root / "label_errors.csv", labels, held_out)
    write_suspects(check.root / FILE_NAME, judgement.suspects)
    audit = {
        "made_by": "find-label-errors",
        "root": str(catalog.root),
        "data": plan.data,
        "format": plan.format,
        "seed": plan.seed,
        "class_names": list(catalog.class_names),
        "figures": findings.to_json(),
        **judgement.figures,
    }
    write_label_report(check.root / "report.html", judgement, labels, held_out, catalog.root, audit)
    write_json(check.root / "audit.json", audit)
    return findings


def _findings(labels: LabelCheck, held_out: HeldOut, unlearnt: Bools, suspects: int, bad_files: int) -> Findings:
    images, judged = len(held_out.samples), int(labels.judged.sum())
    return Findings(
        images=images,
        judged=judged,
        not_judged=images - judged,
        alone=images - held_out.judged,
        flagged=int(labels.flagged.sum()),
        outliers=int(labels.outliers.sum()),
        suspects=suspects,
        estimated_wrong=round(float(labels.noise.wrong.sum())),
        accuracy=float(labels.right[unlearnt].mean()),
        bad_files=bad_files,
        folds=len(labels.judges),
        trusted_folds=sum(judge.trusted for judge in labels.judges),
        doubt=doubt_of(labels.judges, held_out.judged - judged),
    )
