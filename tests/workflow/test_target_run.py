"""A run on given targets through all of its commands, and what networks do after lesions."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

from spiketwin.cli import main
from spiketwin.config import resolve_targets
from spiketwin.learning.rls.given import assembled_run
from spiketwin.network.sparse.lesions import divergence, silenced, spectral_radius, withdraw
from spiketwin.network.sparse.observe import observe
from spiketwin.network.sparse.plain import dense_plastic
from spiketwin.network.sparse.simulator import Simulator, random_membrane
from tests.workflow.test_workflow import run as run_workflow

RUN = {
    "run": "small",
    "targets": {"pattern": "sines", "window_s": 0.4},
    "network": {"kind": "theta", "neurons": 100, "gain": 2.0, "zero_sum": True},
    "cue": {"kind": "constant", "duration_s": 0.1, "lead_s": 0.1},
    "learning": {
        "method": "rls", "solver": "sequential", "every_s": 0.002, "weights_act": "at once",
        "ridge": 1.0, "row_sum": 0.0, "steps": 6, "evaluate_every": 3, "evaluation_trials": 2,
        "largest_rate_hz": 200,
    },
    "models": {
        "drives": {},
        "rates": {
            "learning": {"steps": 40},
            "targets": {"pattern": "sines", "measure": "rate", "window_s": 0.4},
        },
    },
    "analysis": {"trials": 3, "smoothing_s": 0.0, "deleted": [0.4], "shuffled": [1.0],
                 "divergence": True},
    "sweeps": {
        "length": {"learning.steps": [2], "targets.window_s": [0.2, 0.4], "network.gain": [1, 2]}
    },
}  # fmt: skip
NAMED = ["drives", "rates"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A finished run."""
    root = tmp_path_factory.mktemp("targets")
    config = root / "small.yaml"
    config.write_text(yaml.safe_dump(RUN, sort_keys=False))
    common = ["--config", str(config), "--results", str(root)]
    for model in resolve_targets(RUN).models:
        for stage in ("fit", "simulate"):
            assert main([stage, *common, "--model", model, "--seed", "0"]) == 0
    for stage in ("analyse", "plot", "report"):
        assert main([stage, *common]) == 0
    return root / "small", common


def test_both_models_follow_their_targets(results):
    recall = pd.read_parquet(results[0] / "tables" / "recall.parquet")
    scores = recall.pivot_table(index="score", columns="model", values="value")
    assert (scores.loc["single-trial correlation"][NAMED] > 0.7).all()
    lost = (
        scores.loc["single-trial correlation"] - scores.loc["single-trial correlation, 40% deleted"]
    )
    assert (lost[NAMED] > 0.15).all()
    shuffled = scores.loc["single-trial correlation, 100% shuffled"]
    assert (shuffled[NAMED] < scores.loc["single-trial correlation"][NAMED] - 0.3).all()
    assert scores.loc["component 1, trained neurons"][NAMED].min() > 0.9
    assert (scores.loc["spectral radius before learning"] > 0).all()


def test_tables_and_figures_are_there(results):
    folder, common = results
    tracking = pd.read_parquet(folder / "tables" / "tracking.parquet")
    assert len(tracking) == 6 * 100 and set(NAMED) < set(tracking["model"])
    fits = pd.read_parquet(folder / "tables" / "fits.parquet")
    assert set(fits["steps"]) == {2, 6, 40} and (fits["parameters"] > 2000).all()
    assert (
        pd.read_parquet(folder / "tables" / "divergence.parquet")["difference"].dropna() >= 0
    ).all()
    sweeps = pd.read_parquet(folder / "tables" / "sweeps.parquet")
    assert len(sweeps) == 4 * 2 and set(sweeps["sweep"]) == {"length"}
    for name in ("learning", "recall", "trajectories", "lesions", "divergence", "sweeps"):
        assert (folder / "figures" / f"{name}.pdf").stat().st_size > 3000
    assert main(["plot", *common, "--figure", "nothing"]) == 1
    page = (folder / "report.html").read_text()
    assert "Follows its targets: correlation with the target 0.9" in page
    assert page.count("data:image/svg+xml") == 6 and "single-trial correlation, 40% deleted" in page
    assert "Sweep length" in page and page.count('class="verdict') == 2


def test_every_point_of_a_sweep_has_its_jobs(tmp_path):
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(RUN, sort_keys=False))
    planned = run_workflow(tmp_path, "--cores", "1", "--dry-run")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    assert len(re.findall(r"wildcards: run=small, model=length\+\S+, seed=0", planned.stdout)) == 8


def test_perturbations_are_refused_in_one_line(results, capsys):
    given = ["--model", "drives", "--seed", "0", "--perturb", "area=a,current=1,window=0:1"]
    assert main(["simulate", *results[1], *given]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def network():
    raw = {**RUN, "learning": {**RUN["learning"], "steps": 1}}
    return assembled_run(resolve_targets(raw), "drives", 0)


def test_silenced_neurons_reach_nobody():
    made = network()
    lesioned = silenced(made.network, np.arange(40))
    dense = dense_plastic(lesioned)
    assert (dense[:, :40] == 0).all() and (dense[:, 40:] != 0).any()
    np.testing.assert_array_equal(dense[:, 40:], dense_plastic(made.network)[:, 40:])


def test_a_withdrawn_spike_leaves_no_trace():
    made = network()
    start = random_membrane(made.network, np.random.default_rng(0))
    with_spike, without = (Simulator(made.network, start.copy()) for _ in range(2))
    spikes = []
    while len(spikes) != 1:
        before = without.slow * made.network.slow.decay, without.filtered.copy()
        spikes = with_spike.advance(1, room=5).spikes
        without.advance(1)
    withdraw(made.network, without, int(spikes[0, 1]))
    np.testing.assert_allclose(without.slow, before[0], atol=1e-6)
    np.testing.assert_allclose(without.filtered, before[1] * made.network.slow.decay, atol=1e-6)
    assert np.abs(with_spike.slow - without.slow).max() > 0.01


def test_innate_targets_are_a_trial_of_the_network_itself():
    raw = {**RUN, "targets": {"pattern": "innate", "window_s": 0.4}}
    raw["models"] = {"m": {}}
    made = assembled_run(resolve_targets(raw), "m", 0)
    assert made.targets.values.shape == (1, 200, 100) and made.targets.values.std() > 0.05
    seen = observe(made.network, made.course, 0, 2, 1, 0).input[0]
    assert np.abs(seen - made.targets.values[0]).max() > 0.1  # another trial, another state
    assert divergence(made.network, made.course, 0, 2, 200, 0).shape == (99,)
    dense = dense_plastic(made.network)[:, :-1]
    assert spectral_radius(made.network) == pytest.approx(np.abs(np.linalg.eigvals(dense)).max())


def test_a_silent_network_has_no_spike_to_take():
    raw = {**RUN, "network": {"kind": "theta", "neurons": 20, "gain": 0.0}, "models": {"m": {}}}
    made = assembled_run(resolve_targets(raw), "m", 0)
    found = divergence(made.network, made.course, 0, 2, 200, 0)
    assert found.shape == (99,) and np.isnan(found).all()
