"""Features of trials: filtered population averages per area, standardised.

A time scale averages w bins every s bins, padded by (w - 1) // 2 bins on either side that do not
count in the average (filters F1 and F2 of Sourmpis et al. 2023, code). It is a linear map over
time, so that a base filter composes with it and one matrix serves losses, scores and figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiketwin.config import Features, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.trials.trialset import TrialSet

Array = Any
"""numpy array or torch tensor; the functions below use what both share."""


def window_matrix(bins: int, bin_s: float, scale: Scale) -> np.ndarray:
    """Filter of a time scale as a matrix.

    Parameters
    ----------
    bins : number of bins of a trial.
    bin_s : their width.
    scale : windows and strides.

    Returns
    -------
    (bins, feature_time) float32; columns sum to 1.

    Raises
    ------
    SpiketwinError
        When a window or stride is not a multiple of the bin, or longer than the trial.
    """
    if scale.base_window_s is None or scale.base_stride_s is None:
        window = _boxcar(bins, *_lengths(scale.window_s, scale.stride_s, bin_s, "bin_s"))
        return window.astype(np.float32)
    base = _boxcar(bins, *_lengths(scale.base_window_s, scale.base_stride_s, bin_s, "bin_s"))
    lengths = _lengths(scale.window_s, scale.stride_s, scale.base_stride_s, "base_stride_s")
    return (base @ _boxcar(base.shape[1], *lengths)).astype(np.float32)


def _lengths(window_s: float, stride_s: float, unit_s: float, unit: str) -> tuple[int, int]:
    """Window and stride in units of a bin."""
    lengths = []
    for name, value in (("window", window_s), ("stride", stride_s)):
        ratio = value / unit_s
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6 * ratio:
            raise SpiketwinError(
                f"features: a {name} of {value:g} s is not a multiple of {unit} {unit_s:g} s; "
                "change features.scales or features.psth, or trials.bin_s"
            )
        lengths.append(round(ratio))
    return lengths[0], lengths[1]


def _boxcar(bins: int, window: int, stride: int) -> np.ndarray:
    """(bins, steps) averages over `window` bins every `stride` bins."""
    padding = (window - 1) // 2
    steps = (bins + 2 * padding - window) // stride + 1
    if steps < 1:
        raise SpiketwinError(
            f"features: a window of {window} bins does not fit the trial of {bins} bins; "
            "shorten features.scales or widen trials.window_s"
        )
    first = stride * np.arange(steps) - padding
    bin_ = np.arange(bins)[:, None]
    inside = (bin_ >= first) & (bin_ < first + window)
    return inside / inside.sum(0)


@dataclass(frozen=True)
class FeatureMap:
    """Linear map from one session's trials to features.

    Attributes
    ----------
    areas : areas with enough units.
    membership : (unit, area) float32, averages the units of an area.
    windows : one (bin, feature_time) filter per scale.
    mean, sd : (scale, area) float32, of the training trials.
    bin_s : bin width.
    """

    areas: tuple[str, ...]
    membership: np.ndarray
    windows: tuple[np.ndarray, ...]
    mean: np.ndarray
    sd: np.ndarray
    bin_s: float

    @classmethod
    def of(
        cls, train: TrialSet, features: Features, scales: Sequence[Scale] | None = None
    ) -> FeatureMap:
        """Map standardised on training trials; `areas` is empty where no area has enough units."""
        area = train.units["area"].to_numpy(dtype=str)
        names = [a for a in dict.fromkeys(area) if (area == a).sum() >= features.min_units]
        members = [(area == name) / max((area == name).sum(), 1) for name in names]
        membership = np.array(members, dtype=np.float32).reshape(len(names), len(area)).T
        bins = train.counts.shape[1]
        windows = tuple(window_matrix(bins, train.bin_s, s) for s in scales or features.scales)
        averages = _averages(train.counts, membership)
        filtered = [averages @ window for window in windows]
        mean = np.array([f.mean((0, 2)) for f in filtered], dtype=np.float32)
        sd = np.array([f.std((0, 2)) for f in filtered], dtype=np.float32)
        return cls(tuple(names), membership, windows, mean, np.where(sd < 1e-4, 1, sd), train.bin_s)

    def averages(self, counts: np.ndarray) -> np.ndarray:
        """Population averages, (trial, area, bin)."""
        return _averages(counts, self.membership)

    def standardised(self, averages: Array) -> list[Array]:
        """Standardised features, one (trial, area, feature_time) per scale."""
        return [
            (averages @ window - mean[:, None]) / sd[:, None]
            for window, mean, sd in zip(self.windows, self.mean, self.sd, strict=True)
        ]


def check_scored(sessions: Sequence[TrialSet], features: Features) -> None:
    """Fail where single trials of no session could be scored.

    Raises
    ------
    SpiketwinError
        When no session has an area with enough units, or none of these has test trials.
    """
    largest = [int(session.units["area"].value_counts().max()) for session in sessions]
    large = [s for s, n in zip(sessions, largest, strict=True) if n >= features.min_units]
    if not large:
        raise SpiketwinError(
            f"no session has an area with {features.min_units} units (the largest has "
            f"{max(largest)}); lower features.min_units, or use more units "
            "(trials.stitching.neurons_per_area)"
        )
    if not any((session.trials["split"] == "test").sum() > 1 for session in large):
        raise SpiketwinError(
            "no session has test trials: there are too few, or their pairs of condition and "
            "outcome differ too much; name fewer columns (recordings.mapping.trials.condition, "
            "outcome), or lower trials.split.min_class"
        )


def _averages(counts: np.ndarray, membership: np.ndarray) -> np.ndarray:
    """Population averages float32, (trial, area, bin).

    Trial by trial: to get memory for all counts as real numbers takes longer than the sums."""
    found = np.empty((len(counts), membership.shape[1], counts.shape[1]), dtype=np.float32)
    for average, trial in zip(found, counts, strict=True):
        average[:] = (trial.astype(np.float32) @ membership).T
    return found


def window_behaviour(behaviour: Array, window: Array) -> Array:
    """Filtered behaviour (trial, trace, feature_time) of (trial, bin, trace)."""
    return behaviour.swapaxes(1, 2) @ window


def psth(counts: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Trial-averaged filtered counts, (feature_time, unit)."""
    averaged: np.ndarray = window.T @ counts.mean(0, dtype=float)
    return averaged
