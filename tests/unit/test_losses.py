"""Losses: properties that hold whatever the data."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from spiketwin.config import Features, Scale
from spiketwin.losses import SignalTargets, groups_of, signal_targets, trial_loss, trial_targets
from spiketwin.losses.assignment import assign
from spiketwin.losses.combine import GradientSizes, SpikeGradients, combine, without_conflicts
from spiketwin.losses.distances import distances, mean_self_distance
from spiketwin.losses.halves import debiased_of_all
from spiketwin.losses.matching import TRIAL_DISTANCES, debiased, energy, exact, hard
from spiketwin.losses.neuron import neuron_loss
from spiketwin.losses.rates import RateTarget
from spiketwin.losses.sinkhorn import sinkhorn_divergence
from tests.artificial import two_area_trials


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _normal(n: int, d: int = 6, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn((n, d), generator=_generator(seed), dtype=torch.float64) / d**0.5


@pytest.mark.parametrize("name", ["hard", "exact", "sinkhorn"])
def test_distance_of_a_set_to_itself_is_zero(name):
    x = _normal(20)
    assert TRIAL_DISTANCES[name](x, x.clone(), _generator()).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", ["exact", "sinkhorn", "energy"])
def test_distance_ignores_trial_order(name):
    x, y = _normal(20), _normal(30, seed=1)
    shuffled = x[torch.randperm(20, generator=_generator(2))]
    first = TRIAL_DISTANCES[name](x, y, _generator())
    torch.testing.assert_close(first, TRIAL_DISTANCES[name](shuffled, y, _generator()))


def _converged_sinkhorn(x, y, generator):
    return sinkhorn_divergence(x, y, polish=3000)


@pytest.mark.parametrize(
    "distance", [hard, exact, energy, debiased, _converged_sinkhorn], ids=lambda f: f.__name__
)
def test_gradient_agrees_with_finite_differences(distance):
    x, y = _normal(12).requires_grad_(), _normal(12, seed=1) + 0.3
    distance(x, y, _generator()).backward()
    step = torch.zeros_like(x)
    step[3, 2] = 1e-5
    with torch.no_grad():
        up = distance(x + step, y, _generator())
        down = distance(x - step, y, _generator())
    assert x.grad[3, 2].item() == pytest.approx(((up - down) / 2e-5).item(), rel=0.02, abs=1e-5)


def test_debiased_distances_of_many_sets_are_those_of_each():
    sets = [(_normal(n, seed=n), _normal(m, seed=m) + 0.2) for n, m in ((12, 12), (9, 17), (30, 8))]
    generator, total = _generator(), torch.zeros((), dtype=torch.float64)
    alone = [x.clone().requires_grad_() for x, _ in sets]
    for k, (x, (_, y)) in enumerate(zip(alone, sets, strict=True)):
        total = total + (k + 1) * debiased(x, y, generator)
    total.backward()
    together = [x.clone().requires_grad_() for x, _ in sets]
    found = debiased_of_all(together, [y for _, y in sets], _generator())
    (found @ torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)).backward()
    for one, other in zip(alone, together, strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(
        (found * torch.arange(1.0, 4)).sum(), total.detach(), rtol=1e-6, atol=0
    )


@pytest.mark.parametrize("n", [1, 2, 7, 60])
def test_assignments_are_optimal(n):
    generator = np.random.default_rng(n)
    for decimals in (6, 1):  # with ties, too
        cost = generator.random((n, n)).round(decimals).astype(np.float32)
        columns = np.empty(n, np.int64)
        assign(cost, columns)
        assert sorted(columns) == list(range(n))
        best = cost[linear_sum_assignment(cost)].sum()
        assert cost[np.arange(n), columns].sum() == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("distance", [debiased, energy])
def test_unbiased_distances_are_zero_on_average_for_equal_laws(distance):
    values = [
        distance(_normal(16, seed=2 * k), _normal(16, seed=2 * k + 1), _generator(k)).item()
        for k in range(400)
    ]
    assert abs(np.mean(values)) < 3 * np.std(values) / 20


def _scale_gradient(distance, scale: float) -> float:
    """Mean derivative of the distance with respect to the model's spread."""
    slopes = []
    for k in range(200):
        factor = torch.tensor(scale, dtype=torch.float64, requires_grad=True)
        distance(
            factor * _normal(16, seed=2 * k), _normal(16, seed=2 * k + 1), _generator(k)
        ).backward()
        slopes.append(factor.grad.item())
    return float(np.mean(slopes))


