"""Passes over the spike counts of a batch, the largest array of a fit, made as few as possible.

A filter is a matrix (group, time) with few neighbouring groups per column. Kernels get it as a
band: column f weighs groups first[f] ... first[f] + width - 1 with band[f], 0 beyond the last.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled


@compiled
def filtered_moments(
    counts: np.ndarray,
    first: np.ndarray,
    band: np.ndarray,
    total: np.ndarray,
    squares: np.ndarray,
    begin: int,
    stop: int,
) -> None:
    """Add the sums over trials of filtered counts and of their squares, for some columns.

    Parameters
    ----------
    counts : (trial, group, neuron).
    first, band : the filter, (time,) and (time, width).
    total, squares : (time, neuron), to add to.
    begin, stop : columns of the filter.
    """
    row = np.empty(counts.shape[2], counts.dtype)
    for trial in range(counts.shape[0]):
        for f in range(begin, stop):
            _banded(counts[trial], first[f], band[f], row)
            sums, squared = total[f], squares[f]
            for n in range(row.shape[0]):
                sums[n] += row[n]
                squared[n] += row[n] * row[n]


@compiled
def banded_gradient(
    counts: np.ndarray,
    first: np.ndarray,
    band: np.ndarray,
    slope: np.ndarray,
    offset: np.ndarray,
    gradient: np.ndarray,
    begin: int,
    stop: int,
) -> None:
    """gradient = slope * (band of counts) + offset, for some trials.

    Parameters
    ----------
    counts, gradient : (trial, group, neuron).
    first, band : a filter with one column per group.
    slope, offset : (neuron,) and (group, neuron).
    begin, stop : trials.
    """
    row = np.empty(counts.shape[2], counts.dtype)
    for trial in range(begin, stop):
        for g in range(counts.shape[1]):
            _banded(counts[trial], first[g], band[g], row)
            found, add = gradient[trial, g], offset[g]
            for n in range(row.shape[0]):
                found[n] = slope[n] * row[n] + add[n]


@compiled
def _banded(counts: np.ndarray, first: int, band: np.ndarray, row: np.ndarray) -> None:
    """Weighted sum of neighbouring groups, (neuron,)."""
    source = counts[first]
    weight = band[0]
    for n in range(row.shape[0]):
        row[n] = weight * source[n]
    for k in range(1, band.shape[0]):
        if band[k] != 0:
            source, weight = counts[first + k], band[k]
            for n in range(row.shape[0]):
                row[n] += weight * source[n]


@compiled
def population_sums(
    counts: np.ndarray,
    column: np.ndarray,
    weight: np.ndarray,
    sums: np.ndarray,
    begin: int,
    stop: int,
) -> None:
    """sums[trial, group, column[n]] += weight[n] * counts[trial, group, n], for some trials."""
    for trial in range(begin, stop):
        groups = counts.shape[1]
        for g in range(0, groups - groups % 4, 4):
            # Four groups together: one addition need not wait for the one before.
            a, b, c, d = (
                counts[trial, g],
                counts[trial, g + 1],
                counts[trial, g + 2],
                counts[trial, g + 3],
            )
            p, q, r, s = sums[trial, g], sums[trial, g + 1], sums[trial, g + 2], sums[trial, g + 3]
            for n in range(a.shape[0]):
                k, w = column[n], weight[n]
                p[k] += w * a[n]
                q[k] += w * b[n]
                r[k] += w * c[n]
                s[k] += w * d[n]
        for g in range(groups - groups % 4, groups):
            source, found = counts[trial, g], sums[trial, g]
            for n in range(source.shape[0]):
                found[column[n]] += weight[n] * source[n]


@compiled
def population_gradient(
    gradient: np.ndarray,
    column: np.ndarray,
    weight: np.ndarray,
    spread: np.ndarray,
    begin: int,
    stop: int,
) -> None:
    """spread[trial, group, n] = weight[n] * gradient[trial, group, column[n]], for some trials."""
    for trial in range(begin, stop):
        for g in range(spread.shape[1]):
            source, found = gradient[trial, g], spread[trial, g]
            for n in range(found.shape[0]):
                found[n] = weight[n] * source[column[n]]
