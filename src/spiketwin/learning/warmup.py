"""Compiling every kernel of a fit once, so that the first fit need not wait for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from spiketwin.config import (
    Features,
    GradientLearning,
    InputGroup,
    Model,
    Pattern,
    RateModel,
    Scale,
    TargetRun,
)
from spiketwin.config import Network as NetworkConfig
from spiketwin.learning.ahead import compile_ahead
from spiketwin.learning.fit import gradient_fitter
from spiketwin.learning.rls.fit import rate_task
from spiketwin.learning.rls.given import assembled_run
from spiketwin.network import build, engine
from spiketwin.network.kernels.layout import Events
from spiketwin.trials.trialset import Trials, TrialSet

UNITS, TRIALS, BINS = 8, 8, 20


def warm_up() -> None:
    """Steps of tiny fits: sampled gradient, exact gradient, rate matching."""
    compile_ahead()
    for roulette in (0.1, 0.0):
        tiny_step(roulette)
    for solver in ("sequential", "ridge"):
        _rate_step(solver)


def tiny_step(roulette: float) -> None:
    """A step of a tiny fit by gradient descent."""
    trials = _trials()
    model = Model(
        network=NetworkConfig(inputs=[InputGroup(name="noise", channels=4)]),
        learning=GradientLearning(batches=[8], calibration=0, roulette=roulette),
    )
    network = build(trials.stitching, model.network, ["trace"], 0)
    features = Features(scales=[Scale(window_s=0.02, stride_s=0.01)], min_units=2)
    fitter = gradient_fitter(network, trials, features, model, 0)
    fitter.step(network, fitter.start(network))


def step_without_simulation() -> None:
    """Compile all kernels of `tiny_step` but the simulation: no neuron fires."""
    engine.simulate_kernel = _silent
    tiny_step(roulette=0.1)


def _silent(circuit: Any, escape: Any, course: Any, events: Events, *others: Any) -> None:
    events.neurons_end[:] = 0
    events.channels_end[:] = 0


def _rate_step(solver: str) -> None:
    """A loop of rate matching in a tiny network."""
    raw = {"network": {"neurons": 40, "static_inputs": 2, "plastic_inputs": 2}}
    model = RateModel.model_validate({**raw, "learning": {"method": "rls", "solver": solver}})
    run = TargetRun(run="warm-up", targets=Pattern(window_s=0.02), models={"m": model})
    assembled = assembled_run(run, "m", 0)
    fitter = rate_task("m", model, assembled, "", 0).fitter
    fitter.step(assembled.network, fitter.start(assembled.network))


def _trials() -> Trials:
    """Silent units; the spikes of the network do not depend on them."""
    unit = np.arange(UNITS)
    kinds = np.where(unit % 4 == 3, "inhibitory", "excitatory")
    units = pd.DataFrame(
        {"unit": unit, "area": "area", "cell_type": kinds, "rate_hz": 0.0, "neuron": unit}
    )
    table = pd.DataFrame({"trial": np.arange(TRIALS), "condition": "all", "outcome": ""})
    session = TrialSet(
        session="session",
        counts=np.zeros((TRIALS, BINS, UNITS), np.uint8),
        behaviour=np.zeros((TRIALS, BINS, 1), np.float32),
        traces=("trace",),
        trials=table.assign(split="train"),
        units=units,
        stimuli=pd.DataFrame({"trial": [], "stimulus": [], "time_s": [], "amplitude": []}),
        start_s=-0.1,
        bin_s=0.01,
    )
    return Trials((session,), units.assign(session="session"))


if __name__ == "__main__":
    step_without_simulation()
