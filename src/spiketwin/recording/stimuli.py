"""Stimuli of the trials, relative to the alignment event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spiketwin.config import Mapping, Stimulus
from spiketwin.errors import SpiketwinError
from spiketwin.recording.columns import is_ragged, numbers, ragged, require
from spiketwin.recording.trial_tables import FAR_S

COLUMNS = ["trial", "stimulus", "time_s", "amplitude"]


def read_stimuli(table: Any, trials: pd.DataFrame, mapping: Mapping) -> pd.DataFrame:
    """One row per stimulus that was shown, as `Recording.stimuli`."""
    parts = [
        _shown(table, trials, name, stimulus, mapping.trials.align_relative)
        for name, stimulus in mapping.stimuli.items()
    ]
    empty = pd.DataFrame({"trial": np.zeros(0, int), "stimulus": np.zeros(0, str)})
    empty = empty.assign(time_s=0.0, amplitude=0.0)
    return pd.concat([empty, *parts], ignore_index=True)[COLUMNS] if parts else empty[COLUMNS]


def _shown(
    table: Any, trials: pd.DataFrame, name: str, stimulus: Stimulus, relative: bool
) -> pd.DataFrame:
    key = f"recordings.mapping.stimuli.{name}"
    rows = trials["trial"].to_numpy()
    times = _times(table, trials, stimulus, relative, key)
    _check_clock(np.concatenate([np.zeros(0), *times]), stimulus, key)
    amplitude = _amplitude(table, stimulus, rows, key)
    lengths = [len(part) for part in times]
    shown = pd.DataFrame(
        {
            "trial": np.repeat(rows, lengths),
            "stimulus": name,
            "time_s": np.concatenate([np.zeros(0), *times]),
            "amplitude": np.repeat(amplitude, lengths),
        }
    )
    return shown[np.isfinite(shown["time_s"]) & (shown["amplitude"] > 0)]


def _times(
    table: Any, trials: pd.DataFrame, stimulus: Stimulus, relative: bool, key: str
) -> list[np.ndarray]:
    """Times of each kept trial, from its alignment event."""
    rows, align = trials["trial"].to_numpy(), trials["align_s"].to_numpy()
    if not isinstance(stimulus.onset, str):
        return [np.array([float(stimulus.onset)])] * len(rows)
    require(table, stimulus.onset, f"{key}.onset")
    if is_ragged(table, stimulus.onset):
        every = ragged(table, stimulus.onset)
        found = [np.asarray(every[row], dtype=float) for row in rows]
    else:
        found = [np.array([t]) for t in numbers(table, stimulus.onset, f"{key}.onset")[rows]]
    origin = align - trials["start_s"].to_numpy() if relative else align
    return [part - zero for part, zero in zip(found, origin, strict=True)]


def _check_clock(times: np.ndarray, stimulus: Stimulus, key: str) -> None:
    known = times[np.isfinite(times)]
    if len(known) and np.median(np.abs(known)) > FAR_S:
        raise SpiketwinError(
            f"onsets {stimulus.onset!r} lie {known.min():g} to {known.max():g} s from the "
            f"alignment events: no trial would see the stimulus; change {key}.onset, or "
            "recordings.mapping.trials.align_relative if both count from the trial's start"
        )


def _amplitude(table: Any, stimulus: Stimulus, rows: np.ndarray, key: str) -> np.ndarray:
    if isinstance(stimulus.amplitude, str):
        return numbers(table, stimulus.amplitude, f"{key}.amplitude")[rows]
    return np.full(len(rows), float(stimulus.amplitude))
