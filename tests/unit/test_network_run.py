"""Running a network."""

import gc
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from jaxtyping import Float, jaxtyped

from spiketwin.config import InputGroup, Latent
from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network import (
    Run,
    behaviour,
    build,
    even_bins,
    load_network,
    memory,
    run,
    save_network,
    stimulate,
)
from spiketwin.network.draws import CounterDraws
from spiketwin.network.loop import simulate
from spiketwin.network.prepared import latent_offset, prepare
from spiketwin.network.spikes import spike_function
from tests.unit.test_network_structure import stitching

GROUPS = [
    InputGroup(name="s", stimulus="s", channels=10),
    InputGroup(name="n", channels=10, inhibitory_fraction=0.4),
]


def _stimulation(trials: int, steps: int = 100):
    stimuli = pd.DataFrame(
        {"trial": np.arange(trials), "stimulus": "s", "time_s": 0.0, "amplitude": 4.0}
    )
    return stimulate(stimuli, trials, GROUPS, -0.1, steps, 0.002)


def _network(**settings):
    return build(stitching(), NetworkConfig(inputs=GROUPS, **settings), ["jaw"], 0)


def _run(network, trials=6, seed=0, per_bin=1, first_trial=0):
    how = Run(seed, even_bins(100, per_bin), 0.05, first_trial)
    return run(network, _stimulation(trials), how)


def test_activity_is_trial_time_neuron():
    network = _network()
    activity = _run(network, trials=6, per_bin=5)
    with jaxtyped("context"):
        assert isinstance(activity.counts, Float[torch.Tensor, "trial=6 bin neuron=40"])
        assert isinstance(behaviour(network, activity), Float[torch.Tensor, "trial bin trace=1"])
    assert activity.counts.shape[1] == 20


def test_one_seed_gives_the_same_bits_and_another_does_not():
    first, again, other = _run(_network()), _run(_network()), _run(_network(), seed=1)
    assert torch.equal(first.counts, again.counts)
    assert torch.equal(first.projected, again.projected)
    assert not torch.equal(first.counts, other.counts)


def test_bins_sum_the_spikes_of_their_steps():
    fine, coarse = _run(_network()), _run(_network(), per_bin=5)
    torch.testing.assert_close(fine.counts.unflatten(1, (20, 5)).sum(2), coarse.counts)


def test_spikes_arrive_after_the_delay_with_sign_and_factor():
    """One neuron forced to fire moves its target by (1 - decay)/2 w after the delay."""
    network = _network(noise=0.0, spike_function="deterministic", latent=None, delays_s=[0.006])
    recurrent = torch.zeros_like(network.parameters["recurrent"])
    recurrent[0, 1, 0] = 100.0
    quiet = {name: torch.zeros_like(value) for name, value in network.parameters.items()}
    bias = torch.full((40,), -1.0)
    bias[0] = 10.0
    network = network.with_parameters({**quiet, "recurrent": recurrent, "bias": bias})
    counts = run(network, _stimulation(1), Run(0, even_bins(100, 1), 0.0)).counts[0]
    source, target = np.flatnonzero(counts[:, 0]), np.flatnonzero(counts[:, 1])
    assert target[0] == source[0] + 3
    assert counts[:, 2:].sum() == 0


def test_gradient_reaches_every_trained_parameter():
    network = _network()
    parameters = {n: v.clone().requires_grad_() for n, v in network.parameters.items()}
    parameters["bias"] = torch.full((40,), 0.1, requires_grad=True)
    network = network.with_parameters(parameters)
    activity = _run(network)
    weights = torch.rand(activity.counts.shape, generator=torch.Generator().manual_seed(1))
    ((activity.counts * weights).sum() + behaviour(network, activity).sum()).backward()
    for name in network.trained:
        gradient = parameters[name].grad
        assert gradient is not None and gradient.abs().sum() > 0, name


def _replayed_voltages(prepared, trains, steps):
    """Voltages before reset, from the stated recursion and the same random numbers."""
    draws = CounterDraws(7)
    voltage, found = torch.zeros(trains.shape[1:], dtype=torch.float64), []
    for t in range(steps):
        noise, _ = draws.neurons(trains.shape[1], t, trains.shape[2])
        arriving = trains[t - 2] if t >= 2 else torch.zeros_like(trains[0])
        drive = (prepared.drive + arriving @ prepared.recurrent).detach()
        voltage = prepared.constants.decay * voltage + drive + (prepared.noise * noise).detach()
        found.append(voltage.numpy().copy())
        voltage = voltage - prepared.constants.reset.detach() * trains[t]
    return found


