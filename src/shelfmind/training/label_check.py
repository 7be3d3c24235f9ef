"""`find_label_errors`: ranks all labels of a data set by how suspicious they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from shelfmind.analysis.competence import competence_warning
from shelfmind.analysis.label_errors.check import LabelCheck, check_labels
from shelfmind.analysis.label_errors.files import find_suspects, write_label_errors
from shelfmind.analysis.label_errors.held_out import HeldOut, hold_out, read_held_out, write_held_out
from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, describe, source_of_folds
from shelfmind.analysis.measuring.measurement import temporary_measurements
from shelfmind.analysis.near_duplicates.groups import Limits, find_duplicates
from shelfmind.analysis.suspects import FILE_NAME, write_suspects
from shelfmind.arrays import Bools
from shelfmind.data import absolute, open_catalog
from shelfmind.data.digest import data_digest
from shelfmind.errors import UserError, argument
from shelfmind.files import write_atomically, write_json
from shelfmind.guidance.arguments import arguments_of
from shelfmind.guidance.places import unused_beside
from shelfmind.guidance.situation import photos_of
from shelfmind.guidance.starts import random_folds_warning
from shelfmind.images.checking import note_bad_files, reject_too_many_bad
from shelfmind.inference.predict_arrays import read_probabilities
from shelfmind.machine.device import start_mindspore
from shelfmind.models.weights import Start
from shelfmind.nouns import counted, shortened
from shelfmind.pages.label_report import write_label_report
from shelfmind.progress import tell
from shelfmind.recipe import Recipe
from shelfmind.records import Catalog
from shelfmind.requests.calling import takes
from shelfmind.requests.label_checking import FindLabelErrorsRequest
from shelfmind.runs.initial_weights import labels_not_trained_on
from shelfmind.runs.provenance import describe_origin, describe_weights
from shelfmind.training.build import refuse_unbuildable
from shelfmind.training.out_of_fold import CheckFolder, CheckPlan, predict_out_of_fold
from shelfmind.training.run import with_start
from shelfmind.training.shortfalls import short_budget
from shelfmind.training.teaching import refuse_teachers
from shelfmind.training.watching import Watcher
from shelfmind.workflows.recommendation import machine_here

MIN_IMAGES = 5
"""Held-out images of a class from which it counts as unrecognised if none was predicted correctly."""
OTHER_WEIGHTS = "start from official weights, from a run pretrained without labels, or from scratch"


@dataclass(frozen=True)
class LabelCheckOutcome:
    """The results of a label check, in numbers.

    `flagged` labels are suspicious and `outliers` fit no class; the two are disjoint, and together they are the
    `suspects` of the review. Images that are `alone` in their class are not checked, nor those of networks that do not
    clearly beat guessing, see `doubt` (None: all do). `estimated_wrong` is confident learning's estimate, which
    includes confusions of the networks; `accuracy` is the top-1 accuracy on held-out images, over all networks.
    `short_budget` is the warning about a time budget that is too short for all folds (None: it suffices).
    """

    images: int
    checked: int
    not_checked: int
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
    short_budget: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For `audit.json`."""
        return asdict(self)


@takes(FindLabelErrorsRequest)
def find_label_errors(request: FindLabelErrorsRequest, watcher: Watcher | None = None) -> LabelCheckOutcome:
    """Train one network per fold, check its held-out labels, and rank all labels in a folder.

    Repeating the call on the same folder resumes it; finished folds are not trained again. Images of all splits are
    checked. The last epoch's weights are used, so that held-out labels do not influence their selection.

    Returns:
        The results, in numbers.

    Raises:
        UserError: invalid input.
    """
    start_mindspore()
    watcher = watcher or Watcher()
    refuse_teachers(request.settings, "a teacher passes on the labels that are to be checked")
    settings, start = with_start(_last_weights(request.settings), request.offline, watcher)
    watcher.phase("listing images")
    catalog = open_catalog(request.data, request.format, request.seed, counter=watcher.counter)
    tell(catalog.notes, watcher.note)
    loaded = refuse_unbuildable(settings, len(catalog.class_names), start)
    if loaded is not None:
        watcher.note(loaded)
    check = CheckFolder(request.out)
    check.open()
    with temporary_measurements([sample.path for sample in catalog.samples], watcher.counter) as measured:
        reject_too_many_bad(measured.bad_files, len(catalog.samples), request.max_bad_fraction, check.bad_files)
        tell(note_bad_files(measured.bad_files, len(catalog.samples), check.bad_files), watcher.note)
        catalog = catalog.without(measured.bad_files)
        plan = _plan(request, catalog, settings)
        check.keep(plan)
        held_out = read_held_out(check.images, catalog) if check.images.exists() else None
        if held_out is None:
            groups = find_duplicates(measured, Limits(), watcher.counter)
            held_out = hold_out(catalog, request.folds, [group.members for group in groups])
            write_held_out(check.images, held_out)
    unlearnt = _not_trained_on(start, held_out, watcher)
    write_atomically(check.unseen, lambda temporary: np.save(temporary, unlearnt))
    if start is None:
        again = {**arguments_of(request), "out": str(unused_beside(check.root, "generated"))}
        doubt = random_folds_warning(catalog.class_counts("train").tolist(), again)
        tell([] if doubt is None else [doubt], watcher.note)
    origin = describe_origin(request.data, catalog, request.seed, request.to_json(), describe_weights(start))
    write_json(check.root / "provenance.json", origin)
    short = _short_budget(request.max_minutes, held_out, catalog, settings)
    if short is not None:
        watcher.warn(short)
    predict_out_of_fold(check, plan, held_out, watcher)
    return _rank_labels(check, catalog, held_out, unlearnt, plan, len(measured.bad_files), short, watcher)


