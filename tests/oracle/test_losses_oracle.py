"""Losses against independent implementations."""

import itertools

import numpy as np
import ot
import pytest
import torch
from geomloss import SamplesLoss
from scipy.optimize import linear_sum_assignment

from spiketwin.config import Features, Scale
from spiketwin.losses import groups_of, signal_targets, trial_loss, trial_targets
from spiketwin.losses.counts import filtered_moments, population_averages
from spiketwin.losses.dispersion import dispersion_loss
from spiketwin.losses.halves import debiased_of_all
from spiketwin.losses.matching import SPLITS, debiased, energy, exact, hard
from spiketwin.losses.neuron import neuron_loss
from spiketwin.losses.rates import rate_target
from spiketwin.losses.sinkhorn import sinkhorn_divergence
from spiketwin.trials.features import window_matrix
from tests.artificial import two_area_trials

FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024), Scale(window_s=0.02, stride_s=0.01)],
    psth=Scale(window_s=0.012, stride_s=0.006),
)


def _sets(n: int, m: int, d: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((n, d), generator=generator, dtype=torch.float64) / d**0.5
    y = 0.3 + 0.7 * torch.randn((m, d), generator=generator, dtype=torch.float64) / d**0.5
    return x, y


def _entropic_transport(x: np.ndarray, y: np.ndarray, entropy: float) -> float:
    cost = ot.dist(x, y, metric="euclidean")
    a, b = np.full(len(x), 1 / len(x)), np.full(len(y), 1 / len(y))
    plan = ot.bregman.sinkhorn(
        a, b, cost, entropy, method="sinkhorn_log", numItermax=50_000, stopThr=1e-12
    )
    divergence = (plan * np.log(np.maximum(plan, 1e-300) / np.outer(a, b))).sum()
    return float((plan * cost).sum() + entropy * divergence)


def test_converged_sinkhorn_divergence_agrees_with_pot():
    x, y = _sets(20, 30)
    a, b = x.numpy(), y.numpy()
    self_terms = _entropic_transport(a, a, 0.01) + _entropic_transport(b, b, 0.01)
    expected = _entropic_transport(a, b, 0.01) - self_terms / 2
    assert sinkhorn_divergence(x, y, polish=2000).item() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (25, 40)])
def test_sinkhorn_divergence_and_gradient_agree_with_the_published_implementation(n, m):
    x, y = _sets(n, m)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    value = sinkhorn_divergence(ours, y)
    reference = SamplesLoss("sinkhorn", p=1, blur=0.01, backend="tensorized")(theirs, y)
    value.backward()
    reference.backward()
    assert value.item() == pytest.approx(reference.item(), abs=1e-4)
    torch.testing.assert_close(ours.grad, theirs.grad, atol=3e-3, rtol=0.05)


def test_hard_matching_is_the_best_of_all_permutations():
    x, y = _sets(6, 6)
    best = min(
        ((x - y[list(p)]) ** 2).sum(1).mean().item() for p in itertools.permutations(range(6))
    )
    assert hard(x, y, torch.Generator().manual_seed(0)).item() == pytest.approx(best)


def test_exact_transport_agrees_with_pot_for_unequal_numbers():
    x, y = _sets(20, 31)
    cost = ot.dist(x.numpy(), y.numpy())
    expected = ot.emd2(np.full(20, 1 / 20), np.full(31, 1 / 31), cost)
    assert exact(x, y, torch.Generator()).item() == pytest.approx(expected, rel=1e-8)


