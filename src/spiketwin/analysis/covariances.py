"""Which areas fluctuate together, and how fast: shared covariances over time lags.

With the spikes n_i(t) of units in bins, minus their mean over the trials of a condition, and the
mean rates r_i, areas a and b of N_a and N_b units share, at lag s,

    c_ab(s) = mean_{trial,t} sum_{i in a, j in b, i != j} n_i(t) n_j(t + s) / sum_{i != j} r_i r_j

which is 0 for units that fire independently and the variance of the gain where one gain multiplies
all rates. Leaving out i = j takes away what every unit's own spikes add.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.residuals import residuals
from spiketwin.trials.trialset import TrialSet

BIN_S, LONGEST_S = 0.02, 0.2
"""Width of the bins at least, and largest lag (or half the window)."""
TRIALS = 400
"""Trials at most of each session."""


def covariances(contender: Contender, sessions: Sequence[Session]) -> pd.DataFrame:
    """Shared covariance of every area, and of areas recorded together, over lags.

    Columns ``first``, ``second`` (which follows at positive lags), ``lag_s``, ``covariance`` (mean
    over sessions, relative to the product of the rates).
    """
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    for session in sessions:
        units = _fluctuations(contender.trials[session.name])
        area = session.recorded.units["area"].to_numpy(dtype=str)
        for pair, values in _shared(units, area, session.features.areas):
            found.setdefault(pair, []).append(values)
    lags_s = units.lags * units.bin_s
    parts = [
        pd.DataFrame({"first": a, "second": b, "lag_s": lags_s, "covariance": np.mean(v, axis=0)})
        for (a, b), v in found.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(contender=contender.name, seed=contender.seed)


@dataclass(frozen=True)
class Fluctuations:
    """What is left of the spikes without the mean of the condition.

    Attributes
    ----------
    spikes : (trial, bin, unit).
    rate : (unit,) mean spikes per bin.
    lags : in bins.
    bin_s : width of the bins.
    """

    spikes: np.ndarray
    rate: np.ndarray
    lags: np.ndarray
    bin_s: float


def _fluctuations(trials: TrialSet) -> Fluctuations:
    trials = trials.take(np.arange(min(TRIALS, len(trials.trials))))
    joined = max(1, round(BIN_S / trials.bin_s))
    bins = trials.counts.shape[1] // joined
    kept = trials.counts[:, : bins * joined].astype(np.float32)
    spikes = kept.reshape(len(kept), bins, joined, -1).sum(2)
    rate = spikes.mean((0, 1))
    spikes = residuals(spikes, trials.conditions)
    _, which, number = np.unique(trials.conditions, return_inverse=True, return_counts=True)
    # Means of few trials take part of the fluctuations with them.
    spikes *= np.sqrt(number / np.maximum(number - 1, 1))[which, None, None]
    longest = min(round(LONGEST_S / (joined * trials.bin_s)), bins // 2)
    return Fluctuations(spikes, rate, np.arange(-longest, longest + 1), joined * trials.bin_s)


def _shared(
    units: Fluctuations, area: np.ndarray, areas: Sequence[str]
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """Pairs of areas and their covariances, (lag,)."""
    sums = {name: units.spikes[:, :, area == name].sum(2) for name in areas}
    for a, b in combinations_with_replacement(areas, 2):
        product = units.rate[area == a].sum() * units.rate[area == b].sum()
        own = np.zeros(len(units.lags))
        if a == b:
            mine = units.spikes[:, :, area == a]
            later = [_lagged(mine, mine, lag).sum() for lag in units.lags if lag >= 0]
            own = np.array([*later[:0:-1], *later])
            product -= (units.rate[area == a] ** 2).sum()
        both = np.array([float(_lagged(sums[a], sums[b], lag)) for lag in units.lags])
        yield (a, b), (both - own) / max(product, 1e-12)


def _lagged(x: np.ndarray, y: np.ndarray, lag: int) -> np.ndarray:
    """Mean over trials and bins of x(t) y(t + lag), of every unit."""
    bins = x.shape[1]
    early, late = slice(max(0, -lag), bins - max(0, lag)), slice(max(0, lag), bins + min(0, lag))
    found: np.ndarray = np.einsum("tb...,tb...->...", x[:, early], y[:, late])
    return found / (len(x) * (bins - abs(lag)))
