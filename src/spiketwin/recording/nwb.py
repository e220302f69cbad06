"""NWB files, HDF5 or Zarr, opened for reading only."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spiketwin.config import Mapping
from spiketwin.errors import SpiketwinError
from spiketwin.recording.behaviour import read_behaviour
from spiketwin.recording.names import check_name
from spiketwin.recording.schema import Recording
from spiketwin.recording.stimuli import read_stimuli
from spiketwin.recording.trial_tables import read_trials
from spiketwin.recording.units import ReadUnits, read_units

ZARR = (".zgroup", ".zmetadata", "zarr.json")
"""One of these lies in the folder of a Zarr store."""


@dataclass(frozen=True)
class OpenFile:
    """An open file and the warnings that opening it gave."""

    nwb: Any
    warnings: tuple[str, ...]


@contextmanager
def open_nwb(path: Path) -> Iterator[OpenFile]:
    """Open an NWB file or Zarr folder read-only.

    Raises
    ------
    SpiketwinError
        When there is no such file, or it is not (or no longer) a readable NWB file.
    """
    path = Path(path)
    if not path.exists():
        raise SpiketwinError(
            f"no such file: {path}; check recordings.folder and the session's path"
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        io = _io(path)
        try:
            nwb = _read(io, path)
            yield OpenFile(nwb, tuple(dict.fromkeys(str(w.message).split("\n")[0] for w in caught)))
        finally:
            io.close()


def _io(path: Path) -> Any:
    """Reader for the kind of file."""
    try:
        if path.is_dir():
            if not any((path / name).exists() for name in ZARR):
                raise SpiketwinError(f"{path} is a folder but no Zarr store; name one NWB file")
            from hdmf_zarr import NWBZarrIO

            return NWBZarrIO(str(path), mode="r", load_namespaces=True)
        _check_hdf5(path)
        from pynwb import NWBHDF5IO

        return NWBHDF5IO(str(path), mode="r", load_namespaces=True)
    except SpiketwinError:
        raise
    except Exception as error:
        raise SpiketwinError(f"{path} is not a readable NWB file: {_brief(error)}") from None


def _check_hdf5(path: Path) -> None:
    import h5py

    if not h5py.is_hdf5(path):
        raise SpiketwinError(f"{path} is not an NWB file: found no HDF5 file and no Zarr folder")
    try:
        with h5py.File(path, "r") as file:
            version = file.attrs.get("nwb_version") or file.get("nwb_version")
    except OSError as error:
        raise SpiketwinError(f"{path} is truncated or damaged: {_brief(error)}") from None
    if version is None:
        raise SpiketwinError(f"{path} is an HDF5 file but not NWB: it has no nwb_version")


def _read(io: Any, path: Path) -> Any:
    try:
        return io.read()
    except Exception as error:
        raise SpiketwinError(f"{path} cannot be read as NWB: {_brief(error)}") from None


def _brief(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text[:160]}"


def read_nwb(path: Path, mapping: Mapping, session: str | None = None) -> Recording:
    """Read one session.

    Parameters
    ----------
    path : NWB file (HDF5) or Zarr folder.
    mapping : what its tables, columns and series mean; what it leaves open is guessed and noted.
    session : name; absent: the file's name without its suffix.

    Raises
    ------
    SpiketwinError
        One line naming what was found, what was expected and which key to change.
    """
    path = Path(path)
    name = session or path.name.split(".nwb")[0]
    check_name(name)
    with open_nwb(path) as opened:
        try:
            return _recording(opened.nwb, mapping, name)
        except SpiketwinError as error:
            raise SpiketwinError(f"{path.name}: {error}") from None


def _recording(nwb: Any, mapping: Mapping, name: str) -> Recording:
    notes: list[str] = []
    if nwb.units is None or len(nwb.units) == 0:
        raise SpiketwinError("no units in this file; spike times are expected in its units table")
    table, trials = read_trials(nwb, mapping.trials, notes)
    units = read_units(nwb, mapping.units, mapping.areas, notes)
    return Recording(
        session=name,
        subject=str(getattr(nwb.subject, "subject_id", None) or ""),
        spike_times_s=units.spike_times_s,
        spike_offsets=units.spike_offsets,
        units=units.table,
        trials=trials,
        stimuli=read_stimuli(table, trials, mapping),
        behaviour=read_behaviour(nwb, table, trials, mapping, notes),
        observed_s=_observed(units, trials["start_s"].to_numpy(), trials["stop_s"].to_numpy()),
        notes=tuple(f"{name}: {note}" for note in notes),
    )


def _observed(units: ReadUnits, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, ...]:
    """Observed intervals: the unit's own in the file, else the span of all spikes and trials."""
    ends = np.concatenate([units.spike_times_s, start, stop])
    ends = ends[np.isfinite(ends)]
    span = np.array([[ends.min(), ends.max()]])
    return tuple(own if len(own) else span for own in units.observed_s)
