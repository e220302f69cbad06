"""The units table: spike times, areas, cell types, quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from spiketwin.config import AreaMap, CellTypeColumn, UnitsMapping, WaveformWidth
from spiketwin.errors import SpiketwinError
from spiketwin.recording.areas import UNASSIGNED, model_areas, plain_label
from spiketwin.recording.columns import is_ragged, numbers, require, text, values
from spiketwin.recording.predicates import kept

AREA_COLUMNS = (
    "area", "brain_area", "brain_region", "region", "location", "anno_name", "allen_acronym",
    "ccf_acronym", "ccf_name (acronym)", "structure", "target_area", "Target_area",
)  # fmt: skip
PEAK_COLUMNS = ("peak_channel_id", "peak_channel", "main_channel", "max_channel")
KEY = "recordings.mapping.units"


@dataclass(frozen=True)
class ReadUnits:
    """Kept units: flat spike times, their table, observed intervals of each (may be empty)."""

    spike_times_s: np.ndarray
    spike_offsets: np.ndarray
    table: pd.DataFrame
    observed_s: tuple[np.ndarray, ...]


def read_units(nwb: Any, mapping: UnitsMapping, areas: AreaMap, notes: list[str]) -> ReadUnits:
    """Read the units that quality and area keep."""
    units = nwb.units
    require(units, "spike_times", "the file: spike times are expected in units.spike_times")
    keep = kept(units, mapping.quality, f"{KEY}.quality")
    area = model_areas(unit_labels(nwb, mapping.area, notes), areas, notes)
    keep &= area != ""
    if not keep.any():
        raise SpiketwinError(f"no unit is left: {KEY}.quality keeps none that has an area")
    rows = np.flatnonzero(keep)
    times, offsets = _spikes(units, rows)
    silent = int((np.diff(offsets) == 0).sum())
    if silent:
        notes.append(f"{silent} units without a spike")
    types = _cell_types(units, mapping, notes)[rows]
    table = pd.DataFrame({"unit": rows, "area": area[rows], "cell_type": types})
    return ReadUnits(times, offsets, table, _observed(units, rows))


def _spikes(units: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spike times of some units from one flat read."""
    index = units["spike_times"]
    ends = np.asarray(index.data[:], dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    flat = np.asarray(index.target.data[:], dtype=np.float64)
    lengths = (ends - starts)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    if len(rows) < len(ends):
        chosen = np.zeros(len(ends), dtype=bool)
        chosen[rows] = True
        flat = flat[np.repeat(chosen, ends - starts)]
    _check_rising(flat, offsets, rows)
    return flat, offsets


def _check_rising(times: np.ndarray, offsets: np.ndarray, rows: np.ndarray) -> None:
    if not np.isfinite(times).all():
        unit = rows[np.searchsorted(offsets, np.flatnonzero(~np.isfinite(times))[0], "right") - 1]
        raise SpiketwinError(f"unit {unit} has a spike time that is not a number; mend the file")
    falling = np.flatnonzero(np.diff(times) < 0) + 1
    inside = falling[~np.isin(falling, offsets)]
    if len(inside):
        unit = rows[np.searchsorted(offsets, inside[0], side="right") - 1]
        raise SpiketwinError(
            f"spike times of unit {unit} decrease (at {times[inside[0]]:g} s); they must "
            f"rise on the session's clock; mend the file or drop the unit with {KEY}.quality"
        )


def _observed(units: Any, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Observed intervals of each unit, (interval, 2); empty where the file has none."""
    if "obs_intervals" not in units.colnames:
        return (np.zeros((0, 2)),) * len(rows)
    index = units["obs_intervals"]
    ends = np.asarray(index.data[:], dtype=int)
    starts = np.concatenate([[0], ends[:-1]])
    flat = np.asarray(index.target.data[:], dtype=float).reshape(-1, 2)
    return tuple(flat[starts[row] : ends[row]] for row in rows)


def unit_labels(nwb: Any, source: str | None, notes: list[str]) -> list[str]:
    """Area label of every unit as the file has it.

    Parameters
    ----------
    nwb : the file.
    source : key `units.area` of the mapping; None: guessed.
    notes : receives the guess.
    """
    if source is None:
        source = guess_area(nwb)
        notes.append(f"areas guessed from {source} ({KEY}.area)")
    kind, _, column = source.partition(".")
    readers = {
        "units": _from_units,
        "electrodes": _from_electrodes,
        "electrode_group": _from_group,
        "peak_channel": _from_peak_channel,
    }
    if kind not in readers or not column:
        raise SpiketwinError(
            f"{KEY}.area is {source!r}, expected electrodes.COLUMN, units.COLUMN, "
            "electrode_group.location or peak_channel.UNITCOLUMN"
        )
    return [plain_label(label) for label in readers[kind](nwb, column)]


def guess_area(nwb: Any) -> str:
    """The first source whose labels name an area.

    Raises
    ------
    SpiketwinError
        When there is none.
    """
    units = nwb.units
    candidates = [f"units.{name}" for name in AREA_COLUMNS if name in units.colnames]
    if "electrodes" in units.colnames:
        candidates.insert(0, "electrodes.location")
        candidates.append("electrode_group.location")
    elif "electrode_group" in units.colnames:
        candidates.append("electrode_group.location")
    if nwb.electrodes is not None:
        candidates += [f"peak_channel.{name}" for name in PEAK_COLUMNS if name in units.colnames]
    for candidate in candidates:
        if set(map(str.lower, unit_labels(nwb, candidate, []))) - UNASSIGNED:
            return candidate
    tried = ", ".join(candidates) or "nothing that looks like one"
    raise SpiketwinError(f"no area: units have none (tried {tried}); set {KEY}.area")


def _from_units(nwb: Any, column: str) -> list[str]:
    require(nwb.units, column, f"{KEY}.area")
    return [text(value) for value in values(nwb.units, column)]


def _first_electrode(units: Any) -> list[int]:
    """First electrode row of each unit, -1 where it has none."""
    require(units, "electrodes", f"{KEY}.area")
    column = units["electrodes"]
    if not is_ragged(units, "electrodes"):
        return [int(row) for row in column.data[:]]
    ends = np.asarray(column.data[:], dtype=int)
    starts = np.concatenate([[0], ends[:-1]])
    flat = np.asarray(column.target.data[:], dtype=int)
    return [int(flat[a]) if b > a else -1 for a, b in zip(starts, ends, strict=True)]


def _from_electrodes(nwb: Any, column: str) -> list[str]:
    rows = _first_electrode(nwb.units)
    require(nwb.electrodes, column, f"{KEY}.area")
    labels = [text(value) for value in values(nwb.electrodes, column)]
    return [labels[row] if 0 <= row < len(labels) else "" for row in rows]


def _from_group(nwb: Any, column: str) -> list[str]:
    if "electrode_group" in nwb.units.colnames:
        groups = list(nwb.units["electrode_group"].data[:])
    else:
        of_electrode = list(nwb.electrodes["group"].data[:])
        groups = [of_electrode[row] if row >= 0 else None for row in _first_electrode(nwb.units)]
    return [text(getattr(group, column, "") or "") for group in groups]


def _from_peak_channel(nwb: Any, column: str) -> list[str]:
    require(nwb.units, column, f"{KEY}.area")
    location = [text(value) for value in values(nwb.electrodes, "location")]
    by_id = dict(zip((int(k) for k in nwb.electrodes.id[:]), location, strict=True))
    channels = numbers(nwb.units, column, f"{KEY}.area")
    return [by_id.get(int(c), "") if np.isfinite(c) else "" for c in channels]


def _cell_types(units: Any, mapping: UnitsMapping, notes: list[str]) -> np.ndarray:
    """(unit,) "excitatory", "inhibitory" or "unknown"."""
    source = mapping.cell_type
    if source is None:
        source = _guess_cell_type(units, notes)
    if isinstance(source, CellTypeColumn):
        require(units, source.column, f"{KEY}.cell_type.column")
        labels = np.array([text(v) for v in values(units, source.column)], dtype=object)
        excitatory = np.isin(labels, [text(v) for v in source.excitatory])
        inhibitory = np.isin(labels, [text(v) for v in source.inhibitory])
    elif isinstance(source, WaveformWidth):
        width = numbers(units, source.column, f"{KEY}.cell_type.column")
        excitatory, inhibitory = width > source.threshold, width <= source.threshold
        if excitatory.any() != inhibitory.any():
            notes.append(_one_sided(source, width, bool(excitatory.any())))
    else:
        return np.full(len(units), "unknown")
    return np.where(excitatory, "excitatory", np.where(inhibitory, "inhibitory", "unknown"))


def _one_sided(source: WaveformWidth, width: np.ndarray, broad: bool) -> str:
    return (
        f"all units are {'excitatory' if broad else 'inhibitory'}: units.{source.column} runs from "
        f"{np.nanmin(width):g} to {np.nanmax(width):g}; give {KEY}.cell_type.threshold "
        f"({source.threshold:g}) in the column's unit"
    )


def _guess_cell_type(units: Any, notes: list[str]) -> CellTypeColumn | Literal["unknown"]:
    for name in ("cell_type", "celltype", "Type of neuron"):
        if name in units.colnames:
            notes.append(f"cell types guessed from units.{name} ({KEY}.cell_type)")
            return CellTypeColumn(
                column=name,
                excitatory=[
                    "excitatory",
                    "exc",
                    "E",
                    "RSU",
                    "RS",
                    "pyramidal",
                    "putative pyramidal",
                ],
                inhibitory=["inhibitory", "inh", "I", "FSU", "FS", "interneuron"],
            )
    notes.append(f"cell types unknown: no column names them ({KEY}.cell_type)")
    return "unknown"