def test_hard_matching_rewards_too_little_variability_and_the_debiased_form_does_not():
    assert _scale_gradient(hard, 1.0) > 0.1
    assert abs(_scale_gradient(debiased, 1.0)) < 0.02
    assert _scale_gradient(debiased, 0.6) < -0.02
    assert _scale_gradient(debiased, 1.5) > 0.02


def test_coinciding_trials_have_finite_gradients():
    x = torch.ones(4, 3, requires_grad=True)
    (distances(x, x.detach()).sum() + mean_self_distance(x)).backward()
    assert torch.isfinite(x.grad).all()


def _rate_target(bins: int, psth: torch.Tensor) -> RateTarget:
    neurons = psth.shape[1]
    return RateTarget(
        window=torch.eye(bins),
        psth=psth,
        sd=torch.ones(neurons),
        rate_hz=torch.ones(neurons),
        before=torch.ones(bins).bool(),
        before_s=1.0,
        log_fano=torch.zeros(neurons),
    )


def test_unbiased_neuron_loss_does_not_depend_on_the_batch_size_at_the_right_rates():
    rates = torch.full((10, 4), 0.3)
    target = _rate_target(10, rates)

    def mean_loss(trials: int, unbiased: bool) -> float:
        draws = torch.rand((300, trials, 10, 4), generator=_generator(trials))
        return float(np.mean([neuron_loss((d < 0.3).float(), target, unbiased) for d in draws]))

    assert abs(mean_loss(4, True)) < 0.004 and abs(mean_loss(32, True)) < 0.001
    assert mean_loss(4, False) == pytest.approx(0.21 / 4, rel=0.1)


def test_neuron_loss_is_zero_for_the_recorded_psth_itself():
    psth = torch.rand(10, 4)
    assert neuron_loss(psth[None], _rate_target(10, psth), True).item() == 0


def _two_gradients() -> dict[str, torch.Tensor]:
    generator = _generator()
    return {
        "neuron": torch.randn((3, 5, 4), generator=generator),
        "trial": 1000 * torch.randn((3, 5, 4), generator=generator),
    }


WEIGHTS = {"neuron": 1.0, "trial": 3.0, "behaviour": 0.5}


def _combined(counts, method="normalised", projected=None, weights=WEIGHTS):
    readout = torch.randn((2, 4), generator=_generator(2))
    gradients = SpikeGradients(counts, torch.ones(5), projected, readout)
    return combine(gradients, weights, GradientSizes(), method), readout


def test_normalised_gradients_do_not_depend_on_the_size_of_a_loss():
    gradients = _two_gradients()
    first, _ = _combined(gradients)
    scaled = {name: 7 * gradient for name, gradient in gradients.items()}
    again, _ = _combined(scaled)
    torch.testing.assert_close(first.counts, again.counts)
    alone, _ = _combined({"trial": gradients["trial"]})
    assert (alone.counts**2).mean(1).sum().item() == pytest.approx(9.0, rel=1e-5)


def test_behaviour_is_normalised_by_what_arrives_at_the_spikes():
    projected = 1000 * torch.randn((3, 7, 2), generator=_generator(3))
    combined, readout = _combined(_two_gradients(), projected=projected)
    at_spikes = combined.projected @ readout
    assert (at_spikes**2).mean(1).sum().item() == pytest.approx(0.25, rel=1e-4)
    torch.testing.assert_close(combined.projected, projected * combined.behaviour)


