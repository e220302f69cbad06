"""The compiled simulator of sparse networks against the plain one, for every neuron model."""

from dataclasses import replace

import numpy as np
import pytest

from spiketwin.network.draws import CounterDraws
from spiketwin.network.sparse.balanced import Balanced, balanced_network
from spiketwin.network.sparse.course import Course
from spiketwin.network.sparse.observe import observe, observed_spikes
from spiketwin.network.sparse.plain import dense_plastic, dense_static, simulate_plainly
from spiketwin.network.sparse.simulator import Simulator, random_membrane
from spiketwin.network.sparse.structure import IZHIKEVICH, LIF, THETA, Filter, Neurons

SIZE, STEPS = 150, 1500


def membranes(kind):
    """Constants under which the small network fires."""
    if kind == LIF:
        rows = [0.01, 1.0, 0.0]
    elif kind == THETA:
        rows = [0.1]
    else:
        rows = [0.5, 0.02, 0.2, -65.0, 8.0]
    return Neurons(kind, np.tile(np.array(rows)[:, None], (1, SIZE)), refractory=3)


def small_network(kind, generator):
    """Ragged rows, feed-forward units, some neurons untrained."""
    settings = Balanced(SIZE, 20, 6, (0.4, 0.3), (1.0, -1.2), feedforward=5)
    trained = np.sort(generator.choice(SIZE, 100, replace=False))
    network = balanced_network(settings, generator, trained, dtype=np.float64)
    number = generator.integers(4, 18, len(trained)).astype(np.int32)
    used = np.arange(17) < number[:, None]
    weights = np.where(used, generator.normal(size=used.shape), 0.0)
    drive = generator.uniform(*{LIF: (0.8, 2), THETA: (0, 0.3), IZHIKEVICH: (4, 9)}[kind], SIZE)
    return replace(
        network,
        neurons=membranes(kind),
        drive=drive,
        number=number,
        inputs=np.where(used, network.inputs, network.nothing).astype(np.int32),
        weights=weights,
        slow=Filter.exact(20.0, 0.1, 1.0),
    )


@pytest.mark.parametrize("kind", [LIF, THETA, IZHIKEVICH])
def test_same_spikes_and_currents_as_the_plain_simulation(kind):
    generator = np.random.default_rng(kind)
    network = small_network(kind, generator)
    start = random_membrane(network, generator)
    stimulus = generator.normal(size=(300, SIZE))
    when = np.sort(generator.integers(0, STEPS, 200))
    events = np.stack([when, generator.integers(SIZE, SIZE + 5, 200)], 1).astype(np.int32)
    fired, currents = simulate_plainly(network, start.copy(), STEPS, stimulus, events)
    simulator = Simulator(network, start)
    spikes = []
    for first in range(0, STEPS, 250):
        inside = (events[:, 0] >= first) & (events[:, 0] < first + 250)
        given = events[inside] - np.array([first, 0], np.int32)
        piece = simulator.advance(250, stimulus[first : first + 250], given, room=20_000)
        spikes.append(piece.spikes)
    steps, neurons = np.nonzero(fired)
    assert len(steps) > 300
    found = np.concatenate(spikes)
    np.testing.assert_array_equal(found[np.lexsort(found.T[::-1])], np.stack([steps, neurons], 1))
    np.testing.assert_allclose(simulator.fast, currents["fast"], atol=1e-9)
    np.testing.assert_allclose(simulator.filtered, currents["filtered"], atol=1e-9)


@pytest.mark.parametrize("kind", [LIF, THETA, IZHIKEVICH])
@pytest.mark.parametrize("noisy_current", [False, True])
def test_same_spikes_as_the_plain_simulation_with_noise(kind, noisy_current):
    generator = np.random.default_rng(kind)
    network = small_network(kind, generator)
    noise = {LIF: (0.05, 5.0), THETA: (0.1, 1.0), IZHIKEVICH: (1.0, 5.0)}[kind][noisy_current]
    neurons = replace(network.neurons, noise=noise, noisy_current=noisy_current)
    noisy = replace(network, neurons=neurons)
    start = random_membrane(noisy, generator)
    draws = CounterDraws(seed=11, first_trial=4)
    normals = np.stack([draws.neurons(1, k, SIZE)[0][0].numpy() for k in range(STEPS)])
    fired, currents = simulate_plainly(noisy, start.copy(), STEPS, normals=normals)
    simulator = Simulator(noisy, start, key=11, trial=4)
    pieces = [simulator.advance(500, room=20_000) for _ in range(3)]
    steps, neurons = np.nonzero(fired)
    assert len(steps) > 300
    found = np.concatenate([piece.spikes for piece in pieces])
    np.testing.assert_array_equal(found[np.lexsort(found.T[::-1])], np.stack([steps, neurons], 1))
    np.testing.assert_allclose(simulator.slow, currents["slow"], atol=1e-9)
    silent, _ = simulate_plainly(network, start.copy(), STEPS)
    assert (silent != fired).any()


