"""What rate matching refuses, and what it keeps when learning cannot go on."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from spiketwin.config import Pattern, RateModel, resolve_targets
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.learning import fit_targets
from spiketwin.learning.rls.fit import rate_task
from spiketwin.learning.rls.fitter import WORST
from spiketwin.learning.rls.given import assembled_run, given_targets
from spiketwin.learning.task import carry_out
from spiketwin.network.sparse.filtered import Filtered, filtered_network
from spiketwin.network.sparse.store import load_sparse
from spiketwin.trials.targets import recorded_targets, repeated_cells
from spiketwin.trials.trialset import Trials, TrialSet


def one_line(caught):
    return "\n" not in str(caught.value)


def from_file(folder, **arrays):
    np.savez(folder / "t.npz", **arrays)
    given = Pattern(
        pattern="file", file=str(folder / "t.npz"), arrays={name: name for name in arrays}
    )
    return given_targets(given, RateModel.model_validate({"learning": {"every_s": 0.02}}), 0)


def test_a_cell_asked_twice_in_a_file(tmp_path):
    left, right = np.random.default_rng(0).gamma(2, 3, (2, 21, 6))
    left[:, 4], right[:, 4] = left[:, 1], right[:, 1]
    with pytest.raises(SpiketwinError, match=r"cell 4 is asked twice .* rates of cell 1 in") as e:
        from_file(tmp_path, left=left, right=right)
    assert one_line(e)
    left[:, 5], right[:, 5] = left[:, 0], right[:, 0]
    with pytest.raises(SpiketwinError, match=r"2 cells \(4, 5\) are asked twice"):
        from_file(tmp_path, left=left, right=right)


def test_cells_alike_in_one_condition_or_constant_are_different_cells(tmp_path):
    left, right = np.random.default_rng(0).gamma(2, 3, (2, 21, 6))
    left[:, 4] = left[:, 1]
    left[:, 2:4], right[:, 2:4] = 0.5, 0.5
    assert from_file(tmp_path, left=left, right=right).cells == 6


def test_repeats_are_told_with_their_first_cell():
    values = np.random.default_rng(0).normal(size=(2, 9, 5))
    values[:, :, 3] = values[:, :, 0]
    values[:, :, 4] = values[:, :, 0]
    again, earlier = repeated_cells(values)
    np.testing.assert_array_equal(again, [3, 4])
    np.testing.assert_array_equal(earlier, [0, 0])


def session(name, neurons):
    counts = np.random.default_rng(0).poisson(1.0, (4, 10, len(neurons))).astype(np.uint8)
    return TrialSet(
        session=name, counts=counts, behaviour=np.zeros((4, 10, 0), np.float32), traces=(),
        trials=pd.DataFrame({"trial": range(4), "condition": "a", "outcome": "", "split": "train"}),
        units=pd.DataFrame({"neuron": neurons}), stimuli=pd.DataFrame(), start_s=0.0, bin_s=0.01,
    )  # fmt: skip


@pytest.mark.parametrize(
    "units, message",
    [
        ([[0, 1], [1, 2]], r"cell 1 is asked twice \(units of s0, s1\)"),
        ([[0, 1], [2, 2]], r"cell 2 is asked twice \(units of s1\)"),
        ([[0, 1], [0, 1]], r"2 cells \(0, 1\) are asked twice \(units of s0, s1\)"),
    ],
)
def test_a_cell_asked_twice_in_recordings(units, message):
    cells = pd.DataFrame({"neuron": range(3)})
    sessions = [session(f"s{k}", neurons) for k, neurons in enumerate(units)]
    with pytest.raises(SpiketwinError, match=message) as caught:
        recorded_targets(Trials(tuple(sessions), cells), 0.01, 0.0)
    assert one_line(caught)


def test_cells_of_several_sessions_keep_their_own_averages():
    sessions = session("s0", [2, 0]), session("s1", [1])
    found = recorded_targets(Trials(sessions, pd.DataFrame({"neuron": range(3)})), 0.01, 0.0)
    averages = [one.counts.mean(0) / 0.01 for one in sessions]
    expected = np.stack([averages[0][:, 1], averages[1][:, 0], averages[0][:, 0]], 1)
    np.testing.assert_allclose(found.values[0], expected)


@pytest.mark.parametrize(
    "given, message",
    [
        ({"inhibitory_fraction": 0.2, "probability": 1.0}, "80 inputs from 79 other neurons"),
        ({"inhibitory_fraction": 0.001}, "0 of 100 neurons are inhibitory"),
        ({"inhibitory_fraction": 0.999}, "100 of 100 neurons are inhibitory"),
        ({"probability": 1e-6}, "no synapse among 100 neurons"),
        ({"probability": 1e-6, "inhibitory_fraction": 0.2}, "no synapse among 100 neurons"),
    ],
)
def test_networks_that_cannot_be_wired(given, message):
    with pytest.raises(SpiketwinError, match=message) as caught:
        filtered_network(Filtered("theta", 100, **given), np.random.default_rng(0))
    assert one_line(caught)


RUN = {
    "run": "small",
    "targets": {"window_s": 0.3},
    "network": {"neurons": 120, "static_inputs": 0, "plastic_inputs": 40, "noise": 0.65,
                "drive": [0.6, 0.6]},
    "cue": {"lead_s": 0.05, "duration_s": 0.05},
    "learning": {"method": "rls", "steps": 6, "evaluate_every": 10, "evaluation_trials": 2},
    "models": {"m": {}},
}  # fmt: skip


def told(folder):
    return json.loads((folder / "model.json").read_text())


def test_singular_least_squares_stop_with_the_weights_of_the_beginning(tmp_path):
    """Fewer samples than inputs and hardly a prior: no solution in single precision."""
    learning = {**RUN["learning"], "ridge": 1e-12, "row_sum": 0.0, "growth": 0.0}
    run = resolve_targets({**RUN, "learning": learning})
    fit_targets(run, "m", 0, RunFiles(tmp_path))
    folder = RunFiles(tmp_path).fit("m", 0)
    about, network = told(folder), load_sparse(folder)[0]
    assert "the least squares are singular" in about["stop"] and "at step 1;" in about["stop"]
    assert about["warnings"] == [about["stop"]]
    np.testing.assert_array_equal(network.weights, assembled_run(run, "m", 0).network.weights)


def test_singular_least_squares_keep_the_weights_of_the_step_before(tmp_path):
    """Also where none of the steps has been evaluated; what the broken step began is dropped."""
    run = resolve_targets(RUN)
    task = rate_task("m", run.models["m"], assembled_run(run, "m", 0), "", 0)
    absorb, done = task.fitter.rule.absorb, []

    def breaking(regressors, memory, weights, samples):
        done.append(0)
        if len(done) == 3:
            weights[:10] = 7.0
            raise torch.linalg.LinAlgError("not positive definite")
        return absorb(regressors, memory, weights, samples)

    rule = replace(task.fitter.rule, absorb=breaking)
    carry_out(replace(task, fitter=replace(task.fitter, rule=rule)), tmp_path, fresh=True)
    state = task.fitter.start(task.network)
    for _ in range(2):
        state, _ = task.fitter.step(task.network, state)
    about, network = told(tmp_path), load_sparse(tmp_path)[0]
    np.testing.assert_array_equal(network.weights, state.parameters["weights"].numpy())
    assert about["best_step"] == 2 and "singular" in about["stop"] and "step 3" in about["stop"]
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert len(history) == 2 and np.isfinite(history["held_out"].iloc[-1])


def test_a_network_that_explodes_has_the_worst_score():
    """Its averages may well correlate with the targets."""
    learning = {**RUN["learning"], "largest_rate_hz": 100}
    run = resolve_targets({**RUN, "learning": learning})
    task = rate_task("m", run.models["m"], assembled_run(run, "m", 0), "", 0)
    fast = replace(task.network, drive=task.network.drive + 5)
    assert task.score(task.network) < WORST and task.score(fast) == WORST
    assert replace(task.score, largest_rate_hz=1000.0)(fast) < WORST
