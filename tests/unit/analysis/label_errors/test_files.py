"""The table ranks every image, the suspects show examples that are themselves above doubt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from shelfmind.analysis.label_errors.check import check_labels
from shelfmind.analysis.label_errors.files import COLUMNS, find_suspects, write_label_errors
from shelfmind.tables import read_table


@pytest.fixture(scope="module")
def check(planted):
    return check_labels(planted.probabilities, planted.held_out, lambda _: planted.embeddings)


def test_every_image_has_one_row_the_worst_first_and_the_unjudged_last(planted, tmp_path):
    held_out, checked = planted.held_out, len(planted.wrong) - 2
    folds = held_out.folds.copy()
    folds[checked:] = -1
    held_out = replace(held_out, folds=folds)
    check = check_labels(planted.probabilities[:checked], held_out, lambda _: planted.embeddings)
    write_label_errors(tmp_path / "label_errors.csv", check, held_out)
    rows = [row for _, row in read_table(tmp_path / "label_errors.csv", exact=True)]
    assert tuple(rows[0]) == COLUMNS
    table = [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]
    assert sorted(row["path"] for row in table) == sorted(held_out.names)
    scores = [float(row["score"]) for row in table[:checked]]
    assert scores == sorted(scores, reverse=True)
    assert [row["flagged"] for row in table[checked:]] == ["not checked"] * 2
    assert {row["score"] for row in table[checked:]} == {""}
    place = held_out.names.index(table[0]["path"])
    assert table[0]["given"] == held_out.given[place]
    assert planted.wrong[place]


def test_suspects_are_what_is_flagged_or_fits_nothing_worst_first(planted, check):
    suspects = find_suspects(check, planted.held_out, lambda _: planted.embeddings)
    expected = {planted.held_out.names[row] for row in np.flatnonzero(check.flagged | (check.outlier > 4))}
    assert {suspect.path for suspect in suspects} == expected
    assert len(suspects) == len(expected)
    assert [suspect.score for suspect in suspects] == sorted((suspect.score for suspect in suspects), reverse=True)
    assert {suspect.kind for suspect in suspects} == {"label", "outlier"}
    for suspect in suspects:
        assert (suspect.suggested is None) == (suspect.kind == "outlier")
        assert suspect.detail


def test_outliers_are_as_suspicious_as_they_are_far_away(planted, check):
    suspects = find_suspects(check, planted.held_out, lambda _: planted.embeddings)
    distance = dict(zip(planted.held_out.names, check.outlier.tolist(), strict=True))
    outliers = [suspect for suspect in suspects if suspect.kind == "outlier"]
    distances = [distance[suspect.path] for suspect in outliers]
    assert len(outliers) > 2
    assert distances == sorted(distances, reverse=True)
    assert all(0.5 < suspect.score < 1 for suspect in outliers)


def test_examples_are_of_the_right_class_and_not_under_suspicion_themselves(planted, check):
    suspects = find_suspects(check, planted.held_out, lambda _: planted.embeddings)
    given = dict(zip(planted.held_out.names, planted.held_out.given, strict=True))
    accused = {suspect.path for suspect in suspects}
    for suspect in suspects:
        assert {given[path] for path in suspect.neighbours} == ({suspect.suggested} - {None})
        assert {given[path] for path in suspect.given_neighbours} == {suspect.given}
        assert not accused & {*suspect.neighbours, *suspect.given_neighbours}
        assert len(suspect.given_neighbours) == 4
