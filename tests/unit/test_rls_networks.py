"""Solvers and neuron models of rate matching in whole trials, on networks that learn in seconds."""

import json

import numpy as np
import pytest
from scipy.signal import lfilter

from spiketwin.config import resolve_targets
from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.fit import rate_task
from spiketwin.learning.rls.fitter import correlations
from spiketwin.learning.rls.given import assembled_run
from spiketwin.network.sparse.course import Window
from spiketwin.network.sparse.store import load_sparse
from spiketwin.trials.targets import unfiltered


def prepared(network, measure="drive", **learning):
    """A fit of sinusoids over .4 s, a learning instant every 2 ms."""
    run = resolve_targets(
        {
            "run": "r",
            "targets": {"pattern": "sines", "window_s": 0.4, "measure": measure},
            "network": network,
            "cue": {"kind": "constant", "amplitude": 2.0, "duration_s": 0.1, "lead_s": 0.1},
            "learning": {
                "method": "rls", "every_s": 0.002, "weights_act": "at once", "row_sum": 0.0,
                "growth": 0.0, "ridge": 1.0, "largest_rate_hz": 200,
                "evaluation_trials": 4, **learning,
            },
            "models": {"m": {}},
        }
    )  # fmt: skip
    return rate_task("m", run.models["m"], assembled_run(run, "m", 0), "", 0)


def after(task, steps):
    """Weights and correlation of trial-averaged drive and target after some loops."""
    state = task.fitter.start(task.network)
    for _ in range(steps):
        state, record = task.fitter.step(task.network, state)
        assert record.trouble == ""
    network = task.network.with_parameters(state.parameters)
    return network.weights, 1 - task.score(network)


ALL_TO_ALL = {"kind": "theta", "neurons": 80, "probability": 1.0, "gain": 2.0, "zero_sum": True}


def test_one_covariance_for_all_learns_what_ridge_learns():
    """Every neuron reads every other one and itself; the first loop runs with the same weights."""
    tasks = [prepared(ALL_TO_ALL, solver=name, block=200) for name in ("shared", "ridge")]
    (one, _), (other, _) = (after(task, 1) for task in tasks)
    change = np.abs(one - tasks[0].network.weights).max()
    assert change > 0.05 and np.abs(one - other).max() < 1e-3 * change
    tasks = [prepared(ALL_TO_ALL, solver=name, block=5) for name in ("shared", "ridge")]
    found = [after(task, 3)[1] for task in tasks]
    assert min(found) > 0.9 and found[0] == pytest.approx(found[1], abs=0.03)
    assert 1 - tasks[0].score(tasks[0].network) < 0.3


def test_izhikevich_neurons_learn_a_drive():
    """Regular spiking, bursting, chattering, fast spiking and low-threshold neurons, from no
    weights."""
    network = {"kind": "izhikevich", "neurons": 200, "gain": 0.0, "drive": 4.0, "tau_slow_s": 0.03,
               "step_s": 0.0005}  # fmt: skip
    task = prepared(network, solver="sequential", ridge=0.1)
    assert len(np.unique(task.network.neurons.parameters, axis=1).T) == 5
    weights, correlation = after(task, 8)
    assert correlation > 0.85
    assert 1 - task.score(task.network.with_weights(np.roll(weights, 1, axis=0))) < 0.5


@pytest.mark.parametrize("noise_in", ["membrane", "current"])
def test_a_network_fires_from_noise_and_learns(noise_in, tmp_path):
    """Noise is no part of the input that is learned; the stored network keeps it."""
    network = {"neurons": 200, "static_inputs": 0, "plastic_inputs": 40, "noise": 0.65,
               "noise_in": noise_in, "drive": [0.6, 0.6]}  # fmt: skip
    task = prepared(network, every_s=0.01, ridge=0.01, weights_act="at the spike")
    before = 1 - task.score(task.network)
    weights, correlation = after(task, 5)
    assert before < 0.3 and correlation > 0.6
    task.save(task.network.with_weights(weights), tmp_path, {})
    stored = load_sparse(tmp_path)[0].neurons
    assert stored.noisy_current == (noise_in == "current")
    assert stored.noise == pytest.approx(0.65 * 10 ** (1 if noise_in == "current" else -1))


def test_a_stored_network_that_lacks_a_constant_is_refused(tmp_path):
    task = prepared({"neurons": 40, "static_inputs": 2, "plastic_inputs": 4})
    task.save(task.network, tmp_path, {})
    path = tmp_path / "model.json"
    description = json.loads(path.read_text())
    del description["sparse"]["noisy_current"]
    path.write_text(json.dumps(description))
    with pytest.raises(SpiketwinError, match="lacks 'noisy_current'; delete it and fit again"):
        load_sparse(tmp_path)


def test_filtered_trains_of_the_rates_follow_the_course():
    course = 5 + np.cumsum(np.random.default_rng(0).normal(size=(2, 60, 4)) * 0.05, axis=1)
    decay = np.exp(-10 / 60)
    rates = unfiltered(course, 10.0, 60.0)
    start = decay * course[:, :1]
    found, _ = lfilter([1 - decay], [1, -decay], rates, axis=1, zi=start)
    np.testing.assert_allclose(found[:, :-1], course[:, 1:])
    falling = unfiltered(np.linspace(5, 0, 10)[None, :, None], 10.0, 20.0)
    assert (falling >= 0).all() and falling[0, -2, 0] == 0


def filtered_trains(task, weights, trials):
    """(instant, neuron) average over trials, without learning."""
    found = np.zeros((200, task.network.size))
    for trial in range(trials):
        window = Window(task.network.with_weights(weights), task.fitter.course, 0, trial)
        for row in found:
            row += window.simulator.filtered[: task.network.size] / trials
            window.advance(2)
    return found


def test_filtered_trains_lag_behind_rates_unless_they_are_what_is_asked_for():
    """Slow synapses: a filtered train that follows a course needs rates that lead it."""
    network = {"kind": "theta", "neurons": 100, "gain": 2.0, "zero_sum": True, "tau_slow_s": 0.06}
    course = prepared(network, "rate", solver="sequential").fitter.targets.values[0]
    found = {}
    for measure in ("rate", "filtered"):
        task = prepared(network, measure, solver="sequential")
        weights, _ = after(task, 20)
        found[measure] = np.nanmean(correlations(filtered_trains(task, weights, 5), course))
    assert found["filtered"] > 0.7 and found["filtered"] > found["rate"] + 0.1
