"""Inputs of the benchmarks: networks and recordings of the published sizes, made in memory.

The recorded trials are Poisson spikes of the published mean rates: what a step costs depends on how
many there are, not on what they say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from spiketwin.config import Features, GradientLearning, InputGroup, Losses, Model, Scale, TrialLoss
from spiketwin.config import Network as NetworkConfig
from spiketwin.learning.fit import gradient_fitter
from spiketwin.learning.gradient import GradientFitter
from spiketwin.learning.protocol import FitState
from spiketwin.network import Network, build
from spiketwin.trials.trialset import Trials, TrialSet


@dataclass(frozen=True)
class Shape:
    """Sizes of a problem.

    Attributes
    ----------
    neurons, areas, channels, sessions : of the network and the recordings.
    window_s, prerun_s, start_s : of a trial.
    trials : simulated per step, and recorded per session.
    rate_hz : mean rate.
    """

    neurons: int
    areas: int
    channels: int
    sessions: int
    window_s: float
    prerun_s: float
    start_s: float
    trials: int
    rate_hz: float


SHAPES = {
    "pseudodata": Shape(500, 2, 200, 5, 0.5, 0.3, -0.1, 200, 7.7),
    "main": Shape(1500, 6, 300, 28, 1.4, 0.3, -0.2, 150, 2.7),
}
"""The published artificial and main set-ups (Sourmpis et al. 2023, code)."""

STEP_S = 0.002


def recordings(shape: Shape) -> Trials:
    """Every session has an equal share of every area's neurons; four in five excite."""
    area = np.arange(shape.neurons) * shape.areas // shape.neurons
    within = np.arange(shape.neurons) % (shape.neurons // shape.areas)
    inhibits = within * 5 >= 4 * (shape.neurons // shape.areas)
    order = np.lexsort([inhibits, area])
    stitching = pd.DataFrame(
        {
            "neuron": np.arange(shape.neurons),
            "area": [f"area{a}" for a in area[order]],
            "cell_type": np.where(inhibits[order], "inhibitory", "excitatory"),
            "session": [f"session-{k % shape.sessions}" for k in range(shape.neurons)],
        }
    )
    sessions = [
        _session(name, mine["neuron"].to_numpy(), mine["area"], shape)
        for name, mine in stitching.groupby("session", sort=False)
    ]
    return Trials(tuple(sessions), stitching.assign(unit=0, rate_hz=shape.rate_hz))


def _session(name: str, neurons: np.ndarray, area: pd.Series, shape: Shape) -> TrialSet:
    generator = np.random.default_rng(neurons)
    bins = round(shape.window_s / STEP_S)
    counts = generator.random((shape.trials, bins, len(neurons))) < shape.rate_hz * STEP_S
    trial = np.arange(shape.trials)
    return TrialSet(
        session=name,
        counts=counts.astype(np.uint8),
        behaviour=generator.normal(size=(shape.trials, bins, 1)).astype(np.float32),
        traces=("jaw",),
        trials=pd.DataFrame({"trial": trial, "condition": "all", "outcome": "", "split": "train"}),
        units=pd.DataFrame(
            {
                "unit": np.arange(len(neurons)),
                "area": area.to_numpy(),
                "cell_type": "excitatory",
                "rate_hz": shape.rate_hz,
                "neuron": neurons,
            }
        ),
        stimuli=pd.DataFrame({"trial": trial, "stimulus": "s", "time_s": 0.0, "amplitude": 4.0}),
        start_s=shape.start_s,
        bin_s=STEP_S,
    )


def model(shape: Shape, engine: str, roulette: float) -> Model:
    """Two delay matrices, as published; the default losses."""
    groups = [
        InputGroup(name="s", stimulus="s", channels=shape.channels // 2),
        InputGroup(name="noise", channels=shape.channels // 2, inhibitory_fraction=0.4),
    ]
    network = NetworkConfig(
        inputs=groups, delays_s=[0.002, 0.004], prerun_s=shape.prerun_s, engine=engine
    )
    learning = GradientLearning(
        batches=[shape.trials], prerun_s=shape.prerun_s, roulette=roulette, learning_rate=1e-6
    )
    return Model(network=network, losses=Losses(trial=TrialLoss()), learning=learning)


FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024, base_window_s=0.012, base_stride_s=0.006)],
    psth=Scale(window_s=0.012, stride_s=0.006),
    min_units=3,
)


def problem(shape: Shape, engine: str, roulette: float) -> tuple[Network, GradientFitter, FitState]:
    """A network with calibrated rates and a fitter at its start, ready for steps."""
    trials, settings = recordings(shape), model(shape, "numba", roulette)
    network = build(trials.stitching, settings.network, ["jaw"], 0)
    fitter = gradient_fitter(network, trials, FEATURES, settings, 0)
    state = fitter.start(network)
    return replace(network, config=model(shape, engine, roulette).network), fitter, state
