"""Behaviour read out linearly from filtered spikes (Sourmpis et al. 2023, methods).

    j(t) = b j(t-1) + (1 - b) 1/2 sum_i w_i z_i(t),    b = exp(-dt / tau)
    y(t) = m + k j(t)

with learned weights w of the excitatory neurons of the read-out areas, offset m and gain k, one set
per behaviour trace.
"""

from __future__ import annotations

import math
from functools import lru_cache

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
    kernel, carried = _weights(
        projected.shape[1], math.exp(-step_s / tau_s), projected.dtype, projected.device
    )
    # One product of matrices: trials side by side.
    by_step = projected.transpose(0, 1)
    arrived = (kernel @ by_step.flatten(1)).reshape(by_step.shape).transpose(0, 1)
    return arrived + carried[:, None] * initial[:, None, :]


@lru_cache(maxsize=4)
def _weights(
    steps: int, decay: float, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, Tensor]:
    """(step, step) weights of what arrived and (step,) of the state before; powers are slow."""
    step = torch.arange(steps, dtype=dtype, device=device)
    lag = step[:, None] - step[None, :]
    kernel = torch.where(lag >= 0, decay ** lag.clamp(min=0), 0.0) * (1 - decay)
    return kernel, decay ** (step + 1)
