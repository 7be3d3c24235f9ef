"""The position of a training comes back from text, and its tensors from the file, as they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shelfmind.errors import UserError
from shelfmind.runs.folder import RunFolder

numbers = st.floats(0, 1e6)
counts = st.integers(0, 10**9)
entries = st.dictionaries(st.text(), st.none() | numbers | counts | st.text(), max_size=3)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_position_comes_back_from_its_text(data: st.DataObject, mindspore: Any) -> None:
    from shelfmind.training.clock import EpochPlan
    from shelfmind.training.state import Position

    plans = st.builds(EpochPlan, epoch=counts, start=numbers, end=numbers, steps=counts)
    positions = st.builds(
        Position,
        progress=numbers,
        epoch=counts,
        plan=st.none() | plans,
        step_in_epoch=counts,
        step=counts,
        elapsed_s=numbers,
        loss_sum=numbers,
        epoch_elapsed_s=numbers,
        best_top1=st.none() | numbers,
        epoch_seconds=st.dictionaries(st.text(), numbers, max_size=3),
        validation_seconds=st.dictionaries(st.text(), numbers, max_size=3),
        saving_s=numbers,
        history=st.lists(entries, max_size=3),
    )
    position = data.draw(positions)
    assert Position.from_text(position.to_text()) == position


@pytest.mark.parametrize(
    "text",
    ["", "no JSON", "null", "[]", "3", "{}", '{"plan": 3}', '{"plan": {"epoch": 1}}', '{"plan": null, "pace": 1}'],
)
def test_foreign_text_is_refused(text: str, mindspore: Any) -> None:
    from shelfmind.training.state import Position

    with pytest.raises(UserError, match="another version of shelfmind"):
        Position.from_text(text)


def test_an_epoch_ends_where_it_was_planned_to(mindspore: Any) -> None:
    from shelfmind.training.clock import EpochPlan
    from shelfmind.training.state import Position

    entry = {"image_size": 64, "val_top1": 0.5}
    plan = EpochPlan(epoch=3, start=0.25, end=0.5, steps=9)
    position = Position(0.25, 3, plan, step_in_epoch=9, step=40, elapsed_s=10, loss_sum=8, epoch_elapsed_s=2.5)
    position.finish_epoch(entry)
    assert position == Position(0.5, 4, step=40, elapsed_s=12.5, history=[entry])


def test_tensors_come_back_by_role_and_name(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.training.state import Position, Tensors

    def tensors(start: int) -> Tensors:
        def parameter(values: Any, name: str) -> Any:
            return mindspore.Parameter(mindspore.Tensor(np.asarray(values, np.float32)), name=name)

        model = {"w": parameter([[start, start + 1]], "w")}
        return Tensors({"model": model, "averaged": {"w": parameter([[-start, 0]], "averaged.w")}, "scaler": {}})

    run, position = RunFolder(tmp_path), Position(progress=0.5, step=3)
    saved, loaded = tensors(5), tensors(7)
    saved.save(run, "tiny", position)
    assert loaded.load(run, "tiny") == position
    assert sorted(loaded.arrays()) == ["averaged/w", "model/w"]
    for name, array in saved.arrays().items():
        np.testing.assert_array_equal(loaded.arrays()[name], array)
    with pytest.raises(UserError, match=r"tiny.*other"):
        loaded.load(run, "other")
