"""The prepare stage: recordings in, aligned, binned, split and stitched trials out."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from spiketwin.config import Config
from spiketwin.files import RunFiles, write_table, write_text
from spiketwin.recording.schema import Recording
from spiketwin.trials.duplicates import find_duplicates
from spiketwin.trials.features import check_scored, window_matrix
from spiketwin.trials.split import PARTS
from spiketwin.trials.stitching import stitch
from spiketwin.trials.store import save_trials
from spiketwin.trials.trialset import TrialSet
from spiketwin.trials.window import cut

MOST_NAMED = 8
"""Small classes of a session that are named one by one."""


@dataclass(frozen=True)
class _Prepared:
    trials: TrialSet
    duplicates: pd.DataFrame
    notes: list[str]


def prepare(config: Config, files: RunFiles, folder: Path) -> None:
    """Read every session of a run, cut it into trials, stitch, and write.

    Parameters
    ----------
    config : the run's configuration.
    files : where the trials go.
    folder : folder of the recordings.

    Raises
    ------
    SpiketwinError
        When a recording cannot be read as the configuration says, or nothing could be scored.
    """
    _check_features(config)
    paths = config.recordings.files(folder)
    shown = tqdm(paths.items(), desc="prepare", disable=not sys.stderr.isatty())
    prepared = [_prepare_session(config, name, path) for name, path in shown]
    stitched = stitch([one.trials for one in prepared], config.trials.stitching)
    for note in (note for one in prepared for note in one.notes):
        print(note, file=sys.stderr)
    for session in stitched.trials.sessions:
        print(_size_note(session), file=sys.stderr)
    check_scored(stitched.trials.sessions, config.features)
    for session in stitched.trials.sessions:
        save_trials(session, files.trials(session.session))
    notes = {one.trials.session: one.notes for one in prepared}
    notes["stitching"] = list(stitched.notes)
    duplicates = pd.concat([one.duplicates for one in prepared], ignore_index=True)
    write_table(files.table("duplicates"), duplicates, csv=True)
    write_table(files.stitching, stitched.trials.stitching.drop(columns="row"))
    write_text(files.notes, json.dumps(notes, indent=1, ensure_ascii=False))


def _check_features(config: Config) -> None:
    """Fail on filters that do not fit the bins before anything is read."""
    matched = [model.matched_scales for model in config.models.values()]
    for scale in [*config.features.scales, config.features.psth, *(s for m in matched for s in m)]:
        window_matrix(config.trials.bins, config.trials.bin_s, scale)


def _prepare_session(config: Config, name: str, path: Path) -> _Prepared:
    from spiketwin.recording import read_nwb

    recording = read_nwb(path, config.recordings.mapping, name)
    duplicates = find_duplicates(recording)
    notes = list(recording.notes)
    if config.trials.drop_duplicates and len(duplicates):
        recording, dropped = _without_duplicates(recording, duplicates)
        notes.append(f"{name}: units {dropped} left out, the same cells as others (sorted twice)")
    trials, more = cut(recording, config.trials)
    return _Prepared(trials, duplicates, notes + more + _class_notes(trials, config))


def _class_notes(trials: TrialSet, config: Config) -> list[str]:
    """Classes too small to be split; many of them are a wrong column rather than a rare event."""
    least = config.trials.split.min_class
    pairs = Counter(zip(trials.trials["condition"], trials.trials["outcome"], strict=True))
    small = {pair: n for pair, n in sorted(pairs.items()) if n < least}
    if len(small) > MOST_NAMED:
        return [
            f"{trials.session}: {len(small)} pairs of condition and outcome have fewer than "
            f"{least} trials each ({sum(small.values())} in all), used for training only; name "
            "columns with fewer values (recordings.mapping.trials.condition, outcome)"
        ]
    return [
        f"{trials.session}: class {condition} / {outcome} has {n} trials, used for training only"
        for (condition, outcome), n in small.items()
    ]


def _size_note(trials: TrialSet) -> str:
    """What is left to fit and to score."""
    parts = trials.trials["split"].value_counts()
    kept = ", ".join(f"{parts.get(name, 0)} {name}" for name in PARTS)
    return f"{trials.session}: {len(trials.units)} units; {len(trials.trials)} trials ({kept})"


def _without_duplicates(
    recording: Recording, duplicates: pd.DataFrame
) -> tuple[Recording, list[int]]:
    """The recording without the unit of each pair that has fewer spikes."""
    spikes = dict(zip(recording.units["unit"], np.diff(recording.spike_offsets), strict=True))
    pairs = zip(duplicates["unit_a"], duplicates["unit_b"], strict=True)
    dropped = sorted({int(min(pair, key=lambda unit: (spikes[unit], -unit))) for pair in pairs})
    return recording.with_units(~recording.units["unit"].isin(dropped).to_numpy()), dropped
