"""One recorded session in memory; all later code sees this and never the file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from spiketwin.errors import SpiketwinError

LABEL = "label "
"""Columns of a trial table that begin so hold labels of the recording, which only analyses use."""


@dataclass(frozen=True)
class BehaviourTrace:
    """A behaviour signal on the session clock.

    Attributes
    ----------
    times_s : (sample,) float64, rising; gaps are simply missing samples.
    values : (sample,) float32, NaN where the tracking is missing or too unlikely.
    step : values jump to 1 at each of `times_s` and `values` is unused (a step trace: one time
        per trial, NaN where it did not happen).
    """

    times_s: np.ndarray
    values: np.ndarray
    step: bool = False


@dataclass(frozen=True)
class Recording:
    """One session: spikes, units, trials, stimuli, behaviour, observed intervals.

    Attributes
    ----------
    session, subject : names.
    spike_times_s : (spike,) float64, session seconds, grouped by unit, rising inside a unit.
    spike_offsets : (unit + 1,) int64; unit ``i`` owns ``spike_times_s[offsets[i]:offsets[i + 1]]``.
    units : one row per kept unit, columns ``unit`` (row in the file), ``area`` (model area),
        ``cell_type`` ("excitatory", "inhibitory" or "unknown").
    trials : one row per kept trial, columns ``trial`` (row in the file), ``align_s``, ``start_s``,
        ``stop_s`` (session seconds), ``condition``, ``outcome`` (labels, "all" where the mapping
        names no column).
    stimuli : one row per stimulus, columns ``trial`` (as in `trials`), ``stimulus`` (name),
        ``time_s`` (from the alignment event), ``amplitude`` (> 0).
    behaviour : trace name -> trace.
    observed_s : per unit (interval, 2) float64, when it was observed; everything else is unknown,
        not silence.
    notes : what was guessed, dropped or looks suspicious, one sentence each.
    """

    session: str
    subject: str
    spike_times_s: np.ndarray
    spike_offsets: np.ndarray
    units: pd.DataFrame
    trials: pd.DataFrame
    stimuli: pd.DataFrame
    behaviour: dict[str, BehaviourTrace]
    observed_s: tuple[np.ndarray, ...]
    notes: tuple[str, ...] = field(default=())

    def with_units(self, keep: np.ndarray) -> Recording:
        """The recording with some of its units, (unit,) bool."""
        if not keep.any():
            raise SpiketwinError(f"{self.session}: no unit is left")
        lengths = np.diff(self.spike_offsets)
        return replace(
            self,
            spike_times_s=self.spike_times_s[np.repeat(keep, lengths)],
            spike_offsets=np.concatenate([[0], np.cumsum(lengths[keep])]),
            units=self.units[keep].reset_index(drop=True),
            observed_s=tuple(self.observed_s[k] for k in np.flatnonzero(keep)),
        )
