"""Behaviour read out linearly from filtered spikes (Sourmpis et al. 2023, methods).

    j(t) = b j(t-1) + (1 - b) 1/2 sum_i w_i z_i(t),    b = exp(-dt / tau)
    y(t) = m + k j(t)

with learned weights w of the excitatory neurons of the read-out areas, offset m and gain k, one set
per behaviour trace.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def filtered(projected: Tensor, initial: Tensor, step_s: float, tau_s: float) -> Tensor:
    """Low-pass filter of the projected spikes.

    Parameters
    ----------
    projected : (trial, step, trace), 1/2 sum of w z.
    initial : (trial, trace), filter state before the first step.
    step_s, tau_s : step and time constant.

    Returns
    -------
    (trial, step, trace).
    """
    decay = math.exp(-step_s / tau_s)
    steps = torch.arange(projected.shape[1], dtype=projected.dtype, device=projected.device)
    lag = steps[:, None] - steps[None, :]
    kernel = torch.where(lag >= 0, decay ** lag.clamp(min=0), 0.0) * (1 - decay)
    carried = decay ** (steps + 1)
    return kernel @ projected + carried[:, None] * initial[:, None, :]