def test_long_bins_count_as_many_steps():
    """Two bins of one value each are as large as the steps they stand for."""
    steps = torch.randn((3, 2, 4), generator=_generator()).repeat_interleave(
        torch.tensor([1, 4]), 1
    )
    fine = SpikeGradients({"trial": steps}, torch.ones(5), None, torch.zeros(0, 4))
    coarse = SpikeGradients(
        {"trial": steps[:, [0, 1]]}, torch.tensor([1.0, 4.0]), None, torch.zeros(0, 4)
    )
    sizes = [
        combine(g, WEIGHTS, GradientSizes(), "normalised").sizes.scale("trial")
        for g in (fine, coarse)
    ]
    assert sizes[0] == pytest.approx(sizes[1])


def test_running_size_is_unbiased_from_the_first_gradient():
    sizes = GradientSizes()
    for _ in range(5):
        sizes = sizes.observe("trial", 4.0)
        assert sizes.scale("trial") == pytest.approx(2.0)
    assert sizes.observe("trial", 0.0) == sizes


def test_projection_removes_exactly_the_conflict():
    a, b = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2)
    a[0, 0], b[0, 0] = torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])
    a[0, 1], b[0, 1] = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])
    freed = without_conflicts({"a": a, "b": b})
    assert (freed["a"][0, 0] * b[0, 0]).sum().item() == pytest.approx(0, abs=1e-6)
    torch.testing.assert_close(freed["a"][0, 1], a[0, 1])


def test_plain_sum_weighs_the_gradients():
    gradients = _two_gradients()
    weights = {"neuron": 2.0, "trial": 0.5, "behaviour": 1.0}
    found, _ = _combined(gradients, "sum", weights=weights)
    torch.testing.assert_close(found.counts, 2 * gradients["neuron"] + 0.5 * gradients["trial"])


def _likelihood(probability: torch.Tensor, targets: SignalTargets) -> float:
    """Likelihood-like loss of trials that all have these spikes per bin (group, neuron)."""
    same = probability.expand(30, *probability.shape)
    traces = torch.zeros(30, len(probability), 1)
    draw = _generator()
    return trial_loss(same, traces, ["all"] * 30, targets, "likelihood", False, draw).item()


def test_sessions_without_enough_trials_do_not_count_in_the_mean():
    features = Features(scales=[Scale(window_s=0.048, stride_s=0.024)])
    trials = two_area_trials(trials=60)
    (only,) = trials.sessions
    train = replace(trials, sessions=(only, replace(only, session="few"))).split("train")
    groups = groups_of(train, features.psth, features.scales)
    targets = trial_targets(train, train, features, features.scales, 0.0, groups)
    first, second = targets.sessions
    few = replace(targets, sessions=(first, second.take(np.array([0]))))
    alone = replace(targets, sessions=(first,))
    shape = (30, len(groups.lengths), len(only.units))
    counts = torch.rand(shape, generator=_generator())
    given = (counts, torch.zeros(*shape[:2], 1), ["all"] * 30)
    found, wanted = (trial_loss(*given, t, "energy", False, _generator()) for t in (few, alone))
    torch.testing.assert_close(found, wanted)


def test_the_likelihood_like_loss_is_least_at_the_recorded_probabilities():
    features = Features(scales=[Scale(window_s=0.048, stride_s=0.024)])
    train = two_area_trials(trials=60).split("train")
    groups = groups_of(train, features.psth, features.scales)
    areas = trial_targets(train, train, features, features.scales, 0.0, groups)
    targets = signal_targets(train, train, areas)
    (session,) = train.sessions
    mean = np.zeros(session.counts.shape[1:], np.float32)
    mean[:, session.units["neuron"]] = session.counts.mean(0)
    grouped = torch.zeros(len(groups.lengths), mean.shape[1])
    grouped.index_add_(0, torch.from_numpy(groups.of_bin), torch.from_numpy(mean))
    losses = [_likelihood(grouped * factor, targets) for factor in (0.7, 0.9, 1.0, 1.1, 1.4, 20.0)]
    assert min(losses) == losses[2]
