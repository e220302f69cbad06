"""Artificial two-area recordings with a known truth (Sourmpis et al. 2023, figure 2).

Sessions rotate over both areas, area1 only, area2 only; 80 % of the units are excitatory. With base
rate b (log-normal: e^N(0,1) ln 2 around 8 Hz excitatory, 16 Hz inhibitory, above 40 replaced by
40 - U(0, 10)), modulation m in {0, 1, 2} with probabilities 0.2, 0.6, 0.2 and prototype
s(t) ~ e^(-t/20) - e^(-t/5) (ms, peak 3) from the onset of the area,

    rate(t) = b (1 + m s(t))                   area1, onset 4 ms after the stimulus
    rate(t) = b (1 + m s(t) [trial is Hit])    area2, onset 8 ms (20 and 200 ms in the appendix)

P(Hit) = 0.8 in every trial; spikes are drawn in steps of 1 ms. Trials last 4 s, back to back, with
the stimulus 1 s after their start.

The jaw (an addition of this package) opens on hit trials, 12 +- 8 ms after area2, with the time
course e^(-t/60) - e^(-t/15) (ms) scaled to a peak of 1 +- 0.15, as a slow muscle driven by
area2 would; besides, movements of the same shape and height 0.15 occur at random twice in 10 s, and
there is measurement noise of s.d. 0.03.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spiketwin.config import Synthetic
from spiketwin.files import write_arrays
from spiketwin.randomness import numpy_generator
from spiketwin.recording.two_areas_session import (
    JAW_RATE_HZ,
    STIMULUS_MS,
    TRIAL_MS,
    Truth,
    TwoAreasSession,
    write_two_areas_session,
)


def synthesize_two_areas(synthetic: Synthetic, folder: Path) -> list[Path]:
    """Draw all sessions and write them as NWB, with the truth beside them.

    Parameters
    ----------
    synthetic : settings; `draw` is the seed.
    folder : receives ``session-<k>.nwb`` and ``session-<k>.truth.npz``.

    Returns
    -------
    Paths of the NWB files.
    """
    paths = []
    for index in range(synthetic.sessions):
        session = draw_session(synthetic, index)
        path = Path(folder) / f"session-{index}.nwb"
        write_two_areas_session(session, f"session-{index}", path)
        write_arrays(path.with_suffix(".truth.npz"), session.truth.__dict__)
        paths.append(path)
    return paths


def draw_session(synthetic: Synthetic, index: int) -> TwoAreasSession:
    """One session of the set."""
    generator = numpy_generator(synthetic.draw, "synthetic", index)
    truth = _draw_truth(synthetic, index, generator)
    times, offsets = _draw_spikes(synthetic, truth, generator)
    jaw = _draw_jaw(truth, generator) if synthetic.jaw else np.zeros(0, dtype=np.float32)
    return TwoAreasSession(truth, times, offsets, jaw)


def _draw_truth(synthetic: Synthetic, index: int, generator: np.random.Generator) -> Truth:
    area, inhibitory = _layout(synthetic.units, index % 3)
    middle = np.where(inhibitory, 16.0, 8.0)
    base = middle * np.exp(generator.standard_normal(len(area)) * np.log(2))
    capped = 40 - generator.uniform(0, 10, len(area))
    hit = generator.random(synthetic.trials) < synthetic.hit_probability
    onset = synthetic.area2_onset_s + 0.012 + 0.008 * generator.standard_normal(synthetic.trials)
    return Truth(
        area=area,
        inhibitory=inhibitory,
        base_hz=np.where(base > 40, capped, base),
        modulation=generator.choice([0, 1, 2], len(area), p=[0.2, 0.6, 0.2]),
        hit=hit,
        jaw_onset_s=np.where(hit, onset, np.nan),
    )


def _layout(units: int, turn: int) -> tuple[np.ndarray, np.ndarray]:
    """Area and type of every unit; the first 80 % are excitatory, sessions of turn 0 hold both."""
    inhibitory = np.arange(units) >= round(0.8 * units)
    if turn:
        return np.full(units, turn - 1), inhibitory
    rank = np.where(inhibitory, np.arange(units) - round(0.8 * units), np.arange(units))
    size = np.where(inhibitory, inhibitory.sum(), (~inhibitory).sum())
    return (rank >= size // 2).astype(int), inhibitory


def prototype() -> np.ndarray:
    """(160,) response of an area in steps of 1 ms, peak 3."""
    time = np.arange(160)
    shape = np.exp(-time / 20) - np.exp(-time / 5)
    return 3 * shape / shape.max()


def _draw_spikes(
    synthetic: Synthetic, truth: Truth, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Spike times in the middle of their 1 ms step, grouped by unit, and the units' offsets."""
    response = np.zeros((2, TRIAL_MS))
    for area, onset in enumerate((4, round(1000 * synthetic.area2_onset_s))):
        first = STIMULUS_MS + onset
        response[area, first : first + 160] = prototype()
    responds = [truth.hit if synthetic.both else np.ones_like(truth.hit), truth.hit]
    per_unit = [
        _unit_spikes(truth, unit, response, responds[truth.area[unit]], generator)
        for unit in range(len(truth.area))
    ]
    counts = [len(times) for times in per_unit]
    return np.concatenate(per_unit), np.concatenate([[0], np.cumsum(counts)])


def _unit_spikes(
    truth: Truth,
    unit: int,
    response: np.ndarray,
    allowed: np.ndarray,
    generator: np.random.Generator,
) -> np.ndarray:
    driven = truth.modulation[unit] * response[truth.area[unit]]
    rate = truth.base_hz[unit] * (1 + np.maximum(driven, -1)[None, :] * allowed[:, None])
    step = np.flatnonzero(generator.random(rate.shape, dtype=np.float32) < 1e-3 * rate)
    return (step + 0.5) * 1e-3


def _draw_jaw(truth: Truth, generator: np.random.Generator) -> np.ndarray:
    """Jaw trace of the whole session."""
    duration_s = len(truth.hit) * TRIAL_MS / 1000
    time = np.arange(round(duration_s * JAW_RATE_HZ)) / JAW_RATE_HZ
    trace = 0.03 * generator.standard_normal(len(time))
    starts = np.flatnonzero(truth.hit) * TRIAL_MS / 1000 + STIMULUS_MS / 1000
    heights = generator.normal(1, 0.15, len(starts))
    _add_openings(trace, starts + truth.jaw_onset_s[truth.hit], heights)
    spontaneous = generator.uniform(0, duration_s, generator.poisson(0.2 * duration_s))
    _add_openings(trace, spontaneous, np.full(len(spontaneous), 0.15))
    return trace.astype(np.float32)


def _add_openings(trace: np.ndarray, onsets_s: np.ndarray, heights: np.ndarray) -> None:
    """Add jaw openings to the trace, in place."""
    peak = opening(np.arange(0, 0.4, 1e-4)).max()
    for onset, height in zip(onsets_s, heights, strict=True):
        first = int(np.ceil(onset * JAW_RATE_HZ))
        near = np.arange(max(0, first), min(len(trace), first + round(0.4 * JAW_RATE_HZ)))
        trace[near] += height / peak * opening(near / JAW_RATE_HZ - onset)


def opening(time_s: np.ndarray) -> np.ndarray:
    """Time course of a jaw opening (unscaled) from its onset."""
    return np.exp(-time_s / 0.060) - np.exp(-time_s / 0.015)
