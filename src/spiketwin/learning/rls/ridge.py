"""Least squares without P: one solution per neuron and block of samples, from shared sums.

    A_i = growth Lambda_i + R[S_i, S_i],  R = sum_k r_k r_k^T  (all units; one product per block)
    w_i = w_0 + A_i^-1 (sum_k x_k (y_k - x_k.w_0))

The covariances of all neurons are pieces of one matrix, so that nothing of size N L^2 is kept, and
the prior may grow with the data (1 + rate * earlier blocks), which keeps the speed of a weak prior
and prevents the weights from following the noise of the spikes later on.
"""

from __future__ import annotations

import numpy as np
import torch

from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.kernels import normal_matrices
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.learning.rls.signs import with_signs
from spiketwin.network.threads import shared

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
) -> np.ndarray:
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

    Returns
    -------
    (row,) gain of the last sample, see `sequential.absorb`; NaN where signs are kept, since the
    weights that are held at zero do not move.
    """
    if samples.scale is not None:
        raise SpiketwinError("learning.solver ridge learns drives; for rates take sequential")
    filtered = np.ascontiguousarray(samples.filtered[:, : len(memory["gram"])])
    block = torch.from_numpy(filtered)
    memory["gram"].addmm_(block.T, block)
    memory["blocks"] += 1
    prior = 1 + growth * (int(memory["blocks"]) - 1)
    by_unit, used = np.ascontiguousarray(samples.filtered.T), regressors.used()
    size = max(1, int(CHUNK_MB * 2**20 / (weights.itemsize * regressors.width**2)))
    gain = np.full(regressors.rows, np.nan, weights.dtype)

    def work(first: int, last: int) -> None:
        for chunk in range(first, last):
            rows = slice(chunk * size, (chunk + 1) * size)
            _add_cross(regressors, memory, weights, samples, by_unit, rows)
            matrices = _matrices(regressors, memory["gram"], rows, prior)
            initial = torch.from_numpy(regressors.initial[rows])
            cross = memory["cross"][rows]
            if signs is None:
                newest = torch.from_numpy(by_unit[regressors.inputs[rows], -1])
                moved, gain[rows] = _solve(matrices, cross, newest)
            else:
                held = torch.from_numpy(weights[rows] == 0)
                full = matrices + matrices.tril(-1).transpose(1, 2)
                moved = with_signs(full, cross, initial, torch.from_numpy(signs[rows]), held)
            found = initial + moved
            weights[rows] = np.where(used[rows], found.numpy(), regressors.initial[rows])

    shared(work, -(-regressors.rows // size))
    return gain


def _add_cross(
    regressors: Regressors,
    memory: Memory,
    weights: np.ndarray,
    samples: Samples,
    by_unit: np.ndarray,
    rows: slice,
) -> None:
    """Add sum_k x_k (y_k - x_k.w_0) of a block to some rows; `by_unit` is (unit, sample)."""
    x = torch.from_numpy(by_unit[regressors.inputs[rows]])
    error = torch.from_numpy(np.ascontiguousarray(samples.error.T[rows]))[:, :, None]
    moved = torch.from_numpy(weights[rows] - regressors.initial[rows])
    rest = torch.bmm(moved[:, None, :], x).transpose(1, 2) - error
    memory["cross"][rows] += torch.bmm(x, rest)[:, :, 0]


def _matrices(
    regressors: Regressors, gram: torch.Tensor, rows: slice, prior: float
) -> torch.Tensor:
    """(row, input, input) lower triangles of A."""
    inputs, width = regressors.inputs[rows], regressors.width
    found = np.zeros((len(inputs), width, width), regressors.initial.dtype)
    group, ridge = regressors.group[rows], regressors.ridge[rows]
    normal_matrices(inputs, gram.numpy(), ridge, group, regressors.row_sum, prior, found)
    return torch.from_numpy(found)


def _solve(
    gram: torch.Tensor, cross: torch.Tensor, x: torch.Tensor
) -> tuple[torch.Tensor, np.ndarray]:
    """(row, input) change of the weights, (row,) gain of a sample x that A holds already.

    v = h / (1 - h) with h = x^T A^-1 x; `gram` holds lower triangles.
    """
    both = torch.stack([cross, x], 2)
    found = torch.cholesky_solve(both, torch.linalg.cholesky(gram))
    h = (x * found[:, :, 1]).sum(1).clamp_(max=1 - torch.finfo(x.dtype).eps)
    return found[:, :, 0], (h / (1 - h)).numpy()
