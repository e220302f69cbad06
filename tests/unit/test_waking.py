"""Neurons that fell silent, and the scale of slow PSTHs."""

from dataclasses import replace

import numpy as np
import torch

from spiketwin.config import Features, Model, Scale
from spiketwin.learning.fit import gradient_fitter
from spiketwin.learning.protocol import FitState
from spiketwin.learning.waking import woken
from spiketwin.losses import groups_of
from spiketwin.losses.rates import rate_target
from spiketwin.network import build
from spiketwin.simulate import simulate_trials
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials
from tests.artificial import two_area_trials

PSTH = Scale(window_s=0.012, stride_s=0.006)
FEATURES = Features(scales=[Scale(window_s=0.048, stride_s=0.024)], psth=PSTH)


def _state(bias: torch.Tensor) -> FitState:
    return FitState(1, {"bias": bias}, {"bias": bias})


def test_the_running_rate_decides_and_only_silent_neurons_are_raised():
    recorded = torch.tensor([1.0, 1.0, 0.0])
    simulated = torch.tensor([0.0, 0.6, 0.0])
    state, steps = _state(torch.zeros(3)), 12
    for _ in range(steps):
        state = woken(state, simulated, recorded, 0.5, 0.01)
    # 0.9^n < 0.5 from n = 7 on; 0.6 is enough, and where nothing was recorded nothing is asked.
    np.testing.assert_allclose(state.parameters["bias"], [0.01 * (steps - 6), 0, 0], atol=1e-7)
    np.testing.assert_allclose(
        state.memory["running rate"], [0.9**steps, 0.6 + 0.4 * 0.9**steps, 0], rtol=1e-5
    )


def test_a_share_of_zero_wakes_nobody():
    state = woken(_state(torch.zeros(2)), torch.zeros(2), torch.ones(2), 0.0, 0.01)
    assert torch.equal(state.parameters["bias"], torch.zeros(2))


def _learned(trials: Trials, wake: float) -> np.ndarray:
    """Rates (neuron,) in hertz after a fit that began with two silent neurons."""
    learning = {
        "steps": 120, "batches": [16], "calibration": 12, "prerun_s": 0.02, "learning_rate": 5e-3,
        "flat": 1.0, "wake": wake,
    }  # fmt: skip
    model = Model.model_validate({"network": _NETWORK, "learning": learning})
    network = build(trials.stitching, model.network, ("jaw",), 0)
    fitter = gradient_fitter(network, trials, FEATURES, model, 0)
    state = fitter.start(network)
    bias = state.parameters["bias"].clone()
    bias[:2] -= 0.25
    state = replace(state, parameters={**state.parameters, "bias": bias})
    while state.step < fitter.steps:
        state, _ = fitter.step(network, state)
    simulated = simulate_trials(network.with_parameters(state.evaluated), trials, 200, 1)
    return simulated.counts.mean((0, 1)) / simulated.bin_s


_NETWORK = {
    "inputs": [
        {"name": "stimulus", "stimulus": "s", "channels": 20},
        {"name": "noise", "channels": 20, "inhibitory_fraction": 0.4},
    ]
}


def test_silent_neurons_come_back_and_do_not_without():
    trials = two_area_trials()
    target = rate_target(trials, PSTH, groups_of(trials, PSTH, FEATURES.scales))
    recorded = target.psth.mean(0)[:2].numpy() / trials.sessions[0].bin_s
    with_, without = (_learned(trials, wake)[:2] for wake in (0.5, 0.0))
    assert (without < 0.05 * recorded).all()
    assert (with_ > 0.3 * recorded).all() and (with_ < 3 * recorded).all()


def test_the_psth_of_a_slow_unit_has_a_scale_of_half_a_spike_per_second():
    trials = two_area_trials()
    session = trials.sessions[0]
    counts = session.counts.copy()
    counts[:, :, 0] = 0
    counts[0, 3, 0] = 1
    quiet = replace(trials, sessions=(replace(session, counts=counts), *trials.sessions[1:]))
    neuron = int(session.units["neuron"].to_numpy()[0])
    target = rate_target(quiet, PSTH, groups_of(quiet, PSTH, FEATURES.scales))
    sd = (window_matrix(counts.shape[1], session.bin_s, PSTH).T @ counts.mean(0)).std(0)
    assert sd[0] < 0.5 * session.bin_s
    assert float(target.sd[neuron]) == np.float32(0.5 * session.bin_s)
