"""Every model of the table: published sizes, stage shapes, reproducible weights, and what is listed of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.model_facts import list_models, model_facts

# Trainable parameters at 1,000 classes. Sources: timm 1.0 (resnet18, resnet34, resnet50, resnet101, resnext50_32x4d,
# seresnet50, seresnext50_32x4d, inception_resnet_v2), which agree with the papers' rounded figures.
PUBLISHED = {
    "inception_resnet_v2": 55_843_464,
    "resnet101": 44_549_160,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnext50": 25_028_904,
    "se_resnet50": 28_088_024,
    "se_resnext50": 27_559_896,
}
# In millions, as printed: Park et al., BMVC 2018, table 4 (BAM); Woo et al., ECCV 2018, table 4 (CBAM).
PRINTED_MILLIONS = {"resnet50_bam": 25.92, "resnet50_cbam": 28.09}
# Billions of multiply-adds of one image of 224 px: He et al. 2016, table 1 (resnet18, 34, 50, 101); Hu et al. 2018,
# table 2 (se_resnet50, se_resnext50).
PRINTED_GFLOPS = {
    "resnet18": 1.8,
    "resnet34": 3.6,
    "resnet50": 3.8,
    "resnet101": 7.6,
    "se_resnet50": 3.87,
    "se_resnext50": 4.25,
}
# Channels after the stem and the four stages. He et al. 2016, table 1; Xie et al. 2017, table 1; ours for CPUs.
BOTTLENECK_CHANNELS = (64, 256, 512, 1024, 2048)
CHANNELS = {
    "resnet18": (64, 64, 128, 256, 512),
    "resnet34": (64, 64, 128, 256, 512),
    "shelfnet_s": (32, 32, 64, 128, 256),
}
# From 299 px: stem, mixed_5b with the blocks A, reduction A with B, reduction B with C. Szegedy et al. 2017, figures 3,
# 15 to 19, with the channels of the authors' code (TF-slim's inception_resnet_v2), where the figures print others.
INCEPTION_SHAPES = [
    (32, 149, 149),
    (32, 147, 147),
    (64, 147, 147),
    (64, 73, 73),
    (80, 73, 73),
    (192, 71, 71),
    (192, 35, 35),
    (320, 35, 35),
    (1088, 17, 17),
    (2080, 8, 8),
]
WIDER = ("inception_resnet_v2", "resnet50", "resnet50_bam", "resnet50_cbam", "resnext50", "se_resnet50", "se_resnext50")
NAMES = sorted({*PUBLISHED, *PRINTED_MILLIONS, *(f"{name}_wider" for name in WIDER), "shelfnet_s"})
SAME_FACTOR = [
    f"{name}_wider" for name in ("inception_resnet_v2", "resnet50_bam", "resnet50_cbam", "resnext50", "se_resnet50")
]
"""Wider in the way of resnet50_wider and se_resnext50_wider; Inception's in a way that is asked of a small one, too."""
FACTS = {row["name"]: row for row in model_facts()}


def test_the_table_is_what_is_listed_and_tested(mindspore: Any) -> None:
    from shelfmind.models import MODELS

    assert sorted(MODELS) == NAMES == list_models()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.thorough) if name in SAME_FACTOR else name for name in NAMES]
)
def test_sizes_and_shapes_are_the_published_ones_and_the_listed_ones(name: str, mindspore: Any) -> None:
    from shelfmind.models import MODELS
    from shelfmind.models.complexity import parts

    model = MODELS[name](num_classes=1000)
    size = sum(int(parameter.size) for parameter in model.trainable_params())
    assert size == PUBLISHED.get(name, size)
    assert round(size / 1e6, 2) == PRINTED_MILLIONS.get(name, round(size / 1e6, 2))
    stages = parts(model)
    assert {"parameters": size, "embedding": model.embedding_width} == {
        key: FACTS[name][key] for key in ("parameters", "embedding")
    }
    assert round(sum(part.gflops for part in stages), 3) == FACTS[name]["gflops"]
    assert sum(part.parameters for part in stages) == size
    plain = name.removesuffix("_wider")
    if plain != name:
        assert model.embedding_width == 2 * FACTS[plain]["embedding"]
    if plain == "inception_resnet_v2":
        return  # its grids are those of 299 px: below
    assert [part.name for part in stages] == ["stem", "stages.0", "stages.1", "stages.2", "stages.3", "head"]
    widths = CHANNELS.get(plain, BOTTLENECK_CHANNELS)
    widest = widths[-1] * (2 if plain != name else 1)
    expected = [(width, grid, grid) for width, grid in zip((*widths[:-1], widest), (56, 56, 28, 14, 7), strict=True)]
    assert [part.output for part in stages] == [*expected, (1000,)]


@pytest.mark.parametrize(
    "name", ["inception_resnet_v2", pytest.param("inception_resnet_v2_wider", marks=pytest.mark.thorough)]
)
def test_inceptions_grids_are_those_of_its_figures(name: str, mindspore: Any) -> None:
    from shelfmind.models import MODELS
    from shelfmind.models.complexity import parts

    model = MODELS[name](num_classes=10)
    shapes = list(dict.fromkeys(part.output for part in parts(model, 299)))
    assert shapes == [*INCEPTION_SHAPES, (model.embedding_width, 8, 8), (10,)]
    assert MODELS[name](num_classes=10, depths=(1, 1, 1), embedding_width=4096).embedding_width == 4096


