"""Adding rows of weights or gradients, the inner loop of both passes."""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled


@compiled
def add(total: np.ndarray, more: np.ndarray) -> None:
    """total += more. Loops that start at 0 are vectorised, others test every index's sign."""
    for j in range(total.shape[0]):
        total[j] += more[j]


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
