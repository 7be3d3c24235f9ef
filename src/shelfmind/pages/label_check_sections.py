"""Report sections on a label check: suspicious labels, outliers, accuracy by class size, confusable families."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from shelfmind.analysis.label_errors.families import Families, Family
from shelfmind.analysis.label_errors.network_findings import NetworkFindings
from shelfmind.analysis.suspects import Suspect
from shelfmind.evaluation import ShotCutoffs
from shelfmind.evaluation.intervals import too_few_images
from shelfmind.evaluation.metrics import ShotGroup
from shelfmind.pages.charts import class_chart
from shelfmind.pages.sections import Card, Gallery, Headline, Line, PageSection, Table
from shelfmind.pages.templates import Chart
from shelfmind.pages.words import Text, counted, joined, many, say, split_name, translated

MAX_CARDS, MAX_ROWS, MAX_FAMILIES, MAX_MEMBERS, MAX_PICTURES = 24, 200, 24, 6, 4
_WEAK = 0.5
"""Networks that recognise less than this share of the images are weak."""


def label_check_sections(label_findings: NetworkFindings) -> list[PageSection]:
    """Return the sections: suspicious labels, outliers, accuracy of the networks, confusable families."""
    return [
        _labels(label_findings),
        _outliers(label_findings),
        _accuracy(label_findings),
        _families(label_findings),
    ]


def label_check_headlines(label_findings: NetworkFindings) -> list[Headline]:
    """Return the lines that a label check adds to the summary; if nothing was evaluated, only the reason."""
    doubt, labels, outliers = label_findings.warning, label_findings.suspected_labels, label_findings.outliers
    families = label_findings.families
    lines = [] if doubt is None else [Headline("bad", as_sentence(doubt), "", "labels")]
    if not label_findings.checked_images:
        return lines
    if labels:
        number = f"{len(labels):,}"
        found = many(len(labels), "{} label is suspicious.", "{} labels are suspicious.", number)
        advice = say("A flagged label is not necessarily wrong: decide with shelfmind review.")
        lines.append(Headline("bad", found, advice, "labels"))
    else:
        lines.append(Headline("good", say("No label is suspicious."), "", "labels"))
    if outliers:
        found = many(len(outliers), "{} image fits no class.", "{} images fit no class.", f"{len(outliers):,}")
        advice = say("Remove foreign objects from product classes; in a class such as 'others', they may stay.")
        lines.append(Headline("look", found, advice, "outliers"))
    if families.families and not _holds_all(families):
        inner, number = f"{families.inner_error_share:.0%}", counted(len(families.families), "family")
        found = say("{} of all errors are within {}.", inner, number)
        advice = (
            say("Most classes are still confused with others: train these networks longer before you act on families.")
            if _mostly_confused(label_findings)
            else say("Add photos, or larger images, of the details that distinguish siblings.")
        )
        lines.append(Headline("look", found, advice, "families"))
    return lines


def _holds_all(families: Families) -> bool:
    """Whether a single family holds all classes, so that it says nothing about any of them."""
    return len(families.families) == 1 and families.lone_classes == 0


def _mostly_confused(label_findings: NetworkFindings) -> bool:
    """Whether weak networks, rather than alike products, explain the families."""
    images = sum(each.images for each in label_findings.accuracies.classes)
    correct = sum(each.correct for each in label_findings.accuracies.classes)
    families = label_findings.families
    members = sum(len(family.members) for family in families.families)
    return correct < _WEAK * images and members > families.lone_classes


def _labels(label_findings: NetworkFindings) -> PageSection:
    suspects, trained_on = label_findings.suspected_labels, label_findings.trained_on
    caution = say("Each image is evaluated by a network that was not trained on it.")
    if trained_on:
        caution = say(
            "The network was trained on {} of them or their near-duplicates, which hides label errors: `shelfmind "
            "find-label-errors` evaluates every image by a network that was not trained on it.",
            f"{len(trained_on):,}",
        )
    fresh = [suspect for suspect in suspects if suspect.path not in trained_on]
    learnt = [suspect for suspect in suspects if suspect.path in trained_on]
    rows = [
        (suspect.path, suspect.given, suspect.suggested or "", f"{suspect.score:.3f}", split_name(suspect.split))
        for suspect in suspects[:MAX_ROWS]
    ]
    columns = (
        *((say("Image"), True), (say("Given"), True), (say("Suggested"), True)),
        *((say("Score"), False), (say("Split"), True)),
    )
    note = say("The image, followed by images of the suggested class.")
    return PageSection(
        key="labels",
        title=say("Suspicious labels"),
        intro=_intro(label_findings, caution),
        figures=_label_counts(fresh, learnt, trained_on) if label_findings.checked_images else (),
        galleries=(
            *_gallery(say("Most suspicious first"), note, fresh, label_findings.root),
            *_gallery(
                say("Images that the network was trained on: more errors may be hidden"),
                note,
                learnt,
                label_findings.root,
            ),
        ),
        tables=(Table(say("All suspicious labels"), columns, rows, len(suspects), filtered=True),) if suspects else (),
        empty=say("No suspicious labels.") if label_findings.checked_images else say("No label was evaluated."),
    )


def _label_counts(
    fresh: Sequence[Suspect], learnt: Sequence[Suspect], trained_on: Collection[str]
) -> tuple[tuple[Text, str], ...]:
    """Return the number of suspicious labels, divided where the network was trained on some of the images."""
    if not trained_on:
        return ((say("Suspicious labels"), f"{len(fresh):,}"),)
    return (
        (say("Suspicious labels, network not trained on the image"), f"{len(fresh):,}"),
        (say("Suspicious labels, network trained on the image"), f"{len(learnt):,}"),
    )


def _intro(label_findings: NetworkFindings, caution: Text) -> Text:
    """Return which networks evaluated how many images, and whether they are reliable."""
    source = translated(label_findings.source)
    warning = "" if label_findings.warning is None else as_sentence(label_findings.warning)
    if not label_findings.checked_images:
        return joined([say("Evaluated by: {}.", source), warning])
    source_and_images = say("Evaluated by {}: {}.", source, counted(label_findings.checked_images, "image"))
    scores = say("Labels with a score above 0.5 are flagged; 1 is the most suspicious.")
    return joined([source_and_images, caution, scores, warning])


def as_sentence(text: str) -> Text:
    """Return a message of another package as a sentence."""
    found = translated(text)
    return Text(f"{found[:1].upper()}{found[1:]}.", f"{found.chinese}。")


def _outliers(label_findings: NetworkFindings) -> PageSection:
    suspects = label_findings.outliers
    return PageSection(
        key="outliers",
        title=say("Images that fit no class"),
        intro=say(
            "Far from the images of every class, such as payment codes, empty shelves or other products. The score "
            "grows with the distance: 0.5 is the limit, 1 the farthest."
        ),
        figures=((say("Outliers"), f"{len(suspects):,}"),) if label_findings.checked_images else (),
        galleries=_gallery(
            say("Farthest first"),
            say("The image, followed by typical images of its class."),
            suspects,
            label_findings.root,
        ),
        empty=say("None found.") if label_findings.checked_images else say("No image was evaluated."),
    )


def _gallery(title: str, note: str, suspects: Sequence[Suspect], root: Path) -> tuple[Gallery, ...]:
    if not suspects:
        return ()
    cards = []
    for suspect in suspects[:MAX_CARDS]:
        beside = (suspect.neighbours or suspect.given_neighbours)[: MAX_PICTURES - 1]
        lines = [Line(say("given"), suspect.given, True)]
        if suspect.suggested is not None:
            lines.append(Line(say("suggested"), suspect.suggested))
        pictures = tuple(root / path for path in (suspect.path, *beside))
        cards.append(Card(pictures, tuple(lines), (say("score {}", f"{suspect.score:.2f}"), split_name(suspect.split))))
    return (Gallery(title, note, tuple(cards), len(suspects)),)


def _accuracy(label_findings: NetworkFindings) -> PageSection:
    accuracies = label_findings.accuracies
    drawing = class_chart(accuracies.classes, accuracies.shots, ShotCutoffs())
    names = {"many": say("many-shot"), "medium": say("medium-shot"), "few": say("few-shot")}
    figures: list[tuple[Text, str]] = [
        (say("{}, mean of {}", names[group.name], counted(group.classes, "class")), _mean_recall(group))
        for group in accuracies.shots
        if group.top1 is not None
    ]
    by_size, source = accuracies.by_size, translated(label_findings.source)
    if by_size is not None and by_size.rank_correlation is not None:
        figures.append((say("Rank correlation of class size and recall"), f"{by_size.rank_correlation:.2f}"))
    rows = [
        (
            f"{each.low:,}" if each.low == each.high else say("{} to {}", f"{each.low:,}", f"{each.high:,}"),
            f"{each.classes:,}",
            f"{each.images:,}",
            f"{each.mean_recall:.1%}",
            f"{each.lowest_recall:.1%}",
        )
        for each in (by_size.bins if by_size is not None else ())
    ]
    heads = (
        *(say("Training images"), say("Classes"), say("Evaluated images")),
        *(say("Mean recall"), say("Lowest recall")),
    )
    return PageSection(
        key="accuracy",
        title=say("Accuracy by class size"),
        intro=say("Top-1 accuracy of each class on held-out images. Evaluated by: {}.", source),
        figures=tuple(figures),
        charts=() if drawing is None else (Chart(say("Recall of each class by number of training images"), drawing),),
        tables=(Table("", tuple((head, False) for head in heads), rows, len(rows)),) if rows else (),
        empty=say("There are no held-out images."),
    )


def _mean_recall(group: ShotGroup) -> Text:
    """Return a group's macro accuracy with its interval, or that it has too few images."""
    if too_few_images(group.images):
        return say("too few images")
    low, high = group.ci95 or (0.0, 1.0)
    return say("{} ({} to {})", _percent(group.top1), f"{low:.1%}", f"{high:.1%}")


