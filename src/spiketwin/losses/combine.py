"""Combining the gradients of several losses at the simulated trials.

Each loss reads the network's output (spikes and behaviour) through its own copy. Its gradient g is
divided by a running size and the weighted sum flows on into the network, so that coefficients need
no tuning to a data set (Sourmpis et al. 2023, code; bias correction as in Adam):

    q = sum_{trial,neuron} mean_time g^2,   m <- 0.999 m + 0.001 q,   v = m / (1 - 0.999^n)
    g <- weight g / sqrt(v)

`projected` also removes, for every time bin, the component of a gradient that opposes another one
(Yu et al. 2020).
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


Gradients = tuple[Tensor, ...]
"""Gradient with respect to each output; the first output is the spikes."""


def gradients_of(losses: Mapping[str, Tensor], outputs: Gradients) -> dict[str, Gradients]:
    """Gradient of every loss at the outputs (leaves of the losses' graphs)."""
    found = {}
    for name, loss in losses.items():
        parts = torch.autograd.grad(loss, outputs, allow_unused=True)
        pairs = zip(parts, outputs, strict=True)
        found[name] = tuple(torch.zeros_like(o) if g is None else g for g, o in pairs)
    return found


def normalised(
    gradients: Mapping[str, Gradients], weights: Mapping[str, float], sizes: GradientSizes
) -> tuple[dict[str, Gradients], GradientSizes]:
    """Gradients of unit running size times their weights, and the updated sizes."""
    scaled = {}
    for name, parts in gradients.items():
        sizes = sizes.observe(name, float((parts[0] ** 2).mean(1).sum()))
        factor = weights[name] / sizes.scale(name)
        scaled[name] = tuple(part * factor for part in parts)
    return scaled, sizes


def without_conflicts(gradients: Mapping[str, Gradients]) -> dict[str, Gradients]:
    """Remove from every gradient, bin by bin, its component against each other gradient."""
    freed = {}
    for name, parts in gradients.items():
        spikes = parts[0]
        for other, rivals in gradients.items():
            if other != name:
                spikes = _freed(spikes, rivals[0])
        freed[name] = (spikes, *parts[1:])
    return freed


def _freed(gradient: Tensor, rival: Tensor) -> Tensor:
    product = (gradient * rival).sum((0, 2), keepdim=True)
    size = (rival * rival).sum((0, 2), keepdim=True).clamp(min=1e-30)
    return gradient - product.clamp(max=0) / size * rival


def total(gradients: Mapping[str, Gradients]) -> Gradients:
    """Sum over losses."""
    return tuple(torch.stack(parts).sum(0) for parts in zip(*gradients.values(), strict=True))


def combine(
    losses: Mapping[str, Tensor],
    outputs: Gradients,
    weights: Mapping[str, float],
    sizes: GradientSizes,
    method: str,
) -> tuple[Gradients, GradientSizes]:
    """Gradient to send back into the network.

    Parameters
    ----------
    losses : name -> scalar computed from `outputs`.
    outputs : leaves, spikes first.
    weights : weight of each loss.
    sizes : running sizes.
    method : "normalised", "projected" or "sum".
    """
    gradients = gradients_of(losses, outputs)
    if method == "sum":
        weighted = {n: tuple(weights[n] * g for g in parts) for n, parts in gradients.items()}
        return total(weighted), sizes
    scaled, sizes = normalised(gradients, weights, sizes)
    return total(without_conflicts(scaled) if method == "projected" else scaled), sizes
