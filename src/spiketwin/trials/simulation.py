"""Simulated trials: the same axes and tables as recorded ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spiketwin.files import read_arrays, read_or_explain, write_arrays
from spiketwin.trials.trialset import TrialSet, mixed_like, stimuli_of

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

    def view(self, session: str, conditions: np.ndarray | None = None) -> TrialSet:
        """Simulated trials as that session would have recorded them: its stimuli, its units.

        Parameters
        ----------
        session : name.
        conditions : conditions of its trials; of simulated trials that sessions share, as many of
            each are taken as give the same mixture. Absent: all.
        """
        rows = np.flatnonzero(self.trials["session"].isin([session, SHARED]))
        if conditions is not None and (self.trials["session"].iloc[rows] == SHARED).all():
            have = self.trials["condition"].to_numpy(dtype=str)[rows]
            rows = rows[mixed_like(have, conditions)]
        mine = self.stitching[self.stitching["session"] == session]
        neurons = mine["neuron"].to_numpy()
        return TrialSet(
            session=session,
            counts=_of_neurons(self.counts, rows, neurons),
            behaviour=self.behaviour[rows],
            traces=self.traces,
            trials=self.trials.iloc[rows].reset_index(drop=True),
            units=mine[["unit", "area", "cell_type", "rate_hz", "neuron"]].reset_index(drop=True),
            stimuli=stimuli_of(self.stimuli, rows),
            start_s=self.start_s,
            bin_s=self.bin_s,
        )


def _of_neurons(counts: np.ndarray, rows: np.ndarray, neurons: np.ndarray) -> np.ndarray:
    """Counts (row, bin, neuron); a trial, which fits into the cache, at a time."""
    found = np.empty((len(rows), counts.shape[1], len(neurons)), dtype=counts.dtype)
    for trial, row in zip(found, rows, strict=True):
        trial[:] = counts[row][:, neurons]
    return found


_TABLES = ("trials", "stimuli", "stitching")


def save_simulation(simulation: Simulation, path: Path) -> None:
    """Write a simulation as one npz."""
    tables = {
        f"{name}/{column}": _plain(values)
        for name in _TABLES
        for column, values in getattr(simulation, name).items()
    }
    peak = int(simulation.counts.max(initial=0))
    arrays = {
        "counts": simulation.counts.astype(np.uint8 if peak < 256 else np.uint16),
        "behaviour": simulation.behaviour,
        "traces": np.array(simulation.traces, dtype=str),
        "start_s": np.array(simulation.start_s),
        "bin_s": np.array(simulation.bin_s),
    }
    write_arrays(path, arrays | tables)


def _plain(values: pd.Series) -> np.ndarray:
    """A column as an array that needs no pickle."""
    numeric = pd.api.types.is_numeric_dtype(values)
    return values.to_numpy() if numeric else values.to_numpy(dtype=str)


def load_simulation(path: Path) -> Simulation:
    """Read a simulation that `save_simulation` wrote."""
    arrays = read_or_explain(read_arrays, path, "simulate")
    tables = {
        name: pd.DataFrame(
            {key.split("/")[1]: arrays[key] for key in arrays if key.startswith(f"{name}/")}
        )
        for name in _TABLES
    }
    return Simulation(
        counts=arrays["counts"],
        behaviour=arrays["behaviour"],
        traces=tuple(str(name) for name in arrays["traces"]),
        start_s=float(arrays["start_s"]),
        bin_s=float(arrays["bin_s"]),
        **tables,
    )
