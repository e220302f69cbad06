"""Trials on disk: npz for the arrays, Parquet for the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from spiketwin.config import Config
from spiketwin.files import RunFiles, read_arrays, read_or_explain, write_arrays, write_table
from spiketwin.trials.trialset import Trials, TrialSet

_TABLES = ("trials", "units", "stimuli")


def save_trials(trialset: TrialSet, folder: Path) -> None:
    """Write the trials of one session into `folder`; the arrays appear last."""
    for name in _TABLES:
        write_table(folder / f"{name}.parquet", getattr(trialset, name))
    arrays = {
        "counts": trialset.counts,
        "behaviour": trialset.behaviour,
        "traces": np.array(trialset.traces, dtype=str),
        "session": np.array(trialset.session),
        "start_s": np.array(trialset.start_s),
        "bin_s": np.array(trialset.bin_s),
    }
    write_arrays(folder / "arrays.npz", arrays)


def load_trials(folder: Path) -> TrialSet:
    """Read the trials that `save_trials` wrote."""
    arrays = read_or_explain(read_arrays, Path(folder) / "arrays.npz", "prepare")
    tables = {name: pd.read_parquet(Path(folder) / f"{name}.parquet") for name in _TABLES}
    return TrialSet(
        session=str(arrays["session"]),
        counts=arrays["counts"],
        behaviour=arrays["behaviour"],
        traces=tuple(str(name) for name in arrays["traces"]),
        start_s=float(arrays["start_s"]),
        bin_s=float(arrays["bin_s"]),
        **tables,
    )


def load_run_trials(files: RunFiles, config: Config) -> Trials:
    """Trials of all stitched sessions of a run, in the order of the configuration."""
    stitching = read_or_explain(pd.read_parquet, files.stitching, "prepare")
    used = set(stitching["session"])
    names = [name for name in config.recordings.session_names() if name in used]
    return Trials(tuple(load_trials(files.trials(name)) for name in names), stitching)
