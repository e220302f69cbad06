"""Neurons that have fallen silent are woken.

The surrogate derivative is zero far below threshold: a neuron that no longer fires has no gradient
that could bring it back. With the recorded rate R of a neuron, the rate r of the simulated trials
of a step and the learning rate lr,

    m <- 0.9 m + 0.1 r,        bias <- bias + lr [m < share R],

until the losses see it again.
"""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from spiketwin.learning.protocol import FitState

RENEWAL = 0.1
"""Share of a step in the running rate."""
RUNNING = "running rate"


def woken(
    state: FitState, simulated: Tensor, recorded: Tensor, share: float, rate: float
) -> FitState:
    """The state with the biases of silent neurons raised.

    Parameters
    ----------
    state : after the step.
    simulated, recorded : (neuron,) rates in the same unit; recorded is 0 where nothing is known.
    share : of the recorded rate, below which a neuron is woken.
    rate : learning rate of the step.
    """
    running = state.memory.get(RUNNING, recorded)
    running = running.lerp(simulated.to(running), RENEWAL)
    bias = state.parameters["bias"]
    bias = bias + rate * (running < share * recorded).to(bias)
    return replace(
        state,
        parameters={**state.parameters, "bias": bias},
        memory={**state.memory, RUNNING: running},
    )
