from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from mindspore import Parameter, ParameterTuple, Tensor

class Cell:
    training: bool
    _cells: dict[str, Cell]
    mixed_precision: bool
    def __init__(self, auto_prefix: bool = ..., flags: Any = ...) -> None: ...
    def __call__(self, *inputs: Any) -> Tensor: ...
    def set_train(self, mode: bool = ...) -> Cell: ...
    def get_parameters(self, expand: bool = ...) -> Iterator[Parameter]: ...
    def trainable_params(self, recurse: bool = ...) -> list[Parameter]: ...
    def parameters_and_names(self, name_prefix: str = ..., expand: bool = ...) -> Iterator[tuple[str, Parameter]]: ...
    def cells_and_names(self, name_prefix: str = ...) -> Iterator[tuple[str, Cell]]: ...
    def update_parameters_name(self, prefix: str = ..., recurse: bool = ...) -> None: ...
    def register_forward_hook(self, hook_fn: Callable[..., Any]) -> Any: ...

class SequentialCell(Cell):
    cell_list: list[Cell]
    def __init__(self, *cells: Cell | Sequence[Cell]) -> None: ...

class CellList(Cell):
    def __init__(self, cells: Iterable[Cell] = ...) -> None: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...

class Conv2d(Cell):
    weight: Parameter
    bias: Parameter
    has_bias: bool
    group: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = ...,
        pad_mode: str = ...,
        padding: int | tuple[int, ...] = ...,
        dilation: int | tuple[int, int] = ...,
        group: int = ...,
        has_bias: bool = ...,
    ) -> None: ...

class Dense(Cell):
    weight: Parameter
    bias: Parameter
    has_bias: bool
    in_channels: int
    out_channels: int
    def __init__(
        self, in_channels: int, out_channels: int, weight_init: Any = ..., bias_init: Any = ..., has_bias: bool = ...
    ) -> None: ...

class _BatchNorm(Cell):
    num_features: int
    momentum: float
    gamma: Parameter
    beta: Parameter
    moving_mean: Parameter
    moving_variance: Parameter
    def __init__(self, num_features: int, eps: float = ..., momentum: float = ..., affine: bool = ...) -> None: ...

class BatchNorm1d(_BatchNorm): ...

class BatchNorm2d(_BatchNorm):
    def construct(self, x: Tensor) -> Tensor: ...

class ReLU(Cell): ...
class Identity(Cell): ...

class Dropout(Cell):
    def __init__(self, keep_prob: float = ..., p: float | None = ...) -> None: ...

class MaxPool2d(Cell):
    kernel_size: int
    stride: int
    pad_mode: str
    def __init__(self, kernel_size: int = ..., stride: int = ..., pad_mode: str = ..., padding: int = ...) -> None: ...

class AvgPool2d(Cell):
    kernel_size: int
    stride: int
    pad_mode: str
    def __init__(
        self,
        kernel_size: int = ...,
        stride: int = ...,
        pad_mode: str = ...,
        padding: int = ...,
        ceil_mode: bool = ...,
        count_include_pad: bool = ...,
    ) -> None: ...

class Optimizer(Cell):
    learning_rate: Parameter
    parameters: Any
    _parameters: ParameterTuple
    def decay_weight(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]: ...
    def __init__(
        self, learning_rate: Any, parameters: Any, weight_decay: float = ..., loss_scale: float = ...
    ) -> None: ...
    def get_lr(self) -> Tensor: ...
    def get_weight_decay(self) -> Any: ...
