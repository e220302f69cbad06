"""Large tensors whose memory is used again.

The system clears fresh memory page by page, which costs more than most of what is done with the
spikes of a batch. Tensors of one shape come and go at every step of a fit, so that their memory is
kept for the next one.
"""

from __future__ import annotations

import weakref
from itertools import count

import numpy as np
import torch
from torch import Tensor

Kind = tuple[tuple[int, ...], torch.dtype]

_FREE: dict[Kind, list[np.ndarray]] = {}
_LENT: dict[Kind, int] = {}
"""Kind -> number of the last tensor of it that was lent."""
_NUMBERS = count()
FORGOTTEN = 400
"""Memory of a kind is given back when so many others were lent since: about ten steps of a fit."""


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor on the CPU as from `torch.empty`; its memory is free when nothing refers to it."""
    kind, number = (shape, dtype), next(_NUMBERS)
    free = _FREE.setdefault(kind, [])
    _LENT[kind] = number
    if free:
        memory = free.pop()
    else:
        _give_back(number - FORGOTTEN)
        memory = torch.empty(shape, dtype=dtype).numpy()
    lent = memory.view()
    weakref.finalize(lent, free.append, memory)
    return torch.from_numpy(lent)


def _give_back(before: int) -> None:
    """The free memory of all kinds that were last lent before some number."""
    for kind, last in _LENT.items():
        if last < before:
            _FREE[kind].clear()


def zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """`empty` filled with zeros."""
    return empty(shape, dtype).zero_()
