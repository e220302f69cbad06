"""Panels draw what the tables say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from scipy.stats import binomtest

from spiketwin.analysis import references
from spiketwin.config import Perturbation
from spiketwin.figures.activity import mean_activity
from spiketwin.figures.connectivity import heat_map
from spiketwin.figures.covariances import over_lags
from spiketwin.figures.currents import received
from spiketwin.figures.distribution import peak_edges, peaks
from spiketwin.figures.embedding import cloud
from spiketwin.figures.intervals import binomial_errors
from spiketwin.figures.jaw import example, prediction
from spiketwin.figures.layout import round_numbers, wrapped
from spiketwin.figures.outcomes import frequencies
from spiketwin.figures.palette import MODEL_COLOURS, REFERENCES, Palette
from spiketwin.figures.perturbations import changes, effect
from spiketwin.figures.rasters import raster
from spiketwin.figures.rates import BINS, rate_edges, rate_shares
from spiketwin.figures.scores import energy_distance
from spiketwin.figures.screening import distances, quantity
from spiketwin.figures.states import share
from spiketwin.figures.training import curve, mark_kept
from spiketwin.figures.variability import correlations, leading_modes
from spiketwin.report.scoreboard import Scoreboard

PALETTE = Palette(models=("matched", "unmatched"), areas=("A", "B"), outcomes=("hit", "miss"))


@pytest.fixture
def axes() -> Axes:
    """An empty panel."""
    return Figure().subplots()


def _lines(axes: Axes, label: str) -> list[np.ndarray]:
    return [line.get_xydata() for line in axes.lines if line.get_label() == label]


def test_activity_lines_are_the_means_and_the_band_is_one_standard_error(axes):
    time_s, mean = np.array([0.0, 0.1, 0.2]), np.array([1.0, 5.0, 2.0])
    rows = pd.DataFrame({"contender": "data", "seed": -1, "time_s": time_s, "mean_hz": mean})
    model = rows.assign(contender="matched", seed=0, mean_hz=mean + 1)
    both = pd.concat([rows, model.iloc[::-1]]).assign(sem_hz=0.5)
    mean_activity(axes, both, PALETTE)
    np.testing.assert_allclose(_lines(axes, "data")[0], np.c_[time_s, mean])
    np.testing.assert_allclose(_lines(axes, "matched")[0], np.c_[time_s, mean + 1])
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.5, 5.5)


def test_peak_histogram_heights_are_shares_of_trials(axes):
    rows = pd.DataFrame({"contender": "data", "seed": -1, "peak_hz": [1.0, 1.5, 9.0, 20.0]})
    rows = pd.concat([rows, rows.assign(contender="matched", seed=0, peak_hz=9.5)])
    peaks(axes, rows, np.array([0.0, 5.0, 10.0]), PALETTE)
    data, model = (patch.get_path().vertices[:, 1] for patch in axes.patches)
    assert set(data) == {0.0, 0.5}  # the peak above the last edge counts in the last bin
    assert model.max() == 1.0


def test_peak_edges_begin_at_zero_and_ignore_a_single_extreme_trial():
    values = pd.Series([*np.linspace(1, 10, 999), 1e6])
    edges = peak_edges(values)
    assert edges[0] == 0
    assert 9.9 < edges[-1] < 10.5


def test_rates_are_shares_of_each_type_inhibitory_ones_below_the_axis(axes):
    columns = {"rate_hz": [0.0, 2.0, 2.0, 40.0], "cell_type": ["excitatory"] * 3 + ["inhibitory"]}
    data = pd.DataFrame(columns).assign(contender="data", seed=-1)
    model = pd.concat([data.assign(contender="matched", seed=k, rate_hz=20.0) for k in (0, 1)])
    rate_shares(axes, pd.concat([data, model]), np.array([0.1, 1.0, 10.0, 100.0]), PALETTE)
    assert len(axes.patches) == 2 + 4  # two types of the data, and of either seed
    excitatory, inhibitory, *lines = (patch.get_path().vertices for patch in axes.patches)
    silent = excitatory[excitatory[:, 0] == 0.1, 1].max()
    assert (silent, excitatory[:, 1].max()) == pytest.approx((1 / 3, 2 / 3))
    assert (inhibitory[:, 1].min(), inhibitory[:, 1].max()) == (-1.0, 0.0)
    assert sorted(line[:, 1].sum() for line in lines) == [-2.0, -2.0, 2.0, 2.0]
    assert axes.get_xscale() == "log"


def test_rate_edges_hold_all_but_the_slowest_neurons_in_equal_ratios():
    edges = rate_edges(pd.Series([0.0, 1e-4, *np.geomspace(0.5, 50.0, 1000)]))
    assert len(edges) == BINS + 1 and 0.5 < edges[0] < 0.52 and 50 < edges[-1] < 52
    assert np.ptp(np.diff(np.log(edges))) < 1e-9
    assert np.isfinite(rate_edges(pd.Series([0.0, 0.0]))).all()


def _lagged(first: str, second: str) -> pd.DataFrame:
    lags = {"lag_s": 0.02 * np.arange(-3, 4), "first": first, "second": second, "seed": 0}
    data = pd.DataFrame(lags).assign(contender="data", covariance=[0, 0, 0, 0.1, 0, 0, 0])
    model = data.assign(contender="matched", covariance=-0.3)
    return pd.concat([data, model, data.assign(contender="unmatched", covariance=5.0)])


def test_an_area_with_itself_has_one_side_and_the_control_may_leave_the_panel(axes):
    over_lags(axes, _lagged("a", "a"), PALETTE, 0.01)
    assert {line.get_xdata()[0] for line in axes.lines[:3]} == {0.0}
    low, high = axes.get_ylim()
    assert -0.4 < low < -0.3 and 0.3 < high < 0.4


def test_two_areas_have_both_sides_and_room_of_at_least_the_whole_run(axes):
    over_lags(axes, _lagged("a", "b"), PALETTE, 0.6)
    assert {line.get_xdata()[0] for line in axes.lines[:3]} == {-60.0}
    assert 0.6 < axes.get_ylim()[1] < 0.7


def test_frequency_errors_are_wilson_intervals():
    rows = pd.DataFrame({"frequency": [0.8, 1.0, 0.0, 0.37], "n": [50, 1200, 30, 100]})
    below, above = binomial_errors(rows)
    for k, row in enumerate(rows.itertuples()):
        hits = round(row.frequency * row.n)
        interval = binomtest(hits, row.n).proportion_ci(0.95, method="wilson")
        assert row.frequency - below[k] == pytest.approx(interval.low, abs=1e-6)
        assert row.frequency + above[k] == pytest.approx(interval.high, abs=1e-6)


def test_frequencies_stand_over_their_outcome_with_a_band_for_the_data(axes):
    columns = ["contender", "seed", "outcome", "frequency", "n"]
    values = [("data", -1, "hit", 0.8, 100), ("data", -1, "miss", 0.2, 100)]
    values += [("matched", 0, "hit", 0.75, 400), ("matched", 0, "miss", 0.25, 400)]
    frequencies(axes, pd.DataFrame(values, columns=columns), PALETTE)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["hit", "miss"]
    levels = [container.lines[0].get_xydata()[0] for container in axes.containers]
    assert [(round(x), y) for x, y in levels] == [(0, 0.75), (1, 0.25)]
    np.testing.assert_allclose([line[0, 1] for line in _lines(axes, "data")], [0.8, 0.2])


def test_raster_puts_every_spike_at_its_time_in_its_unit_and_trial(axes):
    spikes = pd.DataFrame(
        {"trial": [7, 7, 9], "unit": [4, 2, 4], "area": ["B", "A", "B"], "time_s": [0.1, 0.2, 0.3]}
    )
    raster(axes, spikes, pd.Series([0, 1], index=[2, 4]), PALETTE)
    by_colour = {to_hex(line.get_color()): line.get_xydata() for line in axes.lines[:2]}
    np.testing.assert_allclose(by_colour[PALETTE.area("B")], [[0.1, 1], [0.3, 1 + 5]])
    np.testing.assert_allclose(by_colour[PALETTE.area("A")], [[0.2, 0]])


def test_energy_distance_shows_values_ceiling_band_and_skill(axes):
    rows = pd.DataFrame(
        {
            "contender": ["matched", "other half of the data", "PSTH-Poisson"],
            "seed": [0, -1, -1],
            "value": [0.003, -0.001, 0.02],
            "sd": [0.001, 0.002, 0.003],
        }
    )
    skill = pd.DataFrame({"contender": ["matched"], "reference": ["PSTH-Poisson"], "value": [0.85]})
    energy_distance(axes, rows, skill, list(rows["contender"]), PALETTE)
    points = [container.lines[0].get_xydata()[0] for container in axes.containers]
    np.testing.assert_allclose(points, [[0.003, 0], [-0.001, 1], [0.02, 2]])
    band = axes.patches[0].get_extents().transformed(axes.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.005, 0.003))
    assert "0.85 / –" in [text.get_text() for text in axes.texts]


def test_energy_distance_writes_no_skill_against_a_reference_at_the_ceiling(axes):
    rows = pd.DataFrame(
        {
            "contender": ["matched", "other half of the data", "PSTH-Poisson"],
            "seed": [0, -1, -1],
            "value": [0.003, -0.001, 0.002],
            "sd": [0.001, 0.002, 0.003],
        }
    )
    skill = pd.DataFrame({"contender": ["matched"], "reference": ["PSTH-Poisson"], "value": [-0.5]})
    energy_distance(axes, rows, skill, list(rows["contender"]), PALETTE)
    assert [text.get_text() for text in axes.texts] == ["skill"]


def test_figure_and_report_agree_on_where_a_skill_means_something(axes):
    """Further from the ceiling than its own band, but not than two deviations of the difference."""
    rows = pd.DataFrame(
        {
            "contender": ["matched", "other half of the data", "PSTH-Poisson"],
            "seed": [0, -1, -1],
            "value": [0.003, 0.0, 0.005],
            "sd": [0.001, 0.002, 0.003],
        }
    )
    skill = pd.DataFrame({"contender": ["matched"], "reference": ["PSTH-Poisson"], "value": [0.4]})
    energy_distance(axes, rows, skill, list(rows["contender"]), PALETTE)
    assert [text.get_text() for text in axes.texts] == ["skill"]
    about = {"session": "all", "score": "energy distance", "scale": "40 ms", "area": ""}
    scores = Scoreboard(rows.assign(**about, grouping="all trials", reference="", n=9))
    assert scores.nothing_to_match("40 ms")


def test_screening_names_the_trivial_models_with_their_distances(axes):
    names = ["flat Poisson", "other half of the data"]
    quantity = [f"energy distance: {name}" for name in names]
    rows = pd.DataFrame({"quantity": quantity, "value": [0.9, 0.0], "sd": [np.nan, 0.1]})
    distances(axes, rows, PALETTE)
    assert [c.lines[0].get_ydata()[0] for c in axes.containers] == [0.0, 0.9]
    assert axes.get_xticklabels()[1].get_text() == "flat Poisson"


def test_long_names_of_areas_stand_upright_and_break_at_their_underscores(axes):
    rows = pd.DataFrame({"quantity": "q", "value": 1.0, "sd": 0.1, "scale": ["40 ms", "160 ms"] * 2,
                         "area": ["amygdala_right"] * 2 + ["hippocampus_right"] * 2})  # fmt: skip
    for names, angle in ((("amygdala_right", "hippocampus_right"), 90), (("CA1", "DG"), 0)):
        area = rows["area"].map(dict(zip(rows["area"].unique(), names, strict=True)))
        quantity(axes, rows.assign(area=area), Palette((), names, ()))
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {angle}
    assert wrapped("hippocampus_right", 13) == "hippocampus_\nright"


def test_training_curves_leave_out_steps_without_a_score(axes):
    history = pd.DataFrame(
        {
            "contender": "matched",
            "seed": [0, 0, 0, 1, 1, 1],
            "step": [1, 2, 3, 1, 2, 3],
            "held_out": [np.nan, 0.5, 0.4, np.nan, 0.3, 0.2],
        }
    )
    curve(axes, history, "held_out", PALETTE)
    np.testing.assert_allclose(
        _lines(axes, "matched"), [[[2, 0.5], [3, 0.4]], [[2, 0.3], [3, 0.2]]]
    )
    mark_kept(axes, pd.DataFrame({"model": ["matched"], "best_step": 3, "held_out": 0.4}), PALETTE)
    np.testing.assert_allclose(axes.lines[-1].get_xydata(), [[3, 0.4]])


def test_training_says_so_when_no_model_has_a_loss(axes):
    history = pd.DataFrame({"contender": ["m"], "seed": 0, "step": 1, "loss_trial": [np.nan]})
    curve(axes, history, "loss_trial", PALETTE)
    assert not axes.lines
    assert "none of the models" in axes.texts[0].get_text()


def test_connectivity_is_to_by_from_and_empty_where_there_is_no_connection(axes):
    columns = ["source_area", "source_type", "target_area", "target_type", "mean_weight"]
    values = [
        ("A", "excitatory", "B", "inhibitory", 0.3),
        ("B", "inhibitory", "A", "excitatory", 0.0),
    ]
    rows = pd.DataFrame(values, columns=columns).assign(share_nonzero=[0.9, 0.0])
    matrix = heat_map(axes, rows, 0.5, PALETTE).get_array()
    assert [label.get_text() for label in axes.get_xticklabels()] == ["A E", "B I"]
    assert matrix[1, 0] == 0.3
    assert np.ma.getmaskarray(np.ma.masked_invalid(matrix)).sum() == 3


def test_embedding_shows_every_trial_by_outcome_over_the_recorded_ones(axes):
    rows = pd.DataFrame({"outcome": ["hit", "miss", "hit"], "pc1": [1.0, 2, 3], "pc2": [0.0, 1, 2]})
    cloud(axes, rows, rows.assign(pc1=0.0), PALETTE)
    behind, *outcomes = axes.collections
    assert len(behind.get_offsets()) == 3
    shown = {c.get_label(): c.get_offsets().tolist() for c in outcomes}
    assert shown == {"hit": [[1, 0], [3, 2]], "miss": [[2, 1]]}


def test_modes_and_correlations_show_the_tables(axes):
    modes = pd.DataFrame(
        {"contender": "data", "seed": -1, "mode": [2, 1], "variance_fraction": [0.2, 0.6]}
    )
    leading_modes(axes, modes, PALETTE)
    np.testing.assert_allclose(_lines(axes, "data")[0], [[1, 0.6], [2, 0.2]])
    other = Figure().subplots()
    pairs = pd.DataFrame({"contender": "data", "seed": -1, "kind": "within A", "mean": [0.1, 0.3]})
    correlations(other, pairs, PALETTE)
    np.testing.assert_allclose(sorted(_lines(other, "data")[0][:, 1]), [0.1, 0.3])
    assert other.lines[1].get_ydata() == [pytest.approx(0.2)]


def test_predicted_and_recorded_movement_are_told_apart(axes):
    rows = pd.DataFrame({"time_s": [0.1, 0.0], "recorded": [2.0, 1.0], "predicted": [4.0, 3.0]})
    example(axes, rows, "#0072b2")
    np.testing.assert_allclose(_lines(axes, "recorded")[0], [[0, 1], [0.1, 2]])
    np.testing.assert_allclose(_lines(axes, "predicted")[0], [[0, 3], [0.1, 4]])


def test_prediction_scores_stand_over_their_predictor(axes):
    rows = pd.DataFrame({"predictor": ["shuffled", "matched"], "value": [-0.2, 0.5], "sd": 0.1})
    prediction(axes, rows.assign(contender="matched", seed=0), PALETTE)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["matched", "shuffled"]
    assert [c.lines[0].get_ydata()[0] for c in axes.containers] == [0.5, -0.2]


def test_colours_follow_the_order_of_the_configuration_and_references_are_fixed():
    assert PALETTE.contender("matched") == MODEL_COLOURS[0]
    assert PALETTE.contender("unmatched") == MODEL_COLOURS[1]
    assert PALETTE.contender("PSTH-Poisson") == REFERENCES["PSTH-Poisson"]
    names = ["flat Poisson", "unmatched", "data", "matched"]
    assert PALETTE.order(names) == ["data", "matched", "unmatched", "flat Poisson"]


def test_every_reference_has_a_colour():
    assert set(REFERENCES) == set(references.REFERENCES)


def test_twelve_models_have_colours_that_can_be_told_apart():
    palette = Palette(models=tuple("abcdefghijklm"), areas=(), outcomes=())
    colours = np.array([to_rgb(palette.contender(name)) for name in "abcdefghijkl"])
    apart = np.abs(colours[:, None] - colours).sum(2) + np.eye(12)
    assert apart.min() > 0.25 and palette.contender("m") in MODEL_COLOURS


def test_currents_are_net_and_coloured_by_their_source(axes):
    time_s = [0.0, 0.1]
    rows = [
        (source, kind, 0, t, value)
        for source, kind, value in (
            ("A", "excitatory", 3.0), ("A", "inhibitory", -1.0), ("B", "excitatory", 0.5)
        )
        for t in time_s
    ]  # fmt: skip
    names = ["source_area", "source_type", "seed", "time_s", "current"]
    received(axes, pd.DataFrame(rows, columns=names), PALETTE)
    np.testing.assert_allclose(_lines(axes, "A")[0][:, 1], 2.0)
    np.testing.assert_allclose(_lines(axes, "B")[0][:, 1], 0.5)


def test_perturbed_courses_are_solid_and_unperturbed_ones_dashed_beside_the_window(axes):
    given = Perturbation(name="light", area="A", current=1.0, window_s=(0.0, 0.1))
    rows = pd.DataFrame({"contender": "matched", "seed": 0, "time_s": [0.0, 0.1], "mean_hz": 5.0})
    both = pd.concat([rows.assign(perturbation="none"), rows.assign(perturbation="light") * 1])
    effect(axes, both, given, PALETTE)
    courses = [
        line
        for line in axes.lines
        if len(line.get_xdata()) == 2 and line.get_color() == MODEL_COLOURS[0]
    ]
    assert [line.get_linestyle() for line in courses] == ["--", "-"]
    (window,) = axes.patches
    assert (window.get_x(), window.get_x() + window.get_width()) == pytest.approx((0.0, 0.1))


@pytest.mark.parametrize("count", [0, 20])
def test_changes_of_outcomes_have_binomial_bars(axes, count):
    """Against scipy; an outcome that never occurs is not known exactly."""
    p, expected = count / 100, binomtest(count, 100).proportion_ci(method="wilson")
    rows = pd.DataFrame(
        {"contender": ["matched"], "seed": 0, "perturbation": "light", "frequency": p, "n": 100,
         "change": p - 0.5}
    )  # fmt: skip
    changes(axes, rows, PALETTE)
    (bar,) = [c.get_segments()[0][:, 1] for c in axes.collections]
    np.testing.assert_allclose(bar + 0.5, [expected.low, expected.high], atol=1e-6)


def test_a_model_whose_trials_are_active_more_often_than_the_band_stays_on_the_panel(axes):
    columns = {"contender": ["data", "matched"], "value": [0.4, 0.44], "n": [900, 900]}
    share(axes, pd.DataFrame(columns), PALETTE)
    assert axes.get_ylim() == (0, pytest.approx(1.12 * 0.44, abs=0.01))


def test_the_share_of_active_trials_in_the_data_has_a_band(axes):
    expected = binomtest(0, 50).proportion_ci(method="wilson")
    share(axes, pd.DataFrame({"contender": ["data"], "value": 0.0, "n": 50}), PALETTE)
    (band,) = axes.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((0, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.01, 20.0, [0.01, 0.1, 1, 10]), (0.004, 0.07, [0.01, 0.03]), (4.0, 9.0, [5.0])],
)
def test_logarithmic_axes_have_round_numbers_more_of_them_where_decades_are_few(
    low, high, expected
):
    np.testing.assert_allclose(round_numbers(low, high), expected)


def test_bins_hold_equally_many_of_the_values_that_a_few_units_can_have():
    quanta = pd.Series(np.repeat([25.0, 50.0, 75.0], [40, 50, 30]))
    counts, _ = np.histogram(quanta, peak_edges(quanta))
    assert counts.tolist() == [0, 40, 50, 30]
    finer = pd.Series(np.arange(0, 90) / 1.2)
    counts, _ = np.histogram(finer, peak_edges(finer))
    assert len(set(counts[:-1])) == 1 and counts[0] > 1
    many = peak_edges(pd.Series(np.random.default_rng(0).gamma(4.0, 5.0, 500)))
    assert np.ptp(np.diff(many)) < 1e-9 and many[0] == 0
