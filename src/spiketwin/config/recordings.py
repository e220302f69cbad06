"""Which recordings a run uses, and what their tables, columns and series mean."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from spiketwin.config.section import Count, Fraction, Name, Positive, Section

Value = str | float | int | bool
ENVIRONMENT = "SPIKETWIN_RECORDINGS"
"""Environment variable with the folder of the recordings."""


class Predicate(Section):
    """Keeps the rows whose value is accepted; give `accept`, `reject` or limits (or several)."""

    column: str
    """Column of the table."""
    accept: list[Value] | None = None
    """Values to keep."""
    reject: list[Value] | None = None
    """Values to drop."""
    minimum: float | None = None
    """Smallest value to keep."""
    maximum: float | None = None
    """Largest value to keep."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if (
            self.accept is None
            and self.reject is None
            and self.minimum is None
            and self.maximum is None
        ):
            raise ValueError("give accept, reject, minimum or maximum")
        return self


class WaveformWidth(Section):
    """Broad spikes are excitatory, narrow ones inhibitory."""

    column: str
    """Units column with the waveform width."""
    threshold: Positive
    """Widths above it are excitatory; in the unit of the column (s, ms, samples)."""


class CellTypeColumn(Section):
    """Cell types written in a units column."""

    column: str
    """Units column with the cell type."""
    excitatory: list[Value]
    """Values that mean excitatory."""
    inhibitory: list[Value]
    """Values that mean inhibitory."""


def _cell_type(value: object) -> str | None:
    """How cell types are told, None where it cannot be seen."""
    if isinstance(value, dict):
        return "width" if "threshold" in value else "labels"
    if isinstance(value, CellTypeColumn | WaveformWidth):
        return "width" if isinstance(value, WaveformWidth) else "labels"
    return "unknown" if value == "unknown" else None


CellType = Annotated[
    Annotated[CellTypeColumn, Tag("labels")]
    | Annotated[WaveformWidth, Tag("width")]
    | Annotated[Literal["unknown"], Tag("unknown")],
    Discriminator(
        _cell_type,
        custom_error_type="cell_type",
        custom_error_message="expected a column of labels {column: ..., excitatory: [...], "
        "inhibitory: [...]}, a waveform width {column: ..., threshold: ...} or unknown",
    ),
]


class UnitsMapping(Section):
    """What the units table means."""

    area: str | None = None
    """Where the area of a unit stands: `electrodes.COLUMN`, `units.COLUMN`,
    `electrode_group.location` or `peak_channel.UNITCOLUMN`. Absent: guessed and printed."""
    quality: list[Predicate] = []
    """Units to keep."""
    cell_type: CellType | None = None
    """Excitatory or inhibitory. Absent: guessed from a cell-type column, else unknown."""


class TrialsMapping(Section):
    """What the trial table means."""

    table: str | None = None
    """Name of the trial table (`trials` or an intervals table). Absent: guessed."""
    align: str | None = None
    """Alignment event: a column of the table, or `events:PATH` of an event series with one
    event per trial. Absent: `start_time`."""
    align_relative: bool = False
    """The alignment column and the event columns count from the trial's start, not from the
    session's."""
    condition: list[str] = []
    """Columns whose values together name the condition (what the network receives)."""
    outcome: list[str] = []
    """Columns whose values together name the outcome (what the network produces)."""
    labels: dict[Name, str] = {}
    """Name: further column of the table that says something of the trial (e.g. whether the animal
    moved). Analyses compare what they find with it; nothing is fitted to it."""
    merge: dict[str, list[str]] = {}
    """New label: labels it replaces (conditions and outcomes alike)."""
    keep: list[Predicate] = []
    """Trials to keep."""


class Stimulus(Section):
    """When and how strongly a stimulus comes in each trial."""

    onset: float | str
    """Seconds from the alignment event, or a column of the trial table: one time per trial
    (missing = no stimulus) or a list of times per trial."""
    amplitude: float | str = 1.0
    """A number, or a column of the trial table; 0 means absent."""


