"""Adding and multiplying rows of weights or gradients, the inner loops of both passes."""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled, reordered


@compiled
def add(total: np.ndarray, more: np.ndarray) -> None:
    """total += more. Loops that start at 0 are vectorised, others test every index's sign."""
    for j in range(total.shape[0]):
        total[j] += more[j]


@compiled
def copy(total: np.ndarray, source: np.ndarray, length: int) -> None:
    """total = source, without the checks of an assignment of slices."""
    for j in range(length):
        total[j] = source[j]


@compiled
def add_rows(
    total: np.ndarray, table: np.ndarray, which: np.ndarray, begin: int, stop: int, first: int
) -> None:
    """Add rows ``which[begin:stop]`` of a table, from column `first` on, four at a time."""
    last = first + total.shape[0]
    k = begin
    while k + 4 <= stop:
        a, b = table[which[k], first:last], table[which[k + 1], first:last]
        c, d = table[which[k + 2], first:last], table[which[k + 3], first:last]
        for j in range(total.shape[0]):
            total[j] += (a[j] + b[j]) + (c[j] + d[j])
        k += 4
    while k < stop:
        add(total, table[which[k], first:last])
        k += 1


@reordered
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Dot product."""
    total = a.dtype.type(0)
    for j in range(a.shape[0]):
        total += a[j] * b[j]
    return total


@reordered
def four_dots(
    table: np.ndarray, which: np.ndarray, vector: np.ndarray, first: int, last: int
) -> tuple[float, float, float, float]:
    """Dot products of four rows of a table with a vector, over columns first ... last - 1."""
    a, b = table[which[0], first:last], table[which[1], first:last]
    c, d = table[which[2], first:last], table[which[3], first:last]
    x = vector[first:last]
    p = q = r = s = x.dtype.type(0)
    for j in range(x.shape[0]):
        p += a[j] * x[j]
        q += b[j] * x[j]
        r += c[j] * x[j]
        s += d[j] * x[j]
    return p, q, r, s
