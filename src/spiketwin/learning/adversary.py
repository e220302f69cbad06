"""How discriminators learn beside the network: AdamW on the same batch, every few steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spiketwin.learning import adam
from spiketwin.losses.adversarial import Adversary
from spiketwin.network import Parameters

EVERY = 5
"""Steps of the network between two of the discriminators (Sourmpis et al. 2023)."""
DECAY = 1.0
"""Decoupled weight decay."""
PREFIX = "critic "


def start(adversary: Adversary, seed: int) -> Parameters:
    """Discriminators and the moments of their optimiser, as part of a fitter's memory."""
    critics = adversary.start(torch.Generator().manual_seed(seed))
    return critics | adam.start(critics)


def critics_of(memory: Parameters) -> Parameters:
    """The discriminators in a fitter's memory."""
    return {name: value for name, value in memory.items() if name.startswith(PREFIX)}


def learned(
    adversary: Adversary,
    views: Sequence[Tensor],
    memory: Parameters,
    step: int,
    rate: float,
    beta2: float,
    seed: int,
) -> Parameters:
    """Memory after a step of the discriminators; unchanged where it is not their turn.

    Parameters
    ----------
    adversary, views : discriminators and what they see of the simulated trials.
    memory : of the fitter.
    step : steps done by the network.
    rate, beta2 : of the optimiser.
    seed : of dropout.
    """
    if step % EVERY:
        return memory
    critics = {n: value.clone().requires_grad_() for n, value in critics_of(memory).items()}
    loss = adversary.unmask(
        [view.detach() for view in views], critics, torch.Generator().manual_seed(seed)
    )
    names = list(critics)
    found = torch.autograd.grad(loss, [critics[name] for name in names])
    gradients = dict(zip(names, found, strict=True))
    shrunk = {n: value.detach() * (1 - rate * DECAY) for n, value in critics.items()}
    changed, after = adam.update(shrunk, gradients, memory, rate, beta2, step // EVERY + 1)
    return after | changed
