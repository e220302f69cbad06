"""Bad input ends in one clear line: what was found, what was expected, where to change it."""

import h5py
import numpy as np
import pytest

from spiketwin.config import (
    AreaMap,
    Mapping,
    Predicate,
    Stimulus,
    Trace,
    TrialsMapping,
    UnitsMapping,
)
from spiketwin.errors import SpiketwinError
from spiketwin.recording import read_nwb
from tests.nwb_files import write_file


def _fails(path, mapping, *parts, session=None):
    with pytest.raises(SpiketwinError) as caught:
        read_nwb(path, mapping, session)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, f"{part!r} not in {message!r}"


def test_no_such_file(tmp_path):
    _fails(tmp_path / "none.nwb", Mapping(), "no such file", "none.nwb", "recordings.folder")


def test_not_an_nwb(tmp_path):
    path = tmp_path / "a.nwb"
    path.write_text("hello")
    _fails(path, Mapping(), "is not an NWB file")


def test_hdf5_but_not_nwb(tmp_path):
    with h5py.File(tmp_path / "a.nwb", "w") as file:
        file["x"] = 1
    _fails(tmp_path / "a.nwb", Mapping(), "HDF5 file but not NWB")


def test_truncated_file(tmp_path):
    path = write_file(tmp_path / "a.nwb")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    _fails(path, Mapping(), "truncated or damaged")


def test_a_folder_that_is_no_store(tmp_path):
    (tmp_path / "a.nwb.zarr").mkdir()
    _fails(tmp_path / "a.nwb.zarr", Mapping(), "a folder but no Zarr store")


def test_no_units(tmp_path):
    _fails(write_file(tmp_path / "a.nwb", units=0), Mapping(), "no units in this file")


def test_no_trials(tmp_path):
    _fails(
        write_file(tmp_path / "a.nwb", trials=0, spikes=[np.array([1.0])] * 4),
        Mapping(),
        "no trials",
    )


def test_unknown_table_lists_those_that_exist(tmp_path):
    path = write_file(tmp_path / "a.nwb")
    mapping = Mapping(trials=TrialsMapping(table="trails"))
    _fails(path, mapping, "no trial table 'trails'", "trials", "recordings.mapping.trials.table")


@pytest.mark.parametrize(
    ("mapping", "parts"),
    [
        (
            Mapping(trials=TrialsMapping(align="strat_time")),
            ["'strat_time'", "it has: start_time", ".align"],
        ),
        (Mapping(trials=TrialsMapping(outcome=["outcom"])), ["'outcom'", "trials.outcome"]),
        (
            Mapping(trials=TrialsMapping(keep=[Predicate(column="early", accept=[0])])),
            ["'early'", "trials.keep"],
        ),
        (Mapping(units=UnitsMapping(area="units.region")), ["'region'", "units.area"]),
        (Mapping(units=UnitsMapping(area="nowhere")), ["expected electrodes.COLUMN"]),
        (
            Mapping(units=UnitsMapping(quality=[Predicate(column="good", minimum=1)])),
            ["'good'", "units.quality"],
        ),
        (Mapping(stimuli={"s": Stimulus(onset="stim")}), ["'stim'", "mapping.stimuli.s.onset"]),
        (
            Mapping(behaviour={"jaw": Trace(path="processing/jaw")}),
            ["processing/jaw", "behaviour.jaw"],
        ),
        (Mapping(areas=AreaMap(model={"V1": "V1"})), ["no area", "MOp, SSp-bfd", "mapping.areas"]),
    ],
)
def test_unknown_names_are_listed_with_the_key_to_change(tmp_path, mapping, parts):
    _fails(write_file(tmp_path / "a.nwb"), mapping, *parts)


def test_column_of_the_wrong_type(tmp_path):
    path = write_file(tmp_path / "a.nwb", trial_columns={"cue": np.array(["early"] * 12)})
    _fails(
        path, Mapping(trials=TrialsMapping(align="cue")), "'early'", "expected numbers", ".align"
    )


def test_all_events_missing(tmp_path):
    path = write_file(tmp_path / "a.nwb", trial_columns={"cue": np.full(12, np.nan)})
    _fails(path, Mapping(trials=TrialsMapping(align="cue")), "all 12 alignment events", "NaN")


def test_one_trial(tmp_path):
    _fails(write_file(tmp_path / "a.nwb", trials=1), Mapping(), "1 trial", "at least 2")


def test_nothing_kept_lists_the_values_that_are_there(tmp_path):
    path = write_file(tmp_path / "a.nwb", trial_columns={"kind": np.array(["go", "no-go"] * 6)})
    keep = TrialsMapping(keep=[Predicate(column="kind", accept=["Go"])])
    _fails(path, Mapping(trials=keep), "no row", "trials.keep", "kind has go, no-go")


def test_times_on_another_clock_than_the_trials(tmp_path):
    columns = {"delay": np.full(12, 0.3), "cue": 1000.3 + np.arange(12)}
    path = write_file(tmp_path / "a.nwb", offset_s=1000, trial_columns=columns)
    parts = ("0.3 to 0.3 s", "1000 to 1012 s", "trials.align", "align_relative to true")
    _fails(path, Mapping(trials=TrialsMapping(align="delay")), *parts)
    relative = TrialsMapping(align="cue", align_relative=True)
    _fails(path, Mapping(trials=relative), "align_relative to false")
    shown = Mapping(trials=TrialsMapping(align="cue"), stimuli={"s": Stimulus(onset="delay")})
    _fails(path, shown, "no trial would see the stimulus", "mapping.stimuli.s.onset")


def test_units_without_a_spike_are_noted(tmp_path):
    spikes = [np.array([1.0]), np.zeros(0), np.array([2.0]), np.array([3.0])]
    recording = read_nwb(write_file(tmp_path / "a.nwb", spikes=spikes), Mapping())
    assert len(recording.units) == 4
    assert any("1 units without a spike" in note for note in recording.notes)


def test_empty_areas(tmp_path):
    path = write_file(tmp_path / "a.nwb", locations=["void", "root"])
    with h5py.File(path, "r+") as file:
        locations = file["general/extracellular_ephys/electrodes/location"]
        locations[...] = ["", "root"]
    _fails(path, Mapping(), "no area", "recordings.mapping.units.area")


def test_areas_written_as_bytes_are_decoded():
    from spiketwin.recording.columns import text

    assert text(b"amygdala_right") == "amygdala_right"
    assert text(np.bytes_(b" CA1 ")) == "CA1"


def test_decreasing_spike_times(tmp_path):
    spikes = [np.array([1.0, 2.0])] * 3 + [np.array([2.0, 1.0, 3.0])]
    path = write_file(tmp_path / "a.nwb", spikes=spikes)
    _fails(path, Mapping(), "unit 3 decrease", "recordings.mapping.units.quality")


def test_trace_without_a_valid_sample(tmp_path):
    times = np.arange(0, 12, 0.01)
    path = write_file(tmp_path / "a.nwb", series={"Jaw": (times, np.full(len(times), np.nan))})
    where = "processing/behavior/BehavioralTimeSeries/Jaw"
    _fails(path, Mapping(behaviour={"jaw": Trace(path=where)}), "no valid sample", "behaviour.jaw")


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "a b", ""])
def test_hostile_session_names(tmp_path, name):
    path = write_file(tmp_path / "a.nwb")
    if name:
        _fails(path, Mapping(), "session name", session=name)
