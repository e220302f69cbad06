"""A session of the delayed whisker task, and its form as NWB.

Task of Esmaeili et al. 2021: a whisker deflection on go trials at time 0, none on no-go trials, an
auditory cue after 1 s on every trial, and a lick after it that is rewarded on go trials. The files
have the layout in which the same laboratory publishes its recordings (Oryshchuk et al. 2024): what
reads one reads the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pynwb import NWBFile

from spiketwin.recording.write import (
    add_electrodes,
    add_trace,
    new_file,
    save,
    trial_table,
    units_table,
)

OUTCOMES = ("Miss", "Hit", "CR", "FA")
"""Names of the codes 0 to 3 in column ``perf``; an outcome is lick + 2 (1 - go)."""
CUE_S = 1.0
TRACES = {"jaw": "JawTrace", "tongue": "TongueTrace", "whisker": "WhiskerAngle"}


@dataclass(frozen=True)
class DelayedSession:
    """A session before it is written.

    Attributes
    ----------
    name, description : of the session.
    trials : one row per trial, columns ``onset_s`` (time of the whisker deflection, real or
        absent, on the session's clock), ``go`` (amplitude index of the deflection, 0 for none),
        ``perf`` (code of the outcome, NaN for an early lick), ``reaction_s`` (lick after the cue,
        NaN without), ``active`` (1 where the animal moved before the response, 0 quiet, NaN
        unknown).
    units : one row per unit, columns ``area``, ``width_ms`` (of the spike), ``cluster``, ``depth``.
    spike_times_s : spike times of each unit.
    video : name of a trace -> (trial, frame).
    video_start_s, frame_rate_hz : first frame from the onset, frames per second.
    """

    name: str
    description: str
    trials: pd.DataFrame
    units: pd.DataFrame
    spike_times_s: list[np.ndarray]
    video: Mapping[str, np.ndarray]
    video_start_s: float
    frame_rate_hz: float


def write_delayed_session(session: DelayedSession, path: Path) -> None:
    """Write a session as NWB, atomically."""
    nwb = new_file(session.name, session.description)
    areas = list(dict.fromkeys(session.units["area"]))
    electrode = add_electrodes(nwb, areas, session.units["area"].map(areas.index).to_numpy())
    lengths = [len(times) for times in session.spike_times_s]
    times = np.concatenate([np.zeros(0), *session.spike_times_s])
    nwb.units = units_table(
        nwb,
        times,
        np.concatenate([[0], np.cumsum(lengths)]),
        _unit_columns(session.units),
        electrode,
        np.array([[0.0, _end_s(session, times)]]),
    )
    nwb.trials = trial_table(_trial_columns(session.trials))
    _add_video(nwb, session)
    save(nwb, path)


def _end_s(session: DelayedSession, times: np.ndarray) -> float:
    last = float(session.trials["onset_s"].max()) + 3.0
    return max(last, float(times.max(initial=0.0)))


def _unit_columns(units: pd.DataFrame) -> dict[str, np.ndarray]:
    """Columns with blanks and brackets in their names, as the laboratory has them."""
    broad = units["width_ms"].to_numpy() > 0.275
    return {
        "cluster_id": units["cluster"].to_numpy(),
        "depth": units["depth"].to_numpy(),
        "waveformDuration_peakTrough": units["width_ms"].to_numpy(),
        "Target_area": units["area"].to_numpy(dtype=str),
        "Type of neuron": np.where(broad, "RSU", "FSU"),
    }


def _trial_columns(trials: pd.DataFrame) -> dict[str, np.ndarray]:
    onset, go = trials["onset_s"].to_numpy(), trials["go"].to_numpy()
    perf = trials["perf"].to_numpy(dtype=float)
    licks = np.isin(perf, [1, 3])
    return {
        "start_time": onset,
        "stop_time": onset + 2.0,
        "trial_type": np.where(go > 0, "whisker_trial", "no_stim_trial"),
        "whisker_stim": (go > 0).astype(int),
        "whisker_stim_amplitude": go.astype(float),
        "whisker_stim_time": np.where(go > 0, onset, np.nan),
        "whisker_stim_duration": np.full(len(onset), "1 (ms)"),
        "no_stim": (go == 0).astype(int),
        "no_stim_time": np.where(go == 0, onset, np.nan),
        "reward_available": np.ones(len(onset), int),
        "response_window_start_time": onset + CUE_S,
        "response_window_stop_time": onset + CUE_S + 1.0,
        "auditory_cue_time": onset + CUE_S,
        "perf": perf,
        "lick_flag": licks.astype(int),
        "lick_time": onset + CUE_S + trials["reaction_s"].to_numpy(dtype=float),
        "reaction_time": trials["reaction_s"].to_numpy(dtype=float),
        "trial_active": trials["active"].to_numpy(dtype=float),
    }


def _add_video(nwb: NWBFile, session: DelayedSession) -> None:
    """Videos of the trials, one after the other: timestamps with gaps."""
    for name, frames in session.video.items():
        at = session.video_start_s + np.arange(frames.shape[1]) / session.frame_rate_hz
        clock = (session.trials["onset_s"].to_numpy()[:, None] + at).ravel()
        add_trace(nwb, TRACES[name], frames.astype(np.float32).ravel(), timestamps=clock)
