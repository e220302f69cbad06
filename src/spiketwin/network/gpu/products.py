"""Matrix products on the tensor cores, see `kernels`."""

from __future__ import annotations

import torch
from torch import Tensor

PAD = 64


def product(left: Tensor, right: Tensor, out: Tensor) -> None:
    """Product of bfloat16 matrices with sums and result in single precision."""
    if left.is_cuda:
        torch.mm(left, right, out_dtype=torch.float32, out=out)
    else:  # Triton's interpreter
        torch.mm(left.float(), right.float(), out=out)


def three_parts(values: Tensor) -> list[Tensor]:
    """Three bfloat16 numbers whose sum is the single-precision number."""
    parts = []
    for _ in range(3):
        parts.append(values.to(torch.bfloat16))
        values = values - parts[-1].float()
    return parts


def padded(number: int) -> int:
    return -(-number // PAD) * PAD
