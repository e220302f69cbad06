"""Losses' views of the spike counts, with gradients written by hand.

The counts (trial, group, neuron) are the largest array of a fit; every pass over them that autograd
does not make is won. On devices other than the CPU plain torch operations take their place.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from spiketwin.losses import kernels
from spiketwin.network.reuse import empty
from spiketwin.network.threads import shared


def filtered_moments(counts: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over trials of filtered counts, and the unbiased variance, each (time, neuron).

    Parameters
    ----------
    counts : (trial, group, neuron), at least two trials for the variance (else NaN).
    window : (group, time) filter.
    """
    if counts.device.type != "cpu":
        filtered = window.T @ counts
        return filtered.mean(0), filtered.var(0)
    mean, variance = _Moments.apply(counts, window)
    return mean, variance


class _Moments(torch.autograd.Function):
    """With y = W^T c: dL/dc = W (dL/dm / B + 2 dL/dV (y - m) / (B - 1)), a band of W W^T."""

    @staticmethod
    def forward(ctx: Any, counts: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
        values, trials = counts.detach().contiguous(), len(counts)
        first, band = _band(window.detach().numpy())
        total = torch.zeros(window.shape[1], counts.shape[2], dtype=counts.dtype)
        squares = torch.zeros_like(total)
        arrays = values.numpy(), first, band, total.numpy(), squares.numpy()
        shared(lambda a, b: kernels.filtered_moments(*arrays, a, b), len(first))
        mean = total / trials
        ctx.save_for_backward(values, window, mean)
        return mean, (squares - trials * mean**2) / (trials - 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        counts, window, mean = ctx.saved_tensors
        to_mean, to_variance = gradients
        trials = len(counts)
        # A loss that weighs all times of a neuron alike needs one factor per neuron.
        slope = 2 / max(trials - 1, 1) * to_variance
        offset = window @ (to_mean / trials - slope * mean)
        if bool((slope == slope[:1]).all()):
            return _banded(counts, window @ window.T, slope[0], offset), None
        return window @ (slope * (window.T @ counts)) + offset, None


def _banded(counts: Tensor, matrix: Tensor, slope: Tensor, offset: Tensor) -> Tensor:
    first, band = _band(matrix.numpy())
    gradient = empty(tuple(counts.shape), counts.dtype)
    arrays = counts.numpy(), first, band, slope.numpy(), offset.numpy(), gradient.numpy()
    shared(lambda a, b: kernels.banded_gradient(*arrays, a, b), len(counts))
    return gradient


def _band(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First group of each column, (time,), and its weights from there on, (time, width)."""
    inside = matrix != 0
    first = inside.argmax(0)
    last = len(matrix) - inside[::-1].argmax(0)
    width = int((last - first).max())
    rows = first[:, None] + np.arange(width)
    band = matrix[np.minimum(rows, len(matrix) - 1), np.arange(len(first))[:, None]]
    return first, np.where(rows < last[:, None], band, 0).astype(matrix.dtype)


def population_averages(counts: Tensor, column: Tensor, weight: Tensor, columns: int) -> Tensor:
    """Weighted sums of counts over the neurons of each column, (trial, group, column).

    Parameters
    ----------
    counts : (trial, group, neuron).
    column : (neuron,) int64; neurons that belong nowhere have weight 0.
    weight : (neuron,).
    columns : number of columns.
    """
    if counts.device.type != "cpu":
        sums = counts.new_zeros(*counts.shape[:2], columns)
        return sums.index_add(2, column, counts * weight)
    averages: Tensor = _Averages.apply(counts, column, weight, columns)
    return averages


class _Averages(torch.autograd.Function):
    """Scatter forward, gather backward."""

    @staticmethod
    def forward(ctx: Any, counts: Tensor, column: Tensor, weight: Tensor, columns: int) -> Tensor:
        sums = counts.new_zeros(*counts.shape[:2], columns)
        arrays = counts.detach().contiguous().numpy(), column.numpy(), weight.numpy(), sums.numpy()
        shared(lambda a, b: kernels.population_sums(*arrays, a, b), len(counts))
        ctx.save_for_backward(column, weight)
        return sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        column, weight = ctx.saved_tensors
        upstream = gradients[0].contiguous()
        spread = empty((*upstream.shape[:2], len(column)), upstream.dtype)
        arrays = upstream.numpy(), column.numpy(), weight.numpy(), spread.numpy()
        shared(lambda a, b: kernels.population_gradient(*arrays, a, b), len(spread))
        return spread, None, None, None
