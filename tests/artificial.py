"""Small artificial trials with a known truth, made in memory."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spiketwin.trials.trialset import Trials, TrialSet

AREAS = np.repeat(["area1", "area2"], 20)
TYPES = np.tile(np.repeat(["excitatory", "inhibitory"], [16, 4]), 2)
BASE_HZ = np.random.default_rng(12).uniform(8, 20, len(AREAS))
ORDER = np.concatenate([np.flatnonzero(kind == TYPES) for kind in ("excitatory", "inhibitory")])


def two_area_session(session: str, draw: int, trials: int = 120, hit: float = 0.7) -> TrialSet:
    """40 units; area1 always responds to the stimulus, area2 and the jaw on hit trials only.

    Window -0.1 to 0.2 s in 2 ms bins; half of the trials are for training.
    """
    generator = np.random.default_rng(draw)
    bins = 150
    hits = generator.random(trials) < hit
    time = np.arange(bins) * 2 - 100.0
    response = np.where(time >= 8, np.exp(-(time - 8) / 25) * 6, 0.0)
    responds = np.where(AREAS[None, :] == "area1", True, hits[:, None])
    rate = BASE_HZ * (1 + response[None, :, None] * responds[:, None, :])
    counts = (generator.random(rate.shape) < rate * 0.002).astype(np.uint8)
    opening = np.exp(-(((time - 90) / 30) ** 2) / 2)
    jaw = hits[:, None] * opening * generator.normal(1, 0.1, (trials, 1))
    return TrialSet(
        session=session,
        counts=counts,
        behaviour=(3 * jaw[:, :, None]).astype(np.float32),
        traces=("jaw",),
        trials=pd.DataFrame(
            {
                "trial": np.arange(trials),
                "condition": "all",
                "outcome": np.where(hits, "Hit", "Miss"),
                "split": np.array(["train", "train", "validation", "test"])[np.arange(trials) % 4],
            }
        ),
        units=pd.DataFrame(
            {
                "unit": np.arange(len(AREAS)),
                "area": AREAS,
                "cell_type": TYPES,
                "rate_hz": counts.mean((0, 1)) / 0.002,
                "neuron": 0,
            }
        ),
        stimuli=pd.DataFrame(
            {"trial": np.arange(trials), "stimulus": "s", "time_s": 0.0, "amplitude": 4.0}
        ),
        start_s=-0.1,
        bin_s=0.002,
    )


def two_area_trials(draw: int = 0, **settings: float) -> Trials:
    """One session, every unit a neuron: excitatory neurons first, then inhibitory ones."""
    session = two_area_session("session-0", draw, **settings)  # type: ignore[arg-type]
    neuron = np.empty(len(ORDER), dtype=int)
    neuron[ORDER] = np.arange(len(ORDER))
    session.units["neuron"] = neuron
    stitching = session.units.sort_values("neuron").assign(session="session-0")
    columns = ["neuron", "area", "cell_type", "session", "unit", "rate_hz"]
    return Trials((session,), stitching[columns].reset_index(drop=True))


def stitched(*sessions: TrialSet) -> Trials:
    """Sessions whose units are neurons of one network, by area, type, session and unit."""
    rows = [s.units.assign(session=s.session, place=k) for k, s in enumerate(sessions)]
    stitching = pd.concat(rows, ignore_index=True)
    stitching = stitching.sort_values(["area", "cell_type", "place"], kind="stable")
    stitching = stitching.assign(neuron=np.arange(len(stitching)))
    for session in sessions:
        mine = stitching[stitching["session"] == session.session].sort_values("unit")
        session.units["neuron"] = mine["neuron"].to_numpy()
    columns = ["neuron", "area", "cell_type", "session", "unit", "rate_hz"]
    return Trials(tuple(sessions), stitching[columns].reset_index(drop=True))
