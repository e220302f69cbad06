"""Behaviour traces: time series, pose estimates, table columns, or a step at an event."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spiketwin.config import Mapping, Trace
from spiketwin.errors import SpiketwinError
from spiketwin.recording.columns import nearest, numbers
from spiketwin.recording.schema import BehaviourTrace
from spiketwin.recording.series import find, sample_times

TIME_COLUMNS = ("timestamps", "timestamp", "time", "times", "start_time")
COMPONENTS = {"x": 0, "y": 1, "z": 2}


def read_behaviour(
    nwb: Any, table: Any, trials: pd.DataFrame, mapping: Mapping, notes: list[str]
) -> dict[str, BehaviourTrace]:
    """All traces of the mapping."""
    return {
        name: _step(table, trials, trace, name, mapping.trials.align_relative)
        if trace.step_at is not None
        else _series(nwb, trace, name, notes)
        for name, trace in mapping.behaviour.items()
    }


def _step(
    table: Any, trials: pd.DataFrame, trace: Trace, name: str, relative: bool
) -> BehaviourTrace:
    """A step at an event of each trial, whose times may count from the trial's start."""
    key = f"recordings.mapping.behaviour.{name}.step_at"
    times = numbers(table, str(trace.step_at), key)[trials["trial"].to_numpy()]
    if relative:
        times = times + trials["start_s"].to_numpy()
    return BehaviourTrace(times, np.zeros(0, dtype=np.float32), step=True)


def _series(nwb: Any, trace: Trace, name: str, notes: list[str]) -> BehaviourTrace:
    """A continuous trace, in the order of its times, without unlikely samples."""
    key = f"recordings.mapping.behaviour.{name}"
    source = find(nwb, str(trace.path), f"{key}.path")
    if hasattr(source, "colnames"):
        times, values, likelihood = _from_table(source, trace, key)
    else:
        times, values, likelihood = _from_series(source, trace, key)
    values = np.where(likelihood >= trace.min_likelihood, values, np.nan)
    if not np.isfinite(values).any():
        raise SpiketwinError(f"trace {trace.path!r} has no valid sample; change {key}")
    if missing := int((~np.isfinite(values)).sum()):
        notes.append(f"trace {name}: {missing} of {len(values)} samples are missing")
    order = np.argsort(times, kind="stable")
    signed = -values[order] if trace.flip else values[order]
    return BehaviourTrace(times[order], signed.astype(np.float32))


def _from_series(source: Any, trace: Trace, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, values and likelihood of a series."""
    data, times = np.asarray(source.data[:]), sample_times(source)
    if data.dtype.kind not in "fiub" or not len(data) or not len(times):
        raise SpiketwinError(
            f"{trace.path!r} is no trace: expected numbers with times, found {len(data)} values of "
            f"type {data.dtype} and {len(times)} times; change {key}.path"
        )
    length = min(len(data), len(times))
    data, times = data[:length], times[:length]
    likelihood = np.ones(length)
    if trace.likelihood is not None:
        likelihood = _likelihood(source, data, trace.likelihood, key)[:length]
    return times, _component(data, trace.component, f"{key}.component").astype(float), likelihood


def _component(data: np.ndarray, component: int | str | None, key: str) -> np.ndarray:
    """One column of the data."""
    if data.ndim == 1:
        return data
    index = COMPONENTS.get(str(component), component) if component is not None else 0
    if not isinstance(index, int) or not -data.shape[1] <= index < data.shape[1]:
        raise SpiketwinError(
            f"no component {component!r}: the series has {data.shape[1]} columns, numbered from 0; "
            f"change {key}"
        )
    return data[:, index]


def _likelihood(source: Any, data: np.ndarray, name: int | str, key: str) -> np.ndarray:
    if isinstance(name, str) and getattr(source, name, None) is not None:
        return np.asarray(getattr(source, name)[:], dtype=float)
    return _component(data, name, f"{key}.likelihood").astype(float)


def _from_table(source: Any, trace: Trace, key: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times, values and likelihood of table columns."""
    clock = next((name for name in TIME_COLUMNS if name in source.colnames), None)
    if clock is None or not isinstance(trace.component, str):
        columns = nearest(str(trace.component), source.colnames)
        raise SpiketwinError(
            f"{trace.path!r} is a table: name a column as component and have one of "
            f"{', '.join(TIME_COLUMNS)}; columns: {columns}; change {key}"
        )
    times = numbers(source, clock, f"{key}.path")
    values = numbers(source, trace.component, f"{key}.component")
    if trace.likelihood is None:
        return times, values, np.ones(len(values))
    return times, values, numbers(source, str(trace.likelihood), f"{key}.likelihood")
