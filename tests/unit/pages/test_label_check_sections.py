"""The page's parts about label findings: what is suspected, beside whom, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from shelfmind.analysis.label_errors.network_findings import NetworkOutputs, network_findings
from shelfmind.pages.label_check_sections import label_check_headlines, label_check_sections


def test_suspects_are_shown_apart_by_what_was_trained_on(opinion: NetworkOutputs) -> None:
    label_findings = network_findings(opinion)
    sections = label_check_sections(label_findings)
    assert [section.key for section in sections] == ["labels", "outliers", "accuracy", "families"]
    unseen, trained_on = sections[0].galleries
    shown = {gallery.cards[0].pictures[0].name for gallery in (unseen, trained_on)}
    assert shown == {"3.jpg", "70.jpg"}
    assert label_check_headlines(label_findings)[0].grade == "bad"


def test_a_run_that_judges_what_it_was_trained_on_says_so(opinion: NetworkOutputs) -> None:
    assert "The network was trained on" in label_check_sections(network_findings(opinion))[0].intro
    honest = network_findings(replace(opinion, unseen=np.ones(opinion.held_out.checkable, np.bool_)))
    assert "Each image is evaluated by a network that was not trained on it" in label_check_sections(honest)[0].intro


def test_without_unseen_images_no_accuracy_is_drawn(opinion: NetworkOutputs) -> None:
    label_findings = network_findings(replace(opinion, unseen=np.zeros(opinion.held_out.checkable, np.bool_)))
    assert label_check_sections(label_findings)[2].charts == ()


def test_where_nothing_is_judged_nothing_is_said_of_families(opinion: NetworkOutputs) -> None:
    label_findings = network_findings(replace(opinion, unseen=np.zeros(opinion.held_out.checkable, np.bool_)))
    families = label_check_sections(label_findings)[3]
    assert families.figures == ()
    assert "to measure confusions on" in families.empty
    assert label_check_sections(network_findings(opinion))[3].figures != ()


def test_the_mean_recall_of_a_group_has_its_interval_or_is_not_given(opinion: NetworkOutputs) -> None:
    found = label_check_sections(network_findings(opinion))[2].figures
    assert any("-shot" in name and "% (" in value and "% to " in value for name, value in found)
    few = opinion.unseen & (np.cumsum(opinion.unseen) <= 4)
    found = label_check_sections(network_findings(replace(opinion, unseen=few)))[2].figures
    assert [value for name, value in found if "-shot" in name] == ["too few images"]


def test_families_of_weak_networks_are_not_taken_for_alike_products(opinion: NetworkOutputs) -> None:
    found = network_findings(opinion)
    good = label_check_headlines(found)[-1].advice
    (family,) = found.families.families
    weak = replace(
        found,
        accuracies=replace(
            found.accuracies, classes=[replace(each, correct=each.images // 3) for each in found.accuracies.classes]
        ),
        families=replace(found.families, lone_classes=len(family.members) - 1),
    )
    assert "siblings" in good
    assert "train these networks longer" in label_check_headlines(weak)[-1].advice
    alike = replace(weak, families=replace(weak.families, lone_classes=len(family.members)))
    assert label_check_headlines(alike)[-1].advice == good


def test_a_family_of_all_classes_is_no_headline(opinion: NetworkOutputs) -> None:
    found = network_findings(opinion)
    (family,) = found.families.families
    assert label_check_headlines(found)[-1].key == "families"
    whole = replace(found, families=replace(found.families, families=(family,), lone_classes=0))
    assert "families" not in [line.key for line in label_check_headlines(whole)]