def _families(label_findings: NetworkFindings) -> PageSection:
    families = label_findings.families
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
    columns = (
        *((say("Classes"), True), (say("Images"), False), (say("Top-1"), False), (say("Within family"), False)),
        *((say("Errors"), False), (say("Share of all errors"), False)),
    )
    table = Table(say("All families"), columns, rows[:MAX_ROWS], len(rows))
    return PageSection(
        key="families",
        title=say("Confusable families"),
        intro=say(
            "Classes clustered by mutual confusion and embedding distance. 'Within family' is the accuracy of the "
            "predictions that stay within the family."
        ),
        figures=(
            (say("Families"), f"{len(rows):,}"),
            (say("Classes in families"), f"{sum(len(family.members) for family in families.families):,}"),
            (say("Errors within families"), f"{families.inner_error_share:.0%}"),
        )
        if families.measured_images
        else (),
        galleries=tuple(_family_gallery(family, label_findings.root) for family in families.families[:MAX_FAMILIES]),
        tables=(table,) if rows else (),
        empty=say("No classes are confused with each other.")
        if families.measured_images
        else say("There are no held-out images to measure confusions on."),
    )


def _family_gallery(family: Family, root: Path) -> Gallery:
    cards = tuple(
        Card(
            tuple(root / example for example in member.examples),
            (Line("", member.name),),
            (counted(member.images, "image"), say("{} correct", f"{member.correct:,}")),
        )
        for member in family.members[:MAX_MEMBERS]
    )
    within, share = _percent(family.within_accuracy), _percent(family.error_share)
    classes = counted(len(family.members), "class")
    title = say("{}, accuracy within the family {}, {} of all errors", classes, within, share)
    return Gallery(title, "", cards, len(family.members))


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
