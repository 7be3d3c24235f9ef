"""What trained networks add to an audit: suspected labels, outliers, accuracy over class size, confusable families."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shelfmind.analysis.accuracy_by_size import AccuracyBySize, accuracy_by_size
from shelfmind.analysis.families import Families, Family, find_families
from shelfmind.analysis.held_out import HeldOut
from shelfmind.analysis.label_errors import LabelCheck, check_labels
from shelfmind.analysis.label_files import find_suspects
from shelfmind.analysis.neighbours import Embeddings
from shelfmind.analysis.sections import Card, Gallery, Headline, Line, Section, Table
from shelfmind.analysis.suspects import Suspect
from shelfmind.evaluation import ShotCutoffs
from shelfmind.evaluation.charts import class_chart
from shelfmind.evaluation.confusion import ClassResult
from shelfmind.evaluation.metrics import ShotGroup, shot_groups
from shelfmind.evaluation.outcomes import Outcomes
from shelfmind.evaluation.pages import Chart
from shelfmind.progress import Counter, count_silently

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
MOST_CARDS, MOST_ROWS, MOST_FAMILIES, MOST_MEMBERS, FACES = 24, 200, 24, 6, 4


@dataclass(frozen=True)
class Judgement:
    """What a trained run adds to an audit: parts of the page, suspects, lines of the summary, and figures."""

    sections: Sequence[Section] = ()
    suspects: Sequence[Suspect] = ()
    headlines: Sequence[Headline] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Opinion:
    """What networks say of the images of `held_out`, in its order.

    Attributes:
        source: whose opinion it is, in words.
        held_out: the images, their labels and which network judges them.
        probabilities: (judged images, classes), may be memory-mapped.
        embeddings: of all images by the network of a fold, may be memory-mapped.
        unseen: which judged images their network was not trained on; accuracies are those of these images alone.
        root: the data set's folder.
    """

    source: str
    held_out: HeldOut
    probabilities: npt.NDArray[np.floating[Any]]
    embeddings: Callable[[int], Embeddings]
    unseen: Bools
    root: Path


@dataclass(frozen=True)
class Accuracies:
    """Recall over the images that their network was not trained on: of each class, by shot group, by class size."""

    classes: Sequence[ClassResult]
    shots: tuple[ShotGroup, ...]
    by_size: AccuracyBySize | None


def judgement_of(opinion: Opinion, counter: Counter = count_silently) -> Judgement:
    """Turn an opinion into suspects and the parts of the page that show them."""
    check = check_labels(opinion.probabilities, opinion.held_out, opinion.embeddings, counter)
    return describe(opinion, check, find_suspects(check, opinion.held_out, opinion.embeddings, counter))


def describe(opinion: Opinion, check: LabelCheck, found: Sequence[Suspect]) -> Judgement:
    """The judgement of labels that are checked already and the suspects `found` among them."""
    held_out = opinion.held_out
    trained_on = {held_out.names[row] for row in np.flatnonzero(~opinion.unseen)}
    suspects = [_with_bias(suspect, suspect.path in trained_on) for suspect in found]
    families = find_families(
        held_out.names[: held_out.judged],
        held_out.labels[: held_out.judged],
        opinion.probabilities,
        opinion.embeddings(held_out.used_folds[0])[: held_out.judged],
        held_out.class_names,
        measured=opinion.unseen if opinion.unseen.any() else None,
    )
    accuracies = _accuracies(opinion, check)
    labels = [suspect for suspect in suspects if suspect.kind == "label"]
    outliers = [suspect for suspect in suspects if suspect.kind == "outlier"]
    sections = [
        _labels(labels, opinion, trained_on),
        _outliers(outliers, opinion),
        _accuracy(accuracies, opinion),
        _families(families, opinion),
    ]
    figures = {
        "opinion_of": opinion.source,
        "judged_images": held_out.judged,
        "judged_images_trained_on": len(trained_on),
        "suspected_labels": len(labels),
        "outliers": len(outliers),
        "families": [_family_figures(family) for family in families.families],
        "errors_within_families": families.inner_error_share,
        "shots": {group.name: group.top1 for group in accuracies.shots},
        "accuracy_by_size": None if accuracies.by_size is None else asdict(accuracies.by_size),
    }
    return Judgement(sections, suspects, _headlines(labels, outliers, families), figures)


def _headlines(labels: Sequence[Suspect], outliers: Sequence[Suspect], families: Families) -> list[Headline]:
    lines = [Headline("good", "No label is suspected to be wrong.", "", "labels")]
    if labels:
        found = f"{len(labels):,} {'label is' if len(labels) == 1 else 'labels are'} probably wrong."
        lines = [Headline("bad", found, "About half of such suspicions hold: decide with shelfmind review.", "labels")]
    if outliers:
        found = f"{len(outliers):,} {'image fits' if len(outliers) == 1 else 'images fit'} no class."
        lines.append(Headline("look", found, "Foreign objects do not belong in a product's class.", "outliers"))
    if families.families:
        share = f"{families.inner_error_share:.0%} of all errors lie within {len(families.families):,} families."
        lines.append(Headline("look", share, "More photos or larger images of what tells siblings apart.", "families"))
    return lines


def _with_bias(suspect: Suspect, trained_on: bool) -> Suspect:
    if not trained_on:
        return suspect
    detail = suspect.detail.replace("a network that never saw the image", "a network that was trained on the image")
    return replace(suspect, detail=detail)


def _labels(suspects: Sequence[Suspect], opinion: Opinion, trained_on: set[str]) -> Section:
    caution = (
        f" {len(trained_on):,} of them were trained on by the very network that judges them, so that it hides their "
        "errors: `shelfmind find-label-errors` judges every image by a network that never saw it."
        if trained_on
        else " No network judges an image that it was trained on."
    )
    fresh = [suspect for suspect in suspects if suspect.path not in trained_on]
    learnt = [suspect for suspect in suspects if suspect.path in trained_on]
    rows = [
        (suspect.path, suspect.given, suspect.suggested or "", f"{suspect.score:.3f}", suspect.split)
        for suspect in suspects[:MOST_ROWS]
    ]
    columns = (("Image", True), ("Given", True), ("Suggested", True), ("Score", False), ("Split", True))
    note = "The image, then such of the suggested class."
    return Section(
        key="labels",
        title="Suspected wrong labels",
        intro=f"Judged by {opinion.source}: {opinion.held_out.judged:,} images.{caution}",
        figures=(("Suspected", f"{len(fresh):,}"), ("Suspected of those trained on", f"{len(learnt):,}")),
        galleries=(
            *_gallery("Never trained on, most suspicious first", note, fresh, opinion),
            *_gallery("Trained on, so that many more may hide", note, learnt, opinion),
        ),
        tables=(Table("Suspected labels", columns, rows, len(suspects), filtered=True),) if suspects else (),
        empty="No label is suspected.",
    )


def _outliers(suspects: Sequence[Suspect], opinion: Opinion) -> Section:
    return Section(
        key="outliers",
        title="Images that fit no class",
        intro="Far from the images of every class: payment codes, empty shelves, other products.",
        figures=(("Outliers", f"{len(suspects):,}"),),
        galleries=_gallery("Farthest first", "The image, then typical images of its class.", suspects, opinion),
        empty="None found.",
    )


def _gallery(title: str, note: str, suspects: Sequence[Suspect], opinion: Opinion) -> tuple[Gallery, ...]:
    if not suspects:
        return ()
    cards = []
    for suspect in suspects[:MOST_CARDS]:
        beside = (suspect.neighbours or suspect.given_neighbours)[: FACES - 1]
        lines = [Line("given", suspect.given, True)]
        if suspect.suggested is not None:
            lines.append(Line("suggested", suspect.suggested))
        pictures = tuple(opinion.root / path for path in (suspect.path, *beside))
        cards.append(Card(pictures, tuple(lines), (f"{suspect.score:.2f}", suspect.split)))
    return (Gallery(title, note, tuple(cards), len(suspects)),)


def _accuracy(accuracies: Accuracies, opinion: Opinion) -> Section:
    drawing = class_chart(accuracies.classes, accuracies.shots, ShotCutoffs())
    figures = [
        (f"{group.name}-shot, mean of {group.classes:,} classes", f"{group.top1:.1%}")
        for group in accuracies.shots
        if group.top1 is not None
    ]
    by_size = accuracies.by_size
    if by_size is not None and by_size.rank_correlation is not None:
        figures.append(("Rank correlation of size and recall", f"{by_size.rank_correlation:.2f}"))
    rows = [
        (
            f"{each.low:,}" if each.low == each.high else f"{each.low:,} to {each.high:,}",
            f"{each.classes:,}",
            f"{each.images:,}",
            f"{each.mean_recall:.1%}",
            f"{each.lowest_recall:.1%}",
        )
        for each in (by_size.bins if by_size is not None else ())
    ]
    names = ("Training images", "Classes", "Measured images", "Mean recall", "Lowest recall")
    return Section(
        key="accuracy",
        title="Accuracy and class size",
        intro=f"How often {opinion.source} is right on images that it was not trained on, class by class.",
        figures=tuple(figures),
        charts=() if drawing is None else (Chart("Recall of each class over its training images", drawing),),
        tables=(Table("", tuple((name, False) for name in names), rows, len(rows)),) if rows else (),
        empty="There is no image that was not trained on.",
    )


def _families(families: Families, opinion: Opinion) -> Section:
    rows = [
        (
            ", ".join(member.name for member in family.members),
            f"{family.images:,}",
            _percent(family.accuracy),
            _percent(family.within_accuracy),
            f"{family.errors:,}",
            _percent(family.error_share),
        )
        for family in families.families
    ]
    columns = (("Classes", True), ("Images", False), ("Top-1", False), ("Among siblings", False), ("Errors", False))
    table = Table("All families", (*columns, ("Of all errors", False)), rows[:MOST_ROWS], len(rows))
    return Section(
        key="families",
        title="Confusable families",
        intro="Classes clustered by mutual confusion and by the distance of their embeddings. 'Among siblings' is the "
        "accuracy of the guesses that stayed within the family.",
        figures=(
            ("Families", f"{len(rows):,}"),
            ("Classes in one", f"{sum(len(family.members) for family in families.families):,}"),
            ("Errors within families", f"{families.inner_error_share:.0%}"),
        ),
        galleries=tuple(_family_gallery(family, opinion) for family in families.families[:MOST_FAMILIES]),
        tables=(table,) if rows else (),
        empty="No classes are taken for one another.",
    )


def _family_gallery(family: Family, opinion: Opinion) -> Gallery:
    cards = tuple(
        Card(
            tuple(opinion.root / example for example in member.examples),
            (Line("", member.name),),
            (f"{member.images:,} images", f"{member.correct:,} right"),
        )
        for member in family.members[:MOST_MEMBERS]
    )
    within, share = _percent(family.within_accuracy), _percent(family.error_share)
    title = f"{len(family.members)} classes, {within} right among siblings, {share} of all errors"
    return Gallery(title, "", cards, len(family.members))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _family_figures(family: Family) -> dict[str, Any]:
    return {
        "classes": [member.name for member in family.members],
        "images": family.images,
        "accuracy": family.accuracy,
        "within_accuracy": family.within_accuracy,
        "errors": family.errors,
        "errors_within": family.inner_errors,
        "share_of_all_errors": family.error_share,
    }


def _accuracies(opinion: Opinion, check: LabelCheck) -> Accuracies:
    held_out, names = opinion.held_out, opinion.held_out.class_names
    rows = np.flatnonzero(opinion.unseen)
    labels, right = held_out.labels[rows], check.margin[rows] >= 0
    in_train = np.array([sample.split == "train" for sample in held_out.samples], np.bool_) & (held_out.labels >= 0)
    train_counts = np.bincount(held_out.labels[in_train], minlength=len(names)).astype(np.int64)
    images = np.bincount(labels, minlength=len(names))
    correct = np.bincount(labels[right], minlength=len(names))
    results = [
        ClassResult(
            class_id=place,
            name=name,
            train_images=int(train_counts[place]),
            images=int(images[place]),
            correct=int(correct[place]),
            recall=float(correct[place] / images[place]) if images[place] else None,
            precision=None,
            confidence=None,
            confused_with=None,
            confused_count=0,
        )
        for place, name in enumerate(names)
    ]
    if not len(rows):
        return Accuracies(results, (), None)
    nothing = np.zeros(len(rows))
    guessed = np.where(right, labels, check.scanned.candidates[rows, 0])
    outcomes = Outcomes(labels, guessed, (~right).astype(np.int64), nothing, nothing, len(names))
    shots = shot_groups(outcomes, train_counts, ShotCutoffs())
    return Accuracies(results, shots, accuracy_by_size(outcomes, train_counts))
