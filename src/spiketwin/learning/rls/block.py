"""Recursive least squares for blocks of samples (Woodbury's identity): the same weights and P as
one sample after the other, at the speed of matrix products.

    Y = P X,  S = I + X^T Y = C C^T,  Z = Y C^-T
    w <- w - Z C^-1 e,  P <- P - Z Z^T

During a block the network runs with the weights of its beginning.
"""

from __future__ import annotations

import numpy as np
import torch

from spiketwin.learning.rls.regressors import Regressors, Samples

Memory = dict[str, torch.Tensor]
CHUNK_MB = 2
"""Size of the covariances that are updated together: they should stay in the cache."""


def start(regressors: Regressors) -> Memory:
    """``inverse`` (row, input, input), full matrices."""
    width, dtype = regressors.width, regressors.initial.dtype
    inverse = np.empty((regressors.rows, width, width), dtype)
    for first in range(0, regressors.rows, 256):
        inverse[first : first + 256] = regressors.covariance(slice(first, first + 256))
    return {"inverse": torch.from_numpy(inverse)}


def absorb(
    regressors: Regressors, memory: Memory, weights: np.ndarray, samples: Samples
) -> np.ndarray:
    """Learn from a block of samples, in place; see `sequential.absorb`."""
    size = max(1, int(CHUNK_MB * 2**20 / (weights.itemsize * regressors.width**2)))
    filtered = torch.from_numpy(np.ascontiguousarray(samples.filtered.T))
    gains = []
    for first in range(0, regressors.rows, size):
        rows = slice(first, first + size)
        gains.append(_update(regressors, memory["inverse"], weights, samples, filtered, rows))
    return np.concatenate(gains)


def _update(
    regressors: Regressors,
    inverse: torch.Tensor,
    weights: np.ndarray,
    samples: Samples,
    filtered: torch.Tensor,
    rows: slice,
) -> np.ndarray:
    """Some rows, and their gains; `filtered` is (unit, sample)."""
    inputs = torch.from_numpy(regressors.inputs[rows].astype(np.int64))
    error = torch.from_numpy(np.ascontiguousarray(samples.error.T[rows]))[:, :, None]
    x = filtered[inputs.flatten()].view(*inputs.shape, -1)
    if samples.scale is not None:
        x = x * torch.from_numpy(np.ascontiguousarray(samples.scale.T[rows]))[:, None, :]
    p = inverse[rows]
    y = torch.bmm(x.transpose(1, 2), p)
    s = torch.bmm(y, x)
    s.diagonal(dim1=1, dim2=2).add_(1.0)
    # Not `inv`: its decomposition of many matrices breaks under several threads (PyTorch 2.13).
    one = torch.eye(s.shape[1], dtype=s.dtype).expand_as(s)
    factor = torch.linalg.cholesky(s)
    root = torch.linalg.solve_triangular(factor, one, upper=False)
    z = torch.bmm(root, y)
    moved = torch.bmm(z.transpose(1, 2), torch.bmm(root, error))
    weights[rows] -= moved[:, :, 0].numpy()
    p.baddbmm_(z.transpose(1, 2), z, alpha=-1.0)
    # The k-th diagonal element of C is sqrt(1 + v) of sample k after those before it.
    return factor[:, -1, -1].square().sub_(1.0).numpy()
