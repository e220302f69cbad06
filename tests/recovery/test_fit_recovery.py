"""Trial matching finds the law of artificial single trials."""

from spiketwin.learning.checkpoint import digest_of, fingerprint
from tests.unit.test_learning import _learn, _setting, small_model


def test_trial_matching_approaches_the_law_of_single_trials(tmp_path):
    model = small_model(
        steps=60, batches=[16], calibration=20, learning_rate=6e-3, evaluate_every=20,
        evaluation_trials=150,
    )  # fmt: skip
    trials, network, fitter, score = _setting(model)
    mark = fingerprint(model, digest_of(trials), 0)
    history = _learn(network, fitter, score, tmp_path / "c", mark).progress.history
    held_out = [entry["held_out"] for entry in history if entry["held_out"] == entry["held_out"]]
    assert held_out[-1] < held_out[0] / 4
    rate = trials.sessions[0].counts.mean() / 0.002
    assert abs(history[-1]["rate_hz"] / rate - 1) < 0.25
