"""Bins that need not be told apart.

Filters average over several bins, and their weights are equal in groups of neighbouring bins.
Simulated spikes are therefore counted in these groups; nothing is lost, and there is less to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spiketwin.config import Scale
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials, TrialSet


@dataclass(frozen=True)
class Groups:
    """Neighbouring bins of a trial that all filters weigh equally.

    Attributes
    ----------
    of_bin : (bin,) int64, group of each bin.
    """

    of_bin: np.ndarray

    @classmethod
    def of(cls, *filters: np.ndarray) -> Groups:
        """Groups of filters, each (bin, anything)."""
        stacked = np.concatenate([f.reshape(len(f), -1) for f in filters], 1)
        new = (np.abs(np.diff(stacked, axis=0)) > 1e-7).any(1)
        return cls(np.concatenate([[0], new.cumsum()]).astype(np.int64))

    @property
    def lengths(self) -> np.ndarray:
        """(group,) number of bins."""
        return np.bincount(self.of_bin)

    def rows(self, values: np.ndarray) -> np.ndarray:
        """(group, ...) of (bin, ...): the row of each group's first bin."""
        return values[np.searchsorted(self.of_bin, np.arange(self.of_bin[-1] + 1))]

    def steps(self, per_bin: int) -> np.ndarray:
        """(step,) group of each simulation step."""
        return np.repeat(self.of_bin, per_bin)


def groups_of(trials: Trials, psth: Scale, scales: Sequence[Scale]) -> Groups:
    """Bins that the PSTH filter, the filters of all scales and the pre-stimulus rate tell apart."""
    first = trials.sessions[0]
    windows = [window_matrix(first.counts.shape[1], first.bin_s, s) for s in (psth, *scales)]
    return Groups.of(*windows, bins_before(first).astype(np.float32))


def bins_before(session: TrialSet) -> np.ndarray:
    """(bin,) bins before the event; all where the window has none."""
    before = session.time_s < 0
    return before if before.any() else np.ones_like(before)
