"""Small random networks, runs of them, and gradients of a random linear loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from spiketwin.config import InputGroup
from spiketwin.config import Network as NetworkConfig
from spiketwin.network import Run, behaviour, build, run, stimulate

GROUPS = [
    InputGroup(name="s", stimulus="s", channels=10),
    InputGroup(name="n", channels=11, inhibitory_fraction=0.4),
]
NETWORKS = {
    "default": {},
    "two short delays, learned noise": {"delays_s": [0.002, 0.004], "train_noise": True},
    "long delays": {"delays_s": [0.02, 0.006, 0.1]},
    "exponential": {"spike_function": "exponential"},
    "deterministic, no refractory period": {"spike_function": "deterministic", "refractory_s": 0},
    "no latent, no Dale, inhibition everywhere": {
        "latent": None,
        "dale": False,
        "local_inhibition": False,
    },
    "adaptive thresholds": {"adaptation": 0.8, "adaptation_tau_s": 0.05},
    "adaptive thresholds, exponential, two delays": {
        "adaptation": 0.5,
        "adaptation_tau_s": 0.02,
        "spike_function": "exponential",
        "delays_s": [0.004, 0.002],
    },
    "no noise, no pre-run": {"noise": 0.0, "prerun_s": 0.0},
}
STEPS, STEP_S = 90, 0.002


def _stitching(sizes, mixed):
    rows = [
        {"area": area, "cell_type": "inhibitory" if k % 5 == 4 else "excitatory"}
        for area, size in sizes.items()
        for k in range(size)
    ]
    table = pd.DataFrame(rows)
    return table if mixed else table.sort_values(["area", "cell_type"], ignore_index=True)


def random_network(dtype, sizes, mixed=False, bias=0.08, **settings):
    """Neurons per area by `sizes`, in any order if `mixed`; about 25 Hz at the default bias."""
    settings = {"latent": {"scale": 1.6}, **settings}  # large, so that its gradient counts
    network = build(_stitching(sizes, mixed), NetworkConfig(inputs=GROUPS, **settings), ["jaw"], 0)
    values = {name: value.to(dtype) for name, value in network.parameters.items()}
    values["bias"] = torch.full((network.neurons,), bias, dtype=dtype)
    values["noise_gain"] = torch.linspace(0.5, 1.5, network.neurons, dtype=dtype)
    return replace(
        network,
        mask=network.mask.to(dtype),
        sign=network.sign.to(dtype),
        input_sign=network.input_sign.to(dtype),
        read=network.read.to(dtype),
        parameters={name: value.requires_grad_() for name, value in values.items()},
    )


def stimulation(trials):
    """A stimulus in every trial."""
    table = pd.DataFrame(
        {"trial": np.arange(trials), "stimulus": "s", "time_s": 0.0, "amplitude": 4.0}
    )
    return stimulate(table, trials, GROUPS, -0.05, STEPS, STEP_S)


def run_on(network, engine, trials=5, rows=slice(None), **how):
    """Activity in four bins of unequal length, of some rows of the trials."""
    network = replace(network, config=network.config.model_copy(update={"engine": engine}))
    bins = np.repeat([0, 1, 2, 3], [1, 9, 40, 40])
    prerun = network.config.prerun_s and 0.05
    how = Run(how.pop("seed", 11), bins, prerun, **how)
    return run(network, stimulation(trials).take(rows), how)


def random_loss(network, activity, first_trial=0):
    """A linear loss of counts and behaviour; the weights of a trial depend on its number."""
    read = behaviour(network, activity)
    weighted = [
        x * _weights(x, seed, first_trial) for seed, x in enumerate((activity.counts, read))
    ]
    return weighted[0].sum() + weighted[1].sum()


def gradients(network, activity, first_trial=0):
    """Of the random loss, by name of the parameter."""
    names, values = zip(*network.parameters.items(), strict=True)
    loss = random_loss(network, activity, first_trial)
    return dict(zip(names, torch.autograd.grad(loss, values), strict=True))


def _weights(like, seed, first_trial):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((first_trial + len(like), *like.shape[1:]), generator=generator)[first_trial:]


def assert_close(found, expected, tolerance):
    """Every gradient within a relative error."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert (found[name] - gradient).norm() <= tolerance * gradient.norm(), name


def assert_agrees_with_autograd(network, tolerance, **how):
    """Compiled engine and plain loop: the same spikes, of which there are enough, and gradients.

    Returns
    -------
    Mean rate in hertz.
    """
    found, expected = (run_on(network, engine, **how) for engine in ("numba", "torch"))
    assert torch.equal(found.counts, expected.counts) and found.counts.sum() > 50
    assert_close(gradients(network, found), gradients(network, expected), tolerance)
    trials, _, neurons = found.counts.shape
    return float(found.counts.detach().sum()) / (trials * neurons * STEPS * STEP_S)