def _short_budget(max_minutes: float | None, held_out: HeldOut, catalog: Catalog, settings: Recipe) -> str | None:
    if max_minutes is None:
        return None
    folds, photos = len(held_out.used_folds), photos_of(catalog)
    trained = held_out.trains(held_out.used_folds[0])
    each = replace(photos, train_photos=int(trained.sum()), val_photos=len(trained) // folds)
    return short_budget(max_minutes, folds, settings, each, machine_here(None, None))


def _not_trained_on(start: Start | None, held_out: HeldOut, watcher: Watcher) -> Bools:
    """Which labels the initial weights of the networks were not trained on; `UserError` if there are none."""
    if start is None or start.url is not None:
        return np.ones(held_out.checkable, np.bool_)
    paths = [sample.path for sample in held_out.samples[: held_out.checkable]]
    unlearnt = labels_not_trained_on(start.path, paths, watcher.counter)
    learnt = f"the networks would start from {start.path}, which was trained on"
    if not unlearnt.any():
        raise UserError(f"{learnt} all of these labels, so none can be checked: {OTHER_WEIGHTS}")
    if not unlearnt.all():
        some = f"{int((~unlearnt).sum()):,} of {counted(len(unlearnt), 'label')}"
        began = learnt.replace("would start", "start")
        watcher.warn(f"{began} {some}, which hides their errors: {OTHER_WEIGHTS}")
    return unlearnt


def _last_weights(recipe: Recipe) -> Recipe:
    return recipe.model_copy(update={"train": recipe.train.model_copy(update={"keep": "last"})})


def _plan(request: FindLabelErrorsRequest, catalog: Catalog, settings: Recipe) -> CheckPlan:
    return CheckPlan(
        data=str(absolute(request.data)),
        format=catalog.format,
        digest=data_digest(catalog),
        folds=request.folds,
        seed=request.seed,
        max_minutes=request.max_minutes,
        offline=request.offline,
        recipe=settings.model_dump(mode="json"),
    )


def _rank_labels(
    check: CheckFolder,
    catalog: Catalog,
    held_out: HeldOut,
    unlearnt: Bools,
    plan: CheckPlan,
    bad_files: int,
    short_budget: str | None,
    watcher: Watcher,
) -> LabelCheckOutcome:
    """Score, rank and write everything; `audit.json` is written last."""
    probabilities = read_probabilities(check.root, len(held_out.class_names))

    def embeddings(fold: int) -> Any:
        return np.load(check.embeddings(fold), mmap_mode="r")

    labels = check_labels(probabilities, held_out, embeddings, watcher.counter, unlearnt)
    suspects = find_suspects(labels, held_out, embeddings, watcher.counter)
    findings = replace(_findings(labels, held_out, unlearnt, len(suspects), bad_files), short_budget=short_budget)
    if findings.doubt is not None:
        watcher.warn(findings.doubt)
    unrecognised = _unrecognised_classes(labels, held_out)
    if unrecognised:
        named = shortened([held_out.class_names[index] for index in unrecognised])
        watcher.warn(
            f"no held-out image of {counted(len(unrecognised), 'class')} was recognised, so their wrong labels are "
            f"hardly found: {named}. Train for longer, or start from other weights: {argument('weights')}"
        )
    opinion = NetworkOutputs(
        source=source_of_folds(counted(plan.folds, "network"), unlearnt),
        held_out=held_out,
        probabilities=probabilities,
        embeddings=embeddings,
        unseen=unlearnt,
        root=catalog.root,
    )
    label_findings = describe(opinion, labels, suspects)
    write_label_errors(check.root / "label_errors.csv", labels, held_out)
    write_suspects(check.root / FILE_NAME, label_findings.suspects)
    audit = {
        "made_by": "find-label-errors",
        "root": str(catalog.root),
        "data": plan.data,
        "format": plan.format,
        "seed": plan.seed,
        "class_names": list(catalog.class_names),
        "figures": findings.to_json(),
        **label_findings.figures,
    }
    write_label_report(check.root / "report.html", label_findings, labels, held_out, catalog.root, audit)
    write_json(check.root / "audit.json", audit)
    return findings


def _unrecognised_classes(labels: LabelCheck, held_out: HeldOut) -> list[int]:
    """The classes of which the networks recognised none of at least `MIN_IMAGES` held-out images."""
    ids = held_out.labels[: len(labels.checked)]
    known = labels.checked & (ids >= 0)
    images, right = (
        np.bincount(ids[chosen], minlength=len(held_out.class_names)) for chosen in (known, known & labels.right)
    )
    return [int(index) for index in np.flatnonzero((images >= MIN_IMAGES) & (right == 0))]


def _findings(
    labels: LabelCheck, held_out: HeldOut, unlearnt: Bools, suspects: int, bad_files: int
) -> LabelCheckOutcome:
    images, checked = len(held_out.samples), int(labels.checked.sum())
    return LabelCheckOutcome(
        images=images,
        checked=checked,
        not_checked=images - checked,
        alone=images - held_out.checkable,
        flagged=int(labels.flagged.sum()),
        outliers=int(labels.outliers.sum()),
        suspects=suspects,
        estimated_wrong=round(float(labels.noise.wrong.sum())),
        accuracy=float(labels.right[unlearnt].mean()),
        bad_files=bad_files,
        folds=len(labels.competences),
        trusted_folds=sum(network.trusted for network in labels.competences),
        doubt=competence_warning(labels.competences, held_out.checkable - checked),
    )
