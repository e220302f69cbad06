"""Perturbations of fitted networks, and currents between areas."""

import numpy as np
import pandas as pd
import pytest
import torch

from spiketwin.analysis.currents import _currents
from spiketwin.config import InputGroup, Perturbation, resolve, with_perturbations
from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network import Run, build, even_bins, perturbation_current, run, stimulate
from spiketwin.network.trialwise import simulate_like
from spiketwin.trials.simulation import Simulation
from tests.artificial import two_area_trials

GROUPS = [InputGroup(name="s", stimulus="s", channels=20)]


def _network(trials, **settings):
    network = build(trials.stitching, NetworkConfig(inputs=GROUPS, **settings), ["jaw"], 0)
    return network.with_parameters({"bias": torch.full((network.neurons,), 0.06)})


def _perturbation(**changes):
    given = {"name": "light", "area": "area2", "current": 0.5, "window_s": (0.0, 0.05)}
    return Perturbation(**(given | changes))


def test_current_goes_to_the_named_cells_while_the_window_lasts():
    network = _network(two_area_trials())
    current = perturbation_current(network, _perturbation(), start_s=-0.02, steps=60)
    chosen = (network.area == network.areas.index("area2")) & network.inhibitory
    assert (current[10:35, chosen] == 0.5).all() and current.sum() == 0.5 * 25 * chosen.sum()


def test_trials_are_those_without_the_current_until_it_begins():
    trials = two_area_trials()
    network, session = _network(trials), trials.sessions[0]
    free = simulate_like(network, session, 20, seed=3)
    silenced = simulate_like(network, session, 20, seed=3, perturbation=_perturbation())
    before = session.time_s < 0
    np.testing.assert_array_equal(free.rows, silenced.rows)
    np.testing.assert_array_equal(free.counts[:, before], silenced.counts[:, before])
    inside = (session.time_s > 0.005) & (session.time_s < 0.05)
    excited = (network.area == network.areas.index("area2")) & ~network.inhibitory
    rates = [t.counts[:, inside][:, :, excited].mean() for t in (silenced, free)]
    assert rates[0] < 0.5 * rates[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"area": "V1"}, "names area 'V1'; areas of the network: area1, area2"),
        ({"window_s": (0.5, 0.6)}, "outside the trials"),
    ],
)
def test_impossible_perturbations_are_one_clear_line(changes, message):
    network = _network(two_area_trials())
    with pytest.raises(SpiketwinError, match=message):
        perturbation_current(network, _perturbation(**changes), -0.1, 150)


def test_perturbations_need_names_of_their_own():
    twice = [_perturbation().model_dump()] * 2
    raw = {"run": "r", "recordings": {"synthetic": {}, "mapping": {}}, "models": {"m": {}},
           "trials": {"window_s": [0, 0.4]}, "analysis": {"perturbations": twice}}  # fmt: skip
    with pytest.raises(SpiketwinError, match="perturbations need different names"):
        resolve(raw)


def _config():
    return resolve({"run": "r", "recordings": {"synthetic": {}, "mapping": {}}, "models": {"m": {}},
                    "trials": {"window_s": [0, 0.4]}})  # fmt: skip


def test_a_perturbation_can_be_given_as_text():
    text = "area=primary motor,cells=all,current=-0.5,window=0:0.1"
    (found,) = with_perturbations(_config(), [text]).analysis.perturbations
    assert found.name == "primary_motor-all--0.5" and found.window_s == (0.0, 0.1)
    assert (found.area, found.cells, found.current) == ("primary motor", "all", -0.5)
    named = with_perturbations(_config(), [f"{text},name=light"]).analysis.perturbations
    assert named[0].name == "light"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("area=A", "current: Field required"),
        ("nonsense", "area: Field required"),
        ("area=A,current=x,window=0:1", "current: Input should be a valid number"),
        ("area=A,current=1", "window: Field required"),
        ("area=A,current=1,window=0", "window.1: Field required"),
        ("area=A,current=1,window=1:0", "window must rise, found 1 to 0"),
        ("area=A,current=1,window=0:1,colour=blue", "colour: unknown key"),
    ],
)
def test_nonsense_is_no_perturbation(text, problem):
    with pytest.raises(SpiketwinError) as told:
        with_perturbations(_config(), [text])
    assert str(told.value).startswith(f"--perturb {text!r}: {problem}")
    assert str(told.value).endswith("window=START:STOP (s)")


def test_mean_currents_are_those_of_the_network():
    """Against the currents of a run, step by step, with the weights written out."""
    trials = two_area_trials()
    network = _network(trials, delays_s=[0.004, 0.01], prerun_s=0.0, latent=None)
    stimuli = pd.DataFrame({"trial": range(30), "stimulus": "s", "time_s": 0.0, "amplitude": 4.0})
    stimulation = stimulate(stimuli, 30, GROUPS, -0.1, 150, 0.002)
    with torch.no_grad():
        counts = run(network, stimulation, Run(0, even_bins(150, 1))).counts
    weights = network.signed_recurrent()
    expected = torch.zeros(30, 150, network.neurons)
    for matrix, delay in zip(weights, (2, 5), strict=True):
        expected[:, delay:] += counts[:, :-delay] @ matrix.T / 2
    simulation = Simulation(
        counts.numpy().astype(np.uint8), np.zeros((30, 150, 0)), (), pd.DataFrame(),
        pd.DataFrame(), trials.stitching, -0.1, 0.002,
    )  # fmt: skip
    arrays = {
        "recurrent": network.parameters["recurrent"].numpy(), "mask": network.mask.numpy(),
        "sign": network.sign.numpy(), "area": network.area, "inhibitory": network.inhibitory,
    }  # fmt: skip
    table = _currents(arrays, list(network.areas), simulation, [2.0, 5.0], 1.0)
    for k, area in enumerate(network.areas):
        found = table[table["target_area"] == area].groupby("time_s")["current"].sum().to_numpy()
        truth = expected[:, :, network.area == k].mean((0, 2)).numpy() / 0.1
        np.testing.assert_allclose(found[5:], truth[5:], atol=1e-4)
