"""A configuration for a file nobody has configured yet: runs as it is, and says what to check."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from spiketwin.config import Mapping, Stitching, TrialsMapping, UnitsMapping
from spiketwin.errors import SpiketwinError
from spiketwin.recording.areas import UNASSIGNED
from spiketwin.recording.columns import is_ragged, values
from spiketwin.recording.describe import is_trace
from spiketwin.recording.names import as_name
from spiketwin.recording.nwb import open_nwb, read_nwb
from spiketwin.recording.series import sample_times, series
from spiketwin.recording.trial_tables import find_table
from spiketwin.recording.units import guess_area, unit_labels

LEAST_UNITS = 10
MOST_NEURONS = 100
CONDITION_WORDS = ("stim", "condition", "contrast", "side", "instruction", "trial_type")
ONSET_WORDS, END_WORDS = ("stim", "cue"), ("off", "stop", "end")
"""What times of a stimulus are called, and which of them are not its onset."""
OUTCOME_WORDS = ("outcome", "feedback", "choice", "correct", "response", "perf", "hit", "accura")
TRACE_WORDS = ("jaw", "tongue", "lick", "wheel", "whisker", "face", "motion", "pupil")
LEAST_SAMPLES = 1000
MOST_LABELS = 8
LEAST_LABEL = 5
"""A label column has 2 to 8 values that each occur five times at least."""


def suggest_config(path: Path) -> str:
    """Commented YAML for one file.

    Raises
    ------
    SpiketwinError
        When the file has no units, no areas or no trials to fit.
    """
    path = Path(path)
    session = as_name(path.name.split(".nwb")[0])
    with open_nwb(path) as opened:
        nwb = opened.nwb
        if nwb.units is None or not len(nwb.units):
            raise SpiketwinError(f"{path.name}: no units in this file, nothing to fit")
        notes: list[str] = []
        table = find_table(nwb, None, notes)
        source = guess_area(nwb)
        areas = Counter(a for a in unit_labels(nwb, source, []) if a.lower() not in UNASSIGNED)
        chosen = {name: n for name, n in areas.most_common() if n >= LEAST_UNITS}
        labels, times = _label_columns(table), _event_columns(table)
        trace = _trace(nwb)
        align = _onset(times)
        window = _window(table, align)
    name = table.name
    limits = _limits(path, session, name, source, chosen or dict(areas))
    trials = {"table": name, "align": align, **_likely(labels)}
    blocks = _blocks(session, path, source, limits, trials, trace, window)
    blocks["features"] = {"min_units": LEAST_UNITS if chosen else 1}
    return _commented(blocks, [*_left_out(areas, chosen), *_choices(times, labels)])


def _label_columns(table: Any) -> list[str]:
    """Columns with a few values that each occur often."""
    found = []
    for name in table.colnames:
        if name in {"start_time", "stop_time", "timeseries", "tags"} or is_ragged(table, name):
            continue
        counts = Counter(str(value) for value in values(table, name))
        if 2 <= len(counts) <= MOST_LABELS and min(counts.values()) >= LEAST_LABEL:
            found.append(name)
    return found


def _likely(columns: list[str]) -> dict[str, list[str]]:
    """Condition and outcome by their names."""
    found: dict[str, list[str]] = {"condition": [], "outcome": []}
    for name in columns:
        for kind, words in (("outcome", OUTCOME_WORDS), ("condition", CONDITION_WORDS)):
            if not found[kind] and any(word in name.lower() for word in words):
                found[kind] = [name]
                break
    return found


def _event_columns(table: Any) -> list[str]:
    """Columns whose numbers are times inside most trials, on the session's clock."""
    start, stop = (np.asarray(table[c].data[:], dtype=float) for c in ("start_time", "stop_time"))
    found = []
    for name in table.colnames:
        if name == "stop_time" or is_ragged(table, name):
            continue
        column = values(table, name)
        if column.dtype.kind == "f" and column.ndim == 1:
            inside = (column >= start) & (column <= stop)
            found += [name] if inside.mean() > 0.5 else []
    return found


def _trace(nwb: Any) -> str | None:
    """Path of a behaviour trace, by its name."""
    for path, value in series(nwb):
        words = path.lower().replace("click", "").split("/")
        likely = any(word in part for word in TRACE_WORDS for part in words)
        if likely and getattr(value, "data", None) is not None:
            times = sample_times(value)
            if len(times) > LEAST_SAMPLES and is_trace(value, times):
                return path
    return None


def _onset(times: list[str]) -> str:
    """Time 0 of the trials: the onset of a stimulus, by its name, or the start."""
    for name in times:
        lower = name.lower()
        if any(word in lower for word in ONSET_WORDS) and not any(w in lower for w in END_WORDS):
            return name
    return "start_time"


def _window(table: Any, align: str) -> tuple[float, float]:
    """What nine of ten trials cover around the event, at most from -0.5 to 1.5 s, in 20 ms."""
    start, at, stop = (values(table, c).astype(float) for c in ("start_time", align, "stop_time"))
    after = max(0.2, _usual(stop - at, 1.5))
    return -_usual(at - start, 0.5), after


