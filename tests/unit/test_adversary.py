"""Discriminators as trial losses: what they see, what they learn, what they ask of the network."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from spiketwin.config import Features, Model, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.learning import adversary as learning
from spiketwin.learning.fit import gradient_fitter
from spiketwin.losses.adversarial import GANS, SPIKES, Adversary
from spiketwin.network import build
from tests.artificial import two_area_trials

FEATURES = Features(
    scales=[Scale(window_s=0.02, stride_s=0.01)],
    psth=Scale(window_s=0.004, stride_s=0.002),
    min_units=2,
)


def setting(method):
    """A fitter with discriminators."""
    model = Model.model_validate(
        {
            "network": {"inputs": [{"name": "s", "stimulus": "s", "channels": 20}]},
            "losses": {"trial": {"method": method}},
            "learning": {"batches": [16], "calibration": 0, "prerun_s": 0.0, "steps": 10},
        }
    )
    trials = two_area_trials()
    network = build(trials.stitching, model.network, ("jaw",), 0)
    return network, gradient_fitter(network, trials, FEATURES, model, 0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("method", GANS)
def test_recorded_and_simulated_trials_are_seen_alike(method):
    _, fitter = setting(method)
    adversary, targets = fitter.adversary, fitter.turns[0].targets
    sessions = two_area_trials().split("train").sessions
    for k, (session, neurons) in enumerate(zip(sessions, adversary.neurons, strict=True)):
        counts = np.zeros((*session.counts.shape[:2], len(targets.column)), np.float32)
        counts[:, :, neurons] = session.counts
        of_bin = torch.from_numpy(targets.groups.of_bin)
        bins = torch.from_numpy(counts)
        grouped = bins.new_zeros(len(bins), int(of_bin[-1]) + 1, bins.shape[2])
        grouped.index_add_(1, of_bin, bins)
        behaviour = torch.from_numpy(session.behaviour)
        traces = grouped.new_zeros(*grouped.shape[:2], behaviour.shape[2])
        lengths = torch.bincount(of_bin)
        traces.index_add_(1, of_bin, behaviour)
        view = adversary.views(grouped, traces / lengths[:, None])[k]
        if method == SPIKES:
            torch.testing.assert_close(view, adversary.recorded[k])
        else:
            areas = targets.features(grouped, traces / lengths[:, None])[k]
            torch.testing.assert_close(view, areas * areas.shape[1] ** 0.5)
            neural = session.counts.shape[0]
            assert view.shape == adversary.recorded[k].shape and len(view) == neural


def test_losses_are_the_cross_entropies_of_a_network_in_numpy():
    _, fitter = setting("spiket-gan")
    critics = fitter.adversary.start(generator())
    view = fitter.adversary.recorded[0][:5] + 0.3
    x = view.numpy().astype(float)
    for k in range(3):
        name = f"critic 0 layer {k}"
        x = x @ critics[name].numpy().T + critics[f"{name} offset"].numpy()
        x = np.where(x > 0, x, 0.2 * x) if k < 2 else x
    one = replace(fitter.adversary, recorded=fitter.adversary.recorded[:1])
    probability = 1 / (1 + np.exp(-x[:, 0]))
    fooled = float(one.fool([view], critics, generator()))
    assert fooled == pytest.approx(-np.log(probability).mean(), rel=1e-5)
    seen = float(Adversary(one.kind, one.targets, one.neurons, (view,)).unmask(
        [view], critics, generator()
    ))  # fmt: skip
    expected = -(np.log(probability).mean() + np.log(1 - probability).mean()) / 2
    assert seen == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", GANS)
def test_discriminators_learn_to_tell_trials_apart(method):
    _, fitter = setting(method)
    adversary = fitter.adversary
    draw = generator(1)
    views = [
        recorded * 1.5 + 0.3 * torch.randn(recorded.shape, generator=draw)
        for recorded in adversary.recorded
    ]
    memory = learning.start(adversary, 0)
    before = float(adversary.unmask(views, learning.critics_of(memory), generator(2)))
    for step in range(0, 300, learning.EVERY):
        memory = learning.learned(adversary, views, memory, step, 1e-3, 0.99, step)
    critics = learning.critics_of(memory)
    after = float(adversary.unmask(views, critics, generator(2)))
    assert before == pytest.approx(len(views) * math.log(2), rel=0.4) and after < 0.7 * before
    # A network follows the gradient towards trials that are taken for recorded ones.
    moved = [view.clone().requires_grad_() for view in views]
    loss = adversary.fool(moved, critics, generator(3))
    (slope,) = torch.autograd.grad(loss, [moved[0]])
    better = [moved[0].detach() - 0.5 * slope / slope.norm() * 3, *views[1:]]
    assert float(adversary.fool(better, critics, generator(3))) < float(loss.detach())


def test_they_wait_for_their_turn():
    _, fitter = setting("spiket-gan")
    memory = learning.start(fitter.adversary, 0)
    views = list(fitter.adversary.recorded)
    assert learning.learned(fitter.adversary, views, memory, 3, 1e-3, 0.99, 0) is memory


@pytest.mark.parametrize("method", GANS)
def test_a_fit_takes_steps_and_repeats_itself(method):
    states = []
    for _ in range(2):
        network, fitter = setting(method)
        state = fitter.start(network)
        for _ in range(3):
            state, record = fitter.step(network, state)
        assert math.isfinite(record.loss_trial) and record.loss_trial > 0
        states.append(state)
    for name, value in states[0].memory.items():
        assert torch.equal(value, states[1].memory[name]), name
    moved = states[0].memory["critic 0 layer 0"]
    assert not torch.equal(moved, fitter.adversary.start(generator(5))["critic 0 layer 0"])


def test_too_few_bins_for_spikes():
    model = Model.model_validate({"losses": {"trial": {"method": "spike-gan"}}})
    trials = two_area_trials()
    coarse = Features(
        scales=[Scale(window_s=0.04, stride_s=0.04)],
        psth=Scale(window_s=0.04, stride_s=0.04),
        min_units=2,
    )
    network = build(trials.stitching, model.network, ("jaw",), 0)
    with pytest.raises(SpiketwinError, match="spike-gan needs more than"):
        gradient_fitter(network, trials, coarse, model, 0)


def test_they_compare_all_trials():
    with pytest.raises(ValueError, match="spiket-gan compares all trials"):
        Model.model_validate({"losses": {"trial": {"method": "spiket-gan", "within": "condition"}}})


def test_without_enough_units_there_is_nothing_to_judge():
    model = Model.model_validate(
        {
            "losses": {"trial": {"method": "spiket-gan"}},
            "learning": {"batches": [8], "calibration": 0, "prerun_s": 0.0},
        }
    )
    trials = two_area_trials()
    network = build(trials.stitching, model.network, ("jaw",), 0)
    many = FEATURES.model_copy(update={"min_units": 10_000})
    fitter = gradient_fitter(network, trials, many, model, 0)
    _, record = fitter.step(network, fitter.start(network))
    assert fitter.adversary is None and math.isnan(record.loss_trial)
