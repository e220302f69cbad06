"""Debiased Sinkhorn divergence with distance cost (p = 1).

    S(x, y) = OT(x, y) - 1/2 OT(x, x) - 1/2 OT(y, y)
    OT(x, y) = max_{f, g} <a, f> + <b, g>,
    f_i = -e log sum_j b_j exp((g_j - C_ij) / e)

at entropy e = blur, reached by halving e from the largest cost (Feydy et al. 2019, algorithm of
symmetrised updates). The last update of f is differentiated with g as a constant, which gives the
transport plan as the derivative in C, exact at the fixed point.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spiketwin.losses.distances import distances

BLUR = 0.01
"""Entropy of the published loss, in units of the distance."""


def sinkhorn_divergence(x: Tensor, y: Tensor, blur: float = BLUR, polish: int = 0) -> Tensor:
    """Sinkhorn divergence between the rows of x (n, D) and y (m, D), uniform weights.

    Parameters
    ----------
    x, y : features; differentiable in both.
    blur : final entropy, in units of the distance.
    polish : further iterations at the final entropy.
    """
    cross = distances(x, y)
    largest = float(cross.detach().max())
    schedule = _schedule(largest, blur, polish)
    return (
        _dual(cross, schedule)
        - (_dual(distances(x, x), schedule) + _dual(distances(y, y), schedule)) / 2
    )


def _schedule(largest: float, blur: float, polish: int) -> list[float]:
    """Entropies, halving from the largest cost to the blur."""
    halvings = max(0, math.ceil(math.log2(max(largest, blur) / blur)))
    return [max(blur, largest / 2**k) for k in range(halvings)] + [blur] * (1 + polish)


def _dual(cost: Tensor, schedule: list[float]) -> Tensor:
    """Dual value of the transport with this cost (n, m)."""
    with torch.no_grad():
        f, g = _potentials(cost, schedule)
    last = schedule[-1]
    return _softmin(cost, g, last).mean() + _softmin(cost.detach().T, f, last).mean()


def _potentials(cost: Tensor, schedule: list[float]) -> tuple[Tensor, Tensor]:
    f, g = cost.new_zeros(cost.shape[0]), cost.new_zeros(cost.shape[1])
    f, g = _softmin(cost, g, schedule[0]), _softmin(cost.T, f, schedule[0])
    for entropy in schedule:
        following = _softmin(cost, g, entropy), _softmin(cost.T, f, entropy)
        f, g = (f + following[0]) / 2, (g + following[1]) / 2
    return f, g


def _softmin(cost: Tensor, potential: Tensor, entropy: float) -> Tensor:
    """-e log mean_j exp((potential_j - cost_ij) / e), (row,)."""
    scores = (potential[None, :] - cost) / entropy
    return -entropy * (torch.logsumexp(scores, 1) - math.log(cost.shape[1]))
