"""Input rates that wander inside a trial, so that neurons vary together for some tens of ms.

The rate of a group with s.d. s and correlation time tau is multiplied by

    exp(s x(t) - s^2 / 2),    dx = -x dt / tau + sqrt(2 / tau) dW,    x stationary

with one path x for every trial and group: the mean rate stays. A latent that is constant during a
trial moves neurons together for all of it, the neurons' own noise for no time at all; what
recordings have between the two comes from here, through learned weights.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.network.draws import CounterDraws
from spiketwin.network.inputs import Stimulation
from spiketwin.network.readout import filtered


def wandering(stimulation: Stimulation, config: NetworkConfig, draws: CounterDraws) -> Stimulation:
    """The stimulation with the rates of this run's trials.

    Parameters
    ----------
    stimulation : probabilities of the input groups of `config`.
    config : network settings.
    draws : numbers of the run.
    """
    restless = [k for k, group in enumerate(config.inputs) if group.fluctuation > 0]
    if not restless:
        return stimulation
    probability = stimulation.probability.clone()
    trials, steps, _ = probability.shape
    normal = draws.rates(trials, steps + 1, len(restless)).to(probability)
    for column, k in enumerate(restless):
        group = config.inputs[k]
        path = paths(normal[:, :, column], config.step_s, group.fluctuation_tau_s)
        factor = torch.exp(group.fluctuation * path - group.fluctuation**2 / 2)
        probability[:, :, k] = (probability[:, :, k] * factor).clamp(max=1)
    return replace(stimulation, probability=probability)


def paths(normal: Tensor, step_s: float, tau_s: float) -> Tensor:
    """Stationary Ornstein-Uhlenbeck paths of unit variance, (trial, step).

    Parameters
    ----------
    normal : (trial, step + 1) independent standard normal; the first one is where a path begins.
    step_s, tau_s : step and correlation time.
    """
    decay = math.exp(-step_s / tau_s)
    to_unit = math.sqrt((1 + decay) / (1 - decay))
    low_passed = filtered(normal[:, 1:, None], normal[:, :1] / to_unit, step_s, tau_s)
    return low_passed[:, :, 0] * to_unit
