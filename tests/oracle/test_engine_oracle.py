"""The compiled engine against the plain loop, autograd and independent random numbers."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from spiketwin.network import engine_of, set_threads
from spiketwin.network.draws import CounterDraws
from spiketwin.network.kernels.randomness import philox
from spiketwin.network.threads import threads as allowed_threads
from spiketwin.network.trialwise import simulate_like
from spiketwin.trials.trialset import TrialSet
from tests.random_networks import (
    NETWORKS,
    STEPS,
    assert_agrees_with_autograd,
    assert_close,
    gradients,
    random_loss,
    random_network,
    run_on,
)


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("sizes", [{"a": 20, "b": 31}, {"a": 13, "b": 6, "c": 40}], ids=str)
def test_gradient_agrees_with_autograd_in_double_precision(settings, sizes):
    assert_agrees_with_autograd(random_network(torch.float64, sizes, **settings), 1e-10)


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_gradient_agrees_with_autograd_in_single_precision(settings):
    assert_agrees_with_autograd(random_network(torch.float32, {"a": 20, "b": 20}, **settings), 1e-5)


@pytest.mark.parametrize("kind", ["logistic", "exponential"])
@pytest.mark.parametrize(
    ("bias", "low_hz", "high_hz"), [(-0.25, 0.5, 3), (0.0, 8, 20), (0.4, 60, 120)]
)
def test_gradient_agrees_with_autograd_at_low_medium_and_high_rates(bias, low_hz, high_hz, kind):
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        network = random_network(dtype, {"a": 20, "b": 31}, bias=bias, spike_function=kind)
        assert low_hz < assert_agrees_with_autograd(network, tolerance, trials=20) < high_hz


def test_neurons_may_come_in_any_order():
    assert_agrees_with_autograd(
        random_network(torch.float64, {"a": 20, "b": 31}, mixed=True), 1e-10
    )


@pytest.mark.parametrize("adaptation", [0.0, 0.5])
def test_perturbation_moves_the_voltage_and_leaves_the_gradient_exact(adaptation):
    network = random_network(torch.float64, {"a": 20, "b": 31}, adaptation=adaptation)
    pulse = torch.zeros(STEPS, 51, dtype=torch.float64)
    pulse[20:40, :20] = 0.5
    assert_agrees_with_autograd(network, 1e-10, perturbation=pulse)
    calm, moved = (run_on(network, "numba", 40, perturbation=p).counts for p in (None, pulse))
    assert torch.equal(calm[:, :2], moved[:, :2])
    assert moved[:, 2, :20].sum() > 1.5 * calm[:, 2, :20].sum()


ROULETTE = {
    "default": {},
    "two delays, any order": {"delays_s": [0.004, 0.006], "mixed": True},
    "adaptive thresholds": {"adaptation": 0.8, "adaptation_tau_s": 0.05},
    "exponential": {"spike_function": "exponential"},
}


@pytest.mark.parametrize("settings", ROULETTE.values(), ids=ROULETTE)
def test_gradient_of_a_roulette_that_keeps_everything_is_the_exact_one(settings):
    """At a tolerance next to 0 every derivative that is not tiny stays as it is."""
    network = random_network(torch.float64, {"a": 20, "b": 31}, **settings)
    exact, sampled = (run_on(network, "numba", roulette=r) for r in (0.0, 1e-12))
    assert torch.equal(exact.counts, sampled.counts)
    assert_close(gradients(network, sampled), gradients(network, exact), 1e-9)


@pytest.mark.parametrize("settings", ROULETTE.values(), ids=ROULETTE)
def test_roulette_leaves_the_mean_of_the_slopes_alone(settings):
    """Kept with probability slope / cut, as the cut: tickets are uniform and independent."""
    settings = {name: value for name, value in settings.items() if name != "mixed"}
    network = random_network(torch.float32, {"a": 20, "b": 20}, **settings)
    found = {r: [] for r in (0.0, 0.2)}
    for seed in range(40):
        for r, several in found.items():
            activity = run_on(network, "numba", 20, seed=seed, roulette=r)
            # The last bin is reached from many steps before it, through several sites on the way.
            (gradient,) = torch.autograd.grad(
                activity.counts[:, 3].sum(), [network.parameters["bias"]]
            )
            several.append(gradient.double())
    exact, sampled = (torch.stack(several) for several in found.values())
    difference = sampled - exact
    error = difference.std(0) / 40**0.5
    assert (difference.std(0) > 0).all()
    z = difference.mean(0) / error
    assert z.abs().max() < 4.5 and z.mean().abs() < 4.5 / 40**0.5


@pytest.mark.parametrize("bias", [-100.0, 100.0])
@pytest.mark.parametrize("roulette", [0.0, 0.1])
def test_silent_and_saturated_networks_have_finite_gradients(bias, roulette):
    network = random_network(torch.float32, {"a": 20, "b": 20}, bias=bias)
    activity = run_on(network, "numba", roulette=roulette)
    assert all(torch.isfinite(g).all() for g in gradients(network, activity).values())
    assert activity.counts.sum().item() == pytest.approx(0 if bias < 0 else 5 * 40 * 30, rel=0.02)


def test_more_threads_than_processors_do_not_wait_for_ever():
    """Workers on one tile wait for each other, so that all of them must run."""
    network = random_network(torch.float64, {"a": 20, "b": 20})
    threads, many = allowed_threads(), min(32, os.cpu_count() + 4) + 2
    found = []
    try:
        for number in (1, many):
            set_threads(number)
            found.append(gradients(network, run_on(network, "numba", many)))
    finally:
        set_threads(threads)
    assert_close(*found, 1e-9)


def test_gradient_can_be_taken_while_other_runs_come_and_go():
    """The workspace of a run is not handed to the next one before its gradient is taken."""
    network = random_network(torch.float32, {"a": 20, "b": 20})
    first = run_on(network, "numba")
    alone = gradients(network, first)
    kept = run_on(network, "numba")
    for trial in range(3):
        gradients(network, run_on(network, "numba", first_trial=trial + 5))
    assert_close(gradients(network, kept), alone, 0)


@pytest.mark.parametrize(
    ("rounds", "expected"),
    [
        (7, (0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48)),
        (10, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(rounds, expected):
    zero = np.uint64(0)
    with np.errstate(over="ignore"):
        assert philox.py_func(zero, zero, zero, zero, zero, rounds) == expected


def _bits(places, step, trial, seed):
    """Philox4x32-7 again, in plain integers."""
    found = []
    for place in range(places):
        c, k = [place, step, trial, 0], [seed & 0xFFFFFFFF, seed >> 32]
        for _ in range(7):
            a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
            c = [(b >> 32) ^ c[1] ^ k[0], b % 2**32, (a >> 32) ^ c[3] ^ k[1], a % 2**32]
            k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
        found.append(c)
    return np.array(found) >> 8


def test_numbers_are_box_and_mullers_of_the_philox_bits():
    neurons, seed = 9, 2**40 + 12345
    normal, uniform = CounterDraws(seed, first_trial=2).neurons(3, 6, neurons)
    for trial in range(3):
        bits = _bits(5, 6, 2 + trial, seed)
        radius = np.sqrt(-2 * np.log((bits[:, 0] + 1) / 2**24))
        angle = 2 * np.pi * bits[:, 1] / 2**24
        expected = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:neurons]
        np.testing.assert_allclose(normal[trial], expected, atol=2e-6)
        exact = np.concatenate([bits[:, 2], bits[:, 3]])[:neurons] / 2**24
        np.testing.assert_array_equal(uniform[trial], exact.astype(np.float32))


def test_numbers_have_the_stated_laws_and_are_independent():
    normal, uniform = (
        np.concatenate(parts).astype(float)
        for parts in zip(*(CounterDraws(3).neurons(100, t, 500) for t in range(20)), strict=True)
    )
    assert stats.kstest(normal.ravel()[:200_000], "norm").pvalue > 1e-3
    assert stats.kstest(uniform.ravel()[:200_000], "uniform").pvalue > 1e-3
    assert stats.kurtosis(normal.ravel()) == pytest.approx(0, abs=0.02)
    pairs = [
        (normal[:, :250], normal[:, 250:]),  # share a counter
        (normal, uniform),
        (normal[:-100], normal[100:]),  # neighbouring steps
        (uniform[:-1], uniform[1:]),  # neighbouring trials
        (np.abs(normal[:, :250]), np.abs(normal[:, 250:])),
    ]
    for x, y in pairs:
        assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 4.5 / np.sqrt(x.size)


def test_networks_without_spikes_have_true_gradients():
    """Rates are smooth: what backpropagation gives is the slope of finite differences."""
    settings = {"spike_function": "rate", "prerun_s": 0.0, "noise": 0.02}
    network = random_network(torch.float64, {"a": 12, "b": 10}, **settings)
    assert engine_of(network).name == "torch" and "no events" in engine_of(network).why
    found = gradients(network, _rates(network))
    for name in ("recurrent", "input", "bias", "latent_output", "readout_weight"):
        flat = found[name].flatten()
        place = int(flat.abs().argmax())
        slope = [_moved(network, name, place, step) for step in (1e-5, -1e-5)]
        numeric = (slope[0] - slope[1]) / 2e-5
        assert numeric == pytest.approx(float(flat[place]), rel=1e-5), name


def _rates(network):
    activity = run_on(network, "auto", trials=3)
    per_step = activity.counts / activity.lengths[:, None]
    assert per_step.detach().min() > 0 and per_step.detach().max() < 1
    return activity


def _moved(network, name, place, step):
    """Loss after one parameter was moved."""
    values = network.parameters[name].detach().clone()
    values.view(-1)[place] += step
    with torch.no_grad():
        moved = network.with_parameters({name: values})
        return float(random_loss(moved, _rates(moved)))


def test_simulated_trials_of_rates_are_whole_spikes():
    network = random_network(
        torch.float32, {"a": 12, "b": 10}, spike_function="rate", latent=None, noise=0.0
    )
    network = network.with_parameters({n: v.detach() for n, v in network.parameters.items()})
    table = pd.DataFrame({"trial": np.arange(4), "condition": "all", "outcome": ""})
    recorded = TrialSet(
        session="", counts=np.zeros((4, 45, 0), np.uint8), behaviour=np.zeros((4, 45, 0)),
        traces=(), trials=table, units=pd.DataFrame(), start_s=-0.05, bin_s=0.004,
        stimuli=pd.DataFrame({"trial": range(4), "stimulus": "s", "time_s": 0.0, "amplitude": 4.0}),
    )  # fmt: skip
    one, other = (simulate_like(network, recorded, 300, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.counts, other.counts)
    assert one.counts.dtype == np.uint16 and one.counts.max() >= 1
    # Poisson: variance of a bin over trials is near its mean where the drive is the same.
    early = one.counts[:, 0].astype(float)
    assert early.var(0).mean() == pytest.approx(early.mean(), rel=0.15)
