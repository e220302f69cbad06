"""Trials of one session, recorded or simulated: the shape that every later stage takes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class TrialSet:
    """Binned trials of one session; a simulation seen through a session has the same form.

    Attributes
    ----------
    session : name.
    counts : (trial, time, unit) uint8 or uint16, spikes per bin.
    behaviour : (trial, time, trace) float32; no NaN.
    traces : names of the behaviour traces.
    trials : one row per trial, columns ``trial``, ``condition``, ``outcome``, ``split``
        ("train", "validation", "test"; "simulated" for simulations), ``label NAME`` (str) for
        each label of the mapping.
    units : one row per unit, columns ``unit``, ``area``, ``cell_type``, ``rate_hz`` (in the
        window), ``neuron`` (index of the model neuron that stands for it).
    stimuli : one row per stimulus, columns ``trial`` (row number in `trials`), ``stimulus``,
        ``time_s`` (from the alignment event), ``amplitude``.
    start_s : start of the first bin, from the alignment event.
    bin_s : bin width.
    """

    session: str
    counts: np.ndarray
    behaviour: np.ndarray
    traces: tuple[str, ...]
    trials: pd.DataFrame
    units: pd.DataFrame
    stimuli: pd.DataFrame
    start_s: float
    bin_s: float

    @property
    def time_s(self) -> np.ndarray:
        """Bin centres (time,), from the alignment event."""
        return self.start_s + self.bin_s * (np.arange(self.counts.shape[1]) + 0.5)

    @property
    def conditions(self) -> np.ndarray:
        """(trial,) str."""
        return self.trials["condition"].to_numpy(dtype=str)

    @property
    def outcomes(self) -> np.ndarray:
        """(trial,) str, "" where a trial has none."""
        return self.trials["outcome"].to_numpy(dtype=str)

    def take(self, rows: np.ndarray) -> TrialSet:
        """The trials with these row numbers (in this order, repeats allowed)."""
        rows = np.asarray(rows, dtype=int)
        return replace(
            self,
            counts=self.counts[rows],
            behaviour=self.behaviour[rows],
            trials=self.trials.iloc[rows].reset_index(drop=True),
            stimuli=stimuli_of(self.stimuli, rows),
        )

    def where(self, **values: str) -> TrialSet:
        """The trials whose columns have these values, e.g. ``where(split="test")``."""
        keep = np.ones(len(self.trials), dtype=bool)
        for column, value in values.items():
            keep &= (self.trials[column] == value).to_numpy()
        return self.take(np.flatnonzero(keep))


def stimuli_of(stimuli: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Stimulus rows of chosen trials, renumbered."""
    chosen = pd.DataFrame({"old": rows, "trial": np.arange(len(rows))})
    merged = chosen.merge(stimuli.rename(columns={"trial": "old"}), on="old", how="inner")
    return merged.drop(columns="old").reset_index(drop=True)


def mixed_like(have: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows (rising) of trials of some conditions in which these occur in the wanted shares.

    Parameters
    ----------
    have : (trial,) conditions to choose from; the first ones of each are taken, as many as allow.
    wanted : (trial,) conditions whose shares count.
    """
    names, numbers = np.unique(wanted, return_counts=True)
    rows = [np.flatnonzero(have == name) for name in names]
    factor = min(len(found) / n for found, n in zip(rows, numbers, strict=True))
    chosen = [found[: round(factor * n)] for found, n in zip(rows, numbers, strict=True)]
    return np.sort(np.concatenate(chosen))


@dataclass(frozen=True)
class Trials:
    """What a fitter gets: the sessions' trials and the stitching.

    Attributes
    ----------
    sessions : sets restricted to the units that the network stands for.
    stitching : one row per model neuron, columns ``neuron``, ``area``, ``cell_type``
        ("excitatory" or "inhibitory"), ``session``, ``unit``, ``rate_hz``; sorted by
        ``neuron`` = 0 ... N - 1: area after area, in each the excitatory neurons first.
    """

    sessions: tuple[TrialSet, ...]
    stitching: pd.DataFrame

    @property
    def areas(self) -> tuple[str, ...]:
        """Areas in order of first appearance in the stitching."""
        return tuple(dict.fromkeys(self.stitching["area"]))

    def split(self, name: str) -> Trials:
        """Only the trials of one part of the split."""
        return Trials(tuple(s.where(split=name) for s in self.sessions), self.stitching)
