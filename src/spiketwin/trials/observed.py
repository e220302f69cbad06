"""Which units were observed in which trials, and the block of both that is kept.

A unit that was not observed during a trial is unknown there, not silent. Kept are the units and
trials that were all observed together, the largest such block: as many unit-trials as possible.
"""

from __future__ import annotations

import numpy as np

from spiketwin.config import TrialWindow
from spiketwin.recording.schema import Recording

OBSERVED_TOLERANCE_S = 2e-3
"""A window may stick out of the observed time by this much (clocks are rounded)."""
TOUCHING_S = 1e-6
"""Intervals closer than this are one."""


def observed(recording: Recording, window: TrialWindow) -> np.ndarray:
    """(unit, trial) bool: one observed interval of the unit covers the trial's whole window."""
    align = recording.trials["align_s"].to_numpy(dtype=float)
    start, stop = align + window.window_s[0], align + window.window_s[1]
    seen = [_covered(intervals, start, stop) for intervals in recording.observed_s]
    return np.array(seen) & np.isfinite(align)


def largest_block(seen: np.ndarray) -> np.ndarray:
    """Units of the largest block of units and trials that is observed throughout.

    From the trials of one unit, the others are added in the order of how many of these trials they
    miss; the best of all such blocks, over all first units, is taken.

    Parameters
    ----------
    seen : (unit, trial) bool.

    Returns
    -------
    (unit,) bool; the block's trials are those that all of these units observed.
    """
    best, kept = -1, np.ones(len(seen), dtype=bool)
    for trials in np.unique(seen, axis=0):
        order = np.argsort((trials & ~seen).sum(1), kind="stable")
        together = np.logical_and.accumulate(seen[order]).sum(1)
        sizes = together * np.arange(1, len(seen) + 1)
        last = len(sizes) - 1 - int(np.argmax(sizes[::-1]))
        if sizes[last] > best:
            best, kept = int(sizes[last]), np.isin(np.arange(len(seen)), order[: last + 1])
    return kept


def _covered(intervals: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """(trial,) bool: one interval covers the whole window."""
    merged = _merged(intervals)
    place = np.searchsorted(merged[:, 0], start + OBSERVED_TOLERANCE_S, side="right") - 1
    inside = merged[np.maximum(place, 0), 1] >= stop - OBSERVED_TOLERANCE_S
    covered: np.ndarray = (place >= 0) & inside
    return covered


def _merged(intervals: np.ndarray) -> np.ndarray:
    """Intervals sorted, touching ones joined."""
    ordered = intervals[np.argsort(intervals[:, 0])]
    ends = np.maximum.accumulate(ordered[:, 1])
    apart = np.flatnonzero(ordered[1:, 0] > ends[:-1] + TOUCHING_S)
    first = np.concatenate([[0], apart + 1])
    last = np.concatenate([apart, [len(ordered) - 1]])
    return np.column_stack([ordered[first, 0], ends[last]])
