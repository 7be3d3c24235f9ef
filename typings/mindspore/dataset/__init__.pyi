from collections.abc import Iterator, Sequence
from typing import Any

class _Config:
    def set_seed(self, seed: int) -> None: ...

config: _Config

class Dataset:
    def map(self, operations: Any, input_columns: Any = ..., *, num_parallel_workers: int | None = ...) -> Dataset: ...
    def batch(self, batch_size: int, drop_remainder: bool = ...) -> Dataset: ...
    def create_tuple_iterator(self, *, num_epochs: int = ..., output_numpy: bool = ...) -> Iterator[Any]: ...

class GeneratorDataset(Dataset):
    def __init__(
        self,
        source: Any,
        column_names: Sequence[str] | None = ...,
        *,
        shuffle: bool | None = ...,
        num_parallel_workers: int = ...,
    ) -> None: ...
