"""Optimal transport plans; constants for the gradient (envelope theorem)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spiketwin.losses.assignment import assign


def assignment(cost: Tensor) -> Tensor:
    """Column matched to each row of a square cost (n, n): the Hungarian plan, (n,) int64."""
    values = cost.detach().cpu().numpy()
    columns = np.empty(len(values), np.int64)
    assign(np.ascontiguousarray(values), columns)
    return torch.from_numpy(columns).to(cost.device)


def transport(cost: Tensor) -> Tensor:
    """Exact plan (n, m) between uniform weights; its entries sum to 1."""
    import ot  # takes two seconds, and few fits need it

    values = cost.detach().cpu().double().numpy()
    n, m = values.shape
    plan = ot.emd(np.full(n, 1 / n), np.full(m, 1 / m), values)
    return torch.from_numpy(np.asarray(plan)).to(cost)
