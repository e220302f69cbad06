"""Scores against independent implementations and known truths."""

import itertools

import numpy as np
import pytest

from spiketwin.analysis.behaviour import trace_scores
from spiketwin.analysis.energy import Estimate, energy_distance, groups_of, jackknifed, skill
from spiketwin.analysis.matched import matched_scores, pearson, published


def _loops(x, y):
    def distance(a, b):
        return np.sqrt(((a - b) ** 2).mean())

    across = np.mean([distance(a, b) for a in x for b in y])
    within = [np.mean([distance(a, b) for a, b in itertools.permutations(s, 2)]) for s in (x, y)]
    return 2 * across - sum(within)


def test_energy_distance_agrees_with_plain_loops():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(7, 3)), generator.normal(0.5, 1, size=(9, 3))
    assert energy_distance(x, y) == pytest.approx(_loops(x, y))


@pytest.mark.parametrize("trials", [5, 20, 80])
def test_energy_distance_of_equal_laws_is_zero_on_average_at_any_number_of_trials(trials):
    generator = np.random.default_rng(trials)
    values = [
        energy_distance(generator.normal(size=(60, 4)), generator.normal(size=(trials, 4)))
        for _ in range(300)
    ]
    assert abs(np.mean(values)) < 3.5 * np.std(values) / np.sqrt(300)


def test_energy_distance_of_shifted_gaussians_has_its_known_value():
    """In one dimension ED = 2 E|X - Y| - E|X - X'| - E|Y - Y'| in closed form."""
    generator, shift = np.random.default_rng(0), 1.5
    x, y = generator.normal(size=(4000, 1)), generator.normal(shift, 1, size=(4000, 1))
    from scipy.stats import norm

    absolute = 2 * np.exp(-(shift**2) / 4) / np.sqrt(np.pi) + shift * (
        1 - 2 * norm.cdf(-shift / np.sqrt(2))
    )
    expected = 2 * absolute - 4 / np.sqrt(np.pi)
    assert energy_distance(x, y) == pytest.approx(expected, rel=0.05)


def test_jackknife_spread_is_the_spread_over_draws():
    generator = np.random.default_rng(0)
    x = generator.normal(0.4, 1, size=(800, 3))
    draws = [jackknifed(x, generator.normal(size=(60, 3)), groups_of(60)) for _ in range(150)]
    observed = np.std([d.value for d in draws])
    assert np.mean([d.sd for d in draws]) == pytest.approx(observed, rel=0.25)


def test_groups_are_disjoint_and_even():
    group = groups_of(53)
    sizes = np.bincount(group)
    assert len(sizes) == 10 and sizes.max() - sizes.min() <= 1
    assert len(np.bincount(groups_of(3))) == 1


def test_skill_is_one_for_a_perfect_model_and_zero_for_the_reference():
    base = Estimate(0.02, np.full(10, 0.02))
    assert skill(base, base).value == 0
    assert skill(Estimate(0.0, np.zeros(10)), base).value == 1


def test_matching_finds_the_best_of_all_permutations():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(5, 3)), generator.normal(size=(5, 3))
    best = min(((x[list(p)] - y) ** 2).mean() for p in itertools.permutations(range(5)))
    found = matched_scores(x, y, np.zeros(3), 5, np.random.default_rng(1))
    assert found["matched squared error"] == pytest.approx(best)


def test_true_pearson_is_numpy_s_and_the_published_formula_differs_when_means_do():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(6, 20)), generator.normal(size=(6, 20))
    expected = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)])
    assert pearson(x, y) == pytest.approx(expected)
    centred = x - x.mean(1, keepdims=True) + y.mean(1, keepdims=True)
    assert published(centred, y) == pytest.approx(expected)
    assert abs(published(x + 3, y)) < abs(expected) or published(x + 3, y) != pytest.approx(
        expected
    )


def test_matched_scores_of_noise_are_far_from_zero():
    """Why they are never the basis of a decision: unrelated noise scores well when matched."""
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(400, 17)), generator.normal(size=(50, 17))
    found = matched_scores(x, y, np.zeros(17), 50, generator)
    assert 0.4 < found["matched Pearson"] < 0.56
    assert found["matched squared error"] == pytest.approx(1.19, abs=0.12)


def test_prediction_scores_agree_with_scikit_learn():
    from sklearn.metrics import mean_squared_error, r2_score

    generator = np.random.default_rng(0)
    recorded = generator.normal(size=(8, 30))
    predicted = recorded + generator.normal(0, 0.5, recorded.shape)
    found = trace_scores(recorded, predicted)
    assert found["r2"][0] == pytest.approx(r2_score(recorded.ravel(), predicted.ravel()))
    assert found["mse"][0] == pytest.approx(mean_squared_error(recorded, predicted))
