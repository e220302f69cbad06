"""Trials: aligned, binned, observed, normalised, split, stitched."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from spiketwin.config import Features, Split, Stitching, TrialWindow
from spiketwin.errors import SpiketwinError
from spiketwin.network.trialwise import exchangeable
from spiketwin.recording.schema import BehaviourTrace, Recording
from spiketwin.trials.duplicates import coincidence, find_duplicates
from spiketwin.trials.features import check_scored
from spiketwin.trials.split import split_trials
from spiketwin.trials.stitching import stitch
from spiketwin.trials.store import load_trials, save_trials
from spiketwin.trials.trialset import TrialSet, mixed_like
from spiketwin.trials.window import bin_spikes, cut
from tests.artificial import two_area_session

WINDOW = TrialWindow(window_s=(-0.1, 0.3), bin_s=0.01, split=Split(min_class=1))


def make_recording(spikes: list[np.ndarray], trials: int = 10, **changes) -> Recording:
    align = 100.0 + 2.0 * np.arange(trials)
    recording = Recording(
        session="s",
        subject="m",
        spike_times_s=np.concatenate(spikes),
        spike_offsets=np.concatenate([[0], np.cumsum([len(s) for s in spikes])]),
        units=pd.DataFrame({"unit": range(len(spikes)), "area": "A", "cell_type": "unknown"}),
        trials=pd.DataFrame(
            {
                "trial": np.arange(trials) + 5,
                "align_s": align,
                "start_s": align - 1,
                "stop_s": align + 1,
                "condition": "all",
                "outcome": np.where(np.arange(trials) % 2, "hit", "miss"),
            }
        ),
        stimuli=pd.DataFrame(
            {"trial": np.arange(trials) + 5, "stimulus": "s", "time_s": 0.0, "amplitude": 1.0}
        ),
        behaviour={},
        observed_s=(np.array([[0.0, 1000.0]]),) * len(spikes),
    )
    return replace(recording, **changes)


def test_spikes_on_bin_edges_fall_into_the_bin_that_begins_there():
    edges = 100.0 + (-0.1 + 0.01 * np.arange(40))
    counts = bin_spikes(make_recording([edges]), np.array([100.0]), WINDOW)
    np.testing.assert_array_equal(counts[0, :, 0], np.ones(40))


def test_binning_agrees_with_a_histogram_and_keeps_its_type_small():
    spikes = [np.sort(np.random.default_rng(k).uniform(99, 121, 5000)) for k in range(3)]
    recording = make_recording(spikes)
    align = recording.trials["align_s"].to_numpy()
    counts = bin_spikes(recording, align, WINDOW)
    assert counts.dtype == np.uint8
    for trial, zero in enumerate(align):
        for unit, train in enumerate(spikes):
            expected, _ = np.histogram(train, zero - 0.1 + 0.01 * np.arange(41))
            np.testing.assert_array_equal(counts[trial, :, unit], expected)


def test_bins_of_2_ms_sum_to_bins_of_10_ms():
    recording = make_recording([np.sort(np.random.default_rng(0).uniform(99, 121, 5000))])
    align = recording.trials["align_s"].to_numpy()
    fine = bin_spikes(recording, align, TrialWindow(window_s=(-0.1, 0.3), bin_s=0.002))
    coarse = bin_spikes(recording, align, WINDOW)
    np.testing.assert_array_equal(fine.reshape(10, 40, 5, 1).sum(2), coarse)


def test_partly_observed_trials_are_dropped_and_never_silence():
    gap = np.array([[0.0, 104.2], [104.25, 1000.0]])
    trials, notes = cut(make_recording([np.array([100.0])], observed_s=(gap,)), WINDOW)
    assert 7 not in set(trials.trials["trial"]) and len(trials.trials) == 9
    assert "1 trials dropped, observed over part" in notes[0]
    assert set(trials.stimuli["trial"]) == set(range(9))


def test_a_trial_that_a_kept_unit_did_not_observe_is_dropped():
    units = [np.array([100.0])] * 4
    seen = [np.array([[0.0, 1000.0]])] * 3 + [np.array([[0.0, 117.0]])]
    trials, notes = cut(make_recording(units, observed_s=tuple(seen)), WINDOW)
    assert len(trials.units) == 4 and len(trials.trials) == 9
    assert "1 trials dropped" in notes[0]


def test_a_unit_that_would_cost_more_trials_than_it_brings_is_dropped_with_a_note():
    units = [np.array([100.0 + k]) for k in range(4)]
    seen = [np.array([[0.0, 1000.0]])] * 3 + [np.array([[0.0, 107.0]])]
    trials, notes = cut(make_recording(units[::-1], observed_s=tuple(seen[::-1])), WINDOW)
    assert list(trials.units["unit"]) == [1, 2, 3] and len(trials.trials) == 10
    assert "1 of 4 units dropped" in notes[0] and "10 trials kept (of 10)" in notes[0]
    assert "recordings.mapping.units.quality" in notes[0]


def test_of_units_observed_in_turn_the_larger_block_stays():
    early, late = np.array([[0.0, 109.0]]), np.array([[109.0, 1000.0]])
    seen = (late, early, late, early, late)
    trials, _ = cut(make_recording([np.array([100.0])] * 5, observed_s=seen), WINDOW)
    assert list(trials.units["unit"]) == [0, 2, 4]
    assert list(trials.trials["trial"]) == [10, 11, 12, 13, 14]


def test_touching_observed_intervals_count_as_one():
    touching = np.array([[0.0, 104.2], [104.2, 1000.0]])
    trials, _ = cut(make_recording([np.array([100.0])], observed_s=(touching,)), WINDOW)
    assert len(trials.trials) == 10


def test_window_outside_the_observed_time_is_an_error_that_names_the_key():
    with pytest.raises(SpiketwinError, match=r"0 of 10 trials observed.*trials\.window_s"):
        cut(make_recording([np.array([1.0])], observed_s=(np.array([[0.0, 50.0]]),)), WINDOW)


def _with_trace(values, times=None, **changes):
    times = np.arange(90, 130, 0.005) if times is None else times
    trace = BehaviourTrace(times, values(times).astype(np.float32))
    return make_recording([np.array([100.0])], behaviour={"jaw": trace}, **changes)


def test_behaviour_is_taken_at_the_bin_centres_and_normalised_before_the_event():
    def wave(t):
        local = (t - 99) % 2 - 1
        return 5 + np.where(local > 0, (1 + ((t - 99) // 2) % 2) * local, 0)

    trials, _ = cut(_with_trace(wave), WINDOW)
    jaw = trials.behaviour[:, :, 0]
    np.testing.assert_allclose(jaw[:, trials.time_s < 0], 0, atol=1e-5)
    assert np.sqrt(jaw.var(0).mean()) == pytest.approx(1, rel=1e-3)
    plain, _ = cut(_with_trace(wave), WINDOW.model_copy(update={"normalise": "none"}))
    expected = wave(100.0 + plain.time_s)
    np.testing.assert_allclose(plain.behaviour[0, :, 0], expected, atol=0.006)


def test_short_gaps_are_bridged_and_long_ones_drop_the_trial():
    times = np.arange(90, 130, 0.005)
    short = (times > 102.1) & (times < 102.14)
    long = (times > 104.1) & (times < 104.3)
    trace = np.where(short | long, np.nan, times)
    trials, notes = cut(_with_trace(lambda t: trace), WINDOW)
    assert list(trials.trials["trial"]) == [5, 6, 8, 9, 10, 11, 12, 13, 14]
    assert np.isfinite(trials.behaviour).all()
    assert "1 trials dropped, gaps in the behaviour" in notes[0]


def test_step_traces_switch_on_at_their_event_and_stay_off_without_one():
    times = 100.0 + 2.0 * np.arange(10) + 0.1
    times[3] = np.nan
    step = BehaviourTrace(times, np.zeros(0, np.float32), step=True)
    recording = make_recording([np.array([100.0])], behaviour={"move": step})
    trials, _ = cut(recording, WINDOW.model_copy(update={"normalise": "none"}))
    np.testing.assert_array_equal(trials.behaviour[0, :, 0], trials.time_s >= 0.1)
    assert trials.behaviour[3].sum() == 0


def _table(sizes: dict[str, int]) -> pd.DataFrame:
    outcome = np.repeat(list(sizes), list(sizes.values()))
    return pd.DataFrame({"condition": "all", "outcome": outcome})


def test_split_has_the_asked_fractions_in_every_class():
    table = _table({"hit": 160, "miss": 40, "rare": 3})
    split = Split(train=0.6, validation=0.15, test=0.25)
    parts = split_trials(table, split, "s")
    counts = table.assign(part=parts).groupby(["outcome", "part"]).size()
    assert dict(counts["hit"]) == {"train": 96, "validation": 24, "test": 40}
    assert dict(counts["miss"]) == {"train": 24, "validation": 6, "test": 10}
    assert dict(counts["rare"]) == {"train": 3}


def test_split_depends_on_seed_and_session_only():
    table = _table({"hit": 30, "miss": 30})
    first = split_trials(table, Split(), "a")
    assert (first == split_trials(table, Split(), "a")).all()
    assert (first != split_trials(table, Split(), "b")).any()
    assert (first != split_trials(table, Split(seed=1), "a")).any()


def test_split_is_the_same_in_every_process():
    code = (
        "import pandas as pd; from spiketwin.config import Split;"
        "from spiketwin.trials.split import split_trials;"
        "t = pd.DataFrame({'condition': ['a', 'b', 'c', 'd'] * 10, 'outcome': 'x'});"
        "print(','.join(split_trials(t, Split(), 's')))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


def make_set(session: str, units: dict[tuple[str, str], int], rates=None) -> TrialSet:
    rows = [(area, kind) for (area, kind), n in units.items() for _ in range(n)]
    table = pd.DataFrame(rows, columns=["area", "cell_type"])
    rate = np.arange(1.0, len(rows) + 1) if rates is None else rates
    table = table.assign(unit=np.arange(len(rows)), rate_hz=rate, neuron=-1)
    return TrialSet(
        session=session,
        counts=np.zeros((4, 5, len(rows)), np.uint8) + np.arange(len(rows), dtype=np.uint8),
        behaviour=np.zeros((4, 5, 0), np.float32),
        traces=(),
        trials=pd.DataFrame(
            {"trial": range(4), "condition": "all", "outcome": "x", "split": "train"}
        ),
        units=table,
        stimuli=pd.DataFrame({"trial": [], "stimulus": [], "time_s": [], "amplitude": []}),
        start_s=0.0,
        bin_s=0.01,
    )


def _published_sessions() -> list[TrialSet]:
    both = {("area1", "excitatory"): 40, ("area2", "excitatory"): 40,
            ("area1", "inhibitory"): 10, ("area2", "inhibitory"): 10}  # fmt: skip
    kinds = [both, *({(a, "excitatory"): 80, (a, "inhibitory"): 20} for a in ("area1", "area2"))]
    return [make_set(f"s{k}", kinds[k % 3]) for k in range(10)]


def test_stitching_gives_the_published_sizes():
    stitched = stitch(_published_sessions(), Stitching(neurons_per_area=250)).trials
    assert [s.counts.shape[2] for s in stitched.sessions] == [100, 100, 100, 100, 50, 50]
    sizes = stitched.stitching.groupby(["area", "cell_type"]).size()
    assert dict(sizes) == {(a, k): n for a in ("area1", "area2") for k, n in
                           (("excitatory", 200), ("inhibitory", 50))}  # fmt: skip
    assert list(stitched.stitching["neuron"]) == list(range(500))
    kinds = stitched.stitching[["area", "cell_type"]].drop_duplicates(ignore_index=True)
    assert list(kinds["area"]) == ["area1", "area1", "area2", "area2"]
    assert list(kinds["cell_type"]) == ["excitatory", "inhibitory"] * 2
    assert (stitched.stitching["area"][:250] == "area1").all()


def test_no_unit_is_used_twice_and_every_session_keeps_its_own_counts():
    stitched = stitch(_published_sessions(), Stitching(neurons_per_area=250)).trials
    assert not stitched.stitching.duplicated(["session", "unit"]).any()
    for session in stitched.sessions:
        np.testing.assert_array_equal(session.counts[0, 0], session.units["unit"])
        mine = stitched.stitching[stitched.stitching["session"] == session.session]
        np.testing.assert_array_equal(session.units["neuron"], mine["neuron"])


def test_too_few_units_is_an_error_that_says_how_many_and_which_key():
    with pytest.raises(SpiketwinError, match=r"area1.* 400 excitatory .*800.*neurons_per_area"):
        stitch(_published_sessions(), Stitching(neurons_per_area=1000))


def test_all_takes_what_is_there():
    sets = [make_set("a", {("A", "excitatory"): 7, ("B", "inhibitory"): 2})]
    assert len(stitch(sets, Stitching()).trials.stitching) == 9


def test_areas_may_differ_in_whether_all_units_are_taken():
    sets = [make_set("a", {("A", "unknown"): 20, ("B", "unknown"): 7, ("C", "unknown"): 3})]
    stitched = stitch(sets, Stitching(neurons_per_area={"A": 10, "B": "all"})).trials.stitching
    assert dict(stitched.groupby("area").size()) == {"A": 10, "B": 7}
    with pytest.raises(SpiketwinError, match=r"no unit is of area 'D'.*areas: A, B, C"):
        stitch(sets, Stitching(neurons_per_area={"A": 10, "D": "all"}))


def test_what_could_not_be_scored_is_an_error_before_anything_is_fitted():
    few = make_set("a", {("A", "unknown"): 7, ("B", "unknown"): 3})
    with pytest.raises(SpiketwinError, match=r"area with 8 units .*largest has 7.*min_units"):
        check_scored([few], Features(min_units=8))
    with pytest.raises(SpiketwinError, match=r"no session has test trials.*min_class"):
        check_scored([few], Features(min_units=7))
    tested = replace(few, trials=few.trials.assign(split=["train", "train", "test", "test"]))
    check_scored([few, tested], Features(min_units=7))


def test_unknown_types_the_fastest_fifth_inhibits():
    sets = [make_set("a", {("A", "unknown"): 10})]
    stitched = stitch(sets, Stitching())
    table = stitched.trials.stitching
    assert sorted(table[table["cell_type"] == "inhibitory"]["rate_hz"]) == [9.0, 10.0]
    assert "10 units of unknown type; the 2" in stitched.notes[0]


def test_rate_limits_leave_units_out():
    sets = [make_set("a", {("A", "excitatory"): 10})]
    table = stitch(sets, Stitching(min_rate_hz=2.5, max_rate_hz=8)).trials.stitching
    assert sorted(table["rate_hz"]) == [3, 4, 5, 6, 7, 8]


def test_duplicates_are_found_and_independent_units_are_not():
    generator = np.random.default_rng(0)
    cell, other = (np.sort(generator.uniform(0, 500, 3000)) for _ in range(2))
    copy = np.sort(cell[generator.random(3000) < 0.95] + generator.normal(0, 1e-4, 1)[0])
    found = find_duplicates(make_recording([cell, other, copy]))
    assert found[["unit_a", "unit_b"]].to_numpy().tolist() == [[0, 2]]
    assert found["coincidence"].iloc[0] > 0.99
    assert coincidence(cell, other) < 0.05


def test_trials_come_back_from_disk_as_they_were(tmp_path):
    trials, _ = cut(make_recording([np.array([100.0, 100.1, 102.0])]), WINDOW)
    save_trials(trials, tmp_path / "s")
    loaded = load_trials(tmp_path / "s")
    np.testing.assert_array_equal(loaded.counts, trials.counts)
    pd.testing.assert_frame_equal(loaded.trials, trials.trials)
    pd.testing.assert_frame_equal(loaded.stimuli, trials.stimuli)
    assert (loaded.session, loaded.start_s, loaded.bin_s) == ("s", -0.1, 0.01)


def test_missing_trials_name_the_command_that_makes_them(tmp_path):
    with pytest.raises(SpiketwinError, match="spiketwin prepare"):
        load_trials(tmp_path)


def test_taking_trials_renumbers_their_stimuli():
    trials, _ = cut(make_recording([np.array([100.0])]), WINDOW)
    taken = trials.take(np.array([3, 3, 1]))
    assert list(taken.trials["trial"]) == [8, 8, 6]
    assert list(taken.stimuli["trial"]) == [0, 1, 2]


def test_conditions_can_be_mixed_like_those_of_other_trials():
    have, wanted = np.array(list("aaabbbbb")), np.array(list("ab" * 3 + "b" * 3))  # 1 to 2
    rows = mixed_like(have, wanted)
    np.testing.assert_array_equal(rows, [0, 1, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(mixed_like(have, have), np.arange(8))
    np.testing.assert_array_equal(mixed_like(have, np.array(["b"])), [3, 4, 5, 6, 7])


def test_sessions_share_their_simulations_where_a_condition_means_the_same_stimuli():
    one, other = two_area_session("one", 0), two_area_session("other", 1)
    assert exchangeable((one, other))
    names = np.where(np.arange(len(one.trials)) % 2 == 0, "go", "no-go")
    mixed = replace(
        one,
        trials=one.trials.assign(condition=names),
        stimuli=one.stimuli[one.stimuli["trial"] % 2 == 0].reset_index(drop=True),
    )
    assert exchangeable((mixed, replace(mixed, session="again")))
    assert not exchangeable((mixed, other))  # other conditions
    moved = replace(mixed, stimuli=mixed.stimuli.assign(time_s=0.1))
    assert not exchangeable((mixed, moved))
    blurred = mixed.stimuli.assign(time_s=np.linspace(0, 0.1, len(mixed.stimuli)))
    assert not exchangeable((replace(mixed, stimuli=blurred),) * 2)
