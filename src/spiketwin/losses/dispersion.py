"""Dispersion loss: spike counts of single neurons vary from trial to trial as the recorded ones do.

    L = mean_j [ log F_j - log F^data_j ]^2,      F_j = (Var_b n_bj + 1/2) / (mean_b n_bj + 1/2)

n is the number of spikes of a neuron in the window of a trial, F its Fano factor; the halves keep
neurons that hardly fire at 1. Matched trials and PSTHs do not see this: population averages stay
the same when the trial-wise latent excites one neuron and inhibits its neighbour. Without this loss
the neurons of a fitted network have Fano factors of 4 to 10 where recorded ones have 1 to 2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spiketwin.network import float_tensor
from spiketwin.trials.trialset import Trials

HALF = 0.5


def log_fano_target(trials: Trials) -> Tensor:
    """(neuron,) log F of the stitched units over all trials of their session; NaN below two."""
    target = np.full(len(trials.stitching), np.nan)
    for session in trials.sessions:
        if len(session.trials) < 2:
            continue
        spikes = torch.from_numpy(session.counts.sum(1, dtype=np.float64))
        target[session.units["neuron"].to_numpy()] = _log_fano(spikes).numpy()
    return float_tensor(target)


def dispersion_loss(counts: Tensor, target: Tensor) -> Tensor:
    """Dispersion loss of simulated trials.

    Parameters
    ----------
    counts : (trial, group, neuron), at least two trials.
    target : (neuron,) of `log_fano_target`.
    """
    unknown = target.isnan()
    # Filled before the difference: a NaN that is left out of the value stays in the gradient.
    error = _log_fano(counts.sum(1)) - torch.where(unknown, 0.0, target)
    return torch.where(unknown, 0.0, error**2).mean()


def _log_fano(spikes: Tensor) -> Tensor:
    """(neuron,) from spikes (trial, neuron)."""
    return torch.log(spikes.var(0) + HALF) - torch.log(spikes.mean(0) + HALF)
