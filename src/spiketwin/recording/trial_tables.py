"""The trial table: which table, when each trial is aligned, its condition and outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spiketwin.config import TrialsMapping
from spiketwin.errors import SpiketwinError
from spiketwin.recording.columns import nearest, numbers, require, text, values
from spiketwin.recording.predicates import kept
from spiketwin.recording.schema import LABEL
from spiketwin.recording.series import event_times

NOT_TRIALS = ("epochs", "invalid_times")
KEY = "recordings.mapping.trials"
FAR_S = 60.0
"""Events further than this from their trials do not count on the same clock."""
ALL = "all"
"""Label where the mapping names no column."""


def trial_tables(nwb: Any) -> dict[str, Any]:
    """Interval tables by name, `trials` first."""
    tables = {"trials": nwb.trials} if nwb.trials is not None else {}
    for name, table in (nwb.intervals or {}).items():
        tables.setdefault(name, table)
    return tables


def find_table(nwb: Any, name: str | None, notes: list[str]) -> Any:
    """The trial table that the mapping names, or the likeliest one.

    Raises
    ------
    SpiketwinError
        When it is not there; names the tables that are.
    """
    tables = trial_tables(nwb)
    if name is not None:
        if name not in tables:
            there = nearest(name, tables)
            raise SpiketwinError(f"no trial table {name!r}; tables: {there}; change {KEY}.table")
        return tables[name]
    likely = [n for n, table in tables.items() if n not in NOT_TRIALS and len(table) > 0]
    if not likely:
        others = ", ".join(tables) or "none"
        raise SpiketwinError(
            f"no trials: the file has no trial table (interval tables: {others}); add one, or name "
            f"one with {KEY}.table"
        )
    if "trials" in likely:
        return tables["trials"]
    chosen = max(likely, key=lambda n: len(tables[n]))
    notes.append(f"trial table guessed: {chosen} of {', '.join(likely)} ({KEY}.table)")
    return tables[chosen]


def read_trials(nwb: Any, mapping: TrialsMapping, notes: list[str]) -> tuple[Any, pd.DataFrame]:
    """The NWB table, and the kept trials as `Recording.trials`."""
    table = find_table(nwb, mapping.table, notes)
    start = numbers(table, "start_time", f"{KEY}.table")
    stop = numbers(table, "stop_time", f"{KEY}.table")
    align = _align(nwb, table, mapping, start, stop, notes)
    _check_clock(align, start, stop, mapping)
    keep = kept(table, mapping.keep, f"{KEY}.keep")
    missing = keep & ~np.isfinite(align)
    if missing.any():
        notes.append(f"{int(missing.sum())} trials without alignment event dropped")
    rows = np.flatnonzero(keep & np.isfinite(align))
    _check_number(table, mapping, align, rows)
    return table, pd.DataFrame(
        {
            "trial": rows,
            "align_s": align[rows],
            "start_s": start[rows],
            "stop_s": stop[rows],
            "condition": _labels(table, mapping.condition, mapping.merge, "condition")[rows],
            "outcome": _labels(table, mapping.outcome, mapping.merge, "outcome")[rows],
            **{
                f"{LABEL}{name}": _labels(table, [column], {}, f"labels.{name}")[rows]
                for name, column in mapping.labels.items()
            },
        }
    )


def _align(
    nwb: Any,
    table: Any,
    mapping: TrialsMapping,
    start: np.ndarray,
    stop: np.ndarray,
    notes: list[str],
) -> np.ndarray:
    """Alignment time of every trial on the session's clock, NaN where there is none."""
    source = mapping.align
    if source is None:
        notes.append(f"trials aligned to start_time ({KEY}.align)")
        return start
    if source.startswith("events:"):
        events = event_times(nwb, source[7:], f"{KEY}.align")
        found, several = _events_in_trials(events, start, stop)
        if several:
            notes.append(
                f"{several} of {len(start)} trials hold more than one event of {source!r}; the "
                f"first of each is time 0 ({KEY}.align)"
            )
        return found
    times = numbers(table, source, f"{KEY}.align")
    return start + times if mapping.align_relative else times


def _events_in_trials(
    events: np.ndarray, start: np.ndarray, stop: np.ndarray
) -> tuple[np.ndarray, int]:
    """First event inside each trial, NaN where there is none; trials with several."""
    events = np.sort(events[np.isfinite(events)])
    if not len(events):
        return np.full(len(start), np.nan), 0
    place = np.minimum(np.searchsorted(events, start), len(events) - 1)
    found = events[place]
    inside = np.searchsorted(events, stop, side="right") - np.searchsorted(events, start)
    return np.where((found >= start) & (found <= stop), found, np.nan), int((inside > 1).sum())


def _check_clock(
    align: np.ndarray, start: np.ndarray, stop: np.ndarray, mapping: TrialsMapping
) -> None:
    """Times from the trial's start, read as times of the session, would cut its beginning only."""
    away = np.abs(align - np.clip(align, start, stop))
    known = away[np.isfinite(away)]
    if len(known) and np.median(known) > FAR_S:
        wrong = "false" if mapping.align_relative else "true"
        raise SpiketwinError(
            f"alignment events {mapping.align!r} ({np.nanmin(align):g} to {np.nanmax(align):g} s) "
            f"lie far from their trials ({np.nanmin(start):g} to {np.nanmax(stop):g} s); change "
            f"{KEY}.align, or set {KEY}.align_relative to {wrong}"
        )


def _check_number(table: Any, mapping: TrialsMapping, align: np.ndarray, rows: np.ndarray) -> None:
    if len(align) and not np.isfinite(align).any():
        raise SpiketwinError(
            f"all {len(align)} alignment events {mapping.align!r} are missing (NaN); change "
            f"{KEY}.align"
        )
    if len(rows) < 2:
        raise SpiketwinError(
            f"{len(rows)} trial in table {table.name!r} (of {len(table)}), at least 2 are needed; "
            f"change {KEY}.table or {KEY}.keep"
        )


def _labels(
    table: Any, columns: Sequence[str], merge: Mapping[str, Sequence[str]], what: str
) -> np.ndarray:
    """Joined labels of some columns, merged as the mapping says, (row,) str."""
    if not columns:
        return np.full(len(table), ALL)
    for column in columns:
        require(table, column, f"{KEY}.{what}")
    parts = [[text(value) for value in values(table, column)] for column in columns]
    merged = {old: new for new, olds in merge.items() for old in olds}
    joined = ["_".join(row) for row in zip(*parts, strict=True)]
    return np.array([merged.get(label, label) or "none" for label in joined])