def test_plastic_input_is_the_weighted_sum_of_filtered_trains():
    """What makes least squares possible: with constant weights u = W r."""
    generator = np.random.default_rng(7)
    network = small_network(LIF, generator)
    simulator = Simulator(network, random_membrane(network, generator))
    simulator.advance(STEPS)
    expected = dense_plastic(network) @ simulator.filtered
    np.testing.assert_allclose(simulator.slow, expected, atol=1e-9)


def test_changed_weights_act_at_spike_time_or_at_once():
    generator = np.random.default_rng(8)
    network = small_network(LIF, generator)
    simulator = Simulator(network, random_membrane(network, generator))
    simulator.advance(500)
    before = simulator.slow.copy()
    network.weights[:] *= 2
    np.testing.assert_array_equal(simulator.slow, before)
    drive = (dense_plastic(network) @ simulator.filtered)[network.trained]
    simulator.reweigh(drive)
    np.testing.assert_allclose(simulator.slow[network.trained], drive)


def test_wiring_of_the_balanced_network():
    settings = Balanced(400, 40, 8, (0.12, 0.08), (1.0, -1.0))
    network = balanced_network(settings, np.random.default_rng(0))
    static = dense_static(network)
    assert (np.diag(static) == 0).all()
    assert ((static != 0).sum(0) == 80).all()
    j = 2 * 10 / np.sqrt(40)
    np.testing.assert_allclose(sorted(set(static[static != 0])), [-j, -0.75 * j, 0.15 * j, j])
    plastic = dense_plastic(network)
    assert ((plastic > 0).sum(1) == 8).all() and ((plastic < 0).sum(1) == 8).all()
    assert (np.diag(plastic) == 0).all()


@pytest.mark.parametrize("noise_in", ["membrane", "current"])
def test_noise_has_the_size_asked_for_and_depends_on_the_trial(noise_in):
    settings = Balanced(1000, 0, 4, (0.0, 0.0), (0.0, 0.0), noise=0.3, noise_in=noise_in)
    network = balanced_network(settings, np.random.default_rng(0))
    ends = []
    for trial in (0, 0, 1):
        simulator = Simulator(network, np.zeros((1, 1000)), key=5, trial=trial)
        simulator.advance(1000)
        ends.append(simulator.membrane[0].copy())
    np.testing.assert_array_equal(ends[0], ends[1])
    assert abs(np.corrcoef(ends[0], ends[2])[0, 1]) < 0.1
    # Stationary s.d. of tau dv = -v dt + sigma sqrt(tau) dW is sigma / sqrt(2); few reach 1.
    assert ends[0].std() == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_a_refractory_neuron_feels_noise_of_the_membrane_only():
    """Far above the threshold at first, then held for longer than the test."""
    for noise_in, sd in (("membrane", 0.02 * np.sqrt(50)), ("current", 0.0)):
        settings = Balanced(1000, 0, 4, (0.0, 0.0), (0.0, 0.0), noise=0.2, noise_in=noise_in)
        network = balanced_network(settings, np.random.default_rng(0))
        held = replace(network, neurons=replace(network.neurons, refractory=1000))
        simulator = Simulator(held, np.full((1, 1000), 3.0), key=5)
        assert simulator.advance(1).counts.all()
        simulator.advance(50)
        assert simulator.membrane[0].std() == pytest.approx(sd, rel=0.1)


def test_more_spikes_per_bin_than_a_byte_holds_are_counted():
    network = small_network(LIF, np.random.default_rng(0))
    network = replace(network, drive=np.full(SIZE, 50.0), weights=np.zeros_like(network.weights))
    course = Course(("all",), 0, np.zeros((1, 0, SIZE)), STEPS, np.zeros((1, STEPS, 5)))
    counts = observed_spikes(network, course, 0, STEPS, 2, 0)
    assert counts.max() > 255
    expected = observe(network, course, 0, STEPS, 2, 0).counts[:, :, network.trained]
    np.testing.assert_array_equal(counts, expected)
