"""Trials as NWB in the layout that a mapping describes, so that they read back through it.

Trials lie on an artificial session clock, each in a slot of its own; only the slots are observed.
Spikes are spread evenly inside their bins: counts in the same bins come back exactly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from pynwb import NWBFile, TimeSeries
from pynwb.behavior import BehavioralTimeSeries

from spiketwin.config import CellTypeColumn, Mapping, Predicate, Stimulus, Trace, WaveformWidth
from spiketwin.errors import SpiketwinError
from spiketwin.recording import write
from spiketwin.recording.predicates import kept_value

MARGIN_S = 0.5
"""Between the windows of two trials."""


class SessionTrials(Protocol):
    """What is written: the form of a `TrialSet` (rooms to the right are not known here)."""

    @property
    def session(self) -> str: ...
    @property
    def counts(self) -> np.ndarray: ...
    @property
    def behaviour(self) -> np.ndarray: ...
    @property
    def traces(self) -> tuple[str, ...]: ...
    @property
    def trials(self) -> pd.DataFrame: ...
    @property
    def units(self) -> pd.DataFrame: ...
    @property
    def stimuli(self) -> pd.DataFrame: ...
    @property
    def time_s(self) -> np.ndarray: ...
    @property
    def start_s(self) -> float: ...
    @property
    def bin_s(self) -> float: ...


def write_trials_nwb(trials: SessionTrials, path: Path, mapping: Mapping) -> None:
    """Write trials of one session.

    Parameters
    ----------
    trials : recorded or simulated trials.
    path : file to make.
    mapping : the layout; reading the file through it gives the same counts, conditions, stimuli and
        traces (traces as they are in `trials`, normalised or not).

    Raises
    ------
    SpiketwinError
        When the mapping asks for something that has no simple form (a likelihood by name).
    """
    nwb = write.new_file(trials.session, "trials written by spiketwin")
    align = _clock(trials)
    window = align[:, None] + np.array([trials.start_s, trials.start_s + _length_s(trials)])
    nwb.units = _units(nwb, trials, mapping, align, window)
    table = write.trial_table(_columns(trials, mapping, align, window), _table_name(mapping))
    if _table_name(mapping) == "trials":
        nwb.trials = table
    else:
        nwb.add_time_intervals(table)
    source = mapping.trials.align or "start_time"
    if source.startswith("events:"):
        _add_series(nwb, source[7:], align, np.ones(len(align)))
    for name, trace in mapping.behaviour.items():
        if trace.path is not None and name in trials.traces:
            _add_trace(nwb, trials, trials.traces.index(name), trace, align)
    write.save(nwb, path)


def _table_name(mapping: Mapping) -> str:
    return mapping.trials.table or "trials"


def _length_s(trials: SessionTrials) -> float:
    return trials.counts.shape[1] * trials.bin_s


def _clock(trials: SessionTrials) -> np.ndarray:
    """Alignment time of every trial, whole multiples of the bin."""
    slot = np.ceil((_length_s(trials) + 2 * MARGIN_S) / trials.bin_s) * trials.bin_s
    first = np.ceil((MARGIN_S - min(trials.start_s, 0)) / trials.bin_s) * trials.bin_s
    return first + slot * np.arange(len(trials.trials))


def _units(
    nwb: NWBFile, trials: SessionTrials, mapping: Mapping, align: np.ndarray, window: np.ndarray
) -> Any:
    labels = [_label(area, mapping) for area in trials.units["area"]]
    names = sorted(set(labels))
    source = mapping.units.area or "electrodes.location"
    kind, _, column = source.partition(".")
    if kind == "electrodes" and column != "location":
        nwb.add_electrode_column(name=column, description="area")
    electrode = np.array([names.index(label) for label in labels])
    write.add_electrodes(nwb, names, electrode, column if kind == "electrodes" else "location")
    times, offsets = spread_spikes(trials, align)
    columns = _predicate_columns(mapping.units.quality, len(labels))
    if kind == "units":
        columns[column] = np.array(labels)
    if kind == "peak_channel":
        columns[column] = electrode
    columns |= _type_column(trials, mapping)
    return write.units_table(nwb, times, offsets, columns, electrode, window)


def _label(area: str, mapping: Mapping) -> str:
    """A label of the file that the mapping leads to this area."""
    acronyms = mapping.areas.model or {area: area}
    acronym = next((a for a, model in acronyms.items() if model == area), area)
    by_ccf = [label for label, to in mapping.areas.ccf.items() if to == acronym]
    return by_ccf[0] if by_ccf else acronym


def _type_column(trials: SessionTrials, mapping: Mapping) -> dict[str, np.ndarray]:
    source, inhibitory = mapping.units.cell_type, (trials.units["cell_type"] == "inhibitory")
    if isinstance(source, CellTypeColumn):
        return {source.column: np.where(inhibitory, source.inhibitory[0], source.excitatory[0])}
    if isinstance(source, WaveformWidth):
        return {source.column: np.where(inhibitory, 0.5, 1.5) * source.threshold}
    return {} if source == "unknown" else {"cell_type": trials.units["cell_type"].to_numpy(str)}


def _predicate_columns(predicates: list[Predicate], rows: int) -> dict[str, np.ndarray]:
    """Columns whose values all predicates keep."""
    of_column: dict[str, list[Predicate]] = {}
    for predicate in predicates:
        of_column.setdefault(predicate.column, []).append(predicate)
    return {column: np.full(rows, kept_value(some)) for column, some in of_column.items()}


def spread_spikes(trials: SessionTrials, align: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spike times with each bin's spikes in its equal parts, grouped by unit, and offsets."""
    unit, trial, bin_ = np.nonzero(trials.counts.transpose(2, 0, 1))
    number = trials.counts[trial, bin_, unit].astype(int)
    first = align[trial] + trials.start_s + trials.bin_s * bin_
    rank = np.arange(number.sum()) - np.repeat(np.cumsum(number) - number, number)
    part = (rank + 0.5) / np.repeat(number, number)
    times = np.repeat(first, number) + trials.bin_s * part
    per_unit = np.bincount(unit, number, trials.counts.shape[2]).astype(int)
    return times, np.concatenate([[0], np.cumsum(per_unit)])


