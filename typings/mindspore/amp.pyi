from typing import Any, TypeVar

from mindspore import Tensor, _DType
from mindspore.nn import Cell

_C = TypeVar("_C", bound=Cell)

def all_finite(inputs: Any) -> Tensor: ...
def auto_mixed_precision(network: _C, amp_level: str = ..., dtype: _DType = ...) -> _C: ...
