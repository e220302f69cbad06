"""Spike functions: what is sampled forward, and the surrogate derivative backward.

With excess u = (v - theta)/theta, temperature T, dampening d, step dt in ms and S the logistic
function (Sourmpis et al. 2023; exponential: Sourmpis et al. 2026):

    logistic        p = S(T u) dt/2                  dz/du = d T S(T u) (1 - S(T u)) dt/2
    exponential     p = min(1, exp(u / 0.08) dt)     dz/du = d max(0, 1 - |u|)
    deterministic   z = [u > 0]                      dz/du = d max(0, 1 - |u|)
    rate            z = S(5 u) dt/2, no spike at all, no reset and no refractory period

A sampled spike is z = [uniform < p]; the derivative passes straight through the sample and is 0
while a neuron is refractory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.network.neurons import SpikeFunction

SLOPE = 0.08
"""Width of the exponential escape function in units of the threshold (2 mV over 25 mV)."""


class _Sampled(torch.autograd.Function):
    """Spikes given beforehand; backward multiplies with the surrogate derivative."""

    @staticmethod
    def forward(ctx: Any, excess: Tensor, spikes: Tensor, derivative: Tensor) -> Tensor:
        ctx.save_for_backward(derivative)
        return spikes

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (derivative,) = ctx.saved_tensors
        return gradients[0] * derivative, None, None


def logistic(temperature: float, dampening: float, step_ms: float) -> SpikeFunction:
    """Logistic escape noise of the published models."""

    def spike(excess: Tensor, uniform: Tensor, ready: Tensor) -> Tensor:
        with torch.no_grad():
            rate = torch.sigmoid(temperature * excess)
            spikes = (uniform < rate * (step_ms / 2)).to(excess.dtype) * ready
            derivative = rate * (1 - rate) * ready * (dampening * temperature * step_ms / 2)
        return _Sampled.apply(excess, spikes, derivative)

    return spike


def exponential(dampening: float, step_ms: float) -> SpikeFunction:
    """Exponential escape noise (Sourmpis et al. 2026)."""

    def spike(excess: Tensor, uniform: Tensor, ready: Tensor) -> Tensor:
        with torch.no_grad():
            spikes = (uniform < torch.exp(excess / SLOPE) * step_ms).to(excess.dtype) * ready
            derivative = dampening * (1 - excess.abs()).clamp(min=0) * ready
        return _Sampled.apply(excess, spikes, derivative)

    return spike


def deterministic(dampening: float) -> SpikeFunction:
    """Threshold crossing."""

    def spike(excess: Tensor, uniform: Tensor, ready: Tensor) -> Tensor:
        with torch.no_grad():
            spikes = (excess > 0).to(excess.dtype) * ready
            derivative = dampening * (1 - excess.abs()).clamp(min=0) * ready
        return _Sampled.apply(excess, spikes, derivative)

    return spike


RATE = "rate"
RATE_SLOPE = 5.0
"""Gain of the rate of networks without spikes (Sourmpis et al. 2026)."""


def rate(step_ms: float) -> SpikeFunction:
    """Expected spikes in the place of spikes."""

    def spike(excess: Tensor, uniform: Tensor, ready: Tensor) -> Tensor:
        return torch.sigmoid(RATE_SLOPE * excess) * (step_ms / 2)

    return spike


def spike_function(config: NetworkConfig) -> SpikeFunction:
    """The spike function that a configuration names."""
    step_ms = 1000 * config.step_s
    return {
        "logistic": logistic(config.temperature, config.dampening, step_ms),
        "exponential": exponential(config.dampening, step_ms),
        "deterministic": deterministic(config.dampening),
        RATE: rate(step_ms),
    }[config.spike_function]