def test_surrogate_gradient_agrees_with_a_hand_written_backward_pass():
    """Independent reverse recursion of the stated equations, dense numpy, float64."""
    config = {"noise": 0.1, "latent": None, "refractory_s": 0.004}
    network = _network(**config)
    network = network.with_parameters({"bias": torch.full((40,), 0.08)})
    weights = network.parameters["recurrent"].double().requires_grad_()
    bias = network.parameters["bias"].double().requires_grad_()
    double = {name: value.double() for name, value in network.parameters.items()}
    network = replace(
        network,
        mask=network.mask.double(),
        sign=network.sign.double(),
        input_sign=network.input_sign.double(),
        read=network.read.double(),
        parameters={**double, "recurrent": weights, "bias": bias},
    )
    steps, trials = 40, 2
    prepared = prepare(network, torch.zeros(trials, 40, dtype=torch.float64))
    quiet = replace(_stimulation(trials, steps), probability=torch.zeros(trials, steps, 2))
    bins = torch.arange(steps)
    spike = spike_function(network.config)
    trains, _ = simulate(prepared, spike, quiet, 0, bins, CounterDraws(7))
    trains = trains.swapaxes(0, 1)
    voltages = _replayed_voltages(prepared, trains.detach(), steps)
    generator = torch.Generator().manual_seed(0)
    upstream = torch.rand(trains.shape, generator=generator, dtype=torch.float64)
    (trains * upstream).sum().backward()

    z = trains.detach().numpy()
    decay = network.decay().double().numpy()
    signed = (network.signed_recurrent()[0] * 0.5).detach().numpy() * (1 - decay)[:, None]
    reset = prepared.constants.reset.detach().numpy()
    carried = np.zeros((trials, 40))
    adjoint = np.zeros((steps + 2, trials, 40))
    for t in reversed(range(steps)):
        u = (voltages[t] - 0.1) / 0.1
        rate = 1 / (1 + np.exp(-15 * u))
        ready = 1 - (z[t - 1] if t > 0 else 0) - (z[t - 2] if t > 1 else 0)
        to_spike = upstream[t].numpy() - reset * carried + adjoint[t + 2] @ signed
        adjoint[t] = carried + 0.3 * 15 * rate * (1 - rate) * ready / 0.1 * to_spike
        carried = decay * adjoint[t]
    assert z.sum() > 30
    np.testing.assert_allclose(
        bias.grad.numpy(), (adjoint[:steps].sum((0, 1)) * (1 - decay)), rtol=1e-8
    )
    outer = np.einsum("tbj,tbi->ji", adjoint[2:steps], z[: steps - 2])
    expected = outer * network.mask.numpy() * network.sign.numpy() * (0.5 * (1 - decay))[:, None]
    np.testing.assert_allclose(weights.grad[0].numpy(), expected, rtol=1e-8, atol=1e-12)


def test_latent_moves_all_time_steps_of_a_trial_together():
    network = _network(latent=Latent(scale=1.6))
    offset = latent_offset(network, CounterDraws(0).latent(5000, 5))
    assert offset.shape == (5000, 40)
    assert 0.03 < offset.std(0).mean() < 0.3


def test_silent_and_saturated_networks_stay_finite():
    for bias in (-100.0, 100.0):
        network = _network().with_parameters({"bias": torch.full((40,), bias, requires_grad=True)})
        activity = _run(network)
        activity.counts.sum().backward()
        assert torch.isfinite(network.parameters["bias"].grad).all()
        assert torch.isfinite(behaviour(network, activity)).all()
        assert activity.counts.mean().item() == pytest.approx(0 if bias < 0 else 1 / 3, abs=0.01)