class Trace(Section):
    """A behaviour trace: a continuous series, or a step at an event of each trial."""

    path: str | None = None
    """Path of the series in the file, e.g. `processing/behavior/BehavioralTimeSeries/JawTrace`."""
    step_at: str | None = None
    """Instead of a series: 0 before and 1 after the time in this trial column."""
    component: int | str | None = None
    """Column of a series with several components (x, y, likelihood)."""
    likelihood: int | str | None = None
    """Component or column with the tracking likelihood."""
    min_likelihood: Fraction = 0.9
    """Samples below it count as missing."""
    flip: bool = False
    """Change the sign (so that opening is positive)."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.step_at is None):
            raise ValueError("give exactly one of path and step_at")
        return self


class AreaMap(Section):
    """File label -> CCF acronym -> model area. Labels that lead nowhere are dropped and listed."""

    ccf: dict[str, str] = {}
    """File label: CCF acronym (a label that is not listed stands for itself)."""
    model: dict[str, str] | None = None
    """CCF acronym: model area. Absent: every acronym is an area, except unassigned ones
    (empty, root, grey, void, ...)."""


class Mapping(Section):
    """What the tables, columns and series of a lab's files mean."""

    units: UnitsMapping = UnitsMapping()
    trials: TrialsMapping = TrialsMapping()
    stimuli: dict[Name, Stimulus] = {}
    """Name: stimulus; `network.inputs` refers to these names."""
    behaviour: dict[Name, Trace] = {}
    """Name: trace, e.g. `jaw`."""
    areas: AreaMap = AreaMap()


class Synthetic(Section):
    """The published two-area artificial recordings, written as NWB into `data/NAME`."""

    task: Literal["two-area"] = "two-area"
    name: Name = "two-area"
    """Folder below `data/`."""
    sessions: Count = 10
    units: Count = 100
    """Units per session (80 % excitatory)."""
    trials: Count = 200
    """Trials per session."""
    hit_probability: Fraction = 0.8
    """Probability that the second area responds."""
    both: bool = False
    """The first area, too, responds on hit trials only."""
    area2_onset_s: float = Field(default=0.008, ge=0, le=2.8)
    """Onset of the response of the second area after the stimulus; a trial ends 3 s after it."""
    jaw: bool = False
    """Add a jaw trace: opens on hit trials after the second area, small spontaneous movements."""
    draw: int = Field(default=0, ge=0)
    """Seed of the draw."""


class DelayedTask(Section):
    """Artificial recordings of the delayed whisker task in six areas, as NWB into `data/NAME`."""

    task: Literal["delayed-whisker"]
    name: Name = "delayed-whisker"
    """Folder below `data/`."""
    sessions: int = Field(default=28, ge=6)
    units_per_area: Count = 320
    """Units of each area over all sessions."""
    trials: Count = 180
    """Trials per session."""
    active_share: Fraction = 0.4
    """Share of trials in which the animal moves before the response."""
    frame_rate_hz: Positive = 200.0
    """Of the videos."""
    draw: int = Field(default=0, ge=0)
    """Seed of the draw."""


def _task(value: object) -> str:
    """Which artificial recordings a block means."""
    task = value.get("task") if isinstance(value, dict) else getattr(value, "task", None)
    return str(task or "two-area")


Artificial = Annotated[
    Annotated[Synthetic, Tag("two-area")] | Annotated[DelayedTask, Tag("delayed-whisker")],
    Discriminator(_task),
]


class SessionFile(Section):
    """One recording."""

    session: Name
    """Name used in tables and file names."""
    path: str
    """NWB file or Zarr folder, relative to the recordings folder."""


class Recordings(Section):
    """Recordings of the run: NWB files (`sessions`), or the synthetic generator (`synthetic`)."""

    folder: str = "data"
    """Folder of the files. `--recordings` takes its place, and so does the environment variable
    SPIKETWIN_RECORDINGS where the folder is relative."""
    sessions: list[SessionFile] = []
    synthetic: Artificial | None = None
    mapping: Mapping = Mapping()

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if bool(self.sessions) == (self.synthetic is not None):
            raise ValueError("give either sessions or synthetic")
        names = [entry.session for entry in self.sessions]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"session name {name!r} is given twice")
        paths = [entry.path for entry in self.sessions]
        for path in paths:
            if paths.count(path) > 1:
                raise ValueError(f"file {path!r} is given twice, and with it every cell")
        return self

    def session_names(self) -> list[str]:
        """Names of all sessions, in order."""
        if self.synthetic is None:
            return [entry.session for entry in self.sessions]
        return [f"session-{k}" for k in range(self.synthetic.sessions)]

    def folder_from(self, given: Path | None) -> Path:
        """Folder of the files: the given one, or that of the environment, or of the configuration.

        The environment says where a machine keeps its recordings; a configuration that generates
        its recordings, or names an absolute folder, does not need to be told.
        """
        configured = Path(self.folder)
        if given is None and self.synthetic is None and not configured.is_absolute():
            return Path(os.environ.get(ENVIRONMENT) or configured)
        return given or configured

    def files(self, folder: Path) -> dict[str, Path]:
        """File (or Zarr folder) of every session in the folder of the recordings."""
        if self.synthetic is None:
            return {entry.session: folder / entry.path for entry in self.sessions}
        base = folder / self.synthetic.name
        return {name: base / f"{name}.nwb" for name in self.session_names()}
