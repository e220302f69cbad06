"""Leaky integrate-and-fire neurons with escape noise, one time step.

Sourmpis et al. 2023, methods; voltages in units in which the threshold is 0.1 and rest is 0:

    v_j(t) = a_j v_j(t-1) + (1 - a_j) (I_j(t) + o_j + r_j + c_j)
             + xi_j(t) g_j (theta - r_j) s sqrt(dt)
    b_j(t) = k b_j(t-1) + (1 - k) z_j(t-1)
    u_j(t) = (v_j(t) - A_j(t)) / A_j(t),    A_j(t) = theta + beta b_j(t)
    z_j(t) ~ Bernoulli(p(u_j(t))), 0 while refractory
    v_j(t) <- v_j(t) - (theta - r_j) z_j(t)

with decay a = exp(-dt/tau), resting offset r, bias c, trial offset o, noise gain g, standard normal
xi, noise amplitude s, dt in milliseconds, and the adaptation b of the threshold with its strength
beta (0 in the published models) and k = exp(-dt/tau_b). The drive (1 - a)(I + o + r + c) and the
noise arrive ready made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

THRESHOLD = 0.1
"""Firing threshold; the unit of all voltages and currents."""

SpikeFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(excess, uniform, ready) -> spikes, see `spikes`."""


class NeuronState(NamedTuple):
    """Everything the neurons remember.

    Attributes
    ----------
    voltage : (trial, neuron).
    recent : last spikes, newest first, each (trial, neuron); as many as the longest delay or the
        refractory period needs.
    adaptation : (trial, neuron).
    """

    voltage: Tensor
    recent: tuple[Tensor, ...]
    adaptation: Tensor


class NeuronConstants(NamedTuple):
    """What stays fixed during a run.

    Attributes
    ----------
    decay : (neuron,) factor a of the voltage.
    reset : (neuron,) voltage lost by a spike, theta - r.
    refractory : steps without spikes after a spike.
    adaptation : strength beta of the adaptation.
    keep : factor k of the adaptation.
    """

    decay: Tensor
    reset: Tensor
    refractory: int
    adaptation: float = 0.0
    keep: float = 0.0


def step(
    state: NeuronState,
    drive: Tensor,
    noise: Tensor,
    uniform: Tensor,
    constants: NeuronConstants,
    spike: SpikeFunction,
) -> tuple[Tensor, NeuronState]:
    """Advance all neurons by one step.

    Parameters
    ----------
    state : state after the previous step.
    drive : (trial, neuron), (1 - a) times the total current.
    noise : (trial, neuron), scaled membrane noise.
    uniform : (trial, neuron), uniform random numbers in [0, 1).
    constants, spike : neuron constants and spike function.

    Returns
    -------
    spikes (trial, neuron) of 0 and 1, and the state after them.
    """
    voltage = constants.decay * state.voltage + drive + noise
    adaptation, threshold = state.adaptation, voltage.new_tensor(THRESHOLD)
    if constants.adaptation:
        adaptation = constants.keep * adaptation + (1 - constants.keep) * state.recent[0]
        threshold = THRESHOLD + constants.adaptation * adaptation
    excess = (voltage - threshold) / threshold
    spikes = spike(excess, uniform, ready(state, constants.refractory))
    voltage = voltage - constants.reset * spikes
    return spikes, NeuronState(voltage, (spikes, *state.recent[:-1]), adaptation)


def ready(state: NeuronState, refractory: int) -> Tensor:
    """1 where a neuron may fire, 0 where it fired during the last `refractory` steps."""
    ready_now = torch.ones_like(state.voltage)
    for spikes in state.recent[:refractory]:
        ready_now = ready_now - spikes.detach()
    return ready_now
