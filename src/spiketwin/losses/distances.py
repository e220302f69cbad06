"""Distances between trials, and means over pairs of them."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances (n, m) between rows of x (n, D) and y (m, D), in Gram form.

    Features are scaled so that this is the mean squared difference (`FlatFeatures`).
    """
    squares = (x * x).sum(1)[:, None] + (y * y).sum(1)[None, :]
    return (squares - 2 * x @ y.T).clamp(min=0)


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Distances (n, m); the gradient at coinciding trials is 0 instead of infinite."""
    squared = squared_distances(x, y)
    apart = squared > 1e-10
    return torch.where(apart, torch.where(apart, squared, 1.0).sqrt(), 0.0)


def mean_self_distance(x: Tensor) -> Tensor:
    """Mean distance over the ordered pairs of different rows of x (n, D)."""
    n = len(x)
    between = distances(x, x)
    off_diagonal = 1 - torch.eye(n, dtype=x.dtype, device=x.device)
    return (between * off_diagonal).sum() / max(n * (n - 1), 1)
