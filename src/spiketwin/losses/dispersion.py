"""Dispersion loss: spike counts of single neurons vary from trial to trial as the recorded ones do.

    L = mean_j [ log F_j - log F^data_j ]^2,      F_j = (Var_b n_bj + 1/2) / (mean_b n_bj + 1/2)

n is the number of spikes of a neuron in the window of a trial, F its Fano factor; the halves keep
neurons that hardly fire at 1. Matched trials and PSTHs do not see this: population averages stay
the same when the trial-wise latent excites one neuron and inhibits its neighbour. Without this loss
the neurons of a fitted network have Fano factors of 4 to 11 where recorded ones have 1 to 2.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spiketwin.network import float_tensor
from spiketwin.trials.trialset import Trials

HALF = 0.5
LEAST_TRIALS = 10
"""Of a session whose dispersion is taken: the log variance of fewer trials is too low."""


def log_fano_target(trials: Trials, weights: Sequence[np.ndarray] | None = None) -> Tensor:
    """(neuron,) log F of the stitched units over the trials of their session; NaN if few.

    Parameters
    ----------
    trials : of all sessions.
    weights : of each session, (trial,) with sum 1; absent: all trials alike.
    """
    target = np.full(len(trials.stitching), np.nan)
    for k, session in enumerate(trials.sessions):
        number = len(session.trials)
        if number >= LEAST_TRIALS:
            shares = np.full(number, 1 / number) if weights is None else weights[k]
            spikes = session.counts.sum(1, dtype=np.float64)
            target[session.units["neuron"].to_numpy()] = _log_fano(spikes, shares)
    return float_tensor(target)


def _log_fano(spikes: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(unit,) log F with the weighted mean and the unbiased weighted variance."""
    mean = shares @ spikes
    variance = shares @ (spikes - mean) ** 2 / (1 - shares @ shares)
    found: np.ndarray = np.log(variance + HALF) - np.log(mean + HALF)
    return found


def dispersion_loss(counts: Tensor, target: Tensor) -> Tensor:
    """Dispersion loss of simulated trials.

    Parameters
    ----------
    counts : (trial, group, neuron), at least two trials.
    target : (neuron,) of `log_fano_target`.
    """
    spikes, unknown = counts.sum(1), target.isnan()
    mean, variance = spikes.mean(0), spikes.var(0)
    log_fano = torch.log(variance + HALF) - torch.log(mean + HALF)
    # Filled before the difference: a NaN that is left out of the value stays in the gradient.
    error = log_fano - torch.where(unknown, 0.0, target)
    return torch.where(unknown, 0.0, error**2).mean()
