"""Duplicate units: the same cell sorted twice shows as two trains that coincide."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from spiketwin.recording.schema import Recording

COINCIDENCE_S = 0.0005
LEAST_SHARE = 0.6
"""Share of the smaller train's spikes that coincide with the larger one."""
LEAST_SPIKES = 50
COARSE_S = 0.010
LEAST_SIMILARITY = 0.5
"""Cosine of the angle between two units' 10 ms counts below which they are not compared spike by
spike."""


def find_duplicates(recording: Recording) -> pd.DataFrame:
    """Pairs of units that are one cell.

    Returns
    -------
    Columns ``session``, ``unit_a``, ``unit_b`` (rows in the file), ``area``, ``coincidence`` (share
    of the smaller train's spikes within half a millisecond of the larger one's).
    """
    offsets = recording.spike_offsets
    trains = [recording.spike_times_s[a:b] for a, b in pairwise(offsets)]
    found = []
    for first, second in _similar(trains):
        share = coincidence(trains[first], trains[second])
        if share >= LEAST_SHARE:
            units = recording.units.iloc[[first, second]]
            a, b = (int(unit) for unit in units["unit"])
            found.append((recording.session, a, b, str(units["area"].iloc[0]), share))
    return pd.DataFrame(found, columns=["session", "unit_a", "unit_b", "area", "coincidence"])


def coincidence(a: np.ndarray, b: np.ndarray) -> float:
    """Share of the smaller train's spikes with a spike of the larger one nearby."""
    few, many = (a, b) if len(a) <= len(b) else (b, a)
    after = np.clip(np.searchsorted(many, few), 1, max(len(many) - 1, 1))
    candidates = np.stack([many[after - 1], many[np.minimum(after, len(many) - 1)]])
    return float((np.abs(candidates - few).min(0) <= COINCIDENCE_S).mean())


def _similar(trains: list[np.ndarray]) -> list[tuple[int, int]]:
    """Pairs of sufficiently active units whose 10 ms counts are alike."""
    from scipy.sparse import coo_array

    active = [k for k, train in enumerate(trains) if len(train) >= LEAST_SPIKES]
    if len(active) < 2:
        return []
    bins = [np.floor(trains[k] / COARSE_S).astype(np.int64) for k in active]
    origin = min(int(part[0]) for part in bins)
    column = np.concatenate(bins) - origin
    row = np.repeat(np.arange(len(active)), [len(part) for part in bins])
    counts = coo_array((np.ones(len(row)), (row, column))).tocsr()
    counts.sum_duplicates()
    products = (counts @ counts.T).toarray()
    norm = np.sqrt(products.diagonal())
    similar = np.triu(products / norm[:, None] / norm[None, :] > LEAST_SIMILARITY, 1)
    return [(active[i], active[j]) for i, j in np.argwhere(similar)]
