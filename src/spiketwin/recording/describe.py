"""What an NWB file holds, for a person who wants to fit it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.recording.areas import UNASSIGNED
from spiketwin.recording.columns import is_ragged, ragged, text, values
from spiketwin.recording.nwb import open_nwb
from spiketwin.recording.series import sample_times, series
from spiketwin.recording.trial_tables import NOT_TRIALS, trial_tables
from spiketwin.recording.units import guess_area, unit_labels

EXAMPLES = 4
SENTINEL = -999
FAR_S = 1e5
"""Session clocks beyond this start are worth a remark."""


def describe(path: Path) -> str:
    """Text for the terminal: units per area, tables, events, traces, what looks suspicious.

    Raises
    ------
    SpiketwinError
        When the file cannot be opened.
    """
    with open_nwb(path) as opened:
        nwb = opened.nwb
        subject = nwb.subject
        lines = [
            f"{Path(path).name}: {nwb.session_description}",
            f"session {nwb.identifier}, started {nwb.session_start_time}",
            f"subject {getattr(subject, 'subject_id', None) or '-'} "
            f"({getattr(subject, 'species', None) or 'species not given'})",
        ]
        lines += ["", *_units(nwb), "", *_tables(nwb), "", *_series(nwb)]
        suspicious = [*_suspicious(nwb), *opened.warnings]
        lines += ["", "suspicious", *(f"  - {remark}" for remark in suspicious or ["nothing"])]
    return "\n".join(lines)


def _units(nwb: Any) -> Iterator[str]:
    if nwb.units is None or len(nwb.units) == 0:
        yield "units: none (spike times are expected in the units table)"
        return
    units = nwb.units
    yield f"units: {len(units)}, {_spike_count(units)} spikes"
    for area, number in Counter(_areas(nwb)).most_common():
        yield f"  {area or repr('')}: {number}"
    yield "  columns"
    yield from (f"    {line}" for line in _columns(units))


def _spike_count(units: Any) -> int:
    return len(units["spike_times"].target.data) if "spike_times" in units.colnames else 0


def _areas(nwb: Any) -> list[str]:
    try:
        return unit_labels(nwb, guess_area(nwb), [])
    except SpiketwinError:
        return ["no area"] * len(nwb.units)


def _tables(nwb: Any) -> Iterator[str]:
    tables = trial_tables(nwb)
    if not any(name not in NOT_TRIALS for name in tables):
        yield "trial tables: none"
    for name, table in tables.items():
        yield f"table {name}: {len(table)} rows"
        yield from (f"    {line}" for line in _columns(table))


def _columns(table: Any) -> Iterator[str]:
    """Name, type and example values of every column."""
    for name in table.colnames:
        if name in {"timeseries", "electrodes"} or not len(table):
            yield f"{name}: not shown"
        elif is_ragged(table, name):
            lengths = [len(part) for part in ragged(table, name)]
            yield f"{name}: lists of {min(lengths)} to {max(lengths)} values"
        else:
            yield f"{name}: {_summary(table, name)}"


def _summary(table: Any, name: str) -> str:
    try:
        found = values(table, name)
    except (TypeError, ValueError):
        return "not readable as a column"
    if found.dtype.kind == "O" and any(hasattr(v, "neurodata_type") for v in table[name].data[:1]):
        return "references to other objects"
    if found.dtype.kind in "fiu" and found.ndim == 1:
        known = found[np.isfinite(found.astype(float))]
        if not len(known):
            return "numbers, all missing"
        missing = f", {len(found) - len(known)} missing" if len(known) < len(found) else ""
        if len(set(known)) > 2 * EXAMPLES:
            return f"numbers, {known.min():g} to {known.max():g}{missing}"
        return f"numbers, {_counted(known)}{missing}"
    kind = "text" if found.dtype.kind == "O" else str(found.dtype)
    return f"{kind}, {_counted(found)}" if found.ndim == 1 else f"{kind}, shape {found.shape}"


def _counted(found: np.ndarray) -> str:
    counts = Counter(text(value) for value in found).most_common()
    shown = ", ".join(f"{value or repr('')} ({number})" for value, number in counts[:EXAMPLES])
    return shown + (f", ... {len(counts)} values" if len(counts) > EXAMPLES else "")


def _series(nwb: Any) -> Iterator[str]:
    """Behaviour traces and event series by path."""
    found = list(series(nwb))
    yield "series (events and traces)" if found else "series: none"
    for path, value in found:
        yield f"  {path}: {series_kind(value)}"


def series_kind(value: Any) -> str:
    """One phrase: a trace, events, a table, empty."""
    if hasattr(value, "colnames"):
        return f"table with columns {', '.join(value.colnames)}"
    data = getattr(value, "data", None)
    times = sample_times(value) if data is not None else np.zeros(0)
    if data is None or not len(times):
        return f"{type(value).__name__}, no samples"
    known = times[np.isfinite(times)]
    if not len(known):
        return f"{len(times)} samples, all times missing"
    span = f"{known.min():g} to {known.max():g} s"
    if is_trace(value, known):
        return f"trace, {len(times)} samples of shape {np.shape(data)[1:] or 1}, {span}"
    return f"events, {len(times)}, {span}"


def is_trace(value: Any, times: np.ndarray) -> bool:
    """Numbers that change, sampled densely and mostly evenly; otherwise events."""
    data = np.asarray(value.data[: min(len(value.data), 2000)])
    if data.dtype.kind not in "fiu" or len(times) < 10 or len(np.unique(data)) < 3:
        return False
    steps = np.diff(times[:2000])
    return bool(np.median(steps) < 0.1 and np.std(steps) < 5 * max(np.median(steps), 1e-9)) or (
        getattr(value, "rate", None) is not None
    )


def _suspicious(nwb: Any) -> Iterator[str]:
    if nwb.units is not None and len(nwb.units):
        yield from _suspicious_units(nwb)
    else:
        yield "no units: there is nothing to fit"
    if not any(name not in NOT_TRIALS for name in trial_tables(nwb)):
        yield "no trials: there is nothing to align to"
    for name, table in trial_tables(nwb).items():
        yield from _suspicious_table(name, table)


def _suspicious_units(nwb: Any) -> Iterator[str]:
    units = nwb.units
    lengths = np.diff(np.concatenate([[0], units["spike_times"].data[:]]))
    if silent := int((lengths == 0).sum()):
        yield f"{silent} units without a spike"
    times = np.asarray(units["spike_times"].target.data[:])
    if len(times) and abs(times.min()) > FAR_S:
        yield f"the session's clock starts far from zero ({times.min():g} s)"
    unassigned = sum(area.lower() in UNASSIGNED for area in _areas(nwb))
    if unassigned:
        yield f"{unassigned} units whose area is not assigned"
    if "obs_intervals" not in units.colnames:
        yield "no obs_intervals: the whole session counts as observed"
    if not any("quality" in name.lower() for name in units.colnames):
        yield "no quality column: all units are used"


def _suspicious_table(name: str, table: Any) -> Iterator[str]:
    if len(table) == 1 and name not in NOT_TRIALS:
        yield f"table {name} has one row"
    for column in table.colnames:
        if column == "timeseries" or is_ragged(table, column) or not len(table):
            continue
        found = np.asarray(table[column].data[:])
        if found.dtype.kind != "f":
            continue
        if not np.isfinite(found).any():
            yield f"{name}.{column}: all values are missing"
        if (found == SENTINEL).any():
            yield f"{name}.{column}: {SENTINEL} probably means missing"
    if "start_time" in table.colnames and len(table):
        start = float(np.nanmin(np.asarray(table["start_time"].data[:], dtype=float)))
        if abs(start) > FAR_S:
            yield f"table {name}: the clock starts far from zero ({start:g} s)"
