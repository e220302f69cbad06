"""The dispersion of single neurons' spike counts: its target, its loss, a fit with it."""

import numpy as np
import pytest
import torch

from spiketwin.config import Features, Scale
from spiketwin.learning import gradient
from spiketwin.learning.fit import gradient_fitter
from spiketwin.losses.dispersion import dispersion_loss, log_fano_target
from spiketwin.network import Run, build, run
from spiketwin.trials.trialset import Trials
from tests.artificial import two_area_trials
from tests.unit.test_learning import small_model

FEATURES = Features(scales=[Scale(window_s=0.02, stride_s=0.01)], min_units=5)


def test_target_is_the_fano_factor_of_each_unit_at_its_neuron():
    trials = two_area_trials()
    found = log_fano_target(trials).numpy()
    for session in trials.sessions:
        spikes = session.counts.sum(1, dtype=float)
        expected = np.log((spikes.var(0, ddof=1) + 0.5) / (spikes.mean(0) + 0.5))
        assert found[session.units["neuron"]] == pytest.approx(expected, abs=1e-6)


def test_loss_is_zero_for_the_same_dispersion_and_grows_with_shared_gain():
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(torch.full((4000, 5, 30), 2.0), generator=generator)
    gain = 0.5 + torch.rand(4000, 1, 1, generator=generator)
    modulated = torch.poisson(2.0 * gain.expand(-1, 5, 30), generator=generator)
    poisson = torch.zeros(30)
    assert dispersion_loss(counts, poisson) < 1e-2
    # Var n / mean n = 1 + mean n Var gain = 1 + 10 / 12
    expected = np.log((10 * (1 + 10 / 12) + 0.5) / 10.5) ** 2
    assert dispersion_loss(modulated, poisson).item() == pytest.approx(expected, rel=0.05)


def test_weighted_target_is_that_of_repeated_trials_and_few_trials_have_none():
    trials = two_area_trials()
    weights = [np.arange(1, len(s.trials) + 1, dtype=float) for s in trials.sessions]
    found = log_fano_target(trials, [w / w.sum() for w in weights]).numpy()
    session = trials.sessions[0]
    spikes = np.repeat(session.counts.sum(1, dtype=float), weights[0].astype(int), axis=0)
    expected = np.log((spikes.var(0) + 0.5) / (spikes.mean(0) + 0.5))
    assert found[session.units["neuron"]] == pytest.approx(expected, abs=0.02)
    few = Trials(tuple(s.take(np.arange(9)) for s in trials.sessions), trials.stitching)
    assert log_fano_target(few).isnan().all()


def test_gradient_agrees_with_finite_differences():
    generator = torch.Generator().manual_seed(0)
    counts = torch.rand(6, 3, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    target = torch.rand(4, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda c: dispersion_loss(c, target), [counts])


def test_neurons_without_a_recorded_dispersion_leave_the_gradient_of_the_others_alone():
    counts = torch.rand((5, 3, 4), generator=torch.Generator().manual_seed(0)).requires_grad_()
    target = torch.tensor([0.1, float("nan"), 0.0, 0.2])
    dispersion_loss(counts, target).backward()
    assert torch.isfinite(counts.grad).all()
    assert (counts.grad[:, :, 1] == 0).all() and (counts.grad[:, :, 0] != 0).any()


def test_fit_with_it_brings_the_counts_of_single_neurons_closer_to_the_recorded_dispersion():
    trials = two_area_trials()
    distances = [_distance_after_a_fit(trials, weight) for weight in (0.0, 3.0)]
    assert distances[1] < 0.5 * distances[0]


def test_rates_are_judged_by_spikes_drawn_from_them_and_learn_through_these(monkeypatch):
    """Rates alone vary too little: a loss on them would ask for more variability than recorded."""
    trials = two_area_trials()
    model = small_model(steps=1, batches=[64], prerun_s=0.0)
    network_settings = model.network.model_copy(update={"spike_function": "rate"})
    model = model.model_copy(update={"network": network_settings})
    network = build(trials.stitching, model.network, ("jaw",), 0)
    fitter, seen = gradient_fitter(network, trials, FEATURES, model, 0), []

    def recorded(counts, target):
        seen.append(counts)
        return dispersion_loss(counts, target)

    monkeypatch.setattr(gradient, "dispersion_loss", recorded)
    before = fitter.start(network)
    after, _ = fitter.step(network, before)
    (counts,) = (c.detach() for c in seen)
    torch.testing.assert_close(counts, counts.round())
    expected = run(
        network.with_parameters(before.parameters),
        fitter.pool.take(np.arange(64) % fitter.pool.trials),
        Run(7, fitter.bins, 0.0),
    ).counts
    assert counts.mean() == pytest.approx(float(expected.mean()), rel=0.05)
    spread = [float(c.sum(1).var(0).mean()) for c in (counts, expected)]
    assert spread[0] > spread[1] + 0.8 * float(counts.sum(1).mean())
    moved = (after.parameters["recurrent"] - before.parameters["recurrent"]).abs().max()
    assert 0 < moved < 1


def _distance_after_a_fit(trials: Trials, weight: float) -> float:
    model = small_model(steps=40, batches=[16], learning_rate=6e-3)
    losses = model.losses.model_copy(
        update={"dispersion": model.losses.dispersion.model_copy(update={"weight": weight})}
    )
    model = model.model_copy(update={"losses": losses})
    network = build(trials.stitching, model.network, ("jaw",), 0)
    fitter = gradient_fitter(network, trials, FEATURES, model, 0)
    state = fitter.start(network)
    for _ in range(40):
        state, _ = fitter.step(network, state)
    rows = np.arange(200) % fitter.pool.trials
    fitted = network.with_parameters(state.parameters)
    activity = run(fitted, fitter.pool.take(rows), Run(7, fitter.bins))
    return float(dispersion_loss(activity.counts, fitter.rates.log_fano))
