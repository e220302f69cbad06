"""Targets of rate matching: what every trained cell should do at every instant of every
condition."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.trials.trialset import Trials

DRIVE, RATE = "drive", "rate"


@dataclass(frozen=True)
class Targets:
    """Trajectories.

    Attributes
    ----------
    values : (condition, instant, cell); drives in units of the threshold, rates in hertz.
    kind : `DRIVE` or `RATE`.
    every_ms : time between instants.
    conditions : names.
    auxiliary : so many of the cells, the last ones, only help the others.
    """

    values: np.ndarray
    kind: str
    every_ms: float
    conditions: tuple[str, ...]
    auxiliary: int = 0

    def __post_init__(self) -> None:
        if not self.instants:
            raise SpiketwinError(
                "targets are shorter than the time between two learning instants (learning.every_s)"
            )
        bad = ~np.isfinite(self.values)
        if bad.any():
            cells = np.flatnonzero(bad.any((0, 1)))
            raise SpiketwinError(
                f"targets of {len(cells)} of {self.cells} cells are not finite (first: cell "
                f"{cells[0]}); leave these cells out"
            )
        if self.kind == RATE and (self.values < 0).any():
            raise SpiketwinError("target rates are negative; expected hertz, 0 or more")

    @property
    def cells(self) -> int:
        """Number of cells."""
        return self.values.shape[2]

    @property
    def wanted(self) -> int:
        """Cells that the targets are about, the first ones."""
        return self.cells - self.auxiliary

    @property
    def instants(self) -> int:
        """Learning instants of a trial."""
        return self.values.shape[1]

    def mean_rate_hz(self) -> np.ndarray:
        """(cell,) mean over conditions and time of target rates."""
        mean: np.ndarray = self.values.mean((0, 1))
        return mean


def smoothed(values: np.ndarray, points: int) -> np.ndarray:
    """Centred running mean over time (axis 1) of an odd number of points, shorter at the ends."""
    half = points // 2
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0), (0, 0))), axis=1)
    last = values.shape[1]
    start = np.maximum(np.arange(last) - half, 0)
    stop = np.minimum(np.arange(last) + half + 1, last)
    mean: np.ndarray = (total[:, stop] - total[:, start]) / (stop - start)[None, :, None]
    return mean


def odd_points(width: float, every: float) -> int:
    """Width of a running mean in points: the nearest odd number, of two the larger.

    Parameters
    ----------
    width : of the mean, 0 or more.
    every : time between points, in the same unit.
    """
    return 2 * math.floor(width / every / 2 + 1e-6) + 1


def unfiltered(filtered: np.ndarray, every_ms: float, tau_ms: float) -> np.ndarray:
    """(condition, instant, cell) rates, constant between instants, whose filtered trains follow
    the given courses: f = r + tau dr/dt, never negative (a filtered train falls with tau at most).
    """
    decay = np.exp(-every_ms / tau_ms)
    after = 2 * filtered[:, -1:] - filtered[:, -2:-1]
    following = np.concatenate([filtered[:, 1:], after], axis=1)
    rates: np.ndarray = np.maximum((following - decay * filtered) / (1 - decay), 0)
    return rates


def recorded_targets(
    trials: Trials, every_s: float, smoothing_s: float, conditions: tuple[str, ...] | None = None
) -> Targets:
    """Trial-averaged rates of the recorded units, per condition.

    Parameters
    ----------
    trials : training trials; cells are the rows of the stitching.
    every_s : time between instants, a multiple of the bin.
    smoothing_s : width of the running mean.
    conditions : which; absent: all that there are.

    Raises
    ------
    SpiketwinError
        When a session lacks a condition that another has, or a cell is asked twice.
    """
    _check_cells(trials)
    if conditions is None:
        conditions = tuple(sorted({c for s in trials.sessions for c in s.trials["condition"]}))
    columns = [_averages(trials, k, conditions, every_s) for k in range(len(trials.sessions))]
    found = np.zeros((*columns[0].shape[:2], len(trials.stitching)))
    for session, averages in zip(trials.sessions, columns, strict=True):
        found[:, :, session.units["neuron"].to_numpy()] = averages
    smooth = smoothed(found, odd_points(smoothing_s, every_s))
    return Targets(smooth, RATE, 1000 * every_s, conditions)


def _check_cells(trials: Trials) -> None:
    """Every cell belongs to one unit of one session; of two, the later would silently count."""
    places = [s.units["neuron"].to_numpy() for s in trials.sessions]
    cells, asked = np.unique(np.concatenate(places), return_counts=True)
    twice = cells[asked > 1]
    if len(twice):
        names = [s.session for s, mine in zip(trials.sessions, places, strict=True)
                 if np.isin(mine, twice).any()]  # fmt: skip
        raise SpiketwinError(
            f"{named(twice)} asked twice (units of {', '.join(names)}); expected one unit per cell "
            "(run prepare again)"
        )


def named(cells: np.ndarray) -> str:
    """Cells for a message: the first ones by number."""
    some = ", ".join(map(str, cells[:5])) + (", ..." if len(cells) > 5 else "")
    return f"cell {some} is" if len(cells) == 1 else f"{len(cells)} cells ({some}) are"


def repeated_cells(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells whose targets vary and are those of an earlier cell, and these earlier ones.

    Parameters
    ----------
    values : (condition, instant, cell); constant targets may well be shared.
    """
    flat = values.reshape(-1, values.shape[2])
    _, first, group = np.unique(flat, axis=1, return_index=True, return_inverse=True)
    earlier = first[group.ravel()]
    again = (earlier != np.arange(len(earlier))) & (flat != flat[:1]).any(0)
    return np.flatnonzero(again), earlier[again]


def _averages(
    trials: Trials, index: int, conditions: tuple[str, ...], every_s: float
) -> np.ndarray:
    """(condition, instant, unit) rates of one session in hertz."""
    session = trials.sessions[index]
    width = round(every_s / session.bin_s)
    instants = session.counts.shape[1] // width
    have = session.conditions
    means = []
    for condition in conditions:
        rows = session.counts[have == condition]
        if not len(rows):
            raise SpiketwinError(
                f"session {session.session} has no such trial of condition {condition!r}; rate "
                "matching needs every condition in every session "
                "(recordings.mapping.trials.condition)"
            )
        binned = rows[:, : instants * width].reshape(len(rows), instants, width, -1)
        means.append(binned.sum(2, dtype=float).mean(0) / every_s)
    return np.stack(means)
