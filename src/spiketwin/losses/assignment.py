"""Many small assignment problems at once (shortest augmenting paths, Jonker & Volgenant 1987).

scipy solves one after the other and holds the interpreter's lock; a loss has hundreds of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.threads import shared


class Problems(NamedTuple):
    """Square cost matrices as rows and columns of larger tables, which lie one after the other.

    Attributes
    ----------
    start, width : (problem,) first entry of its table, and the table's number of columns.
    size : (problem,) number of rows and columns.
    rows, columns : (problem, largest size) of the table; entries beyond `size` are not read.
    """

    start: np.ndarray
    width: np.ndarray
    size: np.ndarray
    rows: np.ndarray
    columns: np.ndarray


def solve(tables: np.ndarray, problems: Problems) -> np.ndarray:
    """Cheapest assignments.

    Parameters
    ----------
    tables : (entry,) float32, all tables.
    problems : which parts of them are cost matrices.

    Returns
    -------
    (problem, largest size): position in `columns` that each row is matched with.
    """
    matched = np.zeros(problems.rows.shape, np.int64)
    shared(lambda a, b: _solve_some(tables, *problems, matched, a, b), len(problems.size))
    return matched


@compiled
def _solve_some(
    tables: np.ndarray,
    start: np.ndarray,
    width: np.ndarray,
    size: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    matched: np.ndarray,
    begin: int,
    stop: int,
) -> None:
    """Problems begin ... stop - 1."""
    for p in range(begin, stop):
        n = size[p]
        cost = np.empty((n, n), tables.dtype)
        for i in range(n):
            row = start[p] + rows[p, i] * width[p]
            for j in range(n):
                cost[i, j] = tables[row + columns[p, j]]
        assign(cost, matched[p])


@compiled
def assign(cost: np.ndarray, column_of: np.ndarray) -> None:
    """Write the column that each row of a square cost matrix is matched with."""
    n = cost.shape[0]
    price, row_of = np.empty(n, cost.dtype), np.full(n, -1)
    column_of[:n] = -1
    _reduce_columns(cost, price, row_of, column_of)
    distance, before, order = np.empty(n, cost.dtype), np.empty(n, np.int64), np.arange(n)
    for row in range(n):
        if column_of[row] >= 0:
            continue
        end = _shortest_path(cost, row, price, row_of, distance, before, order)
        while True:
            i = before[end]
            row_of[end] = i
            end, column_of[i] = column_of[i], end
            if i == row:
                break


@compiled
def _reduce_columns(
    cost: np.ndarray, price: np.ndarray, row_of: np.ndarray, column_of: np.ndarray
) -> None:
    """Columns cost what their cheapest row does; each such row that is free takes one."""
    for j in range(cost.shape[0] - 1, -1, -1):
        best = 0
        for i in range(1, cost.shape[0]):
            if cost[i, j] < cost[best, j]:
                best = i
        price[j] = cost[best, j]
        if column_of[best] < 0:
            column_of[best], row_of[j] = j, best


@compiled
def _shortest_path(
    cost: np.ndarray,
    row: int,
    price: np.ndarray,
    row_of: np.ndarray,
    distance: np.ndarray,
    before: np.ndarray,
    order: np.ndarray,
) -> int:
    """Dijkstra's search from a free row to the nearest free column; adjusts the prices."""
    n = cost.shape[0]
    for j in range(n):
        distance[j], before[j] = cost[row, j] - price[j], row
    left = n
    while True:
        nearest = 0
        for k in range(1, left):
            if distance[order[k]] < distance[order[nearest]]:
                nearest = k
        left -= 1
        order[nearest], order[left] = order[left], order[nearest]
        column = order[left]
        i = row_of[column]
        if i < 0:
            break
        gap = cost[i, column] - price[column] - distance[column]
        for k in range(left):
            j = order[k]
            detour = cost[i, j] - price[j] - gap
            if detour < distance[j]:
                distance[j], before[j] = detour, i
    for k in range(left + 1, n):
        price[order[k]] += distance[order[k]] - distance[column]
    return int(column)
