"""Recording -> trials: align, bin, keep what was observed, normalise the behaviour.

Durations become bins by rounding. Spikes go into bins by floor with a tolerance of a microsecond:
rounding would move them into the next bin, and a plain floor loses those on a bin's edge to the
arithmetic of floats.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spiketwin.config import TrialWindow
from spiketwin.errors import SpiketwinError
from spiketwin.recording.schema import LABEL, BehaviourTrace, Recording
from spiketwin.trials.observed import largest_block, observed
from spiketwin.trials.split import split_trials
from spiketwin.trials.trialset import TrialSet

TOLERANCE_S = 1e-6
LONGEST_GAP_S = 0.05
"""Gaps of a behaviour trace up to this length are bridged by interpolation."""


def cut(recording: Recording, window: TrialWindow) -> tuple[TrialSet, list[str]]:
    """Cut a recording into trials.

    Parameters
    ----------
    recording : one session.
    window : settings.

    Returns
    -------
    The trials (column ``neuron`` of the units is -1 until they are stitched), and notes on what was
    dropped.

    Raises
    ------
    SpiketwinError
        When fewer than two trials are observed over the whole window.
    """
    notes: list[str] = []
    seen = observed(recording, window)
    units = largest_block(seen)
    recording, keep = recording.with_units(units), seen[units].all(0)
    traces = {
        name: _binned_trace(trace, recording, window) for name, trace in recording.behaviour.items()
    }
    tracked = np.all([np.isfinite(v).all(1) for v in traces.values()] or [keep], axis=0)
    _note_units(notes, recording.session, units, keep)
    _note_drops(notes, recording.session, keep, tracked)
    rows = np.flatnonzero(keep & tracked)
    _check_enough(recording, window, keep, rows)
    counts = bin_spikes(recording, recording.trials["align_s"].to_numpy()[rows], window)
    kept = ["trial", "condition", "outcome"]
    kept += [column for column in map(str, recording.trials) if column.startswith(LABEL)]
    trials = recording.trials.iloc[rows].reset_index(drop=True)[kept]
    behaviour = [_normalised(values[rows], window) for values in traces.values()]
    shape = (len(rows), window.bins, 0)
    return TrialSet(
        session=recording.session,
        counts=counts,
        behaviour=np.stack(behaviour, -1) if behaviour else np.zeros(shape, dtype=np.float32),
        traces=tuple(traces),
        trials=trials.assign(split=split_trials(trials, window.split, recording.session)),
        units=_unit_table(recording, counts, window.bin_s),
        stimuli=_renumbered(recording.stimuli, trials["trial"].to_numpy()),
        start_s=window.window_s[0],
        bin_s=window.bin_s,
    ), notes


def bin_spikes(recording: Recording, align_s: np.ndarray, window: TrialWindow) -> np.ndarray:
    """Spike counts (trial, bin, unit) around each alignment time, smallest unsigned type."""
    start, bins, units = window.window_s[0], window.bins, len(recording.units)
    times = recording.spike_times_s
    unit = np.repeat(np.arange(units), np.diff(recording.spike_offsets))
    order = np.argsort(times, kind="stable")
    times, unit = times[order], unit[order]
    counts = np.zeros((len(align_s), bins, units), dtype=np.uint16)
    edges = align_s[:, None] + np.array([start, start + bins * window.bin_s]) - TOLERANCE_S
    for trial, (first, last) in enumerate(np.searchsorted(times, edges)):
        relative = times[first:last] - align_s[trial] - start + TOLERANCE_S
        place = (
            np.minimum((relative / window.bin_s).astype(int), bins - 1) * units + unit[first:last]
        )
        counts[trial] = np.bincount(place, minlength=bins * units).reshape(bins, units)
    return counts.astype(np.uint8) if counts.max(initial=0) < 256 else counts


def _note_units(notes: list[str], session: str, units: np.ndarray, keep: np.ndarray) -> None:
    if unseen := int((~units).sum()):
        notes.append(
            f"{session}: {unseen} of {len(units)} units dropped, not observed in all of the "
            f"{int(keep.sum())} trials kept (of {len(keep)}); for other units or trials change "
            "recordings.mapping.units.quality, recordings.mapping.trials.keep or trials.window_s"
        )


def _note_drops(notes: list[str], session: str, keep: np.ndarray, tracked: np.ndarray) -> None:
    if unobserved := int((~keep).sum()):
        notes.append(
            f"{session}: {unobserved} trials dropped, observed over part of the window only"
        )
    if untracked := int((keep & ~tracked).sum()):
        notes.append(f"{session}: {untracked} trials dropped, gaps in the behaviour trace")


def _check_enough(
    recording: Recording, window: TrialWindow, keep: np.ndarray, rows: np.ndarray
) -> None:
    if len(rows) >= 2:
        return
    start, stop = window.window_s
    reason = (
        "observed over the whole window" if keep.sum() < 2 else "with a complete behaviour trace"
    )
    raise SpiketwinError(
        f"{recording.session}: {len(rows)} of {len(keep)} trials {reason} of {start:g} to "
        f"{stop:g} s; at least 2 are needed, change trials.window_s or "
        "recordings.mapping.trials.align"
    )


def _binned_trace(trace: BehaviourTrace, recording: Recording, window: TrialWindow) -> np.ndarray:
    """Trace at the bin centres, (trial, bin) float32, NaN inside longer gaps."""
    align = recording.trials["align_s"].to_numpy(dtype=float)
    centres = window.window_s[0] + window.bin_s * (np.arange(window.bins) + 0.5)
    if trace.step:
        return (centres[None, :] >= (trace.times_s - align)[:, None]).astype(np.float32)
    known = np.isfinite(trace.values) & np.isfinite(trace.times_s)
    times, values = trace.times_s[known], trace.values[known]
    wanted = align[:, None] + centres[None, :]
    if len(times) < 2:
        return np.full(wanted.shape, np.nan, dtype=np.float32)
    found = np.interp(wanted, times, values)
    return np.where(_known(wanted, times, window.bin_s), found, np.nan).astype(np.float32)


def _known(wanted: np.ndarray, times: np.ndarray, bin_s: float) -> np.ndarray:
    """Times close to a sample, or inside a gap short enough to be bridged."""
    after = np.clip(np.searchsorted(times, wanted), 1, len(times) - 1)
    step = max(float(np.median(np.diff(times))), bin_s)
    gap = times[after] - times[after - 1]
    inside = (wanted >= times[0]) & (wanted <= times[-1])
    distance = np.minimum(np.abs(wanted - times[after]), np.abs(wanted - times[after - 1]))
    return (distance <= step / 2) | (inside & (gap <= max(LONGEST_GAP_S, 1.5 * step)))


def _normalised(values: np.ndarray, window: TrialWindow) -> np.ndarray:
    """Minus the pre-event mean over the across-trial s.d. (root mean square over time)."""
    if window.normalise == "none":
        return values
    centres = window.window_s[0] + window.bin_s * (np.arange(window.bins) + 0.5)
    before = centres < 0 if (centres < 0).any() else np.ones_like(centres, dtype=bool)
    sd = float(np.sqrt(values.var(0).mean()))
    return ((values - values[:, before].mean()) / (sd or 1.0)).astype(np.float32)


def _unit_table(recording: Recording, counts: np.ndarray, bin_s: float) -> pd.DataFrame:
    rate = counts.mean((0, 1), dtype=np.float64) / bin_s
    return (
        recording.units[["unit", "area", "cell_type"]]
        .reset_index(drop=True)
        .assign(rate_hz=rate, neuron=-1)
    )


def _renumbered(stimuli: pd.DataFrame, kept: np.ndarray) -> pd.DataFrame:
    """Stimuli of the kept trials, their column ``trial`` counting the kept ones."""
    number = pd.Series(np.arange(len(kept)), index=kept)
    inside = stimuli[stimuli["trial"].isin(kept)]
    return inside.assign(trial=inside["trial"].map(number).astype(int)).reset_index(drop=True)
