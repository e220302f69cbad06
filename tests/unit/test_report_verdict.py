"""The verdict says what the tables say, and switches where it should."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from spiketwin.analysis.references import WITHOUT_SHARED
from spiketwin.config import resolve
from spiketwin.figures import CEILING, Palette
from spiketwin.report.findings import Sentence, psth, variability
from spiketwin.report.grids import glance_grid, outcome_error, score_grids
from spiketwin.report.numbers import Measured, number, with_spread
from spiketwin.report.page import evidence_of
from spiketwin.report.scoreboard import Scoreboard
from spiketwin.report.summary import Summary, summarise
from spiketwin.report.verdict import Verdict, judge
from tests.tables import Run, make_run

JUDGED = ("scores", "outcomes", "prediction", "screening")
"""Tables that a verdict rests on."""
SMALL = Run(sessions=1, scales=("48 ms",))


def _judged(folder, run: Run, model: str = "matched") -> tuple[Verdict, Summary]:
    config, files = make_run(folder, run, JUDGED)
    evidence = evidence_of(config, files)
    verdicts = [judge(evidence, name) for name in config.models]
    return next(v for v in verdicts if v.model == model), summarise(evidence, verdicts, [])


def _about(verdict: Verdict, topic: str) -> list[Sentence]:
    return [sentence for sentence in verdict.sentences if sentence.topic.startswith(topic)]


@pytest.mark.parametrize(
    ("value", "sd", "text"),
    [
        (0.00224, 0.0015, "0.0022 ± 0.0015"),
        (-0.0012, 0.0021, "−0.0012 ± 0.0021"),
        (0.8779, 0.031, "0.878 ± 0.031"),
        (12.3, math.nan, "12.3"),
        (math.nan, 0.1, "–"),
        (-1e-9, 0.01, "0.000 ± 0.010"),
        (0.99, 0.0, "0.990"),
    ],
)
def test_spread_decides_the_digits(value, sd, text):
    assert with_spread(value, sd) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1234567.0, "1.23e+06"), (0.05, "0.0500"), (-812.7, "−813")]
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_a_score_without_spread_counts_as_positive_only_above_zero():
    assert Measured(0.1, math.nan).clearly_positive
    assert not Measured(-0.1, math.nan).clearly_positive
    assert not Measured(0.1, 0.06).clearly_positive


def test_spread_over_seeds_counts_where_it_is_larger(tmp_path):
    config, files = make_run(tmp_path, replace(SMALL, seeds=(0, 1, 2), good=0.2), JUDGED)
    scores = evidence_of(config, files).scores
    found = scores.find("matched", "energy distance", "48 ms")
    assert found.seeds == 3
    assert found.value == pytest.approx(0.2 * (1 + 1.05 + 1.10) / 3)
    assert found.sd == pytest.approx(0.01)  # over seeds; over trials it is 0.0015


def _scores(model: float, other: float, ceiling_sd: float) -> Scoreboard:
    names = ["m", "other half of the data", "PSTH-Poisson"]
    values = {"value": [model, 0.0, other], "sd": [0.001, ceiling_sd, 0.001]}
    table = pd.DataFrame({"contender": names, **values})
    about = {"seed": 0, "session": "all", "score": "energy distance", "scale": "40 ms", "area": ""}
    return Scoreboard(table.assign(**about, grouping="all trials", reference="", n=400))


def test_times_larger_divides_by_the_model_where_it_is_above_the_floor():
    assert _scores(0.01, 0.05, 0.002).times_larger("PSTH-Poisson", "m", "40 ms") == (5.0, False)


def test_times_larger_divides_by_two_deviations_of_the_ceiling_below_it():
    factor, limited = _scores(-0.001, 0.05, 0.005).times_larger("PSTH-Poisson", "m", "40 ms")
    assert (factor, limited) == (pytest.approx(5.0), True)


def test_nothing_to_match_is_decided_by_two_deviations_of_the_difference():
    spread = 2 * math.hypot(0.002, 0.001)
    assert _scores(0.0, spread * 0.99, 0.002).nothing_to_match("40 ms")
    assert not _scores(0.0, spread * 1.01, 0.002).nothing_to_match("40 ms")


def test_a_good_model_is_called_good_with_its_skill(tmp_path):
    verdict, summary = _judged(tmp_path, SMALL)
    assert (verdict.mark, summary.mark) == ("good", "good")
    (sentence,) = _about(verdict, "single trials")
    assert "0.0022 ± 0.0015 (ceiling −0.0010 ± 0.0015, expected 0)" in sentence.text
    against = "PSTH-Poisson 0.0180 ± 0.0015, at least 6.0 times the model's, skill 0.878"
    assert against in sentence.text
    assert "0.878 ± 0.030 against PSTH-Poisson" in summary.headline


def test_a_model_within_the_ceiling_is_hardly_told_from_the_data(tmp_path):
    verdict, _ = _judged(tmp_path, replace(SMALL, good=0.001))
    assert verdict.headline == "Hardly to be told from recorded trials."


def test_a_model_that_is_a_little_better_is_called_fair(tmp_path):
    verdict, _ = _judged(tmp_path, replace(SMALL, good=0.010))
    assert verdict.mark == "fair"
    assert "Better than the trivial models" in verdict.headline


def test_a_model_worse_than_trivial_ones_is_called_poor(tmp_path):
    verdict, summary = _judged(tmp_path, replace(SMALL, good=0.030))
    assert (verdict.mark, summary.mark) == ("poor", "poor")
    assert "Not better than a trivial model" in summary.headline


def test_too_little_variability_takes_the_good_mark_away(tmp_path):
    verdict, _ = _judged(tmp_path, replace(SMALL, variance_ratio=0.75))
    (sentence,) = _about(verdict, "variability")
    assert sentence.mark == "poor"
    beyond = "(below 0.9 and below another half of the data)"
    where = f"all areas together, area-1, area-2 {beyond}"
    assert f"Warning: too little variability in {where}." in sentence.text
    assert verdict.mark == "fair"
    assert "variability is off" in verdict.headline


def test_too_little_and_too_much_variability_are_told_with_their_areas(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    scores = evidence_of(config, files).scores
    table = scores.table
    here = (table["contender"] == "matched") & (table["score"] == "variance ratio")
    table.loc[here & (table["area"] == "area-1"), "value"] = 0.8
    table.loc[here & (table["area"] == "area-2"), "value"] = 1.3
    text = variability(Scoreboard(table), "matched", "48 ms").text
    assert text.endswith(
        "Warning: too little variability in area-1 (below 0.9 and below another half of the data); "
        "too much variability in area-2 (above 1.1 and above another half of the data)."
    )


@pytest.mark.parametrize(("other", "mark"), [(0.85, "poor"), (0.8, "good"), (0.7, "good")])
def test_variability_may_be_as_far_off_as_that_of_another_half_of_the_data(tmp_path, other, mark):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    table = evidence_of(config, files).scores.table
    where = (table["score"] == "variance ratio") & (table["area"] == "area-1")
    table.loc[where & (table["contender"] == "matched"), "value"] = 0.8
    table.loc[where & (table["contender"] == CEILING), "value"] = other
    sentence = variability(Scoreboard(table), "matched", "48 ms")
    assert sentence.mark == mark
    assert ("Warning" in sentence.text) == (mark == "poor")


def test_the_headline_is_of_the_first_model_even_where_another_is_closer_on_test_trials(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    evidence = evidence_of(config, files)
    first, *others = config.models
    for models in ([first, *others], [*others, first]):
        summary = summarise(evidence, [judge(evidence, name) for name in models], [])
        assert summary.headline.startswith(f"{models[0]}: ")


def test_the_headline_claims_no_skill_at_a_scale_with_nothing_to_match(tmp_path):
    config, files = make_run(tmp_path, replace(SMALL, scales=("48 ms", "160 ms")), JUDGED)
    evidence = evidence_of(config, files)
    table = evidence.scores.table
    trivial = table["contender"].isin(WITHOUT_SHARED) & (table["score"] == "energy distance")
    table.loc[trivial & (table["scale"] == "48 ms"), "value"] = 0.0
    evidence = replace(evidence, scores=Scoreboard(table))
    summary = summarise(evidence, [judge(evidence, name) for name in config.models], [])
    assert "skill" not in summary.headline


def test_right_variability_is_not_warned_about(tmp_path):
    (sentence,) = _about(_judged(tmp_path, SMALL)[0], "variability")
    assert sentence.mark == "good"
    assert "Warning" not in sentence.text


@pytest.mark.parametrize(
    ("fano", "mark", "word"),
    [(1.2, "good", ""), (1.9, "fair", ""), (4, "poor", "more"), (0.4, "poor", "less")],
)
def test_single_neurons_are_compared_with_recorded_ones(tmp_path, fano, mark, word):
    (sentence,) = _about(_judged(tmp_path, replace(SMALL, fano=fano))[0], "Fano factor")
    assert sentence.mark == mark
    assert (f"vary {word} than recorded ones" in sentence.text) == bool(word)


def test_where_there_is_nothing_to_match_no_skill_is_claimed(tmp_path):
    verdict, summary = _judged(tmp_path, replace(SMALL, references=0.0005, good=0.001))
    assert (verdict.mark, summary.mark) == ("note", "note")
    assert summary.headline.startswith("There is nothing to match")
    (sentence,) = _about(verdict, "single trials")
    assert "no skill, there is nothing to match" in sentence.text
    assert "times the model's" not in sentence.text


def test_where_there_is_nothing_to_match_a_model_can_still_be_worse_than_trivial_ones(tmp_path):
    assert not _scores(0.004, 0.002, 0.002).beyond_trivial("m", "40 ms")
    assert _scores(0.007, 0.002, 0.002).beyond_trivial("m", "40 ms")
    verdict, _ = _judged(tmp_path, replace(SMALL, references=0.0005, good=0.2))
    (sentence,) = _about(verdict, "single trials")
    assert sentence.mark == "poor"


def test_a_session_without_anything_to_match_is_only_a_caution(tmp_path):
    config, files = make_run(tmp_path, replace(SMALL, sessions=3), JUDGED)
    evidence = evidence_of(config, files)
    table = evidence.screening.copy()
    found = table["quantity"] == "something to match"
    table.loc[found & (table["session"] == "session-1"), "value"] = 0
    evidence = replace(evidence, screening=table)
    verdicts = [judge(evidence, name) for name in config.models]
    summary = summarise(evidence, verdicts, [])
    assert summary.mark == "good"
    assert "1 of 3 sessions" in summary.cautions[0]
    assert "session-1" in summary.cautions[0]


def test_the_unmatched_model_is_compared_by_the_rule(tmp_path):
    verdict, _ = _judged(tmp_path, SMALL)
    (sentence,) = _about(verdict, "trial matching")
    assert sentence.mark == "good"
    assert "(unmatched) the energy distance at 48 ms is 0.0880 ± 0.0015" in sentence.text
    assert "at least 29 times" in sentence.text


def test_outcome_errors_are_differences_from_the_data(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    outcomes = evidence_of(config, files).outcomes
    assert outcome_error(outcomes, "matched") == pytest.approx(0.0)
    assert outcome_error(outcomes, "unmatched") == pytest.approx(0.17, abs=0.001)
    assert math.isnan(outcome_error(outcomes, "nobody"))
    verdict, _ = _judged(tmp_path, SMALL, "unmatched")
    marks = {sentence.text.split(":")[0]: sentence.mark for sentence in _about(verdict, "outcomes")}
    assert marks["Outcomes by template"] == "poor"
    assert marks["Outcomes by published threshold"] == "note"


def test_warnings_of_a_fit_reach_the_top(tmp_path):
    verdict, summary = _judged(tmp_path, replace(SMALL, warnings=("rates exploded once.",)))
    assert _about(verdict, "fit")[0].text == "Warning: rates exploded once (seed 0)."
    assert "Warning of the fit of matched: rates exploded once (seed 0)." in summary.cautions


def test_without_behaviour_the_report_says_so_and_claims_none(tmp_path):
    verdict, summary = _judged(tmp_path, replace(SMALL, behaviour=False))
    assert not _about(verdict, "behaviour")
    assert not _about(verdict, "prediction")
    assert any("No behaviour" in caution for caution in summary.cautions)


@pytest.mark.parametrize(
    ("amplitude", "input_of", "same"), [(1.0, "s", True), ("contrast", "s", False),
                                        ("contrast", None, True)]
)  # fmt: skip
def test_conditions_with_the_same_input_are_a_caution(tmp_path, amplitude, input_of, same):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    raw = config.model_dump(mode="json")
    raw["recordings"]["mapping"] |= {
        "trials": {"condition": ["side", "cue"]},
        "stimuli": {"s": {"onset": 0.0, "amplitude": amplitude}},
    }
    for model in raw["models"].values():
        model["network"]["inputs"] = [{"name": "a", "stimulus": input_of}]
    evidence = evidence_of(resolve(raw), files)
    cautions = summarise(evidence, [judge(evidence, "matched")], []).cautions
    assert any("All conditions (side × cue) send" in text for text in cautions) == same


def test_outcomes_that_no_read_out_names_are_a_caution(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    raw = config.model_dump(mode="json")
    raw["recordings"]["mapping"]["trials"]["outcome"] = ["choice"]
    evidence = evidence_of(resolve(raw), files)
    for table, said in ((evidence.outcomes, False), (evidence.outcomes.iloc[:0], True)):
        one = replace(evidence, outcomes=table)
        cautions = summarise(one, [judge(one, "matched")], []).cautions
        assert any("Outcomes (choice) of simulated trials" in text for text in cautions) == said


def test_psths_are_not_judged_where_the_recorded_ones_do_not_repeat(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    evidence = evidence_of(config, files)
    table = evidence.scores.table.copy()
    ceiling = (table["score"] == "PSTH correlation") & table["contender"].eq(CEILING)
    table.loc[ceiling, ["value", "sd"]] = 0.02, 0.03
    sentence = psth(Scoreboard(table), "matched")
    assert sentence is not None and sentence.mark == "note"
    assert "0.020 ± 0.030, not clearly above zero" in sentence.text


def test_prediction_is_good_only_above_both_baselines(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    evidence = evidence_of(config, files)
    assert _about(judge(evidence, "matched"), "prediction")[0].mark == "good"
    table = evidence.prediction.copy()
    table.loc[table["predictor"] == "condition mean", "value"] = 0.9
    worse = judge(replace(evidence, prediction=table), "matched")
    assert _about(worse, "prediction")[0].mark == "poor"


def test_single_trial_table_is_sorted_nearest_first_and_names_references(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    scores = evidence_of(config, files).scores
    grid = score_grids(scores, Palette(tuple(config.models), (), ()))[0]
    names = [row.name for row in grid.rows]
    assert names[:2] == ["other half of the data (ceiling)", "matched"]
    assert names[-1] == "flat Poisson"
    assert ("energy distance skill", "48 ms", "against PSTH-Poisson") in grid.columns


def test_scores_of_several_time_scales_have_a_grid_for_each(tmp_path):
    config, files = make_run(tmp_path, replace(SMALL, scales=("48 ms", "160 ms")), JUDGED)
    scores = evidence_of(config, files).scores
    found = {g.title: g for g in score_grids(scores, Palette(tuple(config.models), (), ()))}
    assert list(found)[:2] == ["Single trials, 48 ms", "Single trials, 160 ms"]
    grid = found["Single trials, 160 ms"]
    assert grid.columns[0] == ("energy distance",)
    cells = {row.name: row.cells[0] for row in grid.rows}
    assert cells["matched"] == str(scores.distance("matched", "160 ms"))


def test_every_score_of_the_table_is_in_some_grid(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    scores = evidence_of(config, files).scores
    extra = scores.table.iloc[[0]].assign(score="a score nobody foresaw", session="all")
    scores = Scoreboard(pd.concat([scores.table, extra], ignore_index=True))
    grids = score_grids(scores, Palette(tuple(config.models), (), ()))
    shown = {column[0] for grid in grids for column in grid.columns}
    assert shown == set(scores.table["score"])


def test_at_a_glance_stands_beside_ceiling_and_trivial_models(tmp_path):
    config, files = make_run(tmp_path, SMALL, JUDGED)
    evidence = evidence_of(config, files)
    grid = glance_grid(evidence.scores, evidence.outcomes, Palette(tuple(config.models), (), ()))
    rows = {row.name: dict(zip(grid.columns, row.cells, strict=True)) for row in grid.rows}
    assert set(rows) >= {"matched", "unmatched", "other half of the data (ceiling)", "PSTH-Poisson"}
    assert rows["matched"][("variance ratio", "48 ms")] == "1.020 ± 0.040"
