"""Rate matching from configuration to fitted network, on networks that learn within seconds."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.optimize import lsq_linear

from spiketwin.config import Pattern, RateModel, read_run, resolve, resolve_targets
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.learning import fit_targets
from spiketwin.learning.checkpoint import Progress, save_checkpoint
from spiketwin.learning.rls.assemble import assemble_balanced, match_by_rate, regressors_of
from spiketwin.learning.rls.fit import digest_of_targets, rate_task, recorded_task
from spiketwin.learning.rls.fitter import correlations
from spiketwin.learning.rls.given import assembled_run, given_targets
from spiketwin.learning.rls.rule import rate, rate_slope
from spiketwin.learning.rls.signs import with_signs
from spiketwin.network.sparse.store import load_sparse
from spiketwin.trials.targets import DRIVE, RATE, Targets, odd_points, recorded_targets, smoothed
from spiketwin.trials.trialset import Trials, TrialSet

SMALL = {
    "network": {"neurons": 300, "static_inputs": 0, "plastic_inputs": 40, "noise": 0.65,
                "drive": [0.6, 0.6]},
    "cue": {"lead_s": 0.1, "duration_s": 0.1},
    "learning": {"method": "rls", "steps": 6, "evaluate_every": 2, "evaluation_trials": 4},
}  # fmt: skip


def small(**learning):
    """A run on one sinusoid per neuron; without static synapses the noise keeps neurons firing."""
    merged = {**SMALL, "learning": {**SMALL["learning"], **learning}}
    return resolve_targets(
        {"run": "small", "targets": {"window_s": 0.5}, "models": {"m": {}}, **merged}
    )


def assembled(run, seed=0):
    return run.models["m"], assembled_run(run, "m", seed)


@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "ridge"},
        {"solver": "ridge", "course_only": True},
        {"solver": "sequential"},
        {"solver": "block", "block": 10},
    ],
)
def test_a_network_learns_its_targets(solver):
    model, made = assembled(small(ridge=0.01, **solver))
    task = rate_task("m", model, made, "", 0)
    before = task.score(task.network)
    state = task.fitter.start(task.network)
    for _ in range(5):
        state, record = task.fitter.step(task.network, state)
    after = task.score(task.network.with_parameters(state.parameters))
    assert before > 0.8 and after < 0.4
    assert record.trouble == "" and 1 < record.rate_hz < 50 and record.weight_change > 0.01
    assert 0.01 < record.gain < 1


def test_one_block_per_trial_and_sample_by_sample_start_alike():
    """The first trial is run with the same weights: one update of all its samples is exact."""
    weights = []
    for solver in ({"solver": "ridge", "growth": 0.0}, {"solver": "block", "block": 50}):
        model, made = assembled(small(**solver))
        task = rate_task("m", model, made, "", 0)
        state, _ = task.fitter.step(task.network, task.fitter.start(task.network))
        weights.append(state.parameters["weights"].numpy())
    change = np.abs(weights[0] - made.network.weights).max()
    assert np.abs(weights[0] - weights[1]).max() < 2e-3 * change


def test_the_whole_stage_resumes_to_the_same_bits(tmp_path):
    run = small(evaluate_every=1)
    whole, parted = RunFiles(tmp_path / "whole"), RunFiles(tmp_path / "parted")
    fit_targets(run, "m", 0, whole)
    model, made = assembled(run)
    task = rate_task("m", model, made, digest_of_targets(made.targets), 0)
    state = task.fitter.start(task.network)
    for _ in range(3):
        state, _ = task.fitter.step(task.network, state)
    path = parted.fit("m", 0) / "checkpoint.safetensors"
    save_checkpoint(path, Progress(state, state.parameters), task.mark)
    fit_targets(run, "m", 0, parted)
    networks = [load_sparse(files.fit("m", 0))[0] for files in (whole, parted)]
    np.testing.assert_array_equal(networks[0].weights, networks[1].weights)
    assert not path.exists()


def test_divergence_stops_and_keeps_the_best(tmp_path):
    run, files = small(largest_rate_hz=1.0), RunFiles(tmp_path)
    fit_targets(run, "m", 0, files)
    network, _, _ = load_sparse(files.fit("m", 0))
    _, made = assembled(run)
    np.testing.assert_array_equal(network.weights, made.network.weights)
    stop = (files.fit("m", 0) / "model.json").read_text()
    assert "learning diverged" in stop and "learning.largest_rate_hz 1;" in stop


def test_dale_keeps_every_sign():
    model, made = assembled(small(dale=True, ridge=0.005))
    task = rate_task("m", model, made, "", 0)
    state = task.fitter.start(task.network)
    for _ in range(3):
        state, record = task.fitter.step(task.network, state)
    assert math.isnan(record.gain)  # weights held at zero do not follow
    signs, weights = np.sign(made.network.weights), state.parameters["weights"].numpy()
    assert (signs * weights >= 0).all()
    assert (weights == 0).mean() > 0.01


def test_signs_are_kept_by_the_exact_minimum():
    generator = np.random.default_rng(0)
    for size in (3, 12, 30):
        rows = generator.normal(size=(8, size + 5, size))
        gram = np.einsum("rka,rkb->rab", rows, rows) + 0.1 * np.eye(size)
        initial, cross = generator.normal(size=(8, size)), 4 * generator.normal(size=(8, size))
        signs = generator.choice([-1.0, 0.0, 1.0], (8, size))
        arrays = [torch.from_numpy(a) for a in (gram, cross, initial, signs)]
        held = torch.from_numpy(generator.random((8, size)) < 0.3)
        found = with_signs(*arrays, held).numpy() + initial
        for row in range(8):
            root = np.linalg.cholesky(gram[row]).T
            wanted = np.linalg.solve(root.T, gram[row] @ initial[row] + cross[row])
            low = np.where(signs[row] > 0, 0, -np.inf)
            high = np.where(signs[row] < 0, 0, np.inf)
            expected = lsq_linear(root, wanted, (low, high), method="bvls", tol=1e-14).x
            np.testing.assert_allclose(found[row], expected, atol=1e-7)


def test_rate_of_theta_neurons_and_its_slope():
    x = np.linspace(-1, 3, 50)
    numeric = (rate(x + 1e-6) - rate(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(rate_slope(x), numeric, rtol=1e-6)
    for precision in (np.float32, np.float64):
        far = rate_slope(np.array([-100.0, -20.0, -6.0], precision))
        assert (far == 0).all()
    np.testing.assert_allclose(rate(np.array([4.0])), 2 / np.pi, rtol=1e-6)


def test_cells_take_the_neurons_of_nearest_rate():
    cells = np.array([2.0, 9.0, 5.0, 7.0])
    inhibitory = np.array([False, False, False, True])
    neurons = np.array([1.0, 4.9, 8.0, 8.5, 6.0, 30.0])
    kinds = np.array([False, False, False, False, True, True])
    found = match_by_rate(cells, inhibitory, neurons, kinds)
    np.testing.assert_array_equal(found, [0, 3, 1, 4])
    with pytest.raises(SpiketwinError, match="4 excitatory cells for 3 excitatory neurons"):
        match_by_rate(cells, np.zeros(4, bool), neurons, ~np.array([1, 1, 1, 0, 0, 0], bool))


def test_recorded_rates_become_targets():
    counts = np.zeros((6, 8, 2), np.uint8)
    counts[:4, :, 0] = 1
    counts[4:, 4:, 1] = 2
    trials = pd.DataFrame({"trial": range(6), "condition": list("aaaabb"), "outcome": ""})
    session = TrialSet(
        session="s", counts=counts, behaviour=np.zeros((6, 8, 0), np.float32), traces=(),
        trials=trials.assign(split="train"),
        units=pd.DataFrame({"neuron": [1, 0]}),
        stimuli=pd.DataFrame(), start_s=0.0, bin_s=0.01,
    )  # fmt: skip
    both = Trials((session,), pd.DataFrame({"neuron": [0, 1]}))
    targets = recorded_targets(both, 0.02, 0.0)
    assert targets.conditions == ("a", "b") and targets.kind == RATE
    np.testing.assert_allclose(targets.values[0, :, 1], 100)
    np.testing.assert_allclose(targets.values[1, :, 0], [0, 0, 200, 200])
    wide = recorded_targets(both, 0.02, 0.06)
    np.testing.assert_allclose(wide.values[1, :, 0], [0, 200 / 3, 400 / 3, 200])


def test_running_mean_is_shorter_at_the_ends():
    values = np.arange(5.0)[None, :, None]
    np.testing.assert_allclose(smoothed(values, 3)[0, :, 0], [0.5, 1, 2, 3, 3.5])


@pytest.mark.parametrize(
    ("width", "points"),
    [(0.0, 1), (0.009, 1), (0.02, 3), (0.05, 5), (0.07, 7), (0.1, 11), (0.3, 31), (0.5, 51)],
)
def test_a_running_mean_has_the_nearest_odd_number_of_points(width, points):
    assert odd_points(width, 0.01) == points


@pytest.mark.parametrize(
    "given, message",
    [
        ({"learning": {"method": "rls", "ridge": 0}}, "learning.ridge: Input should be greater"),
        ({"learning": {"method": "rls", "every_s": 0.00015}}, "not a multiple of network.step_s"),
        ({"learning": {"method": "rls", "solver": "block", "dale": True}}, "needs solver ridge"),
        (
            {"learning": {"method": "rls", "solver": "block", "course_only": True}},
            "course_only: true needs solver ridge",
        ),
        ({"learning": {"method": "rls", "rigde": 1}}, "did you mean 'ridge'"),
        ({"targets": {"pattern": "file"}}, "pattern file needs file and arrays"),
    ],
)
def test_bad_settings_are_one_clear_line(given, message):
    with pytest.raises(SpiketwinError, match=message) as caught:
        resolve_targets({"run": "r", "targets": {}, "models": {"m": {}}, **given})
    assert "\n" not in str(caught.value) and "balanced" not in str(caught.value).split(":")[1]


def test_targets_that_cannot_be(tmp_path):
    good = np.ones((11, 4))
    bad = good.copy()
    bad[3, 2] = np.nan
    np.savez(tmp_path / "t.npz", good=good, bad=bad, wide=np.ones((11, 5)))
    model = RateModel.model_validate({"learning": {"every_s": 0.01}})

    def read(**arrays):
        given = Pattern(pattern="file", file=str(tmp_path / "t.npz"), arrays=arrays)
        return given_targets(given, model, 0)

    assert read(a="good").values.shape == (1, 20, 4)
    with pytest.raises(
        SpiketwinError, match=r"targets of 1 of 4 cells are not finite .first: cell 2"
    ):
        read(a="bad")
    with pytest.raises(SpiketwinError, match=r"no array 'gone' .targets.arrays.a.; it has: good"):
        read(a="gone")
    with pytest.raises(SpiketwinError, match="differ in shape"):
        read(a="good", b="wide")
    with pytest.raises(SpiketwinError, match="negative"):
        Targets(-np.ones((1, 2, 3)), RATE, 10.0, ("a",))


def test_more_plastic_inputs_than_neurons():
    run = small()
    raw = run.models["m"].model_dump()
    raw["network"]["plastic_inputs"] = 200
    model = RateModel.model_validate(raw)
    targets = Targets(np.zeros((1, 50, 300)), DRIVE, 10.0, ("a",))
    with pytest.raises(SpiketwinError, match="200 plastic inputs from 150 excitatory"):
        assemble_balanced(model, targets, np.zeros(300, bool), 0)


def test_priors_of_feedforward_units_and_classes():
    run = small()
    raw = run.models["m"].model_dump()
    raw["network"]["feedforward"] = 3
    model = RateModel.model_validate(raw)
    targets = Targets(np.zeros((2, 50, 300)), DRIVE, 10.0, ("a", "b"))
    made = assemble_balanced(model, targets, np.zeros(300, bool), 0)
    regressors = regressors_of(made.network, model.learning)
    assert regressors.width == 80 + 6
    assert (regressors.ridge[:, 80:] == 1).all() and (regressors.group[:, 80:] == 0).all()
    # Each condition has feed-forward units of its own: exact least squares for separate weights.
    assert (made.course.rates[0, :, 3:] == 0).all() and (made.course.rates[1, :, :3] == 0).all()
    assert (made.course.rates[0, :, :3] > 0).all()


def test_correlation_of_a_constant_is_undefined():
    found = correlations(np.array([[1.0, 1], [2, 1]]), np.array([[1.0, 1], [3, 2]]))
    assert found[0] == pytest.approx(1) and math.isnan(found[1])


def test_either_kind_of_configuration_is_read(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("run: r\ntargets: {}\nmodels: {m: {}}\n")
    assert read_run(path).targets.pattern == "phased sines"


def test_instants_are_bins_and_bins_are_steps():
    for bin_s, message in (
        (0.004, "every_s 0.01 s is not a multiple"),
        (0.00125, "not a multiple of network"),
    ):
        with pytest.raises(SpiketwinError, match=message):
            resolve(
                {
                    "run": "r",
                    "recordings": {"synthetic": {}},
                    "trials": {"window_s": [0.0, 0.2], "bin_s": bin_s},
                    "models": {"m": {"learning": {"method": "rls"}}},
                }
            )


def test_targets_of_a_model_need_a_run_on_targets():
    with pytest.raises(SpiketwinError, match="model 'm' has targets; in a run on recordings"):
        resolve(
            {
                "run": "r",
                "recordings": {"synthetic": {}},
                "trials": {"window_s": [0.0, 0.2]},
                "models": {"m": {"learning": {"method": "rls"}, "targets": {}}},
            }
        )


RECORDED = {
    "run": "r",
    "recordings": {"synthetic": {}},
    "trials": {"window_s": [0.0, 0.2]},
    "models": {"m": {"learning": {"method": "rls"}}},
}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"trials": {"window_s": [0.0, 0.212]}}, "trials.window_s is not a multiple of learning"),
        (
            {"recordings": {"synthetic": {}, "mapping": {"behaviour": {"jaw": {"path": "p"}}}}},
            "has no behaviour; leave recordings.mapping.behaviour out",
        ),
    ],
)
def test_what_recordings_and_rate_matching_cannot_do_together(given, message):
    with pytest.raises(SpiketwinError, match=message):
        resolve({**RECORDED, **given})


@pytest.mark.parametrize(
    "given, message",
    [
        ({"targets": {"measure": "rate"}}, "rates of artificial patterns are for theta neurons"),
        ({"targets": {"measure": "filtered"}}, "artificial patterns are for theta neurons"),
        ({"targets": {"pattern": "innate", "measure": "rate"}}, "says itself what is matched"),
        ({"network": {"inputs": [{"name": "a"}]}}, "network.inputs needs recordings"),
        ({"network": {"inputs": [{"name": "a", "fluctuation": 1.0}]}}, "'a' wanders"),
        ({"analysis": {"deleted": [40]}}, "analysis.deleted.0"),
    ],
)
def test_what_given_targets_cannot_do(given, message):
    with pytest.raises(SpiketwinError, match=message):
        resolve_targets({"run": "r", "targets": {}, "models": {"m": {}}, **given})


def test_models_of_a_run_on_targets_share_also_when_they_name_the_method():
    run = resolve_targets(
        {
            "run": "r",
            "targets": {},
            "network": {"kind": "theta", "neurons": 50},
            "models": {"m": {"learning": {"method": "rls", "steps": 3}}},
        }
    )
    assert run.models["m"].network.neurons == 50


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY"])
def test_files_that_are_no_targets(tmp_path, content):
    path = tmp_path / "t.npz"
    path.write_bytes(content)
    given = Pattern(pattern="file", file=str(path), arrays={"a": "rates"})
    with pytest.raises(SpiketwinError, match="cannot be read as npz"):
        given_targets(given, RateModel(), 0)


def test_targets_of_text_or_without_instants(tmp_path):
    np.savez(tmp_path / "t.npz", text=np.array([["a"] * 3] * 5), short=np.ones((2, 3)))
    for name, message in (("text", "expected numbers"), ("short", "shorter than the time between")):
        given = Pattern(
            pattern="file", file=str(tmp_path / "t.npz"), arrays={"a": name}, instant_s=0.001
        )
        with pytest.raises(SpiketwinError, match=message):
            given_targets(given, RateModel(), 0)


def test_a_silent_network_tells_nothing_about_currents():
    model = RateModel.model_validate({"network": {"neurons": 200, "static_inputs": 0}})
    targets = Targets(np.ones((1, 20, 50)), RATE, 10.0, ("a",))
    with pytest.raises(SpiketwinError, match="the untrained network is silent"):
        assemble_balanced(model, targets, np.zeros(50, bool), 0)


def recorded(split):
    """Trials of two conditions; the second one only in the given parts of the split."""
    generator = np.random.default_rng(0)
    table = pd.DataFrame(
        {"trial": range(30), "condition": ["a"] * 15 + ["b"] * 15, "outcome": "", "split": split}
    )
    session = TrialSet(
        session="s", counts=generator.poisson(0.1, (30, 20, 40)).astype(np.uint8),
        behaviour=np.zeros((30, 20, 0), np.float32), traces=(), trials=table,
        units=pd.DataFrame({"unit": range(40), "neuron": range(40)}),
        stimuli=pd.DataFrame({"trial": [], "stimulus": [], "time_s": [], "amplitude": []}),
        start_s=0.0, bin_s=0.01,
    )  # fmt: skip
    return Trials(
        (session,), pd.DataFrame({"neuron": range(40), "cell_type": "excitatory", "area": "x"})
    )


@pytest.mark.parametrize(
    "held, kind, conditions",
    [
        (["validation"] * 5 + ["train"] * 10, "RateScore", ("a",)),
        (["train"] * 15, "DriveScore", ("a", "b")),
    ],
)
def test_what_is_not_held_out_is_not_scored(held, kind, conditions):
    trials = recorded([*held, *["train"] * 15])
    model = RateModel.model_validate(
        {
            "network": {"neurons": 200, "static_inputs": 0, "plastic_inputs": 20, "noise": 0.65,
                        "drive": [0.5, 0.5]},
            "cue": {"lead_s": 0.05, "duration_s": 0.05},
            "learning": {"evaluation_trials": 2},
        }
    )  # fmt: skip
    task = recorded_task("m", model, trials, 0)
    assert type(task.score).__name__ == kind
    targets = task.score.held_out if kind == "RateScore" else task.score.targets
    assert targets.conditions == conditions
    assert 0 < task.score(task.network) <= 2
