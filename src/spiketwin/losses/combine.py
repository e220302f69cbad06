"""Combining the gradients of several losses at the simulated trials.

Each source (the neuron loss, the dispersion loss, the trial loss through the spikes, the trial
loss through the behaviour) has a gradient g at the spikes. It is divided by a running size and the
weighted sum flows on into the network, so that coefficients need no tuning to a data set (Sourmpis
et al. 2023, code; bias correction as in Adam):

    q = sum_{trial,neuron} mean_time g^2,   m <- 0.999 m + 0.001 q,   v = m / (1 - 0.999^n)
    g <- weight g / sqrt(v)

`projected` also removes, for every time bin, the component of each gradient that opposes another
one (Yu et al. 2020). The behaviour is a source of its
own because a single spike moves it much further than it moves a population average: in one sum it
would drown the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spiketwin.network.reuse import empty

DECAY = 0.999
SIZE, CALLS = "size ", "calls "
"""Names of the running sizes among the numbers of a fit."""


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

    @property
    def numbers(self) -> dict[str, float]:
        """As plain numbers, for a checkpoint."""
        calls = {f"{CALLS}{name}": float(value) for name, value in self.calls.items()}
        return {f"{SIZE}{name}": value for name, value in self.mean.items()} | calls

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> GradientSizes:
        """From `numbers`, among which there may be others."""

        def named(prefix: str) -> dict[str, float]:
            found = [(key, value) for key, value in numbers.items() if key.startswith(prefix)]
            return {key.removeprefix(prefix): value for key, value in found}

        return cls(named(SIZE), {name: int(value) for name, value in named(CALLS).items()})


Gradients = Mapping[str, Tensor]
"""Name of a source -> gradient at the spikes, (trial, time, neuron)."""


@dataclass(frozen=True)
class SpikeGradients:
    """Gradients of the losses with respect to the spikes of a run.

    Attributes
    ----------
    counts : gradient of each source at the spike counts, (trial, bin, neuron).
    lengths : (bin,) steps of each bin.
    projected : gradient at the projected spikes, (trial, step, trace), if there is any.
    readout : (trace, neuron) projection.
    """

    counts: Gradients
    lengths: Tensor
    projected: Tensor | None
    readout: Tensor


@dataclass(frozen=True)
class Combined:
    """The gradient to send back into the network.

    Attributes
    ----------
    counts, projected : what arrives at the counts and at the projected spikes.
    behaviour : factor by which `projected` was multiplied.
    sizes : updated running sizes.
    """

    counts: Tensor
    projected: Tensor | None
    behaviour: float
    sizes: GradientSizes


def combine(
    gradients: SpikeGradients, weights: Mapping[str, float], sizes: GradientSizes, method: str
) -> Combined:
    """Weigh and add up.

    Parameters
    ----------
    gradients : of each source.
    weights : weight of each source; that of the projected spikes is called ``behaviour``.
    sizes : running sizes.
    method : "normalised", "projected" or "sum".
    """
    if method == "sum":
        total = _sum(gradients.counts, weights)
        return _with_behaviour(gradients, total, weights["behaviour"], sizes)
    share = gradients.lengths / gradients.lengths.sum()
    for name, gradient in gradients.counts.items():
        square = torch.linalg.vector_norm(gradient, dim=2) ** 2
        sizes = sizes.observe(name, float(square.sum(0) @ share))
    factors = {name: weights[name] / sizes.scale(name) for name in gradients.counts}
    parts = gradients.counts
    if method == "projected":
        parts, factors = without_conflicts({n: g * factors[n] for n, g in parts.items()}), {}
    if gradients.projected is not None:
        sizes = sizes.observe("behaviour", _projected_size(gradients.projected, gradients.readout))
    factor = weights["behaviour"] / sizes.scale("behaviour")
    return _with_behaviour(gradients, _sum(parts, factors), factor, sizes)


def _with_behaviour(
    gradients: SpikeGradients, total: Tensor, factor: float, sizes: GradientSizes
) -> Combined:
    projected = gradients.projected
    return Combined(total, None if projected is None else projected * factor, factor, sizes)


def _sum(gradients: Gradients, factors: Mapping[str, float]) -> Tensor:
    """Weighted sum; a missing factor is 1."""
    (name, first), *others = gradients.items()
    total = empty(tuple(first.shape), first.dtype) if first.is_cpu else torch.empty_like(first)
    torch.mul(first, factors.get(name, 1.0), out=total)
    for name, gradient in others:
        total.add_(gradient, alpha=factors.get(name, 1.0))
    return total


def _projected_size(gradient: Tensor, readout: Tensor) -> float:
    """Size at the spikes of a gradient at the projected spikes, without spelling it out."""
    return float(((gradient @ (readout @ readout.T)) * gradient).mean(1).sum())


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
