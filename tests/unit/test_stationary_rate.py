"""Stationary rates of integrate-and-fire neurons, forwards and backwards."""

from dataclasses import replace

import numpy as np
import pytest

from spiketwin.config import RateModel
from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.assemble import assemble_balanced
from spiketwin.network.sparse.balanced import Balanced, balanced_network
from spiketwin.network.sparse.simulator import Simulator
from spiketwin.network.sparse.stationary import (
    noise_of,
    seeming_threshold,
    stationary_rate,
    target_current,
)
from spiketwin.trials.targets import RATE, Targets

VECTORS = {
    0.2: {0.5: 0.2441, 0.8: 15.5745, 1.0: 38.4481, 1.2: 61.234, 2.0: 145.792},
    0.3: {0.0: 0.0027, 0.3: 0.5007, 0.5: 4.5971, 1.0: 45.3125},
}
INVERSE = {0.1: 0.1680, 1: 0.3332, 2: 0.3953, 5: 0.4944, 10: 0.5918, 20: 0.7267, 40: 0.9408}


@pytest.mark.parametrize("sigma", VECTORS)
def test_published_rates(sigma):
    mean, rate = zip(*VECTORS[sigma].items(), strict=True)
    np.testing.assert_allclose(stationary_rate(np.array(mean), sigma), rate, rtol=2e-4, atol=6e-5)


def test_published_inverse():
    rate, current = zip(*INVERSE.items(), strict=True)
    np.testing.assert_allclose(target_current(np.array(rate), 0.3093), current, atol=1.1e-4)


def test_the_inverse_inverts():
    rates = np.geomspace(0.1, 300, 200).reshape(20, 10)
    for sigma in (0.1, 0.24, 0.5):
        np.testing.assert_allclose(
            stationary_rate(target_current(rates, sigma), sigma), rates, 1e-3
        )


def test_silence_gets_the_lowest_rate():
    assert target_current(np.array([0.0]), 0.3) == target_current(np.array([0.1]), 0.3)


@pytest.mark.parametrize("rate", [np.nan, -1.0])
def test_impossible_rates(rate):
    with pytest.raises(SpiketwinError, match="negative or not finite"):
        target_current(np.array([1.0, rate]), 0.3)


def test_rates_beyond_every_current():
    with pytest.raises(SpiketwinError, match="a target rate of 9000 Hz; currents up to 50"):
        target_current(np.array([9000.0]), 0.3)


def test_simulated_neurons_fire_at_that_rate():
    """White membrane noise without synapses: the theory is exact but for the step."""
    sigma, means = 0.4, np.repeat([0.4, 0.7, 1.0, 1.3], 250)
    settings = Balanced(1000, 0, 4, (0.0, 0.0), (0.0, 0.0), noise=sigma, step_ms=0.1)
    network = balanced_network(settings, np.random.default_rng(0))
    network.drive[:] = means
    simulator = Simulator(network, np.zeros((1, 1000)), key=3)
    simulator.advance(2000)
    rate = simulator.advance(20_000).counts.reshape(4, 250).mean(1) / 2
    seeming = seeming_threshold(sigma, 0.1)
    expected = stationary_rate(np.array([0.4, 0.7, 1.0, 1.3]), sigma, threshold=seeming)
    np.testing.assert_allclose(rate, expected, rtol=0.03)
    assert noise_of(0.470, 3.0) == pytest.approx(0.238, abs=5e-4)


@pytest.mark.parametrize("noise_in", ["membrane", "current"])
def test_currents_of_a_noisy_network_give_the_rates_asked_for(noise_in):
    """Without regard to the steps, neurons asked for 1 Hz fired at 0.8 Hz."""
    asked = np.repeat([1.0, 3.0, 10.0, 30.0], 100)
    model = RateModel.model_validate(
        {"network": {"neurons": 1000, "static_inputs": 0, "noise": 0.3, "noise_in": noise_in,
                     "drive": [0.5, 0.5]}}
    )  # fmt: skip
    targets = Targets(np.tile(asked, (1, 20, 1)), RATE, 10.0, ("a",))
    made = assemble_balanced(model, targets, np.zeros(400, bool), 0)
    drive = np.full(1000, -5.0)
    drive[made.network.trained] = made.targets.values[0, 0]
    alone = replace(made.network, drive=drive).with_weights(0 * made.network.weights)
    simulator = Simulator(alone, np.zeros((1, 1000)), key=3)
    simulator.advance(2000)
    counts = simulator.advance(50_000).counts[made.network.trained]
    np.testing.assert_allclose(counts.reshape(4, 100).mean(1) / 5, asked[::100], rtol=0.1)
