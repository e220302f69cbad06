"""What the behaviour says about outcomes, as a loss."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spiketwin.config import Features, Model, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.learning.fit import gradient_fitter
from spiketwin.losses import groups_of, outcome_loss, outcome_targets
from spiketwin.network import build
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials
from tests.artificial import two_area_trials

FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024)], psth=Scale(window_s=0.012, stride_s=0.006)
)
SCALE = FEATURES.scales[0]
TIME_MS = np.arange(150) * 2 - 100.0
OPENING = torch.from_numpy(3 * np.exp(-(((TIME_MS - 90) / 30) ** 2) / 2)).float()


def _train(**columns: object) -> Trials:
    train = two_area_trials(trials=400).split("train")
    session = train.sessions[0]
    return replace(train, sessions=(replace(session, trials=session.trials.assign(**columns)),))


def _targets(train: Trials):
    groups = groups_of(train, FEATURES.psth, FEATURES.scales)
    return outcome_targets(train, SCALE, groups), groups


def _grouped(jaw: torch.Tensor, groups) -> torch.Tensor:
    """(trial, bin) as averages over groups, (trial, group, 1)."""
    group = torch.from_numpy(groups.of_bin)
    total = torch.zeros(len(jaw), len(groups.lengths)).index_add(1, group, jaw)
    return (total / torch.from_numpy(groups.lengths))[:, :, None]


def _all(trials: int) -> np.ndarray:
    return np.full(trials, "all")


def test_loss_agrees_with_plain_loops_and_a_pipeline():
    condition = np.where(np.arange(200) % 3 == 0, "nogo", "go")
    generator = np.random.default_rng(0)
    train = _train(condition=condition)
    moving = train.sessions[0].behaviour + generator.normal(0, 0.3, (200, 150, 1))
    session = replace(train.sessions[0], behaviour=moving.astype(np.float32))
    targets, groups = _targets(replace(train, sessions=(session,)))
    jaw = torch.from_numpy(generator.normal(1, 1, (14, 150))).float()
    mine = np.array(["go"] * 8 + ["nogo"] * 5 + ["other"])
    found = outcome_loss(_grouped(jaw, groups), mine, targets)

    window = window_matrix(150, session.bin_s, SCALE)
    expected, trials = 0.0, 0
    for name in ("go", "nogo"):
        x = session.behaviour[condition == name, :, 0] @ window
        reader = make_pipeline(StandardScaler(), LogisticRegression(C=10 / len(x), max_iter=2000))
        reader.fit(x, session.outcomes[condition == name])
        p, q = (reader.predict_proba(v) for v in (jaw.numpy()[mine == name] @ window, x))
        across = np.mean([np.linalg.norm(a - b) for a in p for b in q])
        inside = [
            np.mean(
                [np.linalg.norm(a - b) for i, a in enumerate(r) for j, b in enumerate(r) if i != j]
            )
            for r in (p, q)
        ]
        expected += len(x) * (2 * across - sum(inside))
        trials += len(x)
    assert float(found) == pytest.approx(expected / trials, rel=1e-4)


def test_half_open_jaws_are_far_and_recorded_trials_near():
    train = _train()
    targets, groups = _targets(train)
    recorded = torch.from_numpy(train.sessions[0].behaviour[:, :, 0])
    share = train.sessions[0].outcomes == "Hit"
    half_open = OPENING.expand(100, -1) * float(share.mean())
    near = outcome_loss(_grouped(recorded[::2], groups), _all(100), targets)
    far = outcome_loss(_grouped(half_open, groups), _all(100), targets)
    assert abs(float(near)) < 0.02
    assert float(far) > 0.2


def test_descent_recovers_how_many_trials_are_hits():
    train = _train()
    targets, groups = _targets(train)
    hits = (train.sessions[0].outcomes == "Hit").mean()
    opened = (
        0.3 + 0.2 * torch.rand(60, 1, generator=torch.Generator().manual_seed(0))
    ).requires_grad_()
    optimiser = torch.optim.Adam([opened], lr=0.02)
    for _ in range(300):
        optimiser.zero_grad()
        outcome_loss(_grouped(opened * OPENING, groups), _all(60), targets).backward()
        optimiser.step()
    assert float((opened > 0.5).float().mean()) == pytest.approx(hits, abs=0.05)
    assert float(((opened > 0.25) & (opened < 0.75)).float().mean()) < 0.15


def test_trials_without_an_outcome_say_nothing():
    outcome = _train().sessions[0].outcomes
    unknown = np.arange(len(outcome)) % 5 == 0
    targets, _ = _targets(_train(outcome=np.where(unknown, "", outcome)))
    assert targets.conditions["all"].recorded.shape == ((~unknown).sum(), 2)


def test_a_single_trial_of_a_condition_and_other_conditions_have_no_distance():
    targets, groups = _targets(_train())
    jaw = _grouped(torch.ones(3, 150), groups)
    assert float(outcome_loss(jaw, np.array(["all", "b", "b"]), targets)) == 0


def test_without_outcomes_the_error_says_so():
    with pytest.raises(SpiketwinError, match="no condition has two outcomes"):
        _targets(_train(outcome="Hit"))


def test_without_behaviour_the_error_says_so():
    train = _train()
    still = replace(train, sessions=(replace(train.sessions[0], traces=()),))
    with pytest.raises(SpiketwinError, match="no behaviour is mapped"):
        _targets(still)


def _losses(weight: float, method: str = "debiased", batch: int = 8):
    trials = two_area_trials()
    model = Model.model_validate(
        {
            "losses": {"trial": {"method": method, "outcomes": weight}},
            "network": {"inputs": [{"name": "s", "stimulus": "s", "channels": 20}]},
            "learning": {"steps": 9, "batches": [batch], "calibration": 0, "prerun_s": 0.0},
        }
    )
    network = build(trials.stitching, model.network, ("jaw",), 0)
    fitter = gradient_fitter(network, trials, FEATURES, model, 0)
    return fitter, fitter.step(network, fitter.start(network))


def test_a_fit_adds_it_to_the_trial_loss_and_sends_its_gradient_to_the_read_out():
    (_, (plain, without)), (_, (after, record)) = _losses(0.0), _losses(2.0)
    assert record.loss_trial != without.loss_trial
    assert record.loss_neuron == without.loss_neuron
    assert not torch.equal(
        plain.memory["adam first readout_gain"], after.memory["adam first readout_gain"]
    )


def test_a_model_without_trial_matching_has_none():
    fitter, (_, record) = _losses(2.0, "none")
    assert fitter.outcomes is None
    assert np.isnan(record.loss_trial)


def test_a_step_in_which_nothing_can_be_compared_still_fits_the_averages():
    _, (state, record) = _losses(2.0, method="energy", batch=1)
    assert state.step == 1
    assert record.loss_trial == 0
