"""Small NWB files with something wrong or unusual in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pynwb import TimeSeries
from pynwb.behavior import BehavioralTimeSeries

from spiketwin.recording import write

LOCATIONS = ["SSp-bfd", "MOp"]


def write_file(
    path: Path,
    *,
    units: int = 4,
    trials: int = 12,
    offset_s: float = 0.0,
    locations: list[str] | None = None,
    spikes: list[np.ndarray] | None = None,
    unit_columns: dict[str, np.ndarray] | None = None,
    trial_columns: dict[str, Any] | None = None,
    table: str = "trials",
    observed: np.ndarray | None = None,
    series: dict[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Path:
    """Trials of 1 s from `offset_s` on, with one spike per unit in the middle of each."""
    nwb = write.new_file("tiny", "a small file")
    names = LOCATIONS if locations is None else locations
    start = offset_s + np.arange(trials, dtype=float)
    if units:
        electrode = write.add_electrodes(nwb, names, np.arange(units) % len(names))
        each = spikes or [start + 0.5 + 0.01 * k for k in range(units)]
        offsets = np.concatenate([[0], np.cumsum([len(s) for s in each])])
        seen = np.array([[offset_s, offset_s + trials]]) if observed is None else observed
        flat = np.concatenate(each) if each else np.zeros(0)
        nwb.units = write.units_table(nwb, flat, offsets, unit_columns or {}, electrode, seen)
    if trials:
        columns = {"start_time": start, "stop_time": start + 1.0, **(trial_columns or {})}
        made = write.trial_table(columns, table)
        if table == "trials":
            nwb.trials = made
        else:
            nwb.add_time_intervals(made)
    if series:
        module = nwb.create_processing_module("behavior", "behaviour")
        container = BehavioralTimeSeries(name="BehavioralTimeSeries")
        module.add(container)
        for name, (times, values) in series.items():
            container.add_timeseries(
                TimeSeries(name=name, data=values, timestamps=times, unit="a.u.", description=name)
            )
    write.save(nwb, path)
    return path