def test_energy_distance_agrees_with_plain_loops():
    x, y = _sets(9, 13)

    def mean(a, b, skip):
        pairs = [(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not (skip and i == j)]
        return np.mean([np.linalg.norm(p - q) for p, q in pairs])

    a, b = x.numpy(), y.numpy()
    expected = 2 * mean(a, b, False) - mean(a, a, True) - mean(b, b, True)
    assert energy(x, y, torch.Generator()).item() == pytest.approx(expected)


def _matched(x: np.ndarray, y: np.ndarray) -> float:
    """Mean distance of the pairs of the best of all permutations."""
    cost = np.array([[np.linalg.norm(p - q) for q in y] for p in x])
    rows = range(len(x))
    return min(cost[rows, list(p)].mean() for p in itertools.permutations(rows))


@pytest.mark.parametrize(("n", "m"), [(10, 8), (7, 11)])
def test_debiased_distance_is_that_of_the_best_permutations_of_its_halves(n, m):
    """Halves are drawn as documented: split by split, the simulated trials first."""
    x, y = _sets(n, m)
    draw, half, terms = torch.Generator().manual_seed(4), min(n, m) // 2, []
    for _ in range(SPLITS):
        mine, theirs = (s[torch.randperm(len(s), generator=draw)].numpy() for s in (x, y))
        x1, x2, y1, y2 = mine[:half], mine[half:][:half], theirs[:half], theirs[half:][:half]
        across = _matched(x1, y1) + _matched(x2, y2)
        terms.append((across - _matched(x1, x2) - _matched(y1, y2)) / 2)
    expected = np.mean(terms)
    assert abs(expected) > 0.01
    found = debiased(x, y, torch.Generator().manual_seed(4)).item()
    (together,) = debiased_of_all([x], [y], torch.Generator().manual_seed(4)).tolist()
    assert (found, together) == pytest.approx((expected, expected), rel=1e-5)


@pytest.mark.parametrize("unbiased", [True, False])
def test_neuron_loss_agrees_with_plain_loops(unbiased):
    """A unit that hardly varies has a scale of half a spike per second."""
    recorded = two_area_trials(trials=40)
    recorded.sessions[0].counts[:, :, 7] = 0
    groups = groups_of(recorded, FEATURES.psth, FEATURES.scales)
    target = rate_target(recorded, FEATURES.psth, groups)
    (session,), (other,) = recorded.sessions, two_area_trials(draw=1, trials=12).sessions
    window = window_matrix(150, 0.002, FEATURES.psth)
    terms = []
    for unit in range(40):
        theirs = session.counts[:, :, unit].astype(float).mean(0) @ window
        mine = other.counts[:, :, unit].astype(float) @ window
        sd = max(theirs.std(), 0.5 * 0.002)
        variance = mine.var(0, ddof=1) if unbiased else np.zeros(len(theirs))
        terms += list(((mine.mean(0) - theirs) ** 2 - variance / len(mine)) / sd**2)
    counts = np.zeros_like(other.counts)
    counts[:, :, other.units["neuron"]] = other.counts
    found = neuron_loss(_in_groups(counts, groups), target, unbiased).item()
    assert found == pytest.approx(np.mean(terms), rel=1e-4)
    assert abs(np.mean(terms)) > 0.01


def test_dispersion_loss_agrees_with_plain_loops():
    generator = np.random.default_rng(0)
    counts = generator.gamma(2.0, 0.4, (9, 4, 5))
    target = np.array([0.3, -0.2, np.nan, 0.0, 1.1])
    terms = []
    for neuron in range(5):
        spikes = [sum(trial) for trial in counts[:, :, neuron]]
        mean = sum(spikes) / 9
        variance = sum((n - mean) ** 2 for n in spikes) / 8
        fano = (variance + 0.5) / (mean + 0.5)
        unknown = np.isnan(target[neuron])
        terms.append(0.0 if unknown else (np.log(fano) - target[neuron]) ** 2)
    found = dispersion_loss(torch.from_numpy(counts), torch.from_numpy(target))
    assert found.item() == pytest.approx(np.mean(terms), rel=1e-10)


@pytest.mark.parametrize("even", [True, False])
def test_moments_of_filtered_counts_and_their_gradient_agree_with_plain_torch(even):
    """`even`: a loss that weighs all times of a neuron alike, as the neuron loss does."""
    generator = torch.Generator().manual_seed(0)
    counts = torch.poisson(torch.full((7, 12, 5), 0.8, dtype=torch.float64), generator=generator)
    window = torch.zeros(12, 9, dtype=torch.float64)
    for f in range(9):
        window[f : f + 2 + f % 3, f] = torch.rand(2 + f % 3, generator=generator).double()
    weights = [torch.rand(9, 5, generator=generator, dtype=torch.float64) for _ in range(2)]
    weights[1] = weights[1][:1] if even else weights[1]
    found = []
    for moments in (filtered_moments, lambda c, w: ((w.T @ c).mean(0), (w.T @ c).var(0))):
        leaf = counts.clone().requires_grad_()
        mean, variance = moments(leaf, window)
        loss = (mean**2 * weights[0]).sum() + (variance * weights[1]).sum()
        found.append((mean, variance, torch.autograd.grad(loss, leaf)[0]))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_population_averages_and_their_gradient_agree_with_a_product():
    generator = torch.Generator().manual_seed(0)
    counts = torch.rand((3, 4, 6), generator=generator, dtype=torch.float64)
    column = torch.tensor([0, 1, 1, 0, 2, 0])
    share = torch.tensor([0.5, 0.25, 0.75, 0.5, 1.0, 0.0], dtype=torch.float64)
    membership = torch.zeros(6, 3, dtype=torch.float64)
    membership[torch.arange(6), column] = share
    upstream = torch.rand((3, 4, 3), generator=generator, dtype=torch.float64)
    found = []
    for average in (lambda c: population_averages(c, column, share, 3), lambda c: c @ membership):
        leaf = counts.clone().requires_grad_()
        averages = average(leaf)
        found.append((averages, torch.autograd.grad(averages, leaf, upstream)[0]))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def _likelihood_targets(behaviour):
    train = two_area_trials(trials=40).split("train")
    groups = groups_of(train, FEATURES.psth, FEATURES.scales)
    areas = trial_targets(train, train, FEATURES, FEATURES.scales, behaviour, groups)
    return train.sessions[0], signal_targets(train, train, areas), groups


def _in_groups(values, groups):
    """Sums over the bins of each group."""
    starts = np.searchsorted(groups.of_bin, np.arange(groups.of_bin[-1] + 1))
    return torch.from_numpy(np.add.reduceat(values, starts, axis=1).astype(np.float32))


@pytest.mark.parametrize("behaviour", [0.0, 2.0])
def test_likelihood_like_loss_agrees_with_plain_loops(behaviour):
    recorded, targets, groups = _likelihood_targets(behaviour)
    simulated = two_area_trials(draw=1, trials=40).split("train").sessions[0]
    jaws = [(one.behaviour[:, :, 0]).astype(float) for one in (simulated, recorded)]
    total = np.zeros((20, 20))
    for scale in FEATURES.scales:
        window = window_matrix(150, 0.002, scale)
        for unit in range(40):
            y = (recorded.counts[:, :, unit] > 0).astype(float) @ window
            x = simulated.counts[:, :, unit].astype(float) @ window
            sd = y.std() or 1.0
            total += (((x[:, None] - y[None]) / sd) ** 2).mean(2)
        x, y = (jaw @ window for jaw in jaws)
        total += behaviour * ((x[:, None] - y[None]) ** 2).mean(2)
    cost = total / (len(FEATURES.scales) * (40 + behaviour))
    expected = cost[linear_sum_assignment(cost)].mean()
    spikes = np.zeros_like(simulated.counts)
    spikes[:, :, simulated.units["neuron"]] = simulated.counts
    traces = _in_groups(simulated.behaviour, groups) / targets.lengths[:, None]
    found = trial_loss(
        _in_groups(spikes, groups),
        traces,
        ["all"] * 20,
        targets,
        "likelihood",
        False,
        torch.Generator().manual_seed(0),
    )
    assert found.item() == pytest.approx(expected, rel=1e-4)
