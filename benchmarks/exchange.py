"""One exchange of all gradients compared with one per gradient, in processes started by `msrun`:

    msrun --worker_num=2 --local_worker_num=2 --master_port=8130 --join=True --log_dir=LOGS benchmarks/exchange.py

The first worker prints milliseconds per step to LOGS/worker_0.log: medians of interleaved rounds.
"""

from __future__ import annotations

import statistics
import time

import mindspore
import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, ops

from shelfmind.machine.device import start_mindspore
from shelfmind.machine.distributed import world

GRADIENTS, VALUES = 60, 64 * 64 * 9
"""About as many gradients as `shelfnet_s` has convolutions, of an average size."""
ROUNDS, STEPS = 5, 10


def main() -> None:
    """Measure both ways."""
    start_mindspore()
    total = ops.AllReduce()
    values = np.random.default_rng(0).random(VALUES).astype(np.float32)
    gradients = ParameterTuple([Parameter(Tensor(values), name=f"gradient_{index}") for index in range(GRADIENTS)])

    @mindspore.jit
    def together(factor: Tensor) -> Tensor:
        return total(ops.concat([part * factor for part in gradients]))

    @mindspore.jit
    def each(factor: Tensor) -> tuple[Tensor, ...]:
        return tuple([total(part * factor) for part in gradients])

    steps = iter(range(1, 10**6))  # a new factor each time, so that nothing is constant
    ways = {
        "one exchange": lambda factor: [together(factor).asnumpy()],
        "one per gradient": lambda factor: [part.asnumpy() for part in each(factor)],
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():  # compiles
        factor = next(steps)
        assert np.allclose(np.concatenate(way(Tensor(np.float32(factor))))[:VALUES], world().size * factor * values)
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            for _ in range(STEPS):
                way(Tensor(np.float32(next(steps))))
            found[name].append((time.perf_counter() - began) / STEPS * 1000)
    if world().leads:
        for name, times in found.items():
            print(f"{name}: {statistics.median(times):.1f} ms ({min(times):.1f} to {max(times):.1f})", flush=True)


if __name__ == "__main__":
    main()
