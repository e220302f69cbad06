"""The engine for NVIDIA cards against that of the CPU: same random numbers, spikes and gradients.

Without a card its kernels run in Triton's interpreter, on a small network.
"""

import os
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
import torch

from spiketwin.config import InputGroup
from spiketwin.config import Network as NetworkConfig
from spiketwin.network import build, on_device, stimulate
from spiketwin.network import engine as cpu
from spiketwin.network.draws import CounterDraws
from spiketwin.network.prepared import latent_offset, prepare

CARD = torch.cuda.is_available()
if not CARD:
    os.environ["TRITON_INTERPRET"] = "1"
pytest.importorskip("triton")
gpu = import_module("spiketwin.network.gpu.engine")
GROUPS = [
    InputGroup(name="s", stimulus="s", channels=17),
    InputGroup(name="n", channels=12, inhibitory_fraction=0.4),
]
NETWORKS = {
    "logistic, two delays": {"delays_s": [0.004, 0.01]},
    "exponential, no latent": {"spike_function": "exponential", "latent": None},
    "deterministic, no Dale": {
        "spike_function": "deterministic",
        "dale": False,
        "refractory_s": 0.0,
    },
}
SEED, FIRST, BEFORE = 5, 3, 4
DEVICE = torch.device("cuda" if CARD else "cpu")
TRIALS, STEPS, NEURONS = (40, 120, 300) if CARD else (2, 16, 70)


def _network(**settings):
    n = NEURONS // 2
    half = ["inhibitory" if 5 * k >= 4 * n else "excitatory" for k in range(n)]
    stitching = pd.DataFrame({"area": ["a"] * n + ["b"] * n, "cell_type": half + half})
    config = NetworkConfig(inputs=GROUPS, noise=0.3, **settings)
    network = build(stitching, config, ["jaw", "tongue"], 0)
    bias = torch.full((network.neurons,), 0.06)
    return network.with_parameters({"bias": bias})


def _outcome(network, on_card, ignored=()):
    """Counts, projections and the gradient of a random linear loss, with a perturbation.

    The loss does not look at the ignored trials.
    """
    values = {name: v.clone().requires_grad_() for name, v in network.parameters.items()}
    config, generator = network.config, torch.Generator().manual_seed(0)
    stimuli = pd.DataFrame(
        {"trial": range(TRIALS), "stimulus": "s", "time_s": 0.004, "amplitude": 4.0}
    )
    stimulation = stimulate(stimuli, TRIALS, GROUPS, 0.0, STEPS, 0.002)
    perturbation = 0.01 * torch.randn(STEPS, network.neurons, generator=generator)
    latent = CounterDraws(SEED, FIRST).latent(
        TRIALS, config.latent.dimensions if config.latent else 0
    )
    bins = np.arange(STEPS) // 3
    where = DEVICE if on_card else torch.device("cpu")
    moved = on_device(network.with_parameters(values), where)
    prepared = prepare(moved, latent_offset(moved, latent), perturbation.to(where))
    if on_card:
        found = gpu.simulate(
            prepared, config, on_device(stimulation, where), BEFORE, bins, SEED, FIRST
        )
    else:
        found = cpu.simulate(
            prepared, config, stimulation, BEFORE, torch.from_numpy(bins), SEED, FIRST, 0.0
        )
    weights = [torch.randn(f.shape, generator=generator) for f in found]
    weights[1][:, :BEFORE] = 0
    for weight in weights:
        weight[list(ignored)] = 0
    loss = sum((f * w.to(where)).sum() for f, w in zip(found, weights, strict=True))
    gradients = torch.autograd.grad(loss, list(values.values()), allow_unused=True)
    return *found, dict(zip(values, gradients, strict=True))


@pytest.mark.parametrize("name", NETWORKS)
def test_same_spikes_and_gradients_as_on_the_cpu(name):
    network = _network(**NETWORKS[name])
    counts, found = (_outcome(network, on_card)[0].cpu() for on_card in (False, True))
    assert counts.sum() > counts.numel() / 20
    # A spike decided by the last bit of an exponential may fall otherwise, and others follow.
    differing = (found != counts).any(2).any(1).nonzero().flatten().tolist()
    assert len(differing) <= (TRIALS // 10 if CARD else 0)
    _, projected, gradients = _outcome(network, on_card=False, ignored=differing)
    _, read, others = _outcome(network, on_card=True, ignored=differing)
    same = [trial for trial in range(TRIALS) if trial not in differing]
    torch.testing.assert_close(read.cpu()[same], projected[same], rtol=1e-5, atol=1e-6)
    for parameter, gradient in gradients.items():
        if gradient is not None and gradient.norm() > 0:
            error = (others[parameter].cpu() - gradient).norm() / gradient.norm()
            assert error < 5e-5, parameter


def test_two_runs_are_the_same_bits():
    network = _network(delays_s=[0.004, 0.01])
    first, second = _outcome(network, on_card=True), _outcome(network, on_card=True)
    assert torch.equal(first[0], second[0])
    for name, gradient in first[2].items():
        assert gradient is None or torch.equal(gradient, second[2][name])
