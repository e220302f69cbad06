"""Least squares without P: one solution per neuron and block of samples, from shared sums.

    A_i = growth Lambda_i + R[S_i, S_i],  R = sum_k r_k r_k^T  (all units; one product per block)
    w_i = w_0 + A_i^-1 (sum_k x_k (y_k - x_k.w_0))

The covariances of all neurons are pieces of one matrix, so that nothing of size N L^2 is kept, and
the prior may grow with the data (growth = 1 + rate * blocks), which keeps the speed of a weak prior
and prevents the weights from following the noise of the spikes later on.
"""

from __future__ import annotations

import numpy as np
import torch

from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.learning.rls.signs import with_signs

Memory = dict[str, torch.Tensor]
CHUNK_MB = 2


def start(regressors: Regressors) -> Memory:
    """Empty sums: ``gram`` (unit, unit), ``cross`` (row, input), ``blocks`` (1,)."""
    units = int(regressors.inputs.max()) + 1
    dtype = torch.from_numpy(regressors.initial[:0]).dtype
    return {
        "gram": torch.zeros(units, units, dtype=dtype),
        "cross": torch.zeros(regressors.rows, regressors.width, dtype=dtype),
        "blocks": torch.zeros(1, dtype=torch.int64),
    }


def absorb(
    regressors: Regressors,
    memory: Memory,
    weights: np.ndarray,
    samples: Samples,
    growth: float = 0.0,
    signs: np.ndarray | None = None,
) -> None:
    """Learn from a block of samples, in place.

    Parameters
    ----------
    regressors : who reads whom.
    memory : sums; changed.
    weights : (row, input); changed.
    samples : of one block; drives only (`scale` absent).
    growth : by how much of itself the prior grows with each block.
    signs : (row, input) +1, -1 or 0 (free); weights keep these signs (Dale's law), and the
        solution is the exact minimum under that constraint.
    """
    if samples.scale is not None:
        raise SpiketwinError("learning.solver ridge learns drives; for rates take sequential")
    filtered = np.ascontiguousarray(samples.filtered[:, : len(memory["gram"])])
    block = torch.from_numpy(filtered)
    memory["gram"].addmm_(block.T, block)
    memory["blocks"] += 1
    prior = 1 + growth * (int(memory["blocks"]) - 1)
    by_unit = torch.from_numpy(np.ascontiguousarray(samples.filtered.T))
    size = max(1, int(CHUNK_MB * 2**20 / (weights.itemsize * regressors.width**2)))
    for first in range(0, regressors.rows, size):
        rows = slice(first, first + size)
        gram, cross = _sums(regressors, memory, weights, samples, by_unit, rows, prior)
        initial = torch.from_numpy(regressors.initial[rows])
        kept = None if signs is None else torch.from_numpy(signs[rows])
        found = initial + _solve(gram, cross, initial, kept)
        used = torch.from_numpy(regressors.used()[rows])
        weights[rows] = torch.where(used, found, initial).numpy()


def _sums(
    regressors: Regressors,
    memory: Memory,
    weights: np.ndarray,
    samples: Samples,
    filtered: torch.Tensor,
    rows: slice,
    prior: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """A and the right side of some rows; `filtered` is (unit, sample)."""
    inputs = torch.from_numpy(regressors.inputs[rows].astype(np.int64))
    now = torch.from_numpy(weights[rows])
    x = filtered[inputs.flatten()].view(*inputs.shape, -1)
    error = torch.from_numpy(np.ascontiguousarray(samples.error.T[rows]))[:, :, None]
    initial = torch.from_numpy(regressors.initial[rows])
    from_initial = torch.bmm((now - initial)[:, None, :], x).transpose(1, 2)
    memory["cross"][rows] += torch.bmm(x, from_initial - error)[:, :, 0]
    gram = memory["gram"][inputs[:, :, None], inputs[:, None, :]]
    gram += torch.from_numpy(regressors.precision(rows, prior))
    return gram, memory["cross"][rows]


def _solve(
    gram: torch.Tensor, cross: torch.Tensor, initial: torch.Tensor, signs: torch.Tensor | None
) -> torch.Tensor:
    """(row, input) change of the weights."""
    if signs is None:
        return torch.cholesky_solve(cross[:, :, None], torch.linalg.cholesky(gram))[:, :, 0]
    return with_signs(gram, cross, initial, signs)
