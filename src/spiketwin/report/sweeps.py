"""Tables of sweeps: single-trial correlation at every point, one setting down, the other across."""

from __future__ import annotations

import pandas as pd

from spiketwin.analysis.recall import SINGLE
from spiketwin.analysis.sweeps import CAPACITY, WINDOW
from spiketwin.config import TargetRun, varied
from spiketwin.report.grids import Grid, Row
from spiketwin.report.numbers import with_spread


def sweep_grids(run: TargetRun, table: pd.DataFrame) -> list[Grid]:
    """A table per sweep; its last row says how long a pattern is learned, where that is known.

    Parameters
    ----------
    run : with its sweeps.
    table : table ``sweeps``.
    """
    return [
        _grid(name, varied(sweep) or list(sweep)[:1], table[table["sweep"] == name])
        for name, sweep in run.sweeps.items()
    ]


def _grid(name: str, keys: list[str], table: pd.DataFrame) -> Grid:
    # Windows go down: what is learned of them is one number per column.
    down, *rest = sorted(keys, key=lambda key: key != WINDOW)
    across = rest[0] if rest else None
    values = sorted(table[across].dropna().unique()) if across else [0.0]
    columns = tuple((f"{across} {value:g}",) if across else (SINGLE,) for value in values)
    parts = [table[table[across] == value] if across else table for value in values]
    single = [part[part["score"] == SINGLE] for part in parts]
    rows = [
        Row(f"{down} {at:g}", "model", tuple(_cell(some[some[down] == at]) for some in single))
        for at in sorted(table[down].dropna().unique())
    ]
    capacities = [part[part["score"] == CAPACITY] for part in parts]
    if any(map(len, capacities)):
        rows.append(Row("longest window / tau", "model", tuple(map(_cell, capacities))))
    return Grid(f"Sweep {name}: {SINGLE}", columns, tuple(rows))


def _cell(rows: pd.DataFrame) -> str:
    return with_spread(float(rows["value"].mean()), float(rows["value"].std()))
