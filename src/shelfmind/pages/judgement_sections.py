"""The parts of a page that show what networks found: suspected labels, outliers, accuracies, confusable families."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shelfmind.analysis.label_errors.families import Family
from shelfmind.analysis.label_errors.judgement import Judgement
from shelfmind.analysis.suspects import Suspect
from shelfmind.evaluation import ShotCutoffs
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.metrics import ShotGroup
from shelfmind.nouns import counted
from shelfmind.pages.charts import class_chart
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection, Table
from shelfmind.pages.templates import Chart

MOST_CARDS, MOST_ROWS, MOST_FAMILIES, MOST_MEMBERS, MOST_PICTURES = 24, 200, 24, 6, 4


def judgement_sections(judgement: Judgement) -> list[PageSection]:
    """What is suspected, what fits no class, how accurate the networks are, and which classes they mix up."""
    return [
        _labels(judgement),
        _outliers(judgement),
        _accuracy(judgement),
        _families(judgement),
    ]


def judgement_headlines(judgement: Judgement) -> list[Headline]:
    """The lines that a judgement adds to the summary; where nothing is judged, only why."""
    doubt, labels, outliers = judgement.doubt, judgement.suspected_labels, judgement.outliers
    families = judgement.families
    lines = [] if doubt is None else [Headline("bad", _as_sentence(doubt), "", "labels")]
    if not judgement.judged_images:
        return lines
    if labels:
        found = f"{counted(len(labels), 'label is', 'labels are')} suspected to be wrong."
        lines.append(Headline("bad", found, "A suspicion proves nothing: decide with shelfmind review.", "labels"))
    else:
        lines.append(Headline("good", "No label is suspected to be wrong.", "", "labels"))
    if outliers:
        found = f"{counted(len(outliers), 'image fits', 'images fit')} no class."
        lines.append(Headline("look", found, "Foreign objects do not belong in a product's class.", "outliers"))
    if families.families:
        share = (
            f"{families.inner_error_share:.0%} of all errors lie within {counted(len(families.families), 'family')}."
        )
        lines.append(Headline("look", share, "More photos or larger images of what tells siblings apart.", "families"))
    return lines


def _labels(judgement: Judgement) -> PageSection:
    suspects, trained_on = judgement.suspected_labels, judgement.trained_on
    caution = (
        f" {len(trained_on):,} of them, or all but the same photos, were trained on by the very network that judges "
        "them, so that it hides their errors: `shelfmind find-label-errors` judges every image by a network that never "
        "saw it."
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
    return PageSection(
        key="labels",
        title="Suspected wrong labels",
        intro=_intro(judgement, caution),
        figures=(("Suspected", f"{len(fresh):,}"), ("Suspected of those trained on", f"{len(learnt):,}"))
        if judgement.judged_images
        else (),
        galleries=(
            *_gallery("Never trained on, most suspicious first", note, fresh, judgement.root),
            *_gallery("Trained on, so that many more may hide", note, learnt, judgement.root),
        ),
        tables=(Table("Suspected labels", columns, rows, len(suspects), filtered=True),) if suspects else (),
        empty="No label is suspected." if judgement.judged_images else "No label is judged.",
    )


def _intro(judgement: Judgement, caution: str) -> str:
    """Who judged how many images, and whether that can be trusted."""
    if not judgement.judged_images:
        return f"Asked: {judgement.source}. {_as_sentence(judgement.doubt or '')}"
    warning = "" if judgement.doubt is None else f" {_as_sentence(judgement.doubt)}"
    return f"Judged by {judgement.source}: {counted(judgement.judged_images, 'image')}.{caution}{warning}"


def _as_sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _outliers(judgement: Judgement) -> PageSection:
    suspects = judgement.outliers
    return PageSection(
        key="outliers",
        title="Images that fit no class",
        intro="Far from the images of every class: payment codes, empty shelves, other products.",
        figures=(("Outliers", f"{len(suspects):,}"),) if judgement.judged_images else (),
        galleries=_gallery("Farthest first", "The image, then typical images of its class.", suspects, judgement.root),
        empty="None found." if judgement.judged_images else "No image is judged.",
    )


def _gallery(title: str, note: str, suspects: Sequence[Suspect], root: Path) -> tuple[Gallery, ...]:
    if not suspects:
        return ()
    cards = []
    for suspect in suspects[:MOST_CARDS]:
        beside = (suspect.neighbours or suspect.given_neighbours)[: MOST_PICTURES - 1]
        lines = [Line("given", suspect.given, True)]
        if suspect.suggested is not None:
            lines.append(Line("suggested", suspect.suggested))
        pictures = tuple(root / path for path in (suspect.path, *beside))
        cards.append(Card(pictures, tuple(lines), (f"{suspect.score:.2f}", suspect.split)))
    return (Gallery(title, note, tuple(cards), len(suspects)),)


def _accuracy(judgement: Judgement) -> PageSection:
    accuracies = judgement.accuracies
    drawing = class_chart(accuracies.classes, accuracies.shots, ShotCutoffs())
    figures = [
        (f"{group.name}-shot, mean of {counted(group.classes, 'class')}", _mean_recall(group))
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
    return PageSection(
        key="accuracy",
        title="Accuracy and class size",
        intro=f"How often the first guess is right on images that were not trained on, class by class. Asked: "
        f"{judgement.source}.",
        figures=tuple(figures),
        charts=() if drawing is None else (Chart("Recall of each class over its training images", drawing),),
        tables=(Table("", tuple((name, False) for name in names), rows, len(rows)),) if rows else (),
        empty="There is no image that was not trained on.",
    )


def _mean_recall(group: ShotGroup) -> str:
    """A group's macro accuracy with its interval, or that it cannot be judged."""
    if too_few_images(group.images):
        return "too few images to judge"
    low, high = group.ci95 or (0.0, 1.0)
    return f"{_percent(group.top1)} ({low:.1%} to {high:.1%})"


def _families(judgement: Judgement) -> PageSection:
    families = judgement.families
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
    return PageSection(
        key="families",
        title="Confusable families",
        intro="Classes clustered by mutual confusion and by the distance of their embeddings. 'Among siblings' is the "
        "accuracy of the guesses that stayed within the family.",
        figures=(
            ("Families", f"{len(rows):,}"),
            ("Classes in one", f"{sum(len(family.members) for family in families.families):,}"),
            ("Errors within families", f"{families.inner_error_share:.0%}"),
        )
        if families.measured_images
        else (),
        galleries=tuple(_family_gallery(family, judgement.root) for family in families.families[:MOST_FAMILIES]),
        tables=(table,) if rows else (),
        empty="No classes are taken for one another."
        if families.measured_images
        else "No image is judged by which confusions could be measured.",
    )


def _family_gallery(family: Family, root: Path) -> Gallery:
    cards = tuple(
        Card(
            tuple(root / example for example in member.examples),
            (Line("", member.name),),
            (counted(member.images, "image"), f"{member.correct:,} right"),
        )
        for member in family.members[:MOST_MEMBERS]
    )
    within, share = _percent(family.within_accuracy), _percent(family.error_share)
    title = f"{counted(len(family.members), 'class')}, {within} right among siblings, {share} of all errors"
    return Gallery(title, "", cards, len(family.members))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
