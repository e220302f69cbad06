"""The published MATLAB file as NWB: a small file of the same structure, with its traps."""

import itertools
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from spiketwin.cli import main
from spiketwin.config import read_config
from spiketwin.errors import SpiketwinError
from spiketwin.recording import read_nwb
from spiketwin.recording.convert import convert

ROOT = Path(__file__).parents[2]
FRAMES = 2000
AREAS = [["wS1", "wS1", "ALM"], ["tjM1", "tjM1"], ["wM1"]]
EXPERT = [1.0, 0.0, 1.0]
INCLUDE = [[1.0, 0.0, 1.0], [1.0, 1.0], [1.0]]
TRIALS = 6
OUTCOMES = np.array([0, 1, 2, 3, 1, 1])
COMPLETED = np.array([1, 1, 1, 1, 1, 0])


class Writer:
    """Writes values as MATLAB v7.3 does."""

    def __init__(self, path):
        self.file = h5py.File(path, "w", userblock_size=512)
        self.cells, self.number = self.file.create_group("#refs#"), itertools.count()

    def dataset(self, group, name, value):
        if isinstance(value, str):
            stored, kind = np.array([[ord(c)] for c in value], np.uint16), "char"
        elif isinstance(value, list):
            stored = np.array([[self.reference(v)] for v in value], dtype=h5py.ref_dtype)
            kind = "cell"
        else:
            stored, kind = np.atleast_2d(np.asarray(value)).T, "double"
        made = group.create_dataset(name, data=stored)
        made.attrs["MATLAB_class"] = np.bytes_(kind)
        return made

    def reference(self, value):
        if not isinstance(value, str | list) and np.size(value) == 0:
            made = self.cells.create_dataset(f"r{next(self.number)}", data=np.zeros(2, np.uint64))
            made.attrs["MATLAB_class"], made.attrs["MATLAB_empty"] = np.bytes_("double"), 1
            return made.ref
        return self.dataset(self.cells, f"r{next(self.number)}", value).ref


def _fields():
    generator = np.random.default_rng(0)
    onset = 10.0 + 8 * np.arange(TRIALS)
    fields = {
        "mouse": ["VE001", "VE002", "VE003"],
        "date": ["20170101_1", "20170102", "20170103"],
        "expert": list(EXPERT),
        "TrialOnsets_All": [onset] * 3,
        "CompletedTrialIndices": [COMPLETED.astype(float)] * 3,
        "StimIndices_All": [np.array([4.0, 1, 0, 0, 1, 1])] * 3,
        "LickOnsets": [np.array([np.nan, 0.1, np.nan, 0.15, 0.12, np.nan])] * 3,
        "ActiveIndices": [np.array([0.0, 1, 0, 1, 0, 1])] * 3,
        "area": AREAS,
        "include": [np.array(flags) for flags in INCLUDE],
        "width": [np.array([0.4, 0.4, 0.2])[: len(a)] for a in AREAS],
        "depth": [np.array([100.0, 200, 300])[: len(a)] for a in AREAS],
        "cluster": [np.array([11.0, 12, 13])[: len(a)] for a in AREAS],
        "spikets": [
            [np.sort(generator.uniform(5, 60, 100 + 50 * k)) for k in range(len(a))] for a in AREAS
        ],
    }
    for code, name in enumerate(("MissIndices", "HitIndices", "CRIndices", "FAIndices")):
        fields[name] = [(code == OUTCOMES).astype(float)] * 3
    for name in ("Jaw_pos", "Tongue_pos", "Whisker_pos"):
        video = np.arange(TRIALS)[:, None] + np.linspace(0, 0.5, FRAMES)[None, :]
        video[2, 100] = np.nan
        fields[name] = [video] * 3
    fields["spikets"][2] = [np.zeros(0)]  # a unit without spikes
    return fields


def _write(path, **changes):
    writer, fields = Writer(path), _fields() | changes
    structure = writer.file.create_group("spikeData_v9")
    for name, values in fields.items():
        if values is not None:
            writer.dataset(structure, name, values)
    writer.file.close()
    return path


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mat")
    return convert(_write(folder / "spikeData_v9.mat"), folder / "nwb")


def _mapping():
    return read_config(ROOT / "workflow/config/delayed-whisker.yaml").recordings.mapping


def test_expert_sessions_become_files_and_a_list_of_them(converted):
    assert [path.name for path in converted] == ["VE001_20170101_1.nwb", "VE003_20170103.nwb"]
    listed = yaml.safe_load((converted[0].parent / "sessions.yaml").read_text())["recordings"]
    assert [entry["path"] for entry in listed["sessions"]] == [path.name for path in converted]
    assert listed["synthetic"] is None


def test_units_that_are_not_included_are_left_out_one_by_one(converted):
    recording = read_nwb(converted[0], _mapping())
    assert list(recording.units["area"]) == ["wS1", "ALM"]
    assert list(recording.units["cell_type"]) == ["excitatory", "inhibitory"]
    truth = _fields()["spikets"][0]
    for k, times in enumerate((truth[0], truth[2])):
        first, last = recording.spike_offsets[k : k + 2]
        np.testing.assert_allclose(recording.spike_times_s[first:last], times)


def test_trials_are_aligned_to_the_whisker_and_early_licks_are_no_trials(converted):
    trials = read_nwb(converted[0], _mapping()).trials
    assert list(trials["outcome"]) == ["Miss", "Hit", "CR", "FA", "Hit"]
    np.testing.assert_allclose(trials["align_s"], 11.0 + 8 * np.arange(5))
    assert list(trials["condition"]) == [
        "whisker_trial", "whisker_trial", "no_stim_trial", "no_stim_trial", "whisker_trial"
    ]  # fmt: skip


def test_stimuli_and_jaw_stand_at_their_times(converted):
    recording = read_nwb(converted[0], _mapping())
    shown = recording.stimuli
    assert list(shown[shown["stimulus"] == "whisker"]["trial"]) == [0, 1, 4]
    np.testing.assert_allclose(shown[shown["stimulus"] == "cue"]["time_s"], 1.0)
    jaw = recording.behaviour["jaw"]
    at = np.searchsorted(jaw.times_s, 11.0 + 8 * 3 - 1e-6)  # whisker time of the fourth trial
    assert jaw.values[at] == pytest.approx(3 + 0.125, abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikets": None}, "no field 'spikets'; fields: ActiveIndices"),
        ({"include": [np.ones(2), np.ones(2), np.ones(1)]}, "a field of 2 values where 3"),
        ({"Jaw_pos": [np.zeros((4, 7))] * 3}, "a video of 4 x 7 frames in a session of 6 trials"),
    ],
)
def test_a_file_that_does_not_fit_is_one_clear_line(tmp_path, changes, message):
    with pytest.raises(SpiketwinError, match=message):
        convert(_write(tmp_path / "a.mat", **changes), tmp_path / "nwb")


def test_other_files_are_refused(tmp_path, capsys):
    (tmp_path / "old.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    assert main(["convert", str(tmp_path / "old.mat"), str(tmp_path)]) == 1
    assert "no MATLAB v7.3 file" in capsys.readouterr().err
    with h5py.File(tmp_path / "other.mat", "w") as file:
        file.create_group("data")
    with pytest.raises(SpiketwinError, match="no structure 'spikeData_v9'; it has: data"):
        convert(tmp_path / "other.mat", tmp_path)
