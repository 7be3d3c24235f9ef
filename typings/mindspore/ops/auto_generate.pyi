from mindspore import Tensor

class SplitWithSize:
    def __call__(self, input: Tensor, split_size: tuple[int, ...], dim: int) -> tuple[Tensor, ...]: ...