def _usual(lengths: np.ndarray, most: float) -> float:
    """What nine of ten reach, in steps of 20 ms."""
    known = lengths[np.isfinite(lengths)]
    usual = float(np.quantile(known, 0.1)) if len(known) else 1.0
    return max(0.0, round(float(np.floor(min(usual, most) / 0.02 + 1e-6)) * 0.02, 3))


def _blocks(
    session: str,
    path: Path,
    source: str,
    areas: dict[str, int | str],
    trials: dict[str, Any],
    trace: str | None,
    window: tuple[float, float],
) -> dict[str, Any]:
    mapping: dict[str, Any] = {
        "units": {"area": source},
        "trials": trials,
        "stimuli": {"event": {"onset": 0.0}},
        "areas": {"model": {name: name for name in areas}},
    }
    if trace is not None:
        mapping["behaviour"] = {"movement": {"path": trace}}
    return {
        "run": session,
        "recordings": {
            "folder": str(path.resolve().parent),
            "sessions": [{"session": session, "path": path.name}],
            "mapping": mapping,
        },
        "trials": {
            "window_s": list(window),
            "bin_s": 0.01,
            "stitching": {"neurons_per_area": "all" if set(areas.values()) == {"all"} else areas},
        },
        "features": {},
        "network": {
            "inputs": [
                *_event_inputs(window[1]),
                {"name": "noise", "channels": 100, "inhibitory_fraction": 0.8},
                *_wandering_inputs(),
            ]
        },
        "losses": {"trial": {"within": "condition"}, "dispersion": {"weight": 0.3}},
        "learning": {"steps": 600, "calibration": 60},
        "models": {"matched": {}, "unmatched": {"losses": _AVERAGES_ONLY}},
    }


_AVERAGES_ONLY = {"trial": {"method": "none"}, "dispersion": {"weight": 0}}


def _event_inputs(stop_s: float) -> list[dict[str, Any]]:
    """The event seen early, later and late: a network that sees only its onset cannot keep time."""
    quarter = round(stop_s / 4, 3)
    spans = {"early": (0.0, 1), "later": (quarter, 1), "late": (2 * quarter, 2)}
    return [
        {"name": name, "stimulus": "event", "channels": 40, "latency_s": at, "pulse_s": n * quarter}
        for name, (at, n) in spans.items()
    ]


def _wandering_inputs() -> list[dict[str, Any]]:
    """What recorded units share for some tens of milliseconds, whatever the event."""
    group = {"channels": 30, "base_rate_hz": 10, "inhibitory_fraction": 0.5, "fluctuation": 1.0}
    return [{"name": f"wander-{k}", **group} for k in (1, 2, 3)]


def _limits(
    path: Path, session: str, table: str, source: str, areas: dict[str, int]
) -> dict[str, int | str]:
    """Neurons of every area: all, or as many as there may be and as units of both types allow.

    The recording is read as the configuration will read it."""
    mapping = Mapping(units=UnitsMapping(area=source), trials=TrialsMapping(table=table))
    units = read_nwb(path, mapping, session).units
    kinds = Counter(zip(units["area"], units["cell_type"], strict=True))
    share = Stitching().excitatory_fraction
    least = {"excitatory": share * MOST_NEURONS, "inhibitory": (1 - share) * MOST_NEURONS}
    limits: dict[str, int | str] = {}
    for name, number in areas.items():
        typed = sum(kinds[name, kind] for kind in least)
        short = typed and any(kinds[name, kind] < n for kind, n in least.items())
        limits[name] = "all" if number <= MOST_NEURONS or short else MOST_NEURONS
    return limits


COMMENTS = {
    "run": "name of the results folder",
    "recordings": "which files, and what their tables mean; event stands for your stimulus, whose "
    "onset and amplitude may be columns",
    "trials": "window around the alignment event, bins, split, units per area",
    "features": "what of a trial is matched and scored; scales fall back to 40 and 160 ms",
    "network": "input channels; the network cannot tell conditions apart until stimuli do",
    "losses": "match trials inside each condition",
    "learning": "600 steps are a first look, afterwards steps: 1600, learning_rate: 0.004 and "
    "batches: [40, 80]; calibration sets the rates before the first step",
    "models": "named variants; each says only what differs from the blocks above",
}


def _left_out(areas: Counter[str], chosen: dict[str, int]) -> list[str]:
    if not chosen:
        return [f"No area has {LEAST_UNITS} units: scores of single trials say little."]
    left_out = [f"{name} ({n})" for name, n in areas.most_common() if name not in chosen]
    few = f"Areas with fewer than {LEAST_UNITS} units left out"
    return [f"{few}: {', '.join(left_out)}"] if left_out else []


def _choices(times: list[str], labels: list[str]) -> list[str]:
    """Columns that the mapping of trials may name."""
    found = {"align, times": times, "condition and outcome, few values": labels}
    return [f"Columns for {use}: {', '.join(names)}" for use, names in found.items() if names]


def _commented(blocks: dict[str, Any], remarks: list[str]) -> str:
    lines = [
        "# Suggested by: spiketwin describe --write-config",
        "# Check first: align (which event is time 0?), condition (what the animal was shown),",
        "# outcome (what it did), the areas, and the window.",
        *(f"# {remark}" for remark in remarks),
    ]
    for key, value in blocks.items():
        if key in COMMENTS:
            lines += ["", f"# {COMMENTS[key]}"]
        lines.append(yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True).rstrip())
    return "\n".join(lines) + "\n"
