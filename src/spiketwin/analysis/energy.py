"""Unbiased energy distance between sets of trials, with a jackknife over trials.

    ED = 2 mean d(x, y) - sum_ij d(x_i, x_j) / n(n-1) - sum_ij d(y_i, y_j) / m(m-1)

with d the root-mean-square difference over features. Its expectation is 0 when the laws agree, at
any number of trials; a sample value can be negative (Szekely & Rizzo 2013). The spread comes from
leaving out disjoint groups of recorded trials; resampling with replacement would repeat trials, and
repeated trials bias the distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GROUPS = 10
"""Disjoint groups of the jackknife."""


@dataclass(frozen=True)
class Estimate:
    """A value and its jackknife replicates, (group,)."""

    value: float
    replicates: np.ndarray

    @property
    def sd(self) -> float:
        """Standard deviation by the jackknife."""
        groups = len(self.replicates)
        if groups < 2:
            return float("nan")
        spread = self.replicates - self.replicates.mean()
        return float(np.sqrt((groups - 1) / groups * (spread**2).sum()))


def rms_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Root-mean-square differences (n, m) between rows of x (n, D) and y (m, D)."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1)[None, :] - 2 * x @ y.T
    return np.sqrt(np.maximum(squares, 0) / x.shape[1])


def energy_distance(x: np.ndarray, y: np.ndarray) -> float:
    """Unbiased energy distance between rows of x (n, D) and y (m, D)."""
    return jackknifed(x, y, np.zeros(len(y), dtype=int)).value


def jackknifed(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> Estimate:
    """Energy distance and its value without each group of recorded trials.

    Parameters
    ----------
    x : (n, D) compared trials.
    y : (m, D) recorded trials.
    group : (m,) group of each recorded trial, 0 ... G - 1.
    """
    to_recorded = rms_distances(x, y).mean(0)
    among = rms_distances(y, y)
    np.fill_diagonal(among, 0)
    own = _mean_off_diagonal(rms_distances(x, x))

    def distance(rows: np.ndarray) -> float:
        return float(
            2 * to_recorded[rows].mean() - own - _mean_off_diagonal(among[np.ix_(rows, rows)])
        )

    every = np.arange(len(y))
    groups = range(int(group.max(initial=0)) + 1)
    kept = [every[group != g] for g in groups] if len(groups) > 1 else []
    return Estimate(distance(every), np.array([distance(rows) for rows in kept if len(rows) > 1]))


def _mean_off_diagonal(distances: np.ndarray) -> float:
    """Mean over ordered pairs of different trials; 0 where all trials are one."""
    n = len(distances)
    return float((distances.sum() - np.trace(distances)) / max(n * (n - 1), 1))


def groups_of(trials: int) -> np.ndarray:
    """Disjoint groups of neighbouring trials, (trial,)."""
    return np.arange(trials) * min(GROUPS, max(trials // 2, 1)) // max(trials, 1)


def mean_estimate(parts: list[Estimate]) -> Estimate:
    """Mean over sessions with equal weight; group g of every session is left out together."""
    groups = min((len(part.replicates) for part in parts), default=0)
    replicates = np.mean([part.replicates[:groups] for part in parts], axis=0)
    return Estimate(float(np.mean([part.value for part in parts])), replicates)


def skill(estimate: Estimate, reference: Estimate) -> Estimate:
    """1 - ED / ED(reference)."""
    groups = min(len(estimate.replicates), len(reference.replicates))
    ratio = estimate.replicates[:groups] / reference.replicates[:groups]
    return Estimate(1 - estimate.value / reference.value, 1 - ratio)
