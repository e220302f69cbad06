"""Simulated trials: the same axes and tables as recorded ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spiketwin.trials.trialset import TrialSet, stimuli_of

SHARED = ""
"""Session of simulated trials whose stimuli every session shares."""


@dataclass(frozen=True)
class Simulation:
    """Trials of the whole network.

    Attributes
    ----------
    counts : (trial, time, neuron) uint8 or uint16, spikes per bin.
    behaviour : (trial, time, trace) float32.
    traces : names of the behaviour traces.
    trials : one row per trial, columns ``trial``, ``session`` (whose stimuli drove it; "" where
        all sessions share them), ``condition``, ``outcome`` ("" - a model has none until it is
        read out), ``split`` ("simulated").
    stimuli : as in `TrialSet`.
    stitching : as in `Trials`.
    start_s, bin_s : as in `TrialSet`.
    """

    counts: np.ndarray
    behaviour: np.ndarray
    traces: tuple[str, ...]
    trials: pd.DataFrame
    stimuli: pd.DataFrame
    stitching: pd.DataFrame
    start_s: float
    bin_s: float

    def view(self, session: str) -> TrialSet:
        """Simulated trials as that session would have recorded them: its stimuli, its units."""
        rows = np.flatnonzero(self.trials["session"].isin([session, SHARED]))
        mine = self.stitching[self.stitching["session"] == session]
        neurons = mine["neuron"].to_numpy()
        return TrialSet(
            session=session,
            counts=self.counts[np.ix_(rows, np.arange(self.counts.shape[1]), neurons)],
            behaviour=self.behaviour[rows],
            traces=self.traces,
            trials=self.trials.iloc[rows].reset_index(drop=True),
            units=mine[["unit", "area", "cell_type", "rate_hz", "neuron"]].reset_index(drop=True),
            stimuli=stimuli_of(self.stimuli, rows),
            start_s=self.start_s,
            bin_s=self.bin_s,
        )
