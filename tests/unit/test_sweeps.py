"""Sweeps: from grids of settings to models, tables and panels."""

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from spiketwin.analysis.recall import SINGLE
from spiketwin.analysis.sweeps import CAPACITY, longest_learned, sweep_table
from spiketwin.analysis.tracking import lesion_table
from spiketwin.config import dump_config, resolve_targets
from spiketwin.errors import SpiketwinError
from spiketwin.figures.sweeps import _lines
from spiketwin.report.sweeps import sweep_grids

WINDOWS, SIZES = [1.0, 2.0, 3.0, 4.0], [100, 200]
RAW = {
    "run": "r",
    "targets": {"pattern": "ornstein-uhlenbeck", "tau_s": 0.1},
    "network": {"kind": "theta", "neurons": 50},
    "models": {"m": {"targets": {"conditions": 2}}, "other": {"targets": {"pattern": "sines"}}},
    "sweeps": {
        "s": {"network.tau_slow_s": [0.05], "targets.window_s": WINDOWS, "network.neurons": SIZES}
    },
}


def run(**given):
    return resolve_targets({**RAW, **given})


def test_every_point_of_a_sweep_is_a_model():
    made = run()
    assert made.named == ["m", "other"] and len(made.models) == 2 + 8
    model = made.models["s+window_s-2+neurons-200"]
    assert model.network.neurons == 200 and model.network.tau_slow_s == 0.05
    targets = made.targets_of("s+window_s-2+neurons-200")
    assert targets.window_s == 2 and targets.tau_s == 0.1


def test_targets_of_a_model_name_only_what_differs_unless_the_pattern_does():
    made = run()
    assert made.targets_of("m").conditions == 2 and made.targets_of("m").tau_s == 0.1
    assert made.targets_of("other").tau_s == 0.2


def test_a_resolved_sweep_resolves_to_itself():
    made = run()
    assert resolve_targets(yaml.safe_load(dump_config(made))) == made


@pytest.mark.parametrize(
    "sweeps, message",
    [
        ({"s": {"network.neurons": 5}}, r"sweeps.s.network.neurons: expected a list of numbers"),
        ({"s": {"network.neurons": []}}, r"sweeps.s.network.neurons: expected a list of numbers"),
        ({"s": {"network.neurons": ["a"]}}, r"sweeps.s.network.neurons: expected a list"),
        ({"s": {"network.neuron": [5, 6]}}, "unknown key; did you mean 'neurons'"),
        ({"s": {"network.neurons.x": [5, 6]}}, "network.neurons: Input should be"),
        ({"s": {"trials": [5, 6]}}, "trials: unknown key"),
        ({"s": 3}, "sweeps.s: expected settings and their values"),
        (3, "sweeps: expected named grids"),
        ({"s": {f"network.{k}": [1, 2] for k in ("neurons", "gain", "drive")}}, "at most 2"),
    ],
)
def test_bad_sweeps_are_one_clear_line(sweeps, message):
    with pytest.raises(SpiketwinError, match=message) as caught:
        run(sweeps=sweeps)
    assert "\n" not in str(caught.value)


def test_the_longest_window_lies_between_those_around_the_criterion():
    windows = np.array([1.0, 2.0, 4.0])
    assert longest_learned(windows, np.array([0.9, 0.85, 0.75]), 0.8) == pytest.approx(3.0)
    assert longest_learned(windows, np.array([0.9, 0.7, 0.85]), 0.8) == pytest.approx(1.5)
    assert longest_learned(windows, np.array([0.9, 0.9, 0.8]), 0.8) == 4.0
    assert np.isnan(longest_learned(windows, np.array([0.7, 0.6, 0.5]), 0.8))
    assert longest_learned(windows, np.array([0.9, np.nan, np.nan]), 0.8) != 4.0


def recall(made):
    """Networks of 200 follow windows twice as long as those of 100 do."""
    rows = [
        (f"s+window_s-{window:g}+neurons-{size}", seed, condition, SINGLE, 1 - 10 * window / size)
        for window in WINDOWS for size in SIZES for seed in (0, 1) for condition in "ab"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "seed", "condition", "score", "value"])


def test_capacity_is_in_units_of_the_correlation_time():
    made = run(analysis={"learned": 0.85})
    table = sweep_table(made, recall(made))
    found = table[table["score"] == CAPACITY].groupby("network.neurons")["value"].unique()
    assert found[100] == pytest.approx(15) and found[200] == pytest.approx(30)
    assert len(table) == 16 + 4
    assert sweep_table(run(sweeps={}), recall(made)).empty


def test_without_lesions_scores_stay_numbers():
    stored = {"conditions": ["a"], "deleted": np.zeros((1, 0)), "shuffled": np.zeros((1, 0))}
    found = lesion_table(stored, run())
    assert found.empty and found["value"].dtype == float


def test_panels_and_tables_show_every_point():
    made = run(analysis={"learned": 0.85})
    table = sweep_table(made, recall(made))
    axes = Figure().subplots()
    _lines(axes, table[table["score"] == SINGLE], ["targets.window_s", "network.neurons"], "r")
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["200"], [[1, 0.95], [2, 0.9], [3, 0.85], [4, 0.8]])
    (grid,) = sweep_grids(made, table)
    assert grid.columns == (("network.neurons 100",), ("network.neurons 200",))
    assert [row.cells for row in grid.rows] == [
        ("0.900", "0.950"), ("0.800", "0.900"), ("0.700", "0.850"), ("0.600", "0.800"),
        ("15.0", "30.0"),
    ]  # fmt: skip
