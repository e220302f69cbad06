"""Connectivity, inputs and read-out."""

import numpy as np
import pandas as pd
import pytest
import torch

from spiketwin.config import InputGroup, Readout
from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network import build, clip, stimulate
from spiketwin.network.connectivity import allowed, balance, initial_recurrent, spectral_radius
from spiketwin.network.inputs import channel_inhibits
from spiketwin.network.readout import filtered

AREA = np.repeat([0, 1, 0, 1], [16, 16, 4, 4])
INHIBITORY = np.repeat([False, False, True, True], [16, 16, 4, 4])


def stitching() -> pd.DataFrame:
    types = np.where(INHIBITORY, "inhibitory", "excitatory")
    return pd.DataFrame({"area": np.array(["A", "B"])[AREA], "cell_type": types})


def test_inhibition_stays_local_and_nobody_connects_to_itself():
    mask = allowed(AREA, INHIBITORY, local_inhibition=True)
    assert not mask.diagonal().any()
    assert not mask[np.ix_(AREA == 0, INHIBITORY & (AREA == 1))].any()
    assert mask[np.ix_(AREA == 0, ~INHIBITORY & (AREA == 1))].all()
    assert allowed(AREA, INHIBITORY, local_inhibition=False).sum() == 40 * 39


def test_initial_weights_are_balanced_local_and_of_unit_spectral_radius():
    mask = allowed(AREA, INHIBITORY, True)
    weights = initial_recurrent(AREA, INHIBITORY, mask, 2, np.random.default_rng(0))
    assert (weights >= 0).all()
    for matrix in weights:
        np.testing.assert_allclose(
            matrix[:, INHIBITORY].sum(1), matrix[:, ~INHIBITORY].sum(1), rtol=1e-6
        )
        assert matrix[np.ix_(AREA == 0, AREA == 1)].sum() == 0
        signed = matrix * np.where(INHIBITORY, -1, 1)
        assert spectral_radius(signed) == pytest.approx(1 / 2)


def test_blocked_pairs_of_areas_have_no_synapses_and_stay_without():
    network = build(stitching(), NetworkConfig(blocked=[("B", "A")]), [], 0)
    from_b_to_a = np.ix_(AREA == 0, AREA == 1)
    assert network.mask.numpy()[from_b_to_a].sum() == 0
    assert network.mask.numpy()[np.ix_(AREA == 1, ~INHIBITORY & (AREA == 0))].all()
    grown = {**network.parameters, "recurrent": network.parameters["recurrent"] + 1}
    assert clip(network, grown)["recurrent"].numpy()[0][from_b_to_a].sum() == 0
    with pytest.raises(
        SpiketwinError, match=r"network\.blocked names 'C'; areas of the network: A, B"
    ):
        build(stitching(), NetworkConfig(blocked=[("C", "A")]), [], 0)


def test_balance_leaves_rows_with_one_kind_of_input_alone():
    only_excitation = np.array([[1.0, 2.0, 0.0]])
    np.testing.assert_array_equal(
        balance(only_excitation, np.array([False, False, True])), only_excitation
    )


@pytest.mark.parametrize("neurons", [2, 3, 6, 20, 60])
def test_a_network_of_any_size_starts_inside_its_constraints(neurons):
    """Else the first step of a fit, however small, would move them."""
    types = np.where(np.arange(neurons) % 5 == 1, "inhibitory", "excitatory")
    table = pd.DataFrame({"area": "A", "cell_type": types})
    for seed in range(20):
        network = build(table, NetworkConfig(inputs=[InputGroup(name="noise")]), (), seed)
        for name, value in clip(network, dict(network.parameters)).items():
            assert torch.equal(value, network.parameters[name]), name


def test_clipping_restores_signs_masks_and_resting_offsets():
    network = build(stitching(), NetworkConfig(inputs=[InputGroup(name="n", channels=3)]), [], 0)
    broken = {name: value - 0.5 for name, value in network.parameters.items()}
    clipped = clip(network, broken)
    assert (clipped["recurrent"] >= 0).all() and (clipped["input"] >= 0).all()
    assert (clipped["recurrent"][:, network.mask == 0] == 0).all()
    assert clipped["rest"].abs().max() <= 0.1
    assert (network.signed_recurrent()[:, :, INHIBITORY] <= 0).all()


def test_without_dale_the_first_weights_are_the_same_signed_matrix():
    lawful = build(stitching(), NetworkConfig(), [], 3)
    free = build(stitching(), NetworkConfig(dale=False), [], 3)
    torch.testing.assert_close(lawful.signed_recurrent(), free.signed_recurrent())
    torch.testing.assert_close(
        clip(free, {**free.parameters})["recurrent"], free.parameters["recurrent"]
    )


def test_readout_reads_excitatory_neurons_of_its_areas_only():
    network = build(stitching(), NetworkConfig(readout=Readout(areas=["B"])), ["jaw"], 0)
    np.testing.assert_array_equal(network.read.numpy() == 1, (AREA == 1) & ~INHIBITORY)


def test_unknown_readout_area_names_the_areas_there_are():
    with pytest.raises(SpiketwinError, match=r"network.readout.areas names 'C'.*A, B"):
        build(stitching(), NetworkConfig(readout=Readout(areas=["C"])), ["jaw"], 0)


def _one_pulse(amplitude: float) -> torch.Tensor:
    group = InputGroup(name="s", stimulus="s", channels=2)
    stimuli = pd.DataFrame(
        {"trial": [1], "stimulus": ["s"], "time_s": [0.0], "amplitude": [amplitude]}
    )
    return stimulate(stimuli, 2, [group], -0.1, 100, 0.002).probability[:, :, 0]


def test_pulse_has_the_published_rate_latency_and_length():
    probability = _one_pulse(4.0) / 0.002
    assert probability[0].numpy() == pytest.approx(5)
    raised = np.flatnonzero(probability[1] > 5.1)
    np.testing.assert_array_equal(raised, np.arange(52, 57))
    assert probability[1, 53].item() == pytest.approx(97.5, abs=0.1)


def test_probability_is_capped_at_one_spike_per_step():
    assert _one_pulse(1e6).max() == 1


def test_last_channels_of_a_group_inhibit():
    groups = [
        InputGroup(name="a", channels=3),
        InputGroup(name="b", channels=5, inhibitory_fraction=0.4),
    ]
    np.testing.assert_array_equal(channel_inhibits(groups), [0, 0, 0, 0, 0, 0, 1, 1])


def test_filter_equals_its_recursion():
    projected = torch.rand(2, 30, 1, dtype=torch.float64)
    state, expected = torch.rand(2, 1, dtype=torch.float64), []
    initial, decay = state.clone(), float(np.exp(-0.002 / 0.05))
    for t in range(30):
        state = decay * state + (1 - decay) * projected[:, t]
        expected.append(state)
    torch.testing.assert_close(filtered(projected, initial, 0.002, 0.05), torch.stack(expected, 1))
