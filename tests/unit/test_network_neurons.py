"""The neuron step obeys the equations at the top of its file."""

import numpy as np
import pytest
import torch

from spiketwin.config import Network as NetworkConfig
from spiketwin.network.neurons import THRESHOLD, NeuronConstants, NeuronState, step
from spiketwin.network.spikes import SLOPE, deterministic, exponential, logistic, spike_function


def _state(trials: int, neurons: int, memory: int = 2) -> NeuronState:
    zeros = torch.zeros(trials, neurons)
    return NeuronState(zeros, (zeros,) * memory, zeros)


def test_voltage_follows_the_stated_equation_with_reset():
    generator = np.random.default_rng(0)
    steps, trials, neurons = 60, 3, 5
    drive = generator.normal(0.01, 0.02, (steps, trials, neurons)).astype(np.float32)
    noise = generator.normal(0, 0.01, drive.shape).astype(np.float32)
    uniform = generator.random(drive.shape).astype(np.float32)
    decay = generator.uniform(0.8, 0.95, neurons).astype(np.float32)
    reset = generator.uniform(0.05, 0.15, neurons).astype(np.float32)

    voltage = np.zeros((trials, neurons))
    last = np.full((trials, neurons), -9)
    expected = np.zeros((steps, trials, neurons))
    for t in range(steps):
        voltage = decay * voltage + drive[t] + noise[t]
        probability = 1 / (1 + np.exp(-15 * (voltage - 0.1) / 0.1))
        fires = (uniform[t] < probability) & (t - last > 2)
        last[fires] = t
        voltage = voltage - reset * fires
        expected[t] = fires

    state = _state(trials, neurons)
    constants = NeuronConstants(torch.tensor(decay), torch.tensor(reset), refractory=2)
    found = []
    for t in range(steps):
        spikes, state = step(
            state,
            torch.tensor(drive[t]),
            torch.tensor(noise[t]),
            torch.tensor(uniform[t]),
            constants,
            logistic(15.0, 0.3, 2.0),
        )
        found.append(spikes.numpy())
    assert expected.sum() > 20
    np.testing.assert_array_equal(np.stack(found), expected)
    np.testing.assert_allclose(state.voltage.numpy(), voltage, atol=1e-5)


def test_refractory_neurons_stay_silent_and_pass_no_gradient():
    spikes_before = torch.ones(1, 1)
    silent = torch.zeros(1, 1)
    state = NeuronState(torch.full((1, 1), 5.0), (spikes_before, silent), silent)
    drive = torch.full((1, 1), 5.0, requires_grad=True)
    constants = NeuronConstants(torch.ones(1), torch.ones(1), refractory=2)
    spikes, _ = step(
        state, drive, torch.zeros(1, 1), torch.zeros(1, 1), constants, logistic(15.0, 0.3, 2.0)
    )
    spikes.sum().backward()
    assert spikes.item() == 0
    assert drive.grad is not None and drive.grad.item() == 0


@pytest.mark.parametrize(
    ("spike", "probability"),
    [
        (logistic(15.0, 0.3, 2.0), lambda u: 1 / (1 + np.exp(-15 * u))),
        (exponential(0.3, 2.0), lambda u: np.minimum(1, np.exp(u / SLOPE) * 2.0)),
        (deterministic(0.3), lambda u: (u > 0).astype(float)),
    ],
)
def test_spikes_are_sampled_with_the_stated_probability(spike, probability):
    excess = torch.linspace(-0.4, 0.3, 8).expand(40_000, 8)
    uniform = torch.rand(excess.shape, generator=torch.Generator().manual_seed(0))
    observed = spike(excess, uniform, torch.ones_like(excess)).mean(0).numpy()
    np.testing.assert_allclose(observed, probability(excess[0].numpy()), atol=0.012)


def test_logistic_surrogate_is_the_dampened_derivative_of_the_probability():
    excess = torch.linspace(-0.5, 0.5, 21, dtype=torch.float64).requires_grad_()
    ready = torch.ones_like(excess)
    logistic(15.0, 0.3, 2.0)(excess, torch.rand(21, dtype=torch.float64), ready).sum().backward()
    free = excess.detach().clone().requires_grad_()
    torch.sigmoid(15 * free).sum().backward()
    torch.testing.assert_close(excess.grad, 0.3 * free.grad)


@pytest.mark.parametrize("name", ["exponential", "deterministic"])
def test_triangular_surrogates_vanish_one_threshold_away(name):
    spike = spike_function(NetworkConfig(spike_function=name))
    excess = torch.tensor([-1.5, -0.5, 0.0, 0.25, 1.5]).requires_grad_()
    spike(excess, torch.full((5,), 0.5), torch.ones(5)).sum().backward()
    torch.testing.assert_close(excess.grad, torch.tensor([0.0, 0.15, 0.3, 0.225, 0.0]))


def test_threshold_is_the_published_one():
    assert THRESHOLD == 0.1


def test_threshold_rises_with_the_spikes_and_comes_down_again():
    """b(t) = k b(t-1) + (1 - k) z(t-1), excess over the risen threshold, relative to it."""
    keep, strength = 0.9, 0.7
    constants = NeuronConstants(
        torch.ones(1), torch.zeros(1), refractory=0, adaptation=strength, keep=keep
    )
    state = _state(1, 1)._replace(voltage=torch.full((1, 1), 0.5))
    seen = []

    def spike(excess, uniform, ready):
        seen.append(excess.item())
        return torch.tensor([[1.0 if len(seen) <= 2 else 0.0]])

    zeros = torch.zeros(1, 1)
    for _ in range(5):
        _, state = step(state, zeros, zeros, zeros, constants, spike)
    adaptation, expected = 0.0, []
    for fired_before in (0, 1, 1, 0, 0):
        adaptation = keep * adaptation + (1 - keep) * fired_before
        threshold = THRESHOLD + strength * adaptation
        expected.append((0.5 - threshold) / threshold)
    assert seen == pytest.approx(expected)
