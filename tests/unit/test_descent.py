"""Steps down the gradient: Adam, sparsity, and all of a step in one pass."""

import math

import pytest
import torch

from spiketwin.config import InputGroup, Network
from spiketwin.learning import adam
from spiketwin.learning.descent import Descent, descended, followed
from spiketwin.learning.protocol import FitState
from spiketwin.learning.shrinkage import sparser
from spiketwin.network import build
from tests.artificial import two_area_trials


def small_network(dale: bool = True):
    inputs = [InputGroup(name="noise", channels=20)]
    config = Network(dale=dale, inputs=inputs)
    return build(two_area_trials().stitching, config, ["jaw"], 0)


def test_adam_agrees_with_pytorch():
    start = {"a": torch.randn(5, generator=torch.Generator().manual_seed(0))}
    theirs = start["a"].clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99))
    ours, moments = start, adam.start(start)
    for k in range(20):
        gradient = torch.sin(theirs.detach() * (k + 1))
        theirs.grad = gradient
        ours, moments = adam.update(ours, {"a": gradient}, moments, 0.01, 0.99, k + 1)
        optimiser.step()
    torch.testing.assert_close(ours["a"], theirs.detach())


def test_sparsity_empties_small_weights_between_areas_and_leaves_those_inside_alone():
    network = small_network()
    weights = {
        name: torch.full_like(network.parameters[name], 0.04) for name in ("recurrent", "input")
    }
    weights["recurrent"][0, :, 0] = 1e-4
    found = sparser(network, weights, amount=1e-4)
    area = torch.tensor(network.area)
    across, inside = area != area[0], area == area[0]
    assert (found["recurrent"][0, across, 0] == 0).all()
    assert (found["recurrent"][0, inside, 0] == 1e-4).all()
    torch.testing.assert_close(
        found["recurrent"][0, across, 1], torch.full((20,), 0.04 - 1e-4 / 0.2)
    )
    torch.testing.assert_close(found["input"], torch.full_like(found["input"], 0.04 - 1e-4 / 0.2))


@pytest.mark.parametrize("dale", [True, False])
@pytest.mark.parametrize("sparsity", [0.0, 0.01])
def test_one_pass_over_the_parameters_does_what_one_operation_after_the_other_does(dale, sparsity):
    network = small_network(dale)
    generator = torch.Generator().manual_seed(0)
    how = Descent(rate=0.01, beta2=0.99, shrinkage=1e-3, sparsity=sparsity, decay=0.7)
    states = [
        FitState(0, network.parameters, network.parameters, adam.start(network.parameters))
        for _ in range(2)
    ]
    for step in range(1, 6):
        gradients = {
            name: torch.randn(value.shape, generator=generator)
            for name, value in network.parameters.items()
        }
        gradients["recurrent"] *= network.mask
        states = [
            FitState(step, *take(network, state, gradients, how))
            for take, state in zip((descended, followed), states, strict=True)
        ]
    for part in ("parameters", "evaluated", "memory"):
        torch.testing.assert_close(*(getattr(state, part) for state in states))


def test_what_is_not_a_number_stays_so():
    network = small_network()
    gradients = {name: torch.zeros_like(value) for name, value in network.parameters.items()}
    gradients["recurrent"][0, 3, 1] = math.nan
    state = FitState(0, network.parameters, network.parameters, adam.start(network.parameters))
    how = Descent(rate=0.01, beta2=0.99, shrinkage=1e-3, sparsity=0.0, decay=0.7)
    parameters, evaluated, _ = descended(network, state, gradients, how)
    assert torch.isnan(parameters["recurrent"][0, 3, 1])
    assert torch.isnan(evaluated["recurrent"]).sum() == 1
