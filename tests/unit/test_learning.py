"""Learning: schedule, optimiser, guards, outer loop, checkpoints."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from spiketwin.config import Features, GradientLearning, Model, NeuronLoss, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.learning.calibration import calibrate
from spiketwin.learning.checkpoint import digest_of, fingerprint, load_checkpoint, save_checkpoint
from spiketwin.learning.fit import gradient_fitter, gradient_task, held_out_score
from spiketwin.learning.guards import check_restarts, exploded
from spiketwin.learning.loop import Limits, learn
from spiketwin.learning.progress import Display
from spiketwin.learning.protocol import FitState, Record
from spiketwin.learning.schedule import batch_size, learning_rate
from spiketwin.learning.task import Task, carry_out
from spiketwin.network import build
from tests.artificial import two_area_trials

FEATURES = Features(
    scales=[Scale(window_s=0.048, stride_s=0.024)], psth=Scale(window_s=0.012, stride_s=0.006)
)


def small_model(method: str = "debiased", **learning: object) -> Model:
    return Model.model_validate(
        {
            "losses": {"trial": {"method": method}},
            "network": {
                "inputs": [
                    {"name": "stimulus", "stimulus": "s", "channels": 20},
                    {"name": "noise", "channels": 20, "inhibitory_fraction": 0.4},
                ],
                "readout": {"areas": ["area2"]},
            },
            "learning": {
                "steps": 6,
                "batches": [8],
                "calibration": 12,
                "prerun_s": 0.02,
                "evaluate_every": 2,
                "evaluation_trials": 16,
                **learning,
            },
        }
    )


def _setting(model: Model, seed: int = 0):
    trials = two_area_trials()
    network = build(trials.stitching, model.network, ("jaw",), seed)
    fitter = gradient_fitter(network, trials, FEATURES, model, seed)
    return trials, network, fitter, held_out_score(network, trials, FEATURES, model, seed)


LIMITS = Limits(evaluate_every=2, patience=1000, checkpoint_s=1e9)


def _learn(network, fitter, score, path, mark, resumed=None, limits=LIMITS):
    display = Display("test", fitter.steps, 0)
    return learn(network, fitter, score, limits, path, mark, resumed, display)


def test_learning_rate_rises_stays_and_decays_to_its_final_share():
    config = GradientLearning(steps=1000, learning_rate=1.0)
    rates = [learning_rate(k, config) for k in range(1000)]
    assert rates[0] == pytest.approx(1 / 150)
    assert rates[150:400] == pytest.approx([1.0] * 250)
    assert rates[-1] == pytest.approx(0.05, abs=1e-3)
    assert learning_rate(0, GradientLearning(steps=20, learning_rate=1.0)) == pytest.approx(1 / 30)


def test_batches_grow_in_equal_shares():
    config = GradientLearning(steps=340, batches=[16, 32, 64, 128])
    sizes = [batch_size(k, config) for k in range(340)]
    assert [sizes.count(b) for b in (16, 32, 64, 128)] == [85, 85, 85, 85]


def test_calibration_brings_the_rates_close_to_the_recorded_ones():
    model = small_model(calibration=0)
    _, network, fitter, _ = _setting(model)
    bias, error = calibrate(network, fitter.pool, fitter.rates, fitter.bins, 25, 0.05, seed=0)
    assert error < 0.25
    assert bias.mean() > 0.02


def test_hopeless_calibration_stops_with_one_clear_line():
    _, network, fitter, _ = _setting(small_model())
    impossible = replace(fitter.rates, rate_hz=torch.full((40,), 400.0))
    with pytest.raises(SpiketwinError, match=r"log-rate error .* expected at most 0.4"):
        calibrate(network, fitter.pool, impossible, fitter.bins, 2, 0.0, seed=0)


def _record(step: int, loss: float, rate: float) -> Record:
    return Record(step, 1e-3, 8, loss, 0.1, rate)


def test_guard_sees_explosions_early_and_only_early():
    assert exploded(_record(10, 11.0, 10.0), rate_hz=10.0, first_loss=0.8)
    assert exploded(_record(10, 2.0, 25.0), rate_hz=10.0, first_loss=0.8)
    assert exploded(_record(10, 2.0, 4.0), rate_hz=10.0, first_loss=0.8)
    assert not exploded(_record(10, 2.0, 15.0), rate_hz=10.0, first_loss=0.8)
    assert not exploded(_record(10, 29.0, 10.0), rate_hz=10.0, first_loss=3.0)
    assert exploded(_record(10, 31.0, 10.0), rate_hz=10.0, first_loss=3.0)
    assert not exploded(_record(60, 99.0, 25.0), rate_hz=10.0, first_loss=0.8)
    with pytest.raises(SpiketwinError, match=r"learning\.learning_rate"):
        check_restarts(4)


def test_explosion_starts_again_with_half_the_learning_rate_and_twice_the_warmup():
    model = small_model(learning_rate=0.9, steps=60)
    _, network, fitter, _ = _setting(model)
    state, rates = fitter.start(network), []
    while not state.numbers["restarts"]:
        state, record = fitter.step(network, state)
        rates.append(record.learning_rate)
    assert state.step == 0
    _, record = fitter.step(network, state)
    assert record.learning_rate == pytest.approx(rates[0] / 4)


def test_inputs_that_overdrive_the_network_from_the_first_step_are_weakened_until_it_starts():
    """They fire after the stimulus only; the biases are calibrated before it."""
    model = small_model(steps=60)
    long = model.network.inputs[0].model_copy(update={"pulse_s": 0.2})
    inputs = [long, model.network.inputs[1]]
    model = model.model_copy(
        update={"network": model.network.model_copy(update={"inputs": inputs})}
    )
    _, network, fitter, _ = _setting(model)
    network = network.with_parameters({"input": 6 * network.parameters["input"]})
    state = fitter.start(network)
    assert torch.equal(state.parameters["input"], network.parameters["input"])
    for _ in range(12):
        state, record = fitter.step(network, state)
    assert state.numbers["restarts"] >= 1 and state.step > 0
    assert record.rate_hz < 2 * float(fitter.rates.psth.mean()) / fitter.bin_s


def test_one_seed_gives_the_same_bits_and_another_does_not(tmp_path):
    model = small_model()
    fitted = []
    for seed in (0, 0, 1):
        trials, network, fitter, score = _setting(model, seed)
        mark = fingerprint(model, digest_of(trials), seed)
        fitted.append(_learn(network, fitter, score, tmp_path / "c", mark).progress)
    assert all(torch.equal(fitted[0].best[n], fitted[1].best[n]) for n in fitted[0].best)
    assert [h["held_out"] for h in fitted[0].history][-1] == fitted[1].history[-1]["held_out"]
    assert not torch.equal(fitted[0].best["recurrent"], fitted[2].best["recurrent"])


def test_the_likelihood_like_loss_alone_falls():
    model = small_model("likelihood", steps=30, learning_rate=0.01, roulette=0.0)
    alone = model.losses.model_copy(update={"neuron": NeuronLoss(weight=0)})
    _, network, fitter, _ = _setting(model.model_copy(update={"losses": alone}))
    state, losses = fitter.start(network), []
    for _ in range(30):
        state, record = fitter.step(network, state)
        losses.append(record.loss_trial)
    assert np.mean(losses[-5:]) < 0.95 * np.mean(losses[:5])


@dataclass
class _Killed:
    """A score that is killed after some evaluations."""

    score: object
    left: int

    def __call__(self, network):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.score(network)


def test_a_killed_fit_resumes_to_the_same_bits(tmp_path):
    model, path = small_model(), tmp_path / "checkpoint.safetensors"
    trials, network, fitter, score = _setting(model)
    mark = fingerprint(model, digest_of(trials), 0)
    whole = _learn(network, fitter, score, path, mark).progress
    often = replace(LIMITS, checkpoint_s=0.0)
    with pytest.raises(KeyboardInterrupt):
        _learn(network, fitter, _Killed(score, 2), path, mark, limits=often)
    resumed = load_checkpoint(path, mark)
    assert resumed is not None and 4 <= resumed.state.step < 6
    finished = _learn(network, fitter, score, path, mark, resumed).progress
    assert all(torch.equal(whole.best[n], finished.best[n]) for n in whole.best)
    for first, second in zip(whole.history, finished.history, strict=True):
        assert first["loss_trial"] == second["loss_trial"]
    assert whole.best_score == finished.best_score


def test_checkpoint_of_another_configuration_is_refused_and_kept(tmp_path):
    model, path = small_model(), tmp_path / "checkpoint.safetensors"
    trials, network, fitter, score = _setting(model)
    progress = _learn(network, fitter, score, path, {}).progress
    save_checkpoint(path, progress, fingerprint(model, digest_of(trials), 0))
    other = fingerprint(small_model(steps=7), digest_of(trials), 0)
    with pytest.raises(SpiketwinError, match=r"differs in: learning.*--fresh"):
        load_checkpoint(path, other)
    with pytest.raises(SpiketwinError, match=r"differs in: seed"):
        load_checkpoint(path, fingerprint(model, digest_of(trials), 1))
    assert path.exists()


def test_a_checkpoint_of_other_features_belongs_to_another_fit():
    model, trials = small_model(roulette=0.0), two_area_trials()
    coarser = FEATURES.model_copy(update={"psth": Scale(window_s=0.024, stride_s=0.012)})
    one, other = (gradient_task("m", model, trials, f, 0).mark for f in (FEATURES, coarser))
    assert {name for name in one if one[name] != other[name]} == {"features"}


def test_garbage_is_no_checkpoint(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"garbage")
    with pytest.raises(SpiketwinError, match="is no checkpoint"):
        load_checkpoint(path, {})


class _Scripted:
    """A fitter that only counts, with a scripted loss."""

    steps = 10

    def __init__(self, losses, parameters=lambda k: 0.0):
        self.losses, self.parameters = losses, parameters

    def start(self, network):
        return FitState(0, {}, {"x": torch.zeros(1)})

    def step(self, network, state):
        k = state.step + 1
        parameters = {"y": torch.full((1,), self.parameters(k))}
        evaluated = {"x": torch.full((1,), float(k))}
        return FitState(k, parameters, evaluated), _record(k, self.losses(k), 1.0)


@dataclass
class _ScriptedScore:
    values: list

    def __call__(self, network):
        return self.values.pop(0)


class _Anything:
    def with_parameters(self, parameters):
        return self


def test_the_best_held_out_model_is_kept_and_patience_ends_the_fit(tmp_path):
    score = _ScriptedScore([0.5, 0.2, 0.3, 0.4, 0.1])
    limits = Limits(evaluate_every=2, patience=4, checkpoint_s=1e9)
    fitted = _learn(_Anything(), _Scripted(lambda k: 1.0), score, tmp_path / "c", {}, limits=limits)
    assert (fitted.progress.best_step, fitted.progress.best_score) == (4, 0.2)
    assert fitted.progress.best["x"].item() == 4
    assert fitted.progress.state.step == 8 and "since step 4" in fitted.stop


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_model(tmp_path):
    score = _ScriptedScore([0.5, 0.4, 0.3])
    fitter = _Scripted(lambda k: np.nan if k == 5 else 1.0)
    fitted = _learn(_Anything(), fitter, score, tmp_path / "c", {})
    assert "not finite at step 5" in fitted.stop
    assert fitted.progress.best["x"].item() == 4


def test_a_fit_that_starts_again_says_so_once(tmp_path, capsys):
    class Restarting(_Scripted):
        exploded = False

        def step(self, network, state):
            after, record = super().step(network, state)
            if record.step == 3 and not self.exploded:
                self.exploded = True
                return self.start(network), record
            return after, record

    _learn(_Anything(), Restarting(lambda k: 1.0), _ScriptedScore([0.5] * 9), tmp_path / "c", {})
    assert capsys.readouterr().err.count("exploded in step 3: starts again from step 0") == 1


@pytest.mark.parametrize("before, after, best", [(0.6, 0.5, 2), (0.4, 0.5, 0)])
def test_what_was_never_evaluated_is_kept_if_better_than_nothing(before, after, best, tmp_path):
    score = _ScriptedScore([before, after])
    limits = Limits(evaluate_every=10, patience=100, checkpoint_s=1e9)
    fitter = _Scripted(lambda k: np.nan if k == 3 else 1.0)
    fitted = _learn(_Anything(), fitter, score, tmp_path / "c", {}, limits=limits)
    assert "not finite at step 3" in fitted.stop
    assert fitted.progress.best_step == best and fitted.progress.best["x"].item() == best
    assert fitted.progress.best_score == min(before, after)


@pytest.mark.parametrize("loss", [np.nan, 1.0])
def test_a_fit_that_could_not_go_on_warns_and_no_other(loss, tmp_path):
    fitter = _Scripted(lambda k: loss if k == 7 else 1.0)
    score, about = _ScriptedScore([0.5] * 9), {}
    task = Task(
        "m", small_model(), 0, _Anything(), fitter, score, LIMITS, {}, "none",
        save=lambda network, folder, facts: about.update(facts),
    )  # fmt: skip
    carry_out(task, tmp_path, fresh=True)
    stopped = "loss or parameters not finite at step 7; the best model before it is kept"
    assert about["warnings"] == ([] if loss == 1 else [stopped])


def test_parameters_that_are_not_finite_stop_the_fit_before_they_are_used(tmp_path):
    score = _ScriptedScore([0.5, 0.4, 0.3])
    fitter = _Scripted(lambda k: 1.0, lambda k: np.inf if k == 5 else 0.0)
    fitted = _learn(_Anything(), fitter, score, tmp_path / "c", {})
    assert "not finite at step 5" in fitted.stop
    assert fitted.progress.best["x"].item() == 4
    assert fitted.progress.state.step == 4
