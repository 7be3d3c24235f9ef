"""Counts are drawn as they are, and small however many there are."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from shelfmind.analysis.image_audit.histograms import Histogram, histogram
from shelfmind.evaluation.metrics import ShotCutoffs
from shelfmind.pages.bar_charts import (
    class_sizes_chart,
    cumulative_chart,
    histogram_chart,
)


def bars(drawing) -> list[tuple[str, float]]:
    """Titles and heights of the bars."""
    root = ElementTree.fromstring(str(drawing))
    return [(rect[0].text or "", float(rect.get("height") or 0)) for rect in root.iter("rect")]


def test_buckets_are_half_open_and_nothing_is_lost() -> None:
    found = histogram(np.array([0.0, 0.49, 0.5, 0.99, 1.0, 2.0, 7.0, -1.0]), (0, 0.5, 1, 2))
    assert found == Histogram((0, 0.5, 1, 2), (2, 2, 1), below=1, above=2)
    assert histogram(np.zeros(0), (0, 1)) == Histogram((0, 1), (0,))


def test_bars_are_as_tall_as_their_counts() -> None:
    drawing = histogram_chart(Histogram((0, 1, 2, 3), (10, 0, 5)), "images", "size")
    assert [title for title, _ in bars(drawing)] == ["0 to 1: 10", "2 to 3: 5"]
    heights = [height for _, height in bars(drawing)]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)


def test_what_lies_outside_has_a_bar_of_its_own() -> None:
    titles = [title for title, _ in bars(histogram_chart(Histogram((0, 1), (3,), 2, 1), "images", "size"))]
    assert titles == ["under 0: 2", "0 to 1: 3", "1 or more: 1"]


def test_nothing_is_not_drawn() -> None:
    assert histogram_chart(Histogram((0, 1), (0,)), "images", "size") is None
    assert class_sizes_chart(np.zeros(3, int), ShotCutoffs(), "sizes") is None
    assert cumulative_chart(np.zeros(0, int), "share") is None


def test_labels_cannot_become_markup() -> None:
    drawing = histogram_chart(Histogram((0, 1), (1,)), '"><script>', "<b>")
    ElementTree.fromstring(str(drawing))
    assert "<script>" not in str(drawing)
    assert "<b>" not in str(drawing)


def test_a_long_tail_is_drawn_small_and_marks_its_groups() -> None:
    counts = (4000 / np.arange(1, 2389)).astype(int) + 1
    drawing = str(class_sizes_chart(counts, ShotCutoffs(), "sizes"))
    ElementTree.fromstring(drawing)
    assert len(drawing) < 12_000
    assert re.findall(r">(head|medium)<", drawing) == ["head", "medium"]
    assert len(str(cumulative_chart(counts, "share"))) < 12_000


def test_equal_classes_lie_on_the_diagonal() -> None:
    drawing = str(cumulative_chart(np.full(10, 7), "share"))
    line = re.search(r'class="line" d="M([^"]+)"', drawing)
    diagonal = re.search(r'class="diagonal" d="M([^"]+)"', drawing)
    assert line is not None
    assert diagonal is not None
    ends = line.group(1).split("L")
    assert [ends[0], ends[-1]] == diagonal.group(1).split("L")


@pytest.mark.parametrize("counts", [[1], [5, 5], [1, 0, 0], [100000, 1]])
def test_any_sizes_can_be_drawn(counts) -> None:
    ElementTree.fromstring(str(class_sizes_chart(np.array(counts), ShotCutoffs(), "sizes")))
    ElementTree.fromstring(str(cumulative_chart(np.array(counts), "share")))
