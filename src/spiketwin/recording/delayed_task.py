"""Artificial recordings of the delayed whisker task in six areas, with a known truth.

They stand in for the recordings of Esmaeili et al. 2021 with the sparsity of the published models:
28 sessions with one or two areas each, log-normal rates with the published means and medians,
outcomes at the published frequencies. Unit j of area a fires at

    rate_j(t) = b_j G_a max(0, 1 + m_j r_a(t) + n_j [active])

with a gain G_a per trial and area (log-normal, correlated across areas), modulations m_j, n_j and

    r_a(t) = w_a go (h + (1 - h) lick) e(t - latency_a)       whisker, weaker without a later lick
           + d_a lick ramp(t)                                 delay, rising to the cue at 1 s
           + c_a e(t - 1 s) + l_a lick e(t - lick)            cue and lick

where e is a pulse with a fast rise and a slow decay. On "active" trials, drawn independently of the
outcome, the animal moves before the response: motor areas fire more, jaw and whisker move. The jaw
opens rhythmically from the lick on. Rates change in steps of 1 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spiketwin.config import DelayedTask
from spiketwin.files import write_arrays
from spiketwin.randomness import numpy_generator
from spiketwin.recording.delayed_session import CUE_S, DelayedSession, write_delayed_session

AREAS = ("wS1", "wS2", "wM1", "wM2", "ALM", "tjM1")
FREQUENCIES = (0.1659, 0.3293, 0.4080, 0.0968)
"""Miss, hit, correct rejection, false alarm (published models' target)."""
START_S, STOP_S, SPACING_S = -1.0, 2.0, 6.0
"""Simulated part of a trial, and time from onset to onset."""
GAIN_SD, GAIN_SHARED = 0.25, 0.5
RESPONSES = pd.DataFrame(
    {
        "whisker": [2.0, 1.8, 1.0, 1.2, 0.4, 0.2],
        "latency_s": [0.008, 0.011, 0.018, 0.025, 0.040, 0.050],
        "decay_s": [0.03, 0.03, 0.04, 0.08, 0.10, 0.10],
        "without_lick": [0.8, 0.6, 0.6, 0.4, 0.2, 0.2],
        "delay": [0.0, 0.0, 0.0, 0.3, 0.9, -0.4],
        "cue": [0.2, 0.3, 0.4, 0.5, 0.6, 0.5],
        "lick": [0.1, 0.2, 0.3, 0.3, 0.8, 1.6],
        "active": [0.1, 0.1, 0.25, 0.25, 0.35, 0.7],
    },
    index=list(AREAS),
)
"""Strengths of the responses by area: in multiples of the base rate, for a modulation of 1."""
RATES = {False: (1.45, 2.92), True: (2.23, 4.33)}
"""Inhibitory or not -> published median and mean rate in hertz."""


@dataclass(frozen=True)
class TaskTruth:
    """What a session was made from.

    Attributes
    ----------
    perf, active, reaction_s : (trial,) as in `DelayedSession`.
    gain : (trial, area of the session).
    area : (unit,) index into `AREAS`.
    inhibitory : (unit,) bool.
    base_hz, modulation, movement : (unit,).
    """

    perf: np.ndarray
    active: np.ndarray
    reaction_s: np.ndarray
    gain: np.ndarray
    area: np.ndarray
    inhibitory: np.ndarray
    base_hz: np.ndarray
    modulation: np.ndarray
    movement: np.ndarray


def synthesize_task(task: DelayedTask, folder: Path) -> list[Path]:
    """Draw all sessions and write them as NWB, with the truth beside them; returns the files."""
    paths = []
    for index, sizes in enumerate(session_sizes(task)):
        session, truth = draw_task_session(task, index, sizes)
        path = Path(folder) / f"session-{index}.nwb"
        write_delayed_session(session, path)
        write_arrays(path.with_suffix(".truth.npz"), truth.__dict__)
        paths.append(path)
    return paths


def session_sizes(task: DelayedTask) -> list[dict[str, int]]:
    """Area -> units of every session: one or two areas, very unequal numbers, fixed sums."""
    generator = numpy_generator(task.draw, "sizes")
    chosen: list[list[str]] = []
    for index in range(task.sessions):
        first = AREAS[index % len(AREAS)]
        others = [area for area in AREAS if area != first]
        second = [str(generator.choice(others))] if generator.random() < 0.65 else []
        chosen.append([first, *second])
    weight = [{area: float(generator.lognormal(0, 0.9)) for area in areas} for areas in chosen]
    total = {area: sum(w.get(area, 0.0) for w in weight) for area in AREAS}
    return [
        {area: max(1, round(task.units_per_area * w / total[area])) for area, w in one.items()}
        for one in weight
    ]


def draw_task_session(
    task: DelayedTask, index: int, sizes: dict[str, int]
) -> tuple[DelayedSession, TaskTruth]:
    """One session of the set and what it was made from."""
    generator = numpy_generator(task.draw, "delayed task", index)
    truth = _draw_truth(task, sizes, generator)
    areas = np.array(AREAS)[truth.area]
    onset = 5.0 + SPACING_S * np.arange(task.trials)
    trials = pd.DataFrame(
        {
            "onset_s": onset,
            "go": (truth.perf < 2).astype(int),
            "perf": truth.perf.astype(float),
            "reaction_s": truth.reaction_s,
            "active": truth.active,
        }
    )
    units = pd.DataFrame(
        {
            "area": areas,
            "width_ms": np.where(truth.inhibitory, 0.2, 0.4),
            "cluster": np.arange(len(areas)),
            "depth": np.linspace(100.0, 1000.0, len(areas)),
        }
    )
    session = DelayedSession(
        name=f"session-{index}",
        description="artificial session of the delayed whisker task, drawn by spiketwin",
        trials=trials,
        units=units,
        spike_times_s=_draw_spikes(truth, sizes, onset, generator),
        video=_draw_video(task, truth, generator),
        video_start_s=START_S,
        frame_rate_hz=task.frame_rate_hz,
    )
    return session, truth


def _draw_truth(
    task: DelayedTask, sizes: dict[str, int], generator: np.random.Generator
) -> TaskTruth:
    shares = np.array(FREQUENCIES) / sum(FREQUENCIES)
    perf = generator.choice(4, task.trials, p=shares)
    reaction = generator.uniform(0.06, 0.18, task.trials)
    area = np.concatenate([np.full(n, AREAS.index(name)) for name, n in sizes.items()])
    inhibitory = generator.random(len(area)) < 0.25
    shared = generator.standard_normal((task.trials, 1))
    own = generator.standard_normal((task.trials, len(sizes)))
    log_gain = GAIN_SD * (GAIN_SHARED**0.5 * shared + (1 - GAIN_SHARED) ** 0.5 * own)
    return TaskTruth(
        perf=perf,
        active=(generator.random(task.trials) < task.active_share).astype(int),
        reaction_s=np.where(perf % 2 == 1, reaction, np.nan),
        gain=np.exp(log_gain - GAIN_SD**2 / 2),
        area=area,
        inhibitory=inhibitory,
        base_hz=_draw_rates(inhibitory, generator),
        modulation=generator.gamma(2.0, 0.5, len(area)),
        movement=generator.gamma(2.0, 0.5, len(area)),
    )


def _draw_rates(inhibitory: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Log-normal with the published medians and means, below 40 Hz."""
    median, mean = (np.where(inhibitory, RATES[True][k], RATES[False][k]) for k in (0, 1))
    spread = np.sqrt(2 * np.log(mean / median))
    return np.minimum(median * np.exp(spread * generator.standard_normal(len(inhibitory))), 39.0)


def pulse(time_s: np.ndarray, decay_s: float) -> np.ndarray:
    """Response from time 0, rise 5 ms, peak about 1."""
    shape = np.exp(-np.maximum(time_s, 0) / decay_s) - np.exp(-np.maximum(time_s, 0) / 0.005)
    return np.where(time_s > 0, shape, 0.0)


def responses(truth: TaskTruth, area: str) -> np.ndarray:
    """Course of an area's response, (trial, ms), for a modulation of 1."""
    r = dict(zip(RESPONSES.columns, RESPONSES.loc[area].to_numpy(float), strict=True))
    time = START_S + np.arange(round(1000 * (STOP_S - START_S))) / 1000
    lick, go = truth.perf % 2 == 1, truth.perf < 2
    whisker = r["whisker"] * pulse(time - r["latency_s"], r["decay_s"])
    ramp = r["delay"] * np.clip((time - 0.1) / 0.9, 0, 1) * (time < CUE_S + 0.3)
    cue = r["cue"] * pulse(time - CUE_S - 0.02, 0.05)
    after = time[None, :] - CUE_S - np.nan_to_num(truth.reaction_s, nan=np.inf)[:, None] + 0.03
    strength = go * np.where(lick, 1.0, r["without_lick"])
    found: np.ndarray = (
        strength[:, None] * whisker + lick[:, None] * ramp + cue + r["lick"] * pulse(after, 0.25)
    )
    return found


def _draw_spikes(
    truth: TaskTruth, sizes: dict[str, int], onset_s: np.ndarray, generator: np.random.Generator
) -> list[np.ndarray]:
    """Spike times of each unit; between the simulated parts of trials there are none."""
    courses = {area: responses(truth, area) for area in sizes}
    names, found = list(sizes), []
    for j, a in enumerate(truth.area):
        area = AREAS[a]
        moving = truth.movement[j] * RESPONSES.loc[area, "active"] * truth.active
        factor = 1 + truth.modulation[j] * courses[area] + moving[:, None]
        rate = truth.base_hz[j] * truth.gain[:, [names.index(area)]] * np.maximum(factor, 0)
        trial, ms = np.nonzero(generator.random(rate.shape, dtype=np.float32) < 1e-3 * rate)
        found.append(onset_s[trial] + START_S + (ms + 0.5) / 1000)
    return found


def _draw_video(
    task: DelayedTask, truth: TaskTruth, generator: np.random.Generator
) -> dict[str, np.ndarray]:
    """Jaw, tongue and whisker, (trial, frame)."""
    frames = round((STOP_S - START_S) * task.frame_rate_hz)
    time = START_S + np.arange(frames) / task.frame_rate_hz
    after = time[None, :] - CUE_S - truth.reaction_s[:, None]
    licking = np.where(after > 0, (1 - np.cos(2 * np.pi * 6 * after)) / 2, 0.0)
    licking = np.nan_to_num(licking * np.exp(-np.maximum(after, 0) / 0.5))
    phase = generator.uniform(0, 2 * np.pi, (len(after), 1))
    fidget = truth.active[:, None] * (0.25 + 0.15 * np.sin(2 * np.pi * 3 * time[None, :] + phase))
    noise = 0.03 * generator.standard_normal((3, *after.shape))
    height = generator.normal(1, 0.15, (len(after), 1))
    jaw = height * licking + fidget * (time < CUE_S + 0.2)
    return {
        "jaw": jaw + noise[0],
        "tongue": np.maximum(licking - 0.3, 0) + noise[1],
        "whisker": fidget + (truth.perf < 2)[:, None] * pulse(time, 0.02)[None, :] + noise[2],
    }
