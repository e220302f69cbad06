"""Trial-averaged rates that a network is compared with, taken once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Scale
from spiketwin.losses.dispersion import log_fano_target
from spiketwin.losses.groups import Groups, bins_before
from spiketwin.network import float_tensor
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials

LEAST_SD_HZ = 0.5
"""Least scale of a PSTH."""


@dataclass(frozen=True)
class RateTarget:
    """Trial-averaged rates of all model neurons.

    Attributes
    ----------
    window : (group, time) filter.
    psth : (time, neuron) recorded spikes per bin.
    sd : (neuron,) s.d. over time, at least `LEAST_SD_HZ`; infinite where nothing was recorded.
    rate_hz : (neuron,) recorded rate, before the event where the window has such bins.
    before : (group,) groups that `rate_hz` counts.
    before_s : their duration.
    log_fano : (neuron,) dispersion of the spike counts, see `dispersion`; NaN where nothing tells.
    """

    window: Tensor
    psth: Tensor
    sd: Tensor
    rate_hz: Tensor
    before: Tensor
    before_s: float
    log_fano: Tensor


def rate_target(
    trials: Trials, psth: Scale, groups: Groups, weights: Sequence[np.ndarray] | None = None
) -> RateTarget:
    """Trial-averaged rates of the stitched units.

    The PSTH of a slow unit varies by noise more than by anything else: its scale is at least half a
    spike per second. (The published code leaves such units in counts, which is no loss at all: a
    third to a half of the units of a recording can then have no target.)

    Parameters
    ----------
    trials : to average; units of a session without trials are not compared.
    psth, groups : filter, and bins in which simulated trials are given.
    weights : of each session, (trial,) with sum 1; absent: all trials alike.
    """
    first = trials.sessions[0]
    window = window_matrix(first.counts.shape[1], first.bin_s, psth)
    mean, known = _mean_counts(trials, weights)
    filtered = torch.from_numpy(window).T @ mean
    sd = filtered.std(0, unbiased=False)
    sd = sd.clamp(min=LEAST_SD_HZ * first.bin_s)
    before = bins_before(first)
    return RateTarget(
        window=float_tensor(groups.rows(window)),
        psth=filtered,
        sd=torch.where(known, sd, torch.inf),
        rate_hz=mean[torch.from_numpy(before)].mean(0) / first.bin_s,
        before=torch.from_numpy(groups.rows(before)),
        before_s=float(before.sum() * first.bin_s),
        log_fano=log_fano_target(trials, weights),
    )


def _mean_counts(trials: Trials, weights: Sequence[np.ndarray] | None) -> tuple[Tensor, Tensor]:
    """Spikes per bin averaged over trials, (bin, neuron), and where there are any, (neuron,)."""
    bins = trials.sessions[0].counts.shape[1]
    gathered = np.zeros((bins, len(trials.stitching)), dtype=np.float32)
    known = np.ones(len(trials.stitching), dtype=bool)
    for k, session in enumerate(trials.sessions):
        neurons = session.units["neuron"].to_numpy()
        known[neurons] = len(session.trials) > 0
        if weights is not None:
            gathered[:, neurons] = np.tensordot(weights[k], session.counts, 1)
        elif len(session.trials):
            gathered[:, neurons] = session.counts.mean(0, dtype=np.float64)
    return torch.from_numpy(gathered), torch.from_numpy(known)
