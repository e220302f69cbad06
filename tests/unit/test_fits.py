"""Facts of the fits."""

import pytest
import torch
from safetensors.numpy import load_file

from spiketwin.analysis.fits import _parameters
from spiketwin.network import build, save_network
from spiketwin.network.description import read_description
from tests.artificial import two_area_trials
from tests.unit.test_learning import small_model


@pytest.mark.parametrize("train_noise", [False, True])
def test_parameters_are_the_numbers_that_learning_can_change(train_noise, tmp_path):
    config = small_model().network.model_copy(update={"train_noise": train_noise})
    network = build(two_area_trials().stitching, config, ("jaw",), 0)
    save_network(network, tmp_path, {})
    expected = sum(network.parameters[name].numel() for name in network.trained)
    expected -= int((network.mask == 0).sum()) + int((network.read == 0).sum())
    assert 0 < torch.count_nonzero(network.read) < network.neurons
    assert _parameters(load_file(tmp_path / "model.safetensors"), read_description(tmp_path)) == (
        expected
    )
