"""Losses against independent implementations."""

import itertools

import numpy as np
import ot
import pytest
import torch
from geomloss import SamplesLoss

from spiketwin.losses.matching import energy, exact, hard
from spiketwin.losses.sinkhorn import sinkhorn_divergence


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
