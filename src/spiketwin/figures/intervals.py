"""Intervals of frequencies (Wilson 1927): of p among n trials, with the normal quantile z,

    (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n)

which has a length where an outcome never, or always, occurs.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

Z = 1.959964
"""Normal quantile of a 95 % interval."""


def binomial_errors(rows: pd.DataFrame) -> np.ndarray:
    """Distances (2, row) from each frequency to its 95 % Wilson interval.

    Parameters
    ----------
    rows : with columns ``frequency`` and ``n``.
    """
    limits = [_wilson(p, int(n)) for p, n in zip(rows["frequency"], rows["n"], strict=True)]
    low, high = np.array(limits, dtype=float).reshape(-1, 2).T
    frequency = rows["frequency"].to_numpy(dtype=float)
    return np.maximum([frequency - low, high - frequency], 0.0)


def _wilson(p: float, n: int) -> tuple[float, float]:
    if n < 1 or not np.isfinite(p):
        return p, p
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return middle - half, middle + half
