"""The summary of an audit: the most important findings, with advice."""

from __future__ import annotations

from shelfmind.analysis.image_audit.findings import ImageFindings
from shelfmind.nouns import shortened
from shelfmind.pages.sections import Headline
from shelfmind.pages.words import Text, many, say

GRADES = ("bad", "look", "good")
"""From the most to the least severe."""


def headlines(findings: ImageFindings) -> list[Headline]:
    """Return a line per kind of fault, most severe first, including the kinds that were not found."""
    return sorted(
        [*_invalidating_findings(findings), *_degrading_findings(findings)], key=lambda line: GRADES.index(line.grade)
    )


def _invalidating_findings(findings: ImageFindings) -> list[Headline]:
    leaks = sum(each.leak for each in findings.copies)
    conflicts = sum(each.conflict for each in findings.copies)
    bad = len(findings.measured.bad_files)
    leaking = many(leaks, "{} photo is in more than one split.", "{} photos are in more than one split.", leaks)
    conflicting = many(
        conflicts,
        "{} photo is labelled with more than one class.",
        "{} photos are labelled with more than one class.",
        conflicts,
    )
    unreadable = many(bad, "{} file is unreadable.", "{} files are unreadable.", bad)
    drop = say("Remove the near-duplicates from the training set: accuracy on images seen in training is meaningless.")
    decide = say("Decide which label is correct with shelfmind review.")
    replace = many(bad, "Replace or remove it; training skips it.", "Replace or remove them; training skips them.")
    return [
        _line(leaks, "bad", "leaks", leaking, drop, say("No photo is in more than one split.")),
        _line(conflicts, "bad", "conflicts", conflicting, decide, say("No photo is labelled with two classes.")),
        _line(bad, "bad", "files", unreadable, replace, say("Every file can be read.")),
    ]


def _degrading_findings(findings: ImageFindings) -> list[Headline]:
    mere = sum(not each.leak and not each.conflict for each in findings.copies)
    poor = len({int(image) for each in findings.flagged.values() if each.rule.lowers_quality for image in each.images})
    tiny, empty = len(findings.sizes.tiny), findings.sizes.empty
    shifted = len({each.class_id for each in findings.shifts})
    repeated = many(
        mere, "{} photo occurs more than once in a class.", "{} photos occur more than once in a class.", mere
    )
    of_poor_quality = many(poor, "{} image is of poor quality.", "{} images are of poor quality.", poor)
    small = many(tiny, "{} class has fewer than 5 images.", "{} classes have fewer than 5 images.", tiny)
    names = shortened(empty)
    lacking = many(len(empty), "{} class has no image: {}.", "{} classes have no image: {}.", len(empty), names)
    different = many(
        shifted,
        "{} class looks different outside the training set.",
        "{} classes look different outside the training set.",
        shifted,
    )
    keep = say("Keep one of each: near-duplicates add weight but no information.")
    look = many(
        poor,
        "Review it, and remove it if a person could not recognise it.",
        "Review them and remove images that a person could not recognise.",
    )
    photograph = many(
        tiny,
        "Take more photos of it: rare classes have the lowest accuracy.",
        "Take more photos of them: rare classes have the lowest accuracy.",
    )
    fill = many(
        len(empty),
        "Add photos or delete the folder: an empty class cannot be learnt.",
        "Add photos or delete the folders: empty classes cannot be learnt.",
    )
    large = say("Every class with images has at least 5.") if empty else say("Every class has at least 5 images.")
    vary = say("Add training photos from other shops and lighting conditions.")
    return [
        _line(mere, "look", "duplicates", repeated, keep, say("No near-duplicates within a class.")),
        _line(poor, "look", "quality", of_poor_quality, look, say("No low-quality images found.")),
        *([_line(len(empty), "look", "classes", lacking, fill, large)] if empty else []),
        _line(tiny, "look", "classes", small, photograph, large),
        _line(shifted, "look", "shift", different, vary, say("No class looks different outside the training set.")),
    ]


def _line(count: int, grade: str, key: str, found: Text, advice: Text, none: Text) -> Headline:
    return Headline(grade, found, advice, key) if count else Headline("good", none, "", key)