def test_listed_costs_are_those_of_the_papers() -> None:
    """Within a tenth: the original ResNet strides in the 1x1 convolution, ours and everybody's in the 3x3."""
    for name, printed in PRINTED_GFLOPS.items():
        assert FACTS[name]["gflops"] == pytest.approx(printed, rel=0.1), name


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("shelfnet_s", {}),
        ("resnet50_cbam", {"depths": (1, 1, 1, 1)}),
        ("inception_resnet_v2", {"depths": (1, 1, 1)}),
    ],
)
def test_weights_follow_the_seed(name: str, arguments: dict[str, Any], mindspore: Any) -> None:
    from shelfmind.models import create_model

    model, again, other = (create_model(name, 10, seed=seed, **arguments) for seed in (3, 3, 4))
    for one, same, different in zip(
        model.get_parameters(), again.get_parameters(), other.get_parameters(), strict=True
    ):
        np.testing.assert_array_equal(one.asnumpy(), same.asnumpy())
        if one.name.endswith("weight"):
            assert not np.array_equal(one.asnumpy(), different.asnumpy())


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"attention": "se"},
        {"attention": "bam"},
        {"attention": "cbam", "attention_stages": [2]},
        {"deep_kernel_size": 7},
        {"deep_kernel_size": 7, "deep_stages": 2, "block": "bottleneck"},
        {"stem_name": "deep", "pooled_shortcut": True, "stem_pool": "same"},
        {"classifier": "cosine", "neck": True, "dropout": 0.2},
        {"classifier": "sub_centres", "neck": True, "neck_bias": False},
    ],
)
def test_arguments_build_networks_that_learn(arguments: dict[str, Any], mindspore: Any) -> None:
    """All trainable parameters get a gradient that is finite and not all zero, and outputs have their shapes."""
    from shelfmind.models import create_model

    model = create_model("resnet18", 7, widths=(8, 16), depths=(1, 1), **arguments)
    for _, cell in model.cells_and_names():
        if isinstance(cell, mindspore.nn.BatchNorm2d):  # a residual branch starts at 0, which stops gradients
            cell.gamma.set_data(mindspore.Tensor(np.ones(cell.gamma.shape, np.float32)))
    images = mindspore.Tensor(np.random.default_rng(0).normal(size=(4, 3, 64, 64)).astype(np.float32))
    labels = mindspore.Tensor(np.array([0, 1, 2, 3], np.int32))

    def loss(inputs: Any) -> Any:
        logits, embedding = model(inputs)
        return mindspore.ops.cross_entropy(logits, labels), (logits, embedding)

    parameters = model.trainable_params()
    model.set_train(True)
    (_, (logits, embedding)), gradients = mindspore.value_and_grad(loss, None, parameters, has_aux=True)(images)
    assert logits.shape == (4, 7)
    assert embedding.shape == (4, model.embedding_width)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        assert np.isfinite(gradient.asnumpy()).all(), parameter.name


def test_cosine_logits_are_scaled_cosines(mindspore: Any) -> None:
    from shelfmind.models.heads import COSINE_SCALE, Head

    head = Head(6, 4, classifier="cosine")
    generator = np.random.default_rng(0)
    weight, embedding = generator.normal(size=(4, 6)), generator.normal(size=(3, 6))
    head.classifier.weight.set_data(mindspore.Tensor(weight.astype(np.float32)))
    logits, output = head(mindspore.Tensor(embedding.astype(np.float32)))
    cosines = embedding @ weight.T / np.linalg.norm(embedding, axis=1)[:, None] / np.linalg.norm(weight, axis=1)
    np.testing.assert_allclose(logits.asnumpy(), COSINE_SCALE * cosines, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(output.asnumpy(), embedding, rtol=1e-6)


def test_a_class_of_several_centres_has_the_best_cosine(mindspore: Any) -> None:
    from shelfmind.models.heads import COSINE_SCALE, Head

    head = Head(6, 4, classifier="sub_centres")
    generator = np.random.default_rng(0)
    weight, embedding = generator.normal(size=(4, 3, 6)), generator.normal(size=(5, 6))
    head.classifier.weight.set_data(mindspore.Tensor(weight.astype(np.float32)))
    logits, _ = head(mindspore.Tensor(embedding.astype(np.float32)))
    directions = weight / np.linalg.norm(weight, axis=2, keepdims=True)
    cosines = np.einsum("nd,ckd->nck", embedding / np.linalg.norm(embedding, axis=1, keepdims=True), directions)
    np.testing.assert_allclose(logits.asnumpy(), COSINE_SCALE * cosines.max(2), rtol=1e-4, atol=1e-4)


def test_mistakes_are_named(mindspore: Any) -> None:
    from shelfmind.models import create_model

    with pytest.raises(UserError, match="resnet50"):
        create_model("resnet5", 10)
    for classes in (0, 1):
        with pytest.raises(UserError, match="at least 2 classes"):
            create_model("resnet18", classes)
    with pytest.raises(UserError, match="resnet18 cannot be built"):
        create_model("resnet18", 10, no_such_argument=1)
    with pytest.raises(UserError, match="did you mean bam"):
        create_model("resnet18", 10, attention="bamm")
    with pytest.raises(UserError, match="deep_kernel_size must be odd, got 6"):
        create_model("resnet18", 10, deep_kernel_size=6)
    with pytest.raises(UserError, match="se_resnext50"):
        create_model("se_resnext50", 10, weights="se_resnext5")
