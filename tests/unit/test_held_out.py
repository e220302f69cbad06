"""The score that selects: what it simulates, and for whom."""

from dataclasses import replace

import pandas as pd
import pytest

from spiketwin.config import Features, Model, Scale
from spiketwin.learning import held_out
from spiketwin.learning.fit import gradient_task
from spiketwin.trials.trialset import Trials
from tests.artificial import two_area_session

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
    """Two sessions with the same stimuli, whose units are neurons of one network."""
    sessions = [two_area_session(f"s{k}", k) for k in range(2)]
    rows = [s.units.assign(session=s.session, place=k) for k, s in enumerate(sessions)]
    stitching = pd.concat(rows, ignore_index=True)
    stitching = stitching.sort_values(["area", "cell_type", "place"], kind="stable")
    stitching = stitching.assign(neuron=range(len(stitching)))
    for session in sessions:
        mine = stitching[stitching["session"] == session.session].sort_values("unit")
        session.units["neuron"] = mine["neuron"].to_numpy()
    columns = ["neuron", "area", "cell_type", "session", "unit", "rate_hz"]
    return Trials(tuple(sessions), stitching[columns].reset_index(drop=True))


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