def _columns(
    trials: SessionTrials, mapping: Mapping, align: np.ndarray, window: np.ndarray
) -> dict[str, Any]:
    """Columns of the trial table."""
    table, rows = mapping.trials, len(align)
    starts_there = table.align in (None, "start_time")
    start = align if starts_there else window[:, 0] - MARGIN_S / 2
    since = align - start if table.align_relative else align
    found: dict[str, Any] = {"start_time": start, "stop_time": window[:, 1] + MARGIN_S / 2}
    if not starts_there and not str(table.align).startswith("events:"):
        found[str(table.align)] = since
    for names, kind in ((table.condition, "condition"), (table.outcome, "outcome")):
        found |= _label_columns(trials.trials[kind], names, mapping)
    found |= _predicate_columns([p for p in table.keep if p.column not in found], rows)
    for name, stimulus in mapping.stimuli.items():
        shown = trials.stimuli[trials.stimuli["stimulus"] == name]
        found |= _stimulus_columns(shown, stimulus, since, set(found))
    for name, trace in mapping.behaviour.items():
        if trace.step_at is not None and name in trials.traces:
            found[trace.step_at] = _step_times(trials, trials.traces.index(name), since)
    return found


def _label_columns(labels: pd.Series, names: list[str], mapping: Mapping) -> dict[str, Any]:
    """Columns that join, and merge, to these labels."""
    if not names:
        return {}
    unmerged = [mapping.trials.merge.get(label, [label])[0] or "unknown" for label in labels]
    parts = [label.split("_", len(names) - 1) for label in unmerged]
    filled = [p if len(p) == len(names) else ["unknown"] * len(names) for p in parts]
    return {name: np.array([p[k] for p in filled]) for k, name in enumerate(names)}


def _stimulus_columns(
    shown: pd.DataFrame, stimulus: Stimulus, align: np.ndarray, there: set[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    trial, rows = shown["trial"].to_numpy(int), len(align)
    if isinstance(stimulus.amplitude, str):
        strength = np.zeros(rows)
        strength[trial] = shown["amplitude"]
        found[stimulus.amplitude] = strength
    if not isinstance(stimulus.onset, str) or stimulus.onset in there:
        return found
    times = shown["time_s"].to_numpy(float) + align[trial]
    if len(set(trial)) < len(trial):
        found[stimulus.onset] = [times[trial == k] for k in range(rows)]
    else:
        found[stimulus.onset] = np.full(rows, np.nan)
        found[stimulus.onset][trial] = times
    return found


def _step_times(trials: SessionTrials, trace: int, align: np.ndarray) -> np.ndarray:
    """Start of the first bin in which a step trace is on, NaN where it stays off."""
    on = trials.behaviour[:, :, trace] > 0.5
    first = trials.start_s + trials.bin_s * on.argmax(1)
    return np.where(on.any(1), align + first, np.nan)


def _add_trace(
    nwb: NWBFile, trials: SessionTrials, index: int, trace: Trace, align: np.ndarray
) -> None:
    if isinstance(trace.likelihood, str):
        raise SpiketwinError(
            f"a likelihood by name ({trace.likelihood!r}) cannot be written; give its column number"
        )
    values = trials.behaviour[:, :, index].ravel() * (-1 if trace.flip else 1)
    component = {"x": 0, "y": 1, "z": 2}.get(str(trace.component), trace.component)
    if isinstance(component, int) or trace.likelihood is not None:
        place = component if isinstance(component, int) else 0
        values = _as_component(values, place, trace.likelihood or 0)
    _add_series(nwb, str(trace.path), (align[:, None] + trials.time_s).ravel(), values)


def _as_component(values: np.ndarray, place: int, likelihood: int) -> np.ndarray:
    """A series with several columns, 1 everywhere but in the trace's own."""
    data = np.ones((len(values), 1 + max(place, likelihood)))
    data[:, place] = values
    return data


def _add_series(nwb: NWBFile, path: str, times: np.ndarray, values: np.ndarray) -> None:
    """Add a series at a path such as ``processing/behavior/BehavioralTimeSeries/JawTrace``."""
    root, *folders, name = path.strip("/").split("/")
    series = TimeSeries(
        name=name, data=values, timestamps=times, unit="a.u.", description="written by spiketwin"
    )
    if root == "acquisition" and not folders:
        nwb.add_acquisition(series)
    elif root == "stimulus" and not folders:
        nwb.add_stimulus(series)
    elif root == "processing" and 1 <= len(folders) <= 2:
        _add_processed(nwb, folders, series)
    else:
        raise SpiketwinError(f"cannot write a series at {path!r}; use processing/ or acquisition/")


def _add_processed(nwb: NWBFile, folders: list[str], series: TimeSeries) -> None:
    module = nwb.processing.get(folders[0]) if nwb.processing else None
    if module is None:
        module = nwb.create_processing_module(folders[0], "behaviour traces")
    if len(folders) == 1:
        module.add(series)
        return
    if folders[1] not in module.data_interfaces:
        module.add(BehavioralTimeSeries(name=folders[1]))
    module[folders[1]].add_timeseries(series)
