"""Items in batches: all of them, in order, and none alone at the end."""

from __future__ import annotations

import pytest

from shelfmind.batching import batched, joined_at_the_end


@pytest.mark.parametrize(
    ("items", "sizes"), [(0, []), (1, [1]), (4, [4]), (5, [5]), (6, [4, 2]), (8, [4, 4]), (9, [4, 5])]
)
def test_a_single_item_left_over_joins_the_last_batch(items: int, sizes: list[int]) -> None:
    batches = list(joined_at_the_end(batched(range(items), 4), least=2))
    assert [len(batch) for batch in batches] == sizes
    assert [item for batch in batches for item in batch] == list(range(items))
