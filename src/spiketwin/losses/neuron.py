"""Neuron loss: squared error of the z-scored PSTHs (T_neuron of Sourmpis et al. 2023).

    L = mean_{t,j} [ (P_j(t) - P^data_j(t))^2 - V_j(t) / B ] / s_j^2

P is the filtered spike count averaged over the B simulated trials, s_j the s.d. over time of the
recorded one. The unbiased form subtracts the sampling variance V/B of the simulated PSTH; without
it small batches would pay for variability and lower the rates.
"""

from __future__ import annotations

from torch import Tensor

from spiketwin.losses.counts import filtered_moments
from spiketwin.losses.rates import RateTarget


def neuron_loss(counts: Tensor, target: RateTarget, unbiased: bool) -> Tensor:
    """Neuron loss of simulated trials.

    Parameters
    ----------
    counts : (trial, group, neuron).
    target : recorded rates.
    unbiased : subtract the sampling variance (needs two trials).
    """
    trials = len(counts)
    mean, variance = filtered_moments(counts, target.window)
    error = (mean - target.psth) ** 2
    if unbiased and trials > 1:
        error = error - variance / trials
    return (error / target.sd**2).mean()
