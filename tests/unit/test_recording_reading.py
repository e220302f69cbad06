"""Reading NWB: what the mapping means, and what real files do."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from spiketwin.config import (
    AreaMap,
    CellTypeColumn,
    Config,
    Mapping,
    Predicate,
    Stimulus,
    Trace,
    TrialsMapping,
    UnitsMapping,
    WaveformWidth,
    read_config,
)
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.recording import read_nwb
from spiketwin.recording.areas import model_areas, plain_label
from spiketwin.recording.describe import describe
from spiketwin.recording.suggest import suggest_config
from spiketwin.trials.prepare import prepare
from tests.nwb_files import write_file


def _mapping(**blocks):
    return Mapping(**blocks)


def test_spikes_units_and_trials_are_the_file_s(tmp_path):
    recording = read_nwb(write_file(tmp_path / "a.nwb"), Mapping())
    assert recording.session == "a"
    assert list(recording.units["area"]) == ["SSp-bfd", "MOp"] * 2
    np.testing.assert_allclose(recording.spike_times_s[:3], [0.5, 1.5, 2.5])
    assert list(np.diff(recording.spike_offsets)) == [12] * 4
    assert list(recording.trials["align_s"]) == list(range(12))
    assert set(recording.trials["condition"]) == {"all"}


def test_the_input_file_is_left_as_it_was(tmp_path):
    path = write_file(tmp_path / "a.nwb")
    before = path.read_bytes()
    read_nwb(path, Mapping())
    describe(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.nwb"]


def test_quality_and_cell_types_by_column(tmp_path):
    columns = {"quality": np.array(["good", "mua", "good", "good"]),
               "kind": np.array(["RSU", "RSU", "FSU", "?"])}  # fmt: skip
    mapping = _mapping(
        units=UnitsMapping(
            quality=[Predicate(column="quality", accept=["good"])],
            cell_type=CellTypeColumn(column="kind", excitatory=["RSU"], inhibitory=["FSU"]),
        )
    )
    units = read_nwb(write_file(tmp_path / "a.nwb", unit_columns=columns), mapping).units
    assert list(units["unit"]) == [0, 2, 3]
    assert list(units["cell_type"]) == ["excitatory", "inhibitory", "unknown"]


def test_a_width_threshold_that_is_not_in_the_column_s_unit_is_noted(tmp_path):
    columns = {"width": np.array([500.0, 200.0, 300.0, 275.0])}
    width = WaveformWidth(column="width", threshold=0.275)
    path = write_file(tmp_path / "a.nwb", unit_columns=columns)
    notes = read_nwb(path, _mapping(units=UnitsMapping(cell_type=width))).notes
    assert any("all units are excitatory: units.width runs from 200 to 500" in n for n in notes)


def test_cell_types_by_waveform_width(tmp_path):
    columns = {"width (ms)": np.array([0.5, 0.2, np.nan, 0.275])}
    width = WaveformWidth(column="width (ms)", threshold=0.275)
    mapping = _mapping(units=UnitsMapping(cell_type=width))
    units = read_nwb(write_file(tmp_path / "a.nwb", unit_columns=columns), mapping).units
    assert list(units["cell_type"]) == ["excitatory", "inhibitory", "unknown", "inhibitory"]


def test_areas_go_from_label_to_acronym_to_model_area_and_the_rest_is_listed():
    notes = []
    areas = AreaMap(ccf={"barrel": "SSp-bfd"}, model={"SSp-bfd": "wS1"})
    found = model_areas(["barrel", "SSp-bfd", "MOp", ""], areas, notes)
    assert list(found) == ["wS1", "wS1", "", ""]
    assert "MOp (1)" in notes[0] and "'' (1)" in notes[0]


def test_area_labels_may_be_json():
    assert plain_label('{"brain_regions": "left ALM", "depth": 3}') == "left ALM"


@pytest.mark.parametrize(
    "source", ["units.region", "electrodes.location", "electrode_group.location"]
)
def test_areas_are_found_in_units_electrodes_and_groups(tmp_path, source):
    columns = {"region": np.array(["SSp-bfd", "MOp", "SSp-bfd", "MOp"])}
    path = write_file(tmp_path / "a.nwb", unit_columns=columns)
    units = read_nwb(path, _mapping(units=UnitsMapping(area=source))).units
    assert list(units["area"]) == ["SSp-bfd", "MOp", "SSp-bfd", "MOp"]


def test_areas_are_found_through_the_peak_channel(tmp_path):
    columns = {"peak_channel_id": np.array([1, 0, 1, 0])}
    path = write_file(tmp_path / "a.nwb", unit_columns=columns)
    mapping = _mapping(units=UnitsMapping(area="peak_channel.peak_channel_id"))
    assert list(read_nwb(path, mapping).units["area"]) == ["MOp", "SSp-bfd"] * 2


def test_trials_may_stand_in_any_interval_table(tmp_path):
    path = write_file(tmp_path / "a.nwb", table="task")
    assert len(read_nwb(path, Mapping()).trials) == 12
    assert len(read_nwb(path, _mapping(trials=TrialsMapping(table="task"))).trials) == 12


def test_conditions_join_merge_and_keep(tmp_path):
    columns = {
        "side": np.array(["left", "right"] * 6),
        "go": np.array([1.0, 1.0, 0.0] * 4),
        "early": np.array([0] * 11 + [1]),
    }
    mapping = _mapping(
        trials=TrialsMapping(
            condition=["side", "go"],
            merge={"nogo": ["left_0", "right_0"]},
            keep=[Predicate(column="early", reject=[1])],
        )
    )
    trials = read_nwb(write_file(tmp_path / "a.nwb", trial_columns=columns), mapping).trials
    assert len(trials) == 11
    assert list(trials["condition"][:3]) == ["left_1", "right_1", "nogo"]


def test_merging_is_for_conditions_and_outcomes_not_for_further_labels(tmp_path):
    columns = {"side": np.array([0, 1] * 6), "perf": np.array([0, 0, 1] * 4)}
    mapping = _mapping(
        trials=TrialsMapping(
            outcome=["perf"], labels={"side": "side"}, merge={"Miss": ["0"], "Hit": ["1"]}
        )
    )
    trials = read_nwb(write_file(tmp_path / "a.nwb", trial_columns=columns), mapping).trials
    assert list(trials["outcome"][:3]) == ["Miss", "Miss", "Hit"]
    assert list(trials["label side"][:3]) == ["0", "1", "0"]


def test_alignment_by_column_by_relative_column_and_by_event_series(tmp_path):
    columns = {"cue": np.arange(12) + 0.25, "cue_after": np.full(12, 0.25)}
    columns["cue"][3] = np.nan
    events = np.delete(np.arange(12) + 0.25, 3)
    path = write_file(
        tmp_path / "a.nwb", trial_columns=columns, series={"cue_times": (events, np.ones(11))}
    )
    source = "events:processing/behavior/BehavioralTimeSeries/cue_times"
    by_column = read_nwb(path, _mapping(trials=TrialsMapping(align="cue")))
    by_events = read_nwb(path, _mapping(trials=TrialsMapping(align=source)))
    np.testing.assert_allclose(by_column.trials["align_s"], by_events.trials["align_s"])
    assert len(by_column.trials) == 11
    assert any("1 trials without alignment event" in note for note in by_column.notes)
    after = TrialsMapping(align="cue_after", align_relative=True)
    relative = read_nwb(path, _mapping(trials=after))
    np.testing.assert_allclose(relative.trials["align_s"], np.arange(12) + 0.25)


def test_the_first_of_several_events_of_a_trial_counts_and_that_is_said(tmp_path):
    events = np.concatenate([np.arange(12) + 0.25, np.arange(5) + 0.5])
    path = write_file(
        tmp_path / "a.nwb", series={"clicks": (np.sort(events), np.ones(17))}, trials=12
    )
    source = "events:processing/behavior/BehavioralTimeSeries/clicks"
    recording = read_nwb(path, _mapping(trials=TrialsMapping(align=source)))
    np.testing.assert_allclose(recording.trials["align_s"], np.arange(12) + 0.25)
    assert any("5 of 12 trials hold more than one event" in note for note in recording.notes)


@pytest.mark.parametrize(
    ("times", "chosen"),
    [
        (["stim_off_time", "stim_on_time"], "stim_on_time"),
        (["go_time", "cue_time"], "cue_time"),
        (["stimulus_end", "go_time"], "start_time"),
    ],
)
def test_a_suggested_time_0_is_the_onset_of_a_stimulus_by_its_name(tmp_path, times, chosen):
    columns = {name: np.arange(24) + 0.3 + 0.1 * k for k, name in enumerate(times)}
    path = write_file(tmp_path / "a.nwb", units=24, trials=24, trial_columns=columns)
    config, _ = _suggested(tmp_path, path)
    assert config.recordings.mapping.trials.align == chosen


def test_a_label_with_a_value_per_trial_is_reported_once(tmp_path, capsys):
    latency = {"latency": np.random.default_rng(0).random(40)}
    path = write_file(tmp_path / "a.nwb", units=24, trials=40, trial_columns=latency)
    (tmp_path / "config.yaml").write_text(suggest_config(path))
    config = read_config(tmp_path / "config.yaml")
    mapping = config.recordings.mapping
    trials = mapping.trials.model_copy(update={"outcome": ["latency"]})
    mapping = mapping.model_copy(update={"trials": trials})
    config = config.model_copy(
        update={"recordings": config.recordings.model_copy(update={"mapping": mapping})}
    )
    with pytest.raises(SpiketwinError, match="no session has test trials"):
        prepare(config, RunFiles(tmp_path / "results"), tmp_path)
    errors = capsys.readouterr().err
    assert "40 pairs of condition and outcome have fewer than" in errors
    assert errors.count("used for training only") == 1
    assert "24 units; 40 trials (40 train, 0 validation, 0 test)" in errors


def test_stimuli_by_constant_column_and_lists_are_relative_to_the_alignment(tmp_path):
    clicks = [np.array([k + 0.1, k + 0.2]) if k % 2 else np.zeros(0) for k in range(12)]
    columns = {"stim": np.where(np.arange(12) < 6, np.arange(12) + 0.3, np.nan),
               "strength": np.where(np.arange(12) == 0, 0.0, 2.0), "clicks": clicks}  # fmt: skip
    mapping = _mapping(
        stimuli={
            "whisker": Stimulus(onset="stim", amplitude="strength"),
            "cue": Stimulus(onset=1.0),
            "click": Stimulus(onset="clicks"),
        }
    )
    stimuli = read_nwb(write_file(tmp_path / "a.nwb", trial_columns=columns), mapping).stimuli
    whisker = stimuli[stimuli["stimulus"] == "whisker"]
    assert list(whisker["trial"]) == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(whisker["time_s"], 0.3)
    assert (stimuli["stimulus"] == "cue").sum() == 12
    np.testing.assert_allclose(stimuli[stimuli["stimulus"] == "click"]["time_s"], [0.1, 0.2] * 6)


def test_traces_by_component_with_likelihood_and_by_step(tmp_path):
    times = np.arange(0, 12, 0.01)
    likelihood = np.where(times < 1, 0.5, 1.0)
    values = np.column_stack([times, -times, likelihood])
    path = write_file(
        tmp_path / "a.nwb",
        series={"Jaw": (times, values)},
        trial_columns={"moved": np.arange(12) + 0.4},
    )
    where = "processing/behavior/BehavioralTimeSeries/Jaw"
    mapping = _mapping(
        behaviour={
            "jaw": Trace(path=where, component="y", likelihood=2, flip=True),
            "movement": Trace(step_at="moved"),
        }
    )
    traces = read_nwb(path, mapping).behaviour
    assert np.isnan(traces["jaw"].values[times < 1]).all()
    np.testing.assert_allclose(traces["jaw"].values[times >= 1], times[times >= 1], rtol=1e-6)
    np.testing.assert_allclose(traces["movement"].times_s, np.arange(12) + 0.4)
    assert traces["movement"].step


def test_steps_count_from_the_start_of_the_trial_where_events_do(tmp_path):
    columns = {"cue": np.full(12, 0.25), "moved": np.full(12, 0.4)}
    path = write_file(tmp_path / "a.nwb", trial_columns=columns)
    mapping = _mapping(
        trials=TrialsMapping(align="cue", align_relative=True),
        behaviour={"movement": Trace(step_at="moved")},
    )
    times = read_nwb(path, mapping).behaviour["movement"].times_s
    np.testing.assert_allclose(times, np.arange(12) + 0.4)


def test_clocks_far_from_zero_are_taken_as_they_are(tmp_path):
    recording = read_nwb(write_file(tmp_path / "a.nwb", offset_s=5.2e6), Mapping())
    assert recording.trials["align_s"].iloc[0] == 5.2e6
    assert "far from zero" in describe(tmp_path / "a.nwb")


def test_only_observed_intervals_count_as_observed(tmp_path):
    seen = np.array([[0.0, 3.0], [5.0, 12.0]])
    recording = read_nwb(write_file(tmp_path / "a.nwb", observed=seen), Mapping())
    for intervals in recording.observed_s:
        np.testing.assert_array_equal(intervals, seen)


def test_observed_intervals_belong_to_their_unit(tmp_path):
    seen = np.array([[0.0, 3.0], [3.0, 12.0]])
    path = write_file(tmp_path / "a.nwb", observed=seen)
    with h5py.File(path, "r+") as file:
        file["units/obs_intervals_index"][:2] = [1, 1]
    first, none, *_ = read_nwb(path, Mapping()).observed_s
    np.testing.assert_array_equal(first, seen[:1])
    np.testing.assert_array_equal(none, [[0.0, 12.0]])


def test_zarr_stores_are_read(tmp_path):
    from hdmf_zarr import NWBZarrIO
    from pynwb import NWBHDF5IO

    source = write_file(tmp_path / "a.nwb")
    with (
        NWBHDF5IO(str(source), "r") as reading,
        NWBZarrIO(str(tmp_path / "b.nwb.zarr"), "w") as out,
    ):
        out.export(src_io=reading, write_args={"link_data": False})
    first, second = (read_nwb(tmp_path / name, Mapping()) for name in ("a.nwb", "b.nwb.zarr"))
    assert second.session == "b"
    np.testing.assert_array_equal(first.spike_times_s, second.spike_times_s)


def test_describe_tells_tables_columns_events_and_traces(tmp_path):
    times = np.arange(0, 12, 0.01)
    path = write_file(
        tmp_path / "a.nwb",
        trial_columns={"outcome": np.array(["hit", "miss"] * 6), "rt": np.full(12, np.nan)},
        series={"Jaw": (times, np.sin(times)), "licks": (np.arange(12) + 0.3, np.ones(12))},
    )
    told = describe(path)
    expected = (
        "SSp-bfd: 2",
        "outcome: text, hit (6), miss (6)",
        "Jaw: trace, 1200 samples",
        "licks: events, 12",
        "trials.rt: all values are missing",
        "no quality column",
    )
    for part in expected:
        assert part in told, part


def _suggested(folder: Path, path: Path) -> tuple[Config, pd.DataFrame]:
    """The configuration suggested for a file, and the stitching that it gives."""
    (folder / "config.yaml").write_text(suggest_config(path))
    config = read_config(folder / "config.yaml")
    files = RunFiles(folder / "results" / config.run)
    prepare(config, files, Path(config.recordings.folder))
    return config, pd.read_parquet(files.stitching)


LABELLED = {
    "outcome": np.array(["hit", "miss"] * 12),
    "stim_side": np.array(["l", "l", "r", "r"] * 6),
    "stim_time": np.arange(24) + 0.2,
    "latency": np.arange(24) + 5.5,
}


@pytest.mark.parametrize("name", ["a b", ".é-mäuse"])
def test_a_suggested_configuration_runs_as_it_is(tmp_path, name):
    path = write_file(tmp_path / f"{name}.nwb", units=24, trials=24, trial_columns=LABELLED)
    config, _ = _suggested(tmp_path, path)
    assert config.recordings.mapping.trials.outcome == ["outcome"]
    assert config.recordings.mapping.trials.condition == ["stim_side"]
    assert config.recordings.mapping.trials.align == "stim_time"
    assert config.trials.window_s == (-0.2, 0.8)
    text = (tmp_path / "config.yaml").read_text()
    assert "# Columns for align, times: start_time, stim_time\n" in text
    assert "# Columns for condition and outcome, few values: outcome, stim_side\n" in text


def test_a_suggested_configuration_runs_where_units_are_duplicates(tmp_path, capsys):
    spikes = [np.sort(np.random.default_rng(k).uniform(0, 24, 400)) for k in range(4)]
    path = write_file(tmp_path / "a.nwb", trials=24, spikes=[*spikes[:3], spikes[1]],
                      trial_columns=LABELLED)  # fmt: skip
    config, stitching = _suggested(tmp_path, path)
    assert len(stitching) == 3 and config.features.min_units == 1
    assert "No area has 10 units" in (tmp_path / "config.yaml").read_text()
    assert "units [3] left out, the same cells" in capsys.readouterr().err


@pytest.mark.parametrize(("inhibitory", "neurons"), [(30, 100), (5, 110)])
def test_a_suggested_configuration_limits_large_areas_where_types_allow(
    tmp_path, inhibitory, neurons
):
    types = np.array(["inhibitory"] * inhibitory + ["excitatory"] * (110 - inhibitory))
    path = write_file(tmp_path / "a.nwb", units=110, trials=24, locations=["MOp"],
                      unit_columns={"cell_type": types}, trial_columns=LABELLED)  # fmt: skip
    assert len(_suggested(tmp_path, path)[1]) == neurons
