"""The classifier rows of all classes, where each step trains those of a sample of the classes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from shelfmind.arrays import Floats, Ints
from shelfmind.evaluation.matrix_rows import row_chunks
from shelfmind.models.heads import Head
from shelfmind.training.optimizer import Optimizer

_CHUNK_VALUES = 4_000_000
_LEAST_DECAY = 1e-30


class Table:
    """The values of all classes, (C, ...), in the memory of the host, and the parameter (N, ...) of a sample."""

    def __init__(self, values: Floats, rows: Parameter) -> None:
        self.values, self.rows = values, rows
        self._buffer = np.empty((rows.shape[0], *values.shape[1:]), np.float32)  # new memory costs more than the copy

    def taken(self, classes: Ints) -> Floats:
        """The rows of these classes, until the next call."""
        return np.take(self.values, classes, axis=0, out=self._buffer, mode="clip")

    def load(self, rows: Floats) -> None:
        """Copy these rows to the parameter."""
        ops.assign(self.rows, Tensor(rows))  # set_data would change the next graph that is compiled

    def store(self, classes: Ints) -> None:
        """Copy the parameter back."""
        self.values[classes] = self.rows.asnumpy()


class ClassTable:
    """Weights, optimizer states and averaged weights of a classifier of C classes, of which a step trains N.

    All other rows keep their weights and states (Partial FC, An et al., CVPR 2022), without weight decay or momentum.
    Their averages still move towards their weights in every step. As the weights are constant meanwhile, the missing
    decays are applied at once, the next time that a row is in a sample, or by `finish`.

    Attributes:
        size: N.
        weights: of the trained network, by name.
        states: of the optimizer, by name.
        averages: of the weights, by name.
    """

    def __init__(self, head: Head, averaged: Head, number: int) -> None:
        """Replace the classifier of `head`, in the trained network, by one of `number` rows. `averaged` is the head of
        the averaged network, which keeps all classes and has the current averages after `finish`."""
        self.size = number
        whole = head.sample_classes(number)
        rows = {parameter.name: parameter for parameter in head.classifier.get_parameters()}
        self.weights = {name: Table(_copy(parameter), rows[name]) for name, parameter in whole.items()}
        published = list(averaged.classifier.get_parameters())
        self.published = dict(zip(whole, published, strict=True))
        self.averages = {
            name: Table(_copy(parameter), rows[name].clone()) for name, parameter in self.published.items()
        }
        for name, table in self.averages.items():
            table.rows.name = f"average.{name}"  # a graph needs unique names
        self.states: dict[str, Table] = {}
        classes = len(next(iter(self.weights.values())).values)
        self._decay_sum = 0.0
        self._seen = np.zeros(classes)
        """The sums of the logarithms of all decays, now and when each class was last averaged."""

    def attach(self, optimizer: Optimizer) -> None:
        """Keep the optimizer's states of the rows, too."""
        for table in self.weights.values():
            for state in optimizer.states_of(table.rows):
                self.states[state.name] = Table(np.zeros_like(table.values), state)

    @property
    def tables(self) -> list[Table]:
        """All tables."""
        return [*self.weights.values(), *self.states.values(), *self.averages.values()]

    @property
    def parameters(self) -> set[int]:
        """The ids of all parameters that hold rows, or copies of a table."""
        return {id(each) for each in (*(table.rows for table in self.tables), *self.published.values())}

    def averages_of(self, model: nn.Cell, averaged: nn.Cell) -> list[tuple[Parameter, Parameter]]:
        """The parameters of `model` with their averages: `averaged`'s, except for the rows of a sample."""
        names = {id(parameter): name for name, parameter in self.published.items()}
        averages = [
            self.averages[names[id(each)]].rows if id(each) in names else each for each in averaged.get_parameters()
        ]
        return list(zip(model.get_parameters(), averages, strict=True))

    def arrays(self) -> dict[str, Floats]:
        """The values of all classes as named in the state of a training run."""
        return {
            f"{role}/{name}": table.values
            for role, tables in (("model", self.weights), ("optimizer", self.states), ("averaged", self.averages))
            for name, table in tables.items()
        }

    @contextmanager
    def sampled(self, sample: Ints, decay: float) -> Iterator[None]:
        """The parameters hold the rows of these classes in this context, in which one step with this decay of the
        averages is made, and which stores them again."""
        factors = self._missing_decays(sample)
        for state in self.states.values():
            state.load(state.taken(sample))
        for name, table in self.weights.items():
            weights, average = table.taken(sample), self.averages[name]
            table.load(weights)
            average.load(_decayed(average.taken(sample), weights, factors))
        yield
        for table in self.tables:
            table.store(sample)
        self._decay_sum += math.log(max(decay, _LEAST_DECAY))
        self._seen[sample] = self._decay_sum

    def finish(self) -> None:
        """Bring the averages of all classes up to date, and copy them to the averaged network.

        Called at fixed steps, so that a resumed training computes the same.
        """
        for name, average in self.averages.items():
            weights = self.weights[name].values
            for rows in row_chunks(len(weights), weights[0].size, _CHUNK_VALUES):
                factors = self._missing_decays(np.arange(len(weights))[rows])
                _decayed(average.values[rows], weights[rows], factors)
        self._decay_sum = 0.0
        self._seen[:] = 0.0
        for name, parameter in self.published.items():
            ops.assign(parameter, Tensor(self.averages[name].values))

    def _missing_decays(self, classes: Ints) -> Floats:
        """The product of the decays since each class was last averaged, 1 if there are none."""
        return np.asarray(np.exp(self._decay_sum - self._seen[classes]), np.float32)


def _decayed(averages: Floats, weights: Floats, factors: Floats) -> Floats:
    """Multiply the distance of averages from their weights by each row's factor, in place."""
    current = np.flatnonzero(factors == 1)
    if len(current) == len(factors):
        return averages
    exact = averages[current]
    averages -= weights
    averages *= factors.reshape(-1, *(1,) * (averages.ndim - 1))
    averages += weights
    averages[current] = exact
    return averages


def _copy(parameter: Parameter) -> Floats:
    return np.array(parameter.asnumpy(), np.float32)
