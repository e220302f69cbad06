"""A session of the two artificial areas, and its form as NWB."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spiketwin.recording.write import (
    add_electrodes,
    add_trace,
    new_file,
    save,
    trial_table,
    units_table,
)

TRIAL_MS, STIMULUS_MS = 4000, 1000
JAW_RATE_HZ = 250.0
AREAS = ("SSp-bfd", "MOp")
"""Allen CCF acronyms under which area1 and area2 are written."""


@dataclass(frozen=True)
class Truth:
    """What a session was made from.

    Attributes
    ----------
    area : (unit,) 0 or 1.
    inhibitory : (unit,) bool.
    base_hz, modulation : (unit,).
    hit : (trial,) bool.
    jaw_onset_s : (trial,) opening after the stimulus, NaN on miss trials.
    """

    area: np.ndarray
    inhibitory: np.ndarray
    base_hz: np.ndarray
    modulation: np.ndarray
    hit: np.ndarray
    jaw_onset_s: np.ndarray


@dataclass(frozen=True)
class TwoAreasSession:
    """A session before it is written.

    Attributes
    ----------
    truth : what it was made from.
    spike_times_s, spike_offsets : as in `Recording`.
    jaw : (sample,) at `JAW_RATE_HZ` from time 0; empty without a jaw.
    """

    truth: Truth
    spike_times_s: np.ndarray
    spike_offsets: np.ndarray
    jaw: np.ndarray


def write_two_areas_session(session: TwoAreasSession, name: str, path: Path) -> None:
    """Write an artificial session.

    The units table has the columns ``cell_type`` and ``quality``, the trial table
    ``stimulus_time``, ``stimulus_amplitude``, ``lick`` and ``outcome``; areas stand in
    ``electrodes.location``; the jaw is
    ``processing/behavior/BehavioralTimeSeries/JawTrace``.
    """
    truth = session.truth
    nwb = new_file(name, "artificial two-area session, drawn by spiketwin")
    electrode = add_electrodes(nwb, list(AREAS), truth.area)
    start = np.arange(len(truth.hit)) * TRIAL_MS / 1000
    columns = {
        "cell_type": np.where(truth.inhibitory, "inhibitory", "excitatory"),
        "quality": np.full(len(truth.area), "good"),
    }
    observed = np.array([[0.0, len(truth.hit) * TRIAL_MS / 1000]])
    nwb.units = units_table(
        nwb, session.spike_times_s, session.spike_offsets, columns, electrode, observed
    )
    nwb.trials = trial_table(
        {
            "start_time": start,
            "stop_time": start + TRIAL_MS / 1000,
            "stimulus_time": start + STIMULUS_MS / 1000,
            "stimulus_amplitude": np.full(len(start), 4.0),
            "lick": truth.hit.astype(int),
            "outcome": np.where(truth.hit, "Hit", "Miss"),
        }
    )
    if len(session.jaw):
        add_trace(nwb, "JawTrace", session.jaw, rate_hz=JAW_RATE_HZ, start_s=0.0)
    save(nwb, path)
