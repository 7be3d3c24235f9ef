"""Steps on a sample of the classes: with all of them exactly the usual steps; the rows of the others do not change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shelfmind.errors import UserError
from shelfmind.images.class_sampling import sample_classes
from shelfmind.recipe import LossRecipe, TrainRecipe, parse_recipe
from shelfmind.runs.folder import RunFolder

WIDTH, CLASSES, IMAGES = 6, 10, 4
Values = dict[str, np.ndarray]


class Setting:
    """A head of `CLASSES` classes on given embeddings, trained by full steps, or by steps on a sample."""

    def __init__(self, mindspore: Any, kind: str, number: int | None, optimizer: str, micro: int | None) -> None:
        from mindspore import nn

        from shelfmind.losses import build_loss
        from shelfmind.models.heads import Head
        from shelfmind.training.class_table import ClassTable
        from shelfmind.training.optimizer import build_optimizer
        from shelfmind.training.step import averages_of, build_step

        class Model(nn.Cell):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.head = Head(WIDTH, CLASSES, kind)
                generator = np.random.default_rng(0)
                for parameter in self.head.get_parameters():
                    values = generator.normal(size=parameter.shape).astype(np.float32)
                    parameter.set_data(mindspore.Tensor(values))

            def construct(self, images: Any) -> Any:
                return self.head(images)

        self.tensor = mindspore.Tensor
        self.model, self.averaged = Model(), Model()
        self.table = None if number is None else ClassTable(self.model.head, self.averaged.head, number)
        recipe = TrainRecipe(lr=0.1, weight_decay=0.01, optimizer=optimizer)
        self.optimizer = build_optimizer(list(self.model.trainable_params()), recipe)
        if self.table is None:
            averages = averages_of(self.model, self.averaged)
        else:
            self.table.attach(self.optimizer)
            averages = self.table.averages_of(self.model, self.averaged)
        self.names = {id(p): p.name for p in self.averaged.get_parameters()}
        self.averaged.update_parameters_name("averaged.")
        loss = build_loss(LossRecipe(), np.ones(CLASSES, np.int64))
        self.step = build_step(self.model, averages, self.optimizer, loss, micro_batch_size=micro)

    def take(self, labels: np.ndarray, sample: np.ndarray, images: np.ndarray, decay: float) -> float:
        columns = np.searchsorted(sample, labels) if self.table is not None else labels
        targets = np.eye(CLASSES if self.table is None else self.table.size, dtype=np.float32)[columns]
        inputs = [self.tensor(each) for each in (images, targets, np.float32(decay), np.float32(0.5))]
        if self.table is None:
            return float(self.step(*inputs).asnumpy())
        with self.table.sampled(sample, decay):
            return float(self.step(*inputs).asnumpy())

    def values(self) -> Values:
        """Copies of weights, states and averages of all classes."""
        if self.table is not None:
            return {name: table.copy() for name, table in self.table.arrays().items()}
        parameters = {f"model/{p.name}": p for p in self.model.get_parameters()}
        parameters |= {f"averaged/{self.names[id(p)]}": p for p in self.averaged.get_parameters()}
        for each in self.model.trainable_params():
            parameters |= {f"optimizer/{state.name}": state for state in self.optimizer.states_of(each)}
        return {name: parameter.asnumpy().copy() for name, parameter in parameters.items()}


def steps(number: int, count: int = 6) -> Any:
    """Labels, sample, images and decay of each step."""
    generator = np.random.default_rng(3)
    for _ in range(count):
        labels = generator.integers(0, CLASSES, IMAGES)
        sample = sample_classes(np.unique(labels), CLASSES, number, generator)
        yield labels, sample, generator.normal(size=(IMAGES, WIDTH)).astype(np.float32), generator.uniform(0.5, 0.9)


@pytest.mark.parametrize("micro", [None, 2])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("kind", ["linear", "cosine", "sub_centres"])
def test_a_sample_of_all_classes_is_the_full_softmax_to_the_bit(
    kind: str, optimizer: str, micro: int | None, mindspore: Any
) -> None:
    full = Setting(mindspore, kind, None, optimizer, micro)
    sampled = Setting(mindspore, kind, CLASSES, optimizer, micro)
    assert full.values().keys() == sampled.values().keys()
    for each in steps(CLASSES):
        assert full.take(*each) == sampled.take(*each)
    expected = full.values()
    for name, values in sampled.values().items():
        assert np.array_equal(values, expected[name]), name
    assert sampled.table is not None
    sampled.table.finish()
    for parameter, other in zip(full.averaged.get_parameters(), sampled.averaged.get_parameters(), strict=True):
        assert np.array_equal(parameter.asnumpy(), other.asnumpy())


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("kind", ["linear", "cosine", "sub_centres"])
def test_rows_outside_the_sample_keep_weights_and_states(kind: str, optimizer: str, mindspore: Any) -> None:
    setting = Setting(mindspore, kind, 6, optimizer, None)
    for labels, sample, images, decay in steps(6):
        before = setting.values()
        setting.take(labels, sample, images, decay)
        others = np.setdiff1d(np.arange(CLASSES), sample)
        for name, values in setting.values().items():
            if not name.startswith("averaged/"):
                assert np.array_equal(values[others], before[name][others]), name
                changed = (values != before[name]).reshape(CLASSES, -1).any(1)
                assert changed[sample].all(), name


def test_the_averages_are_those_of_averaging_all_rows_in_every_step(mindspore: Any) -> None:
    setting = Setting(mindspore, "linear", 5, "sgd", None)
    assert setting.table is not None
    expected = {name: values.astype(np.float64) for name, values in setting.values().items() if "averaged/" in name}
    for number, each in enumerate(steps(5, 9)):
        setting.take(*each)
        values = setting.values()
        for name, average in expected.items():
            average += (values[name.replace("averaged/", "model/")] - average) * (1 - each[3])
        if number in (3, 8):  # in the middle, as before a checkpoint, and at the end
            setting.table.finish()
            for name, table in setting.values().items():
                if name in expected:
                    np.testing.assert_allclose(table, expected[name], rtol=1e-5, atol=1e-6)
    for parameter in setting.averaged.get_parameters():
        name = f"averaged/{setting.names[id(parameter)]}"
        np.testing.assert_allclose(parameter.asnumpy(), expected[name], rtol=1e-5, atol=1e-6)


def test_the_loss_is_that_of_the_sampled_classes(mindspore: Any) -> None:
    setting = Setting(mindspore, "linear", 6, "sgd", None)
    labels, sample, images, decay = next(steps(6))
    values = setting.values()
    weight, bias = values["model/head.classifier.weight"], values["model/head.classifier.bias"]
    logits = (images @ weight.T + bias)[:, sample]
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    targets = np.eye(6)[np.searchsorted(sample, labels)] * 0.9 + 0.1 / 6
    assert setting.take(labels, sample, images, decay) == pytest.approx(-(targets * log_p).sum(1).mean(), rel=1e-5)


def test_a_training_that_resumes_from_the_saved_tables_ends_the_same(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.training.state import Position, Tensors

    def tensors(setting: Setting) -> Tensors:
        assert setting.table is not None
        return Tensors({"optimizer": {"rate": setting.optimizer.learning_rate}}, setting.table.arrays())

    run, every = RunFolder(tmp_path), list(steps(5, 8))
    undisturbed = Setting(mindspore, "linear", 5, "adamw", None)
    for number, each in enumerate(every):
        undisturbed.take(*each)
        if number == 3:
            assert undisturbed.table is not None
            undisturbed.table.finish()
            tensors(undisturbed).save(run, "tiny", Position(step=4))
            count = undisturbed.optimizer.count.asnumpy().copy()
    resumed = Setting(mindspore, "linear", 5, "adamw", None)
    assert tensors(resumed).load(run, "tiny").step == 4
    mindspore.ops.assign(resumed.optimizer.count, mindspore.Tensor(count))
    for each in every[4:]:
        resumed.take(*each)
    expected = undisturbed.values()
    assert all(np.array_equal(values, expected[name]) for name, values in resumed.values().items())


def test_tables_of_another_number_of_classes_are_not_read(tmp_path: Path, mindspore: Any) -> None:
    from shelfmind.training.state import Position, Tensors

    Tensors({}, {"model/rows": np.zeros((3, 2), np.float32)}).save(RunFolder(tmp_path), "tiny", Position())
    other = Tensors({}, {"model/rows": np.zeros((4, 2), np.float32)})
    with pytest.raises(UserError, match=r"model/rows has shape \(3, 2\), the model's is \(4, 2\)"):
        other.load(RunFolder(tmp_path), "tiny")
    assert not other.tables["model/rows"].any()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"loss": {"sampled_classes": 100}}, "may have as many classes.*loss.sampled_classes"),
        ({"loss": {"sampled_classes": 200, "name": "balanced_softmax"}}, "needs all classes; remove.*cross_entropy"),
        ({"loss": {"sampled_classes": 200}, "train": {"task": "simsiam"}}, "learns no classes"),
        ({"loss": {"sampled_classes": 200}, "distillation": {"teachers": ["run"]}}, "remove the teachers"),
    ],
)
def test_contradictions_are_refused(content: dict[str, Any], said: str, mindspore: Any) -> None:
    from shelfmind.training.build import refuse_contradictions

    with pytest.raises(UserError, match=said):
        refuse_contradictions(parse_recipe(content, "own"))


def test_only_our_networks_sample_classes(mindspore: Any) -> None:
    pytest.importorskip("mindcv")
    from shelfmind.training.build import refuse_unbuildable

    recipe = parse_recipe({"loss": {"sampled_classes": 200}, "model": {"name": "mindcv:resnet50"}}, "own")
    with pytest.raises(UserError, match="mindcv:resnet50 is none"):
        refuse_unbuildable(recipe, 300, None)
