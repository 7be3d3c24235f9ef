"""Few graphs answer any number of images: what is compiled, what is padded, and that nothing is mixed up."""

from __future__ import annotations

import numpy as np
import pytest

from shelfmind.inference.graph_sizes import GraphSizes


def asked(graphs, *counts):
    return [graphs.pieces(count) for count in counts]


def test_a_photo_alone_never_costs_a_whole_batch():
    graphs = GraphSizes(64)
    assert graphs.sizes == (1, 4, 16, 64)
    assert asked(graphs, 1, 3, 12) == [[1], [4], [4, 4, 4]]
    assert graphs.ready == {1, 4, 16}


def test_the_last_images_of_many_cost_no_compilation():
    graphs = GraphSizes(64)
    assert asked(graphs, 64, 36, 1) == [[64], [64], [64]]
    assert graphs.ready == {64}


@pytest.mark.parametrize(
    ("count", "pieces"),
    [(1, [1]), (2, [1, 1]), (5, [4, 1]), (12, [4, 4, 4]), (15, [16]), (20, [16, 4]), (36, [16, 16, 4]), (60, [64])],
)
def test_all_graphs_together_pad_little(count, pieces):
    graphs = GraphSizes(64)
    asked(graphs, *graphs.sizes)
    assert graphs.pieces(count) == pieces


@pytest.mark.parametrize(("batch", "few", "sizes"), [(2, None, (1, 2)), (32, 8, (1, 4, 8, 16, 32)), (4, 9, (1, 4))])
def test_sizes_end_with_the_batch(batch, few, sizes):
    assert GraphSizes(batch, few).sizes == sizes


@pytest.mark.parametrize("ready", [(), (1,), (16,), (1, 4, 16, 64)])
def test_every_image_gets_its_own_answer(ready):
    graphs, computed = GraphSizes(64), []
    asked(graphs, *ready)

    def compute(images):
        computed.append(len(images))
        return images * 2, images[:, :1]

    for count in range(1, 65):
        images = np.random.default_rng(count).integers(0, 99, (count, 3))
        double, first = graphs.answers(images, compute)
        assert np.array_equal(double, images * 2)
        assert np.array_equal(first, images[:, :1])
    assert set(computed) <= set(graphs.sizes)
