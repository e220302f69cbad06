"""Combining the gradients of several losses at the simulated trials.

Each source (the neuron loss, the trial loss through the spikes, the trial loss through the
behaviour) has a gradient g at the spikes. It is divided by a running size and the weighted sum
flows on into the network, so that coefficients need no tuning to a data set (Sourmpis et al. 2023,
code; bias correction as in Adam):

    q = sum_{trial,neuron} mean_time g^2,   m <- 0.999 m + 0.001 q,   v = m / (1 - 0.999^n)
    g <- weight g / sqrt(v)

`projected` also removes, for every time step, the component of a gradient that opposes another one
(Yu et al. 2020). The behaviour is a source of its own because a single spike moves it much further
than it moves a population average: in one sum it would drown the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

DECAY = 0.999


@dataclass(frozen=True)
class GradientSizes:
    """Running mean square of each loss's gradient (not yet bias-corrected) and calls so far."""

    mean: Mapping[str, float] = field(default_factory=dict)
    calls: Mapping[str, int] = field(default_factory=dict)

    def observe(self, name: str, size: float) -> GradientSizes:
        """With one more gradient; a zero gradient says nothing."""
        if size == 0:
            return self
        mean = DECAY * self.mean.get(name, 0.0) + (1 - DECAY) * size
        calls = self.calls.get(name, 0) + 1
        return GradientSizes({**self.mean, name: mean}, {**self.calls, name: calls})

    def scale(self, name: str) -> float:
        """Root of the bias-corrected mean; 1 before the first gradient."""
        if name not in self.mean:
            return 1.0
        corrected = self.mean[name] / (1 - DECAY ** self.calls[name])
        return max(corrected, 1e-30) ** 0.5


Gradients = Mapping[str, Tensor]
"""Name of a source -> gradient at the spikes, (trial, time, neuron)."""


def normalised(
    gradients: Gradients, weights: Mapping[str, float], sizes: GradientSizes
) -> tuple[dict[str, Tensor], GradientSizes]:
    """Gradients of unit running size times their weights, and the updated sizes."""
    scaled = {}
    for name, gradient in gradients.items():
        sizes = sizes.observe(name, float((gradient**2).mean(1).sum()))
        scaled[name] = gradient * (weights[name] / sizes.scale(name))
    return scaled, sizes


def without_conflicts(gradients: Gradients) -> dict[str, Tensor]:
    """Remove from every gradient, time by time, its component against each other gradient."""
    freed = {}
    for name, gradient in gradients.items():
        for other, rival in gradients.items():
            if other != name:
                gradient = _freed(gradient, rival)
        freed[name] = gradient
    return freed


def _freed(gradient: Tensor, rival: Tensor) -> Tensor:
    product = (gradient * rival).sum((0, 2), keepdim=True)
    size = (rival * rival).sum((0, 2), keepdim=True).clamp(min=1e-30)
    return gradient - product.clamp(max=0) / size * rival


def combine(
    gradients: Gradients, weights: Mapping[str, float], sizes: GradientSizes, method: str
) -> tuple[Tensor, GradientSizes]:
    """Gradient to send back into the network.

    Parameters
    ----------
    gradients : gradient of each source at the spikes.
    weights : weight of each source.
    sizes : running sizes.
    method : "normalised", "projected" or "sum".
    """
    if method == "sum":
        return torch.stack([weights[n] * g for n, g in gradients.items()]).sum(0), sizes
    scaled, sizes = normalised(gradients, weights, sizes)
    parts = without_conflicts(scaled) if method == "projected" else scaled
    return torch.stack(list(parts.values())).sum(0), sizes
