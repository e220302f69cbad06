"""The published MATLAB file of Esmaeili et al. 2021 (Zenodo 10006599), written as NWB.

`spikeData_v9.mat` holds one structure with one entry per session in every field. Sessions of expert
mice become one file each. What the published converter got wrong is done otherwise: units that are
not to be included are left out one by one, and each session has its own units; trials with an early
lick stay in the file (outcome missing); traces that are not numbers stay missing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import yaml
from tqdm import tqdm

from spiketwin.errors import SpiketwinError
from spiketwin.files import write_text
from spiketwin.recording.delayed_session import DelayedSession, write_delayed_session
from spiketwin.recording.matlab import entries, open_matlab, value
from spiketwin.recording.names import as_name

STRUCTURE = "spikeData_v9"
VIDEO_START_S, FRAME_RATE_HZ = -1.0, 500.0
WHISKER_AFTER_START_S = 1.0
"""The whisker time is so long after the stored start of a trial."""
OUTCOMES = ("MissIndices", "HitIndices", "CRIndices", "FAIndices")
VIDEO = {"jaw": "Jaw_pos", "tongue": "Tongue_pos", "whisker": "Whisker_pos"}


def convert(path: Path, folder: Path) -> list[Path]:
    """Write every expert session as NWB, and their list as ``sessions.yaml``.

    Parameters
    ----------
    path : the MATLAB file.
    folder : receives the files; existing ones are written anew.

    Returns
    -------
    Paths of the NWB files.

    Raises
    ------
    SpiketwinError
        When the file is not of version 7.3, or lacks a field; the message names it.
    """
    with open_matlab(path) as file:
        if STRUCTURE not in file:
            there = ", ".join(name for name in file if not name.startswith("#")) or "nothing"
            raise SpiketwinError(f"{path} has no structure {STRUCTURE!r}; it has: {there}")
        structure = file[STRUCTURE]
        expert = [_flag(file, entry) for entry in entries(structure, "expert")]
        chosen = [k for k, yes in enumerate(expert) if yes]
        paths = []
        for index in tqdm(chosen, desc="convert", disable=not sys.stderr.isatty()):
            session = _session(file, structure, index)
            paths.append(Path(folder) / f"{session.name}.nwb")
            write_delayed_session(session, paths[-1])
    listed = [{"session": p.stem, "path": p.name} for p in paths]
    recordings = {"folder": str(Path(folder).resolve()), "sessions": listed, "synthetic": None}
    write_text(Path(folder) / "sessions.yaml", yaml.safe_dump({"recordings": recordings}))
    return paths


def _session(file: h5py.File, structure: h5py.Group, index: int) -> DelayedSession:
    """One session as it is written."""

    def field(name: str) -> Any:
        return value(file, entries(structure, name)[index])

    trials = _trials(field)
    frames = {name: _video(field(stored), len(trials)) for name, stored in VIDEO.items()}
    units, times = _units(field)
    return DelayedSession(
        name=as_name(f"{field('mouse')}_{field('date')}", "_"),
        description="delayed whisker task (Esmaeili et al. 2021), converted by spiketwin",
        trials=trials,
        units=units,
        spike_times_s=times,
        video=frames,
        video_start_s=VIDEO_START_S,
        frame_rate_hz=FRAME_RATE_HZ,
    )


def _trials(field: Any) -> pd.DataFrame:
    """One row per trial; the outcome is missing where the trial was not completed."""
    onset = _numbers(field("TrialOnsets_All"))
    n = len(onset)
    perf = np.full(n, np.nan)
    for code, name in enumerate(OUTCOMES):
        perf[_numbers(field(name), n) > 0] = code
    perf[_numbers(field("CompletedTrialIndices"), n) == 0] = np.nan
    return pd.DataFrame(
        {
            "onset_s": onset + WHISKER_AFTER_START_S,
            "go": _numbers(field("StimIndices_All"), n).astype(int),
            "perf": perf,
            "reaction_s": _numbers(field("LickOnsets"), n),
            "active": _numbers(field("ActiveIndices"), n),
        }
    )


def _units(field: Any) -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Units to be included, and their spike times."""
    area, times = field("area"), field("spikets")
    n = len(times)
    keep = np.flatnonzero(_numbers(field("include"), n) > 0)
    table = pd.DataFrame(
        {
            "area": np.array(area, dtype=str),
            "width_ms": _numbers(field("width"), n),
            "cluster": _numbers(field("cluster"), n).astype(int),
            "depth": _numbers(field("depth"), n),
        }
    )
    spikes = [np.sort(np.asarray(times[k], dtype=float).ravel()) for k in keep]
    return table.iloc[keep].reset_index(drop=True), spikes


def _video(values: Any, trials: int) -> np.ndarray:
    """(trial, frame), whichever way the array was stored."""
    frames = np.atleast_2d(np.asarray(values, dtype=float))
    if frames.shape[0] != trials and frames.shape[1] == trials:
        frames = frames.T
    if frames.shape[0] != trials:
        raise SpiketwinError(
            f"a video of {frames.shape[0]} x {frames.shape[1]} frames in a session of {trials} "
            "trials; expected a row per trial"
        )
    return frames


def _numbers(values: Any, n: int | None = None) -> np.ndarray:
    """A vector; cells of single numbers are one, too.

    Raises
    ------
    SpiketwinError
        When its length is not the expected one.
    """
    if isinstance(values, list):
        values = [np.ravel(v)[0] if np.size(v) else np.nan for v in values]
    flat = np.asarray(values, dtype=float).ravel()
    if n is not None and len(flat) != n:
        raise SpiketwinError(f"a field of {len(flat)} values where {n} are expected")
    return flat


def _flag(file: h5py.File, entry: Any) -> bool:
    return bool(np.any(_numbers(value(file, entry)) > 0))
