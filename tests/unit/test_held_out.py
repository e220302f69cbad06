"""The score that selects: what it simulates, and for whom."""

from dataclasses import replace

import pytest
import torch

from spiketwin.config import Features, Model, Scale
from spiketwin.learning import held_out
from spiketwin.learning.fit import gradient_task
from spiketwin.trials.trialset import Trials
from tests.artificial import stitched, two_area_session

FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024)], psth=Scale(window_s=0.012, stride_s=0.006)
)
MODEL = Model.model_validate(
    {
        "network": {"inputs": [{"name": "s", "stimulus": "s", "channels": 20}]},
        "learning": {"steps": 2, "batches": [8], "evaluation_trials": 16, "prerun_s": 0.0},
    }
)


def _trials() -> Trials:
    """Two sessions with the same stimuli."""
    return stitched(two_area_session("s0", 0), two_area_session("s1", 1))


@pytest.fixture
def simulated(monkeypatch):
    """How many simulations were made."""
    made = []

    def simulate(*given):
        made.append(given)
        return simulate_like(*given)

    simulate_like = held_out.simulate_like
    monkeypatch.setattr(held_out, "simulate_like", simulate)
    return made


def test_sessions_that_share_their_stimuli_share_a_simulation(simulated):
    task = gradient_task("m", MODEL, _trials(), FEATURES, 0)
    shared = task.score(task.network)
    assert len(simulated) == 1
    ((drive, places),) = task.score.drives
    apart = replace(task.score, drives=[(drive, (place,)) for place in places])
    assert apart(task.network) == pytest.approx(shared, rel=1e-6)
    assert len(simulated) == 3


def test_sessions_with_other_stimuli_have_simulations_of_their_own(simulated):
    trials = _trials()
    first, second = trials.sessions
    stronger = replace(second, stimuli=second.stimuli.assign(amplitude=8.0))
    task = gradient_task("m", MODEL, replace(trials, sessions=(first, stronger)), FEATURES, 0)
    task.score(task.network)
    assert [given[1].session for given in simulated] == ["s0", "s1"]


def test_a_twin_that_moves_otherwise_scores_worse_though_its_neurons_are_the_same():
    task = gradient_task("m", MODEL, _trials(), FEATURES, 0)
    still = task.network.parameters | {"readout_gain": torch.zeros(1)}
    offset = torch.tensor([9.0])
    scores = [
        task.score(replace(task.network, parameters=still | {"readout_offset": value}))
        for value in (torch.zeros(1), offset)
    ]
    assert scores[1] > 2 * scores[0]
