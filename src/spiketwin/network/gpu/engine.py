"""Forward and backward pass of whole trials on the card, each one captured graph of launches.

A trial is a chain of short steps, so that a card waits for its launches: both passes are captured
once per size of a problem and replayed. All arrays of a size stay allocated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network.gpu.passes import Passes
from spiketwin.network.gpu.size import Size
from spiketwin.network.inputs import Stimulation
from spiketwin.network.prepared import Prepared

KEPT = 4
"""Sizes whose arrays and graphs are kept (batches of training and evaluation)."""

_passes: dict[Size, Passes] = {}


def simulate(
    prepared: Prepared,
    config: NetworkConfig,
    stimulation: Stimulation,
    before: int,
    bins: np.ndarray,
    seed: int,
    first_trial: int,
) -> tuple[Tensor, Tensor]:
    """As `loop.simulate`, with the numbers of `CounterDraws`, the gradient exact up to rounding."""
    learning = torch.is_grad_enabled() and prepared.recurrent.requires_grad
    size = Size.of(prepared, config, stimulation, before, bins, learning)
    passes = _passes_of(size, prepared.drive.device)
    counts, projected = _Simulation.apply(
        prepared.recurrent,
        prepared.input,
        prepared.drive,
        prepared.noise,
        prepared.constants.reset,
        prepared.readout,
        (passes, prepared, stimulation, seed, first_trial),
    )
    return counts, projected


def _passes_of(size: Size, device: torch.device) -> Passes:
    """Arrays and graphs of a size, the last few of which are kept."""
    try:
        passes = _passes.pop(size, None) or Passes(size, device)
    except torch.OutOfMemoryError:
        _passes.clear()
        raise SpiketwinError(
            f"{size.trials} trials of {size.steps} steps and {size.neurons} neurons do not fit "
            "into the memory of the card; lower learning.batches"
        ) from None
    _passes[size] = passes
    for old in list(_passes)[:-KEPT]:
        del _passes[old]
    return passes


class _Simulation(torch.autograd.Function):
    """Counts and projections; what the backward pass needs stays in the arrays of the size.

    A second forward pass of the same size before the backward pass would overwrite them: `turn`
    notices.
    """

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        passes, prepared, stimulation, seed, first_trial = inputs[6]
        passes.load(prepared, stimulation, seed, first_trial)
        passes.forward()
        ctx.passes, ctx.turn = passes, passes.turn
        return passes.counts.clone(), passes.projected()

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        passes = ctx.passes
        if ctx.turn != passes.turn:
            raise RuntimeError("the run was overwritten by a later one of the same size")
        passes.backward(*(gradient.detach() for gradient in outer))
        return (*passes.gradients(outer[1]), None)
