"""Exact recursive least squares, sample after sample (Kim & Chow 2018, eqs. 19 to 22).

Memory: ``inverse`` (row, L (L + 1) / 2), the lower triangles of P, and ``pending`` (row, L), see
`kernels`.
"""

from __future__ import annotations

import numpy as np
import torch

from spiketwin.learning.rls.kernels import settle, sweep
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.network.threads import shared

Memory = dict[str, torch.Tensor]
CHUNK = 256
"""Rows whose full covariances are made at a time."""


def start(regressors: Regressors) -> Memory:
    """P before the first sample."""
    width, dtype = regressors.width, regressors.initial.dtype
    inverse = np.empty((regressors.rows, width * (width + 1) // 2), dtype)
    lower = np.tril_indices(width)
    for first in range(0, regressors.rows, CHUNK):
        rows = slice(first, first + CHUNK)
        inverse[rows] = regressors.covariance(rows)[:, lower[0], lower[1]]
    pending = np.zeros((regressors.rows, width), dtype)
    return {"inverse": torch.from_numpy(inverse), "pending": torch.from_numpy(pending)}


def absorb(
    regressors: Regressors, memory: Memory, weights: np.ndarray, samples: Samples
) -> np.ndarray:
    """Learn from one sample after the other, in place.

    Parameters
    ----------
    regressors : who reads whom.
    memory : P; changed.
    weights : (row, input); changed.
    samples : their errors belong to the weights before the first of them, so that later ones are
        corrected by what the earlier ones changed.

    Returns
    -------
    (row,) gain of the last sample, v = x^T P x: how much more the weights are moved by it than they
    are held by the prior and the samples before.
    """
    inverse, pending = memory["inverse"].numpy(), memory["pending"].numpy()
    before = weights.copy() if len(samples.error) > 1 else weights
    gain = np.empty(regressors.rows, weights.dtype)
    fixed = (inverse, pending, regressors.inputs, regressors.number)
    for k, (filtered, error) in enumerate(zip(samples.filtered, samples.error, strict=True)):
        scale = np.ones_like(error) if samples.scale is None else samples.scale[k]
        if k:
            error = error + scale * _moved(regressors, weights - before, filtered)
        sample = (filtered, scale, error, weights, gain)
        shared(lambda first, last: sweep(first, last, *fixed, *sample), regressors.rows)  # noqa: B023
    return gain


def _moved(regressors: Regressors, change: np.ndarray, filtered: np.ndarray) -> np.ndarray:
    moved: np.ndarray = np.einsum("rl,rl->r", change, filtered[regressors.inputs])
    return moved


def covariances(regressors: Regressors, memory: Memory) -> np.ndarray:
    """(row, input, input) P of all rows."""
    inverse, pending = memory["inverse"].numpy(), memory["pending"].numpy()
    shared(lambda first, last: settle(first, last, inverse, pending), regressors.rows)
    width = regressors.width
    full = np.zeros((regressors.rows, width, width), inverse.dtype)
    lower = np.tril_indices(width)
    full[:, lower[0], lower[1]] = inverse
    full[:, lower[1], lower[0]] = inverse
    return full