def test_saved_network_runs_to_the_same_bits(tmp_path):
    network = _network()
    save_network(network, tmp_path, {"seed": 0})
    assert torch.equal(_run(network).counts, _run(load_network(tmp_path)).counts)


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_runs_are_forgotten_with_their_results(engine):
    """No cycle through the graph keeps the spikes of past runs in memory."""
    network = _network(engine=engine)

    def tensors_after_a_run() -> int:
        trained = {"recurrent": network.parameters["recurrent"].clone().requires_grad_()}
        how = Run(0, even_bins(100, 1), 0.0)
        run(network.with_parameters(trained), _stimulation(2), how).counts.sum().backward()
        gc.collect()
        return sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects())

    first = tensors_after_a_run()
    assert tensors_after_a_run() <= first + 5


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_numbers_that_are_not_finite_are_named(engine):
    network = _network(engine=engine)
    recurrent = network.parameters["recurrent"].clone()
    recurrent[0, 3, 4] = torch.nan
    with pytest.raises(SpiketwinError, match="'recurrent' of the network has 1 entries"):
        _run(network.with_parameters({"recurrent": recurrent}))
    stimulation = _stimulation(2)
    broken = replace(stimulation, probability=stimulation.probability * torch.inf)
    with pytest.raises(SpiketwinError, match="input probability"):
        run(network, broken, Run(0, even_bins(100, 1)))
    pulse = torch.full((100, 40), torch.nan)
    with pytest.raises(SpiketwinError, match="perturbation"):
        run(network, _stimulation(2), Run(0, even_bins(100, 1), perturbation=pulse))


@pytest.mark.parametrize("engine", ["torch", "numba"])
def test_a_batch_that_does_not_fit_is_refused_before_anything_is_allocated(monkeypatch, engine):
    """Numbers of trials that no other test has: what was allowed once stays allowed."""
    network = _network(engine=engine)
    monkeypatch.setattr(memory, "memory_available_mb", lambda: 0.01)
    with pytest.raises(SpiketwinError, match=r"of 17 trials needs \d+ MB .* learning.batches"):
        _run(network, trials=17)
    monkeypatch.setattr(memory, "memory_available_mb", lambda: 1000.0)
    _run(network, trials=17)
    monkeypatch.setattr(memory, "memory_available_mb", lambda: 0.01)
    _run(network, trials=17)


def test_the_plain_loop_needs_more_memory_for_a_gradient_more_delays_and_adaptation():
    size = memory.LoopSize(
        trials=200, before=150, steps=250, bins=84, neurons=500, channels=200, delays=1,
        adaptive=False, learning=False, itemsize=4,
    )  # fmt: skip
    learning = size._replace(learning=True)
    assert learning.megabytes > 2 * size.megabytes
    assert size._replace(delays=2).megabytes > 1.3 * size.megabytes
    assert learning._replace(adaptive=True).megabytes > 1.1 * learning.megabytes
    assert learning._replace(trials=400).megabytes == pytest.approx(2 * learning.megabytes)


PEAK = """
import sys
import torch
from spiketwin.network import memory
from tests.unit.test_network_run import _network, _stimulation, Run, even_bins, run

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 2**10

torch.set_num_threads(1)
learning = sys.argv[1] == "learning"
network = _network(engine="torch", delays_s=[0.002, 0.004])
values = {n: v.clone().requires_grad_(learning) for n, v in network.parameters.items()}
network = network.with_parameters(values)

def step(trials):
    counts = run(network, _stimulation(trials), Run(0, even_bins(100, 2), 0.0)).counts
    if learning:
        counts.sum().backward()

step(2)
before = status("VmRSS")
predicted = []
memory.check_memory = lambda needed_mb, trials: predicted.append(needed_mb)
step(600)
print((status("VmHWM") - before) / predicted[0])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say")
@pytest.mark.parametrize("kind", ["learning", "simulating"])
def test_memory_of_the_plain_loop_is_about_what_was_predicted(kind):
    command = [sys.executable, "-c", PEAK, kind]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert 0.5 < float(done.stdout) < 1.6


def test_memory_is_read_from_the_system(tmp_path, monkeypatch):
    names = ("meminfo", "memory.max", "memory.current", "memory.stat")
    meminfo, limit, used, stat = (tmp_path / name for name in names)
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    assert memory.memory_available_mb() == float("inf")
    meminfo.write_text("MemTotal: 9 kB\nMemAvailable: 3145728 kB\n")
    limit.write_text("max")
    assert memory.memory_available_mb() == 3072
    limit.write_text(str(2**30))
    used.write_text(str(2**29))
    stat.write_text("file 536870912\ninactive_file 104857600\nactive_file 7\n")
    assert memory.memory_available_mb() == 512 + 100
