"""Distances between two sets of single trials: what trial matching makes small.

x (n, D) are features of simulated trials, y (m, D) of recorded ones, d the root-mean-square
difference (the features are scaled so that it is the Euclidean distance), M(x, y) the mean matched
distance of equally many trials:

    hard        mean d^2 over the Hungarian pairs of min(n, m) trials    (Sourmpis et al. 2023)
    exact       sum_ij P_ij d_ij^2, P the optimal transport plan, any n, m
    sinkhorn    debiased Sinkhorn divergence with cost d                 (Sourmpis et al. 2023)
    energy      2 mean d(x, y) - mean d(x, x') - mean d(y, y')           (Szekely & Rizzo 2013)
    debiased    1/2 [M(x1, y1) + M(x2, y2)] - 1/2 [M(x1, x2) + M(y1, y2)], mean over random halves

Matching finitely many trials has a cost even when both laws agree; a model can lower it by varying
too little. The self terms of `debiased` and `energy` cancel that cost in expectation, so their
minimum lies at equal laws for any number of trials (Salimans et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spiketwin.losses.distances import distances, mean_self_distance, squared_distances
from spiketwin.losses.plans import assignment, transport
from spiketwin.losses.sinkhorn import sinkhorn_divergence

TrialDistance = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""(x, y, generator) -> scalar."""


def hard(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared difference of Hungarian pairs; the larger set is subsampled at random."""
    n = min(len(x), len(y))
    x, y = _subset(x, n, generator), _subset(y, n, generator)
    columns = assignment(squared_distances(x, y))
    return ((x - y[columns]) ** 2).sum(1).mean()


def exact(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Squared differences under the optimal transport plan."""
    cost = squared_distances(x, y)
    return (transport(cost) * cost).sum()


def sinkhorn(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Debiased Sinkhorn divergence."""
    return sinkhorn_divergence(x, y)


def energy(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Unbiased energy distance, also the held-out score that selects a model."""
    return 2 * distances(x, y).mean() - mean_self_distance(x) - mean_self_distance(y)


SPLITS = 3
"""Random halves in one loss; simulated trials are dear, their halves are not."""


def debiased(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    """Matched distance of random halves minus the halves' distance to themselves."""
    total = _debiased_once(x, y, generator)
    for _ in range(SPLITS - 1):
        total = total + _debiased_once(x, y, generator)
    return total / SPLITS


def _debiased_once(x: Tensor, y: Tensor, generator: torch.Generator) -> Tensor:
    half = min(len(x), len(y)) // 2
    x1, x2 = _subset(x, 2 * half, generator).split(half)
    y1, y2 = _subset(y, 2 * half, generator).split(half)
    across = matched_distance(x1, y1) + matched_distance(x2, y2)
    return (across - matched_distance(x1, x2) - matched_distance(y1, y2)) / 2


def matched_distance(x: Tensor, y: Tensor) -> Tensor:
    """Mean distance of the Hungarian pairs of equally many trials."""
    between = distances(x, y)
    columns = assignment(between)
    return between.gather(1, columns[:, None]).mean()


def _subset(x: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n rows in random order."""
    return x[torch.randperm(len(x), generator=generator, device=generator.device)[:n]]


TRIAL_DISTANCES: dict[str, TrialDistance] = {
    "hard": hard,
    "exact": exact,
    "sinkhorn": sinkhorn,
    "energy": energy,
    "debiased": debiased,
    "likelihood": hard,
}
"""Names in the configuration; `likelihood` compares the units' signals, see `signals`."""

MINIMUM_TRIALS = {"hard": 1, "exact": 1, "sinkhorn": 1, "energy": 2, "debiased": 4, "likelihood": 1}
"""Trials that each distance needs on either side."""
