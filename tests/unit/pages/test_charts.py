"""Drawings are well-formed and survive awkward data."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shelfmind.evaluation import evaluate
from shelfmind.pages import charts
from shelfmind.pages.run_sections import training_charts

numbers = st.floats(-1e9, 1e9)


@given(numbers, numbers, st.booleans())
@example(0.0, 2.2e-313, False)
@example(1e9, 1e9 + 1e-7, False)
def test_ticks_are_few_and_enclose_the_range_or_lie_inside(a, b, inside) -> None:
    low, high = sorted((a, b))
    found = charts.ticks(low, high, inside=inside)
    tolerance = 1e-6 * max(abs(low), abs(high)) + 1e-100
    assert len(found) <= 12
    assert found == sorted(found)
    if inside:
        assert all(low - tolerance <= value <= high + tolerance for value in found)
    else:
        assert found[0] <= low + tolerance
        assert found[-1] >= high - tolerance
        assert len(found) >= 2


@given(st.lists(st.floats(-1e6, 1e6) | st.none() | st.just(float("nan")), max_size=400))
@settings(max_examples=40, deadline=None)
def test_any_history_can_be_drawn(losses) -> None:
    history = [{"epoch": i, "train_loss": value, "lr": 0.1} for i, value in enumerate(losses, start=1)]
    for chart in training_charts(history):
        ET.fromstring(chart.drawing)


def test_charts_without_any_figure_are_left_out() -> None:
    assert training_charts([]) == []
    assert training_charts([{"epoch": 1, "val_top1": None}]) == []
    assert [each.title for each in training_charts([{"val_top1": 0.5}])] == ["Top-1 on validation images"]


def test_changes_of_the_image_size_are_marked() -> None:
    sizes = [64, 64, 96]
    history = [{"epoch": i, "image_size": size, "val_loss": 1.0} for i, size in enumerate(sizes, start=1)]
    drawing = training_charts(history)[0].drawing
    assert "64 px" in drawing
    assert "96 px" in drawing
    assert "64 px" not in training_charts(history[:2])[0].drawing


@pytest.mark.parametrize("classes", [2, 30, 500])
@pytest.mark.parametrize("counts", ["equal", "none", "long tail"])
def test_class_chart(random_predictions, classes, counts) -> None:
    train_counts = {
        "equal": np.full(classes, 30),
        "none": np.zeros(classes, np.int64),
        "long tail": np.geomspace(1, 5000, classes).astype(np.int64),
    }[counts]
    result = evaluate(random_predictions(900, classes, seed=0), train_counts)
    drawing = charts.class_chart(result.per_class, result.shots, result.shot_cutoffs)
    assert drawing is not None
    ET.fromstring(drawing)
    assert "nan" not in drawing


def test_class_chart_needs_training_counts(random_predictions) -> None:
    result = evaluate(random_predictions(9, 3, seed=0), None)
    assert charts.class_chart(result.per_class, result.shots, result.shot_cutoffs) is None


def test_reliability_chart_has_a_bar_for_each_bin_with_images(random_predictions) -> None:
    result = evaluate(random_predictions(200, 5, seed=0), None)
    drawing = ET.fromstring(charts.reliability_chart(result.reliability))
    bars = drawing.findall(".//rect[@class='bar']")
    assert len(bars) == sum(each.images > 0 for each in result.reliability)


def test_marks_that_are_close_do_not_run_into_each_other() -> None:
    series = charts.Series("top-1", "line-1", [(epoch, 0.5) for epoch in range(81)])
    marks = [(0.0, "64 px"), (25.0, "96 px"), (52.0, "128 px"), (62.0, "160 px")]
    drawing = charts.line_chart([series], "accuracy", percent=True, marks=marks)
    assert drawing is not None
    texts = [node for node in ET.fromstring(drawing).iter() if node.get("class") == "small"]
    places = [(float(node.get("x", 0)), float(node.get("y", 0)), node.text) for node in texts]
    assert [text for _, _, text in places] == [text for _, text in marks]
    for (x, y, text), (next_x, next_y, _) in zip(places, places[1:], strict=False):
        assert next_x > x + 6 * len(text) or next_y != y


def test_a_group_of_too_few_images_is_named_without_a_figure(make_predictions) -> None:
    labels = [0] * 3 + [1] * 30
    evaluation = evaluate(make_predictions(labels, [[0.9, 0.1]] * 3 + [[0.1, 0.9]] * 30), np.array([5, 50]))
    drawing = charts.class_chart(evaluation.per_class, evaluation.shots, evaluation.shot_cutoffs)
    assert ">few-shot<" in str(drawing)
    assert ">medium-shot 100.0%<" in str(drawing)
