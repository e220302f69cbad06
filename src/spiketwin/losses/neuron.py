"""Neuron loss: squared error of the z-scored PSTHs (T_neuron of Sourmpis et al. 2023).

    L = mean_{t,j} [ (P_j(t) - P^data_j(t))^2 - V_j(t) / B ] / s_j^2

P is the filtered spike count averaged over the B simulated trials, s_j the s.d. over time of the
recorded one. The unbiased form subtracts the sampling variance V/B of the simulated PSTH; without
it small batches would pay for variability and lower the rates.
"""

from __future__ import annotations

from torch import Tensor

from spiketwin.losses.targets import RateTarget


def neuron_loss(counts: Tensor, target: RateTarget, unbiased: bool) -> Tensor:
    """Neuron loss of simulated trials.

    Parameters
    ----------
    counts : (trial, group, neuron).
    target : recorded rates.
    unbiased : subtract the sampling variance (needs two trials).
    """
    filtered = target.window.T @ counts
    error = (filtered.mean(0) - target.psth) ** 2
    if unbiased and len(counts) > 1:
        error = error - filtered.var(0) / len(counts)
    return (error / target.sd**2).mean()
