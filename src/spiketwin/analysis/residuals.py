"""What is left of single trials when the mean of their condition is taken away."""

from __future__ import annotations

import numpy as np


def residuals(values: np.ndarray, conditions: np.ndarray) -> np.ndarray:
    """Values (trial, ...) minus their mean over the trials of the same condition."""
    left = np.empty(values.shape, np.result_type(values, np.float32))  # counts may be integers
    for name in sorted(set(conditions)):
        rows = conditions == name
        left[rows] = values[rows] - values[rows].mean(0)
    return left
