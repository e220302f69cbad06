"""Large tensors whose memory is used again.

The system clears fresh memory page by page, which costs more than most of what is done with the
spikes of a batch. Tensors of one shape come and go at every step of a fit, so that their memory is
kept for the next one.
"""

from __future__ import annotations

import weakref

import numpy as np
import torch
from torch import Tensor

_FREE: dict[tuple[tuple[int, ...], torch.dtype], list[np.ndarray]] = {}


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor on the CPU as from `torch.empty`, its memory free again when nothing refers to it.

    When no memory of this shape is free, that of all other shapes is given back.
    """
    free = _FREE.get((shape, dtype))
    if not free:
        for other in _FREE.values():
            other.clear()
        free = _FREE.setdefault((shape, dtype), [])
        memory = torch.empty(shape, dtype=dtype).numpy()
    else:
        memory = free.pop()
    lent = memory.view()
    weakref.finalize(lent, free.append, memory)
    return torch.from_numpy(lent)


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """`empty` filled with zeros."""
    return empty(shape, dtype).zero_()
