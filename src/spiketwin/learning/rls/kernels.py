"""Sweeps through the packed covariances of all neurons.

P is kept as its lower triangle, row after row. The subtraction that ends one update is carried out
in the sweep that begins the next one, so that each update reads and writes P once:

    P <- P - z z^T,  k = P x          (one sweep; z of the update before)
    v = x.k,  g = 1 / (1 + v),  w <- w - g e k,  z <- sqrt(g) k
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled, reordered


@reordered
def sweep(
    first: int,
    last: int,
    inverse: np.ndarray,
    pending: np.ndarray,
    inputs: np.ndarray,
    number: np.ndarray,
    filtered: np.ndarray,
    scale: np.ndarray,
    error: np.ndarray,
    weights: np.ndarray,
    gain: np.ndarray,
) -> None:
    """One sample for the rows from `first` to `last`: see `sequential`; gain (row,) gets v."""
    width = inputs.shape[1]
    x, k = np.empty(width, inverse.dtype), np.empty(width, inverse.dtype)
    for row in range(first, last):
        count = number[row]
        p, z = inverse[row], pending[row]
        for a in range(count):
            x[a] = filtered[inputs[row, a]] * scale[row]
            k[a] = 0
        start = 0
        for a in range(count):
            za, xa, total = z[a], x[a], p.dtype.type(0)
            triangle = p[start : start + a]
            for b in range(a):
                value = triangle[b] - za * z[b]
                triangle[b] = value
                total += value * x[b]
                k[b] += value * xa
            value = p[start + a] - za * za
            p[start + a] = value
            k[a] += total + value * xa
            start += a + 1
        v = 0.0
        for a in range(count):
            v += x[a] * k[a]
        gain[row] = v
        g = 1 / (1 + max(v, 0.0))
        root, step = np.sqrt(g), g * error[row]
        for a in range(count):
            weights[row, a] -= step * k[a]
            z[a] = root * k[a]


@reordered
def project(
    first: int,
    last: int,
    inputs: np.ndarray,
    number: np.ndarray,
    filtered: np.ndarray,
    weights: np.ndarray,
    drive: np.ndarray,
) -> None:
    """drive[row] = sum over its inputs of weight times filtered train."""
    for row in range(first, last):
        total = 0.0
        for a in range(number[row]):
            total += weights[row, a] * filtered[inputs[row, a]]
        drive[row] = total


@reordered
def settle(first: int, last: int, inverse: np.ndarray, pending: np.ndarray) -> None:
    """Carry out the pending subtraction, as must be done before P is read."""
    for row in range(first, last):
        start = 0
        for a in range(pending.shape[1]):
            za = pending[row, a]
            for b in range(a + 1):
                inverse[row, start + b] -= za * pending[row, b]
            start += a + 1
        for a in range(pending.shape[1]):
            pending[row, a] = 0


@compiled
def normal_matrices(
    inputs: np.ndarray,
    gram: np.ndarray,
    ridge: np.ndarray,
    group: np.ndarray,
    row_sum: float,
    growth: float,
    found: np.ndarray,
) -> None:
    """Lower triangles of growth Lambda + R[S, S], (row, input, input); see `regressors`,
    `ridge`."""
    number = found.dtype.type
    together, grown = number(growth * row_sum), number(growth)
    for row in range(len(inputs)):
        for a in range(inputs.shape[1]):
            sums, matrix = gram[inputs[row, a]], found[row, a]
            mine = group[row, a]
            for b in range(a + 1):
                matrix[b] = sums[inputs[row, b]]
            if mine != 0:
                for b in range(a + 1):
                    if group[row, b] == mine:
                        matrix[b] += together
            matrix[a] += grown * ridge[row, a]
