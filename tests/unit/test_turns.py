"""Conditions in turn and balanced outcomes: what a step sees, and how its trials are drawn."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from spiketwin.config import Features, Model, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.learning.fit import gradient_fitter
from spiketwin.learning.turns import balances_of
from spiketwin.network import build
from spiketwin.randomness import numpy_generator
from spiketwin.trials.trialset import Trials, TrialSet
from tests.artificial import stitched, two_area_session

FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024)], psth=Scale(window_s=0.012, stride_s=0.006)
)
CYCLE = [[], ["go"], ["nogo"]]


def _go_nogo(session: TrialSet) -> TrialSet:
    """Every third trial, counted by fours, has no stimulus and can be FA or CR only."""
    nogo = np.arange(len(session.trials)) // 4 % 3 == 0
    outcome = session.trials["outcome"]
    outcome = np.where(nogo, outcome.map({"Hit": "FA", "Miss": "CR"}), outcome)
    trials = session.trials.assign(condition=np.where(nogo, "nogo", "go"), outcome=outcome)
    return replace(session, trials=trials, stimuli=session.stimuli[~nogo])


def _trials(first: TrialSet | None = None) -> Trials:
    """Two sessions."""
    first = first or _go_nogo(two_area_session("s0", 0))
    return stitched(first, _go_nogo(two_area_session("s1", 1)))


def _fitter(trials: Trials, method: str = "debiased", **learning: object):
    model = Model.model_validate(
        {
            "losses": {"trial": {"method": method}},
            "network": {"inputs": [{"name": "s", "stimulus": "s", "channels": 20}]},
            "learning": {"steps": 9, "batches": [8], "calibration": 0, "prerun_s": 0.0, **learning},
        }
    )
    network = build(trials.stitching, model.network, ("jaw",), 0)
    return network, gradient_fitter(network, trials, FEATURES, model, 0)


def test_a_turn_has_the_stimuli_and_the_data_of_its_conditions():
    trials = _trials()
    _, fitter = _fitter(trials, cycle=CYCLE)
    train = trials.split("train")
    for turn, conditions in zip(fitter.turns, ({"go", "nogo"}, {"go"}, {"nogo"}), strict=True):
        assert set(fitter.conditions[turn.rows]) == conditions
        for target, session in zip(turn.targets.sessions, train.sessions, strict=True):
            kept = session.trials["condition"].isin(conditions).to_numpy()
            assert len(target.features) == kept.sum() and set(target.conditions) == conditions
            mean = torch.tensor(session.counts[kept].mean(0), dtype=torch.float32)
            of_bin = turn.targets.groups.of_bin
            groups = torch.zeros(of_bin[-1] + 1, mean.shape[1])
            groups.index_add_(0, torch.from_numpy(of_bin), mean)
            expected = turn.rates.window.T @ groups
            neurons = torch.tensor(session.units["neuron"].to_numpy(copy=True))
            torch.testing.assert_close(turn.rates.psth[:, neurons], expected)


def _gradient_steps(trials: Trials, steps: int, **learning: object) -> list[torch.Tensor]:
    """Recurrent weights after every step."""
    network, fitter = _fitter(trials, **learning)
    state = fitter.start(network)
    states = []
    for _ in range(steps):
        state, _ = fitter.step(network, state)
        states.append(state.parameters["recurrent"])
    return states


def test_a_step_of_one_turn_does_not_see_the_trials_of_another():
    """Two units of an area swapped on no-go trials: the area is the same, the PSTHs are not."""
    session = _go_nogo(two_area_session("s0", 0))
    nogo = np.flatnonzero(session.trials["condition"] == "nogo")
    counts = session.counts.copy()
    counts[nogo, :, 0], counts[nogo, :, 1] = session.counts[nogo, :, 1], session.counts[nogo, :, 0]
    cycle = [["go"], ["go"], ["nogo"]]
    first, other = (
        _gradient_steps(_trials(one), 3, cycle=cycle)
        for one in (session, replace(session, counts=counts))
    )
    assert torch.equal(first[1], other[1]) and not torch.equal(first[2], other[2])


def test_one_entry_for_all_conditions_is_the_default():
    trials = _trials()
    default = _gradient_steps(trials, 3)
    named = _gradient_steps(trials, 3, cycle=[["nogo", "go"]])
    assert torch.equal(default[-1], named[-1])


def test_balanced_steps_repeat_themselves_and_differ_from_each_other():
    trials = _trials()
    first, again = (_gradient_steps(trials, 3, balance_outcomes=True) for _ in range(2))
    assert torch.equal(first[-1], again[-1])
    _, fitter = _fitter(trials, balance_outcomes=True)
    draws = [fitter.turns[0].drawn(numpy_generator(0, k)).rows for k in range(2)]
    assert not np.array_equal(*draws)


def _session(name: str, outcomes: str) -> TrialSet:
    session = two_area_session(name, 0, trials=len(outcomes))
    return replace(session, trials=session.trials.assign(outcome=list(outcomes)))


def test_balanced_trials_are_those_of_plain_counting():
    """a, b: pooled shares 0.6, 0.4; the first session has too many a, the second too many b."""
    outcomes = ["a" * 26 + "b" * 4, "a" * 4 + "b" * 16]
    trials = Trials(tuple(_session(f"s{k}", o) for k, o in enumerate(outcomes)), pd.DataFrame())
    found = balances_of(trials, [np.arange(30), np.arange(30, 50)])
    # 4 b of 0.4 make 10 trials, 6 of them a; 4 a of 0.6 make 6.7 trials, 2.7 of them b.
    for name, numbers in {"s0": {"a": 6, "b": 4}, "s1": {"a": 4, "b": 3}}.items():
        session = outcomes[int(name[1])]
        taken = found[name].draw(np.random.default_rng(0))
        assert Counter(session[k] for k in taken) == numbers
        assert len(set(taken)) == sum(numbers.values())


def test_the_psths_are_those_of_the_mean_draw():
    """A session with few hits beside one with many: balanced, the second area responds more."""
    trials = _trials(_go_nogo(two_area_session("s0", 0, hit=0.3)))
    _, fitter = _fitter(trials, balance_outcomes=True)
    turn, train = fitter.turns[0], trials.split("train")
    balance = turn.balances["s0"]
    drawn = np.zeros(len(balance.rows))
    for k in range(4000):
        drawn[balance.draw(np.random.default_rng(k))] += 1
    np.testing.assert_allclose(balance.weights, drawn / drawn.sum(), atol=0.002)
    expected = np.einsum("k,ktn->tn", balance.weights, train.sessions[0].counts).sum(0)
    _, plain = _fitter(trials)
    neurons = torch.tensor(train.sessions[0].units["neuron"].to_numpy(copy=True))
    got = turn.rates.psth[:, neurons].mean(0) / plain.turns[0].rates.psth[:, neurons].mean(0)
    ratio = expected / train.sessions[0].counts.mean(0).sum(0)
    assert balance.weights.max() > 1.5 / len(balance.rows)
    assert abs(ratio - 1).max() > 0.1
    np.testing.assert_allclose(got, ratio, rtol=0.02)


@pytest.mark.parametrize("method", ["debiased", "likelihood"])
def test_a_balanced_step_draws_stimuli_and_data_of_the_same_trials(method):
    _, fitter = _fitter(_trials(), method, balance_outcomes=True)
    turn = fitter.turns[0]
    drawn = turn.drawn(numpy_generator(0))
    position = 0
    for target, full in zip(drawn.targets.sessions, turn.targets.sessions, strict=True):
        balance = turn.balances[target.session]
        rows = drawn.rows[position : position + len(target.features)]
        places = np.searchsorted(balance.rows, rows)
        assert torch.equal(target.features, full.features[torch.from_numpy(places)])
        assert list(fitter.conditions[rows]) == list(target.conditions)
        position += len(rows)
    assert position == len(drawn.rows) < len(turn.rows)


def test_units_of_a_session_without_such_trials_are_not_compared():
    session = two_area_session("s0", 0)
    trials = _trials(replace(session, trials=session.trials.assign(condition="go")))
    _, fitter = _fitter(trials, cycle=[["nogo"]])
    turn = fitter.turns[0]
    absent = torch.from_numpy(trials.sessions[0].units["neuron"].to_numpy(dtype="int64", copy=True))
    assert torch.isinf(turn.rates.sd[absent]).all()
    assert torch.isfinite(turn.rates.sd).sum() == 40
    assert [target.session for target in turn.targets.sessions] == ["s1"]
    states = _gradient_steps(trials, 2, cycle=[["nogo"]])
    assert torch.isfinite(states[-1]).all()


def test_a_condition_that_no_trial_has_is_refused():
    with pytest.raises(SpiketwinError, match=r"learning\.cycle names condition 'gone'.*go, nogo"):
        _fitter(_trials(), cycle=[[], ["gone"]])


def test_discriminators_see_all_trials():
    raw = {"losses": {"trial": {"method": "spiket-gan"}}, "learning": {"balance_outcomes": True}}
    with pytest.raises(ValueError, match="compares all trials"):
        Model.model_validate(raw)
