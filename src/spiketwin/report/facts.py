"""What was fitted to what: recordings, areas, units, trials, window, models."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from spiketwin.config import Config, RateModel
from spiketwin.files import RunFiles, read_or_explain

MANY = 6
"""Longer lists are shortened on the front page."""


def facts_of(config: Config, files: RunFiles) -> list[tuple[str, str]]:
    """Names and values for the front page.

    Parameters
    ----------
    config, files : the run, its trials prepared.

    Returns
    -------
    (name, value) pairs in the order they are shown.
    """
    stitching = read_or_explain(pd.read_parquet, files.stitching, "prepare")
    used = used_sessions(config, stitching)
    trials = trials_of(used, files)
    facts = {
        "Recordings": _recordings(config, used),
        "Areas": _areas(stitching),
        "Trials": _trials(trials),
        "Conditions": _labels(trials["condition"], config.recordings.mapping.trials.condition),
        "Outcomes": _labels(trials["outcome"], config.recordings.mapping.trials.outcome),
        "Window": _window(config),
        "Stimuli": _stimuli(config),
        "Inputs": _inputs(config),
        "Behaviour": ", ".join(config.recordings.mapping.behaviour) or "none mapped",
        "Time scales": ", ".join(scale.name for scale in config.features.scales),
        "Models": "; ".join(_model(config, name) for name in config.models),
        "Seeds": ", ".join(map(str, config.seeds)),
    }
    return [(name, value) for name, value in facts.items() if value]


def used_sessions(config: Config, stitching: pd.DataFrame) -> list[str]:
    """Sessions with a unit that a model neuron stands for."""
    stitched = set(stitching["session"])
    return [name for name in config.recordings.session_names() if name in stitched]


def trials_of(sessions: list[str], files: RunFiles) -> pd.DataFrame:
    """Trial tables of sessions below each other."""
    paths = [files.trials(name) / "trials.parquet" for name in sessions]
    return pd.concat(
        [read_or_explain(pd.read_parquet, path, "prepare") for path in paths], ignore_index=True
    )


def small_areas(config: Config, files: RunFiles) -> list[str]:
    """Areas of sessions with fewer units than single-trial scores need, one line each."""
    stitching = read_or_explain(pd.read_parquet, files.stitching, "prepare")
    counts = stitching.groupby(["session", "area"], sort=False).size().reset_index(name="units")
    small = counts[counts["units"] < config.features.min_units].to_dict("records")
    return [f"{row['area']} of {row['session']} ({row['units']})" for row in small]


def read_fits(config: Config, files: RunFiles) -> dict[tuple[str, int], dict[str, Any]]:
    """``model.json`` of every model and seed."""
    return {
        (model, seed): read_or_explain(
            lambda path: json.loads(path.read_text(encoding="utf-8")),
            files.fit(model, seed) / "model.json",
            "fit",
        )
        for model in config.models
        for seed in config.seeds
    }


def listed(values: pd.Series) -> str:
    """Distinct values with their counts, the most frequent first."""
    counts = values[values != ""].value_counts()
    parts = [f"{name} ({count})" for name, count in counts.items()]
    more = f" and {len(parts) - MANY} more" if len(parts) > MANY else ""
    return ", ".join(parts[:MANY]) + more


def _labels(values: pd.Series, columns: list[str]) -> str:
    """Labels with their counts, and the columns that they come from."""
    source = f"{' × '.join(columns)}: " if columns else ""
    return f"{source}{listed(values)}"


def _recordings(config: Config, used: list[str]) -> str:
    total = len(config.recordings.session_names())
    count = f"{total} session{'s' if total > 1 else ''}"
    count = count if len(used) == total else f"{len(used)} of {count} (the others add no unit)"
    synthetic = config.recordings.synthetic
    if synthetic is not None:
        return f"{count} of the artificial recordings {synthetic.name}, whose truth is known"
    more = f" and {len(used) - MANY} more" if len(used) > MANY else ""
    return f"{count}: {', '.join(used[:MANY])}{more}"


def _areas(stitching: pd.DataFrame) -> str:
    parts = []
    for area, rows in stitching.groupby("area", sort=False):
        inhibitory = int((rows["cell_type"] == "inhibitory").sum())
        kinds = f", {inhibitory} inhibitory" if inhibitory else ""
        parts.append(f"{area} ({len(rows)} neurons{kinds})")
    return f"{', '.join(parts)}; one model neuron for each of {len(stitching)} recorded units"


def _trials(trials: pd.DataFrame) -> str:
    counts = trials["split"].value_counts()
    parts = [f"{counts.get(name, 0)} {name}" for name in ("train", "validation", "test")]
    return f"{len(trials)} ({', '.join(parts)}); every score is on test trials"


def _window(config: Config) -> str:
    start, stop = (f"{value:g}".replace("-", "−") for value in config.trials.window_s)
    event = config.recordings.mapping.trials.align or "start_time"
    return f"{start} s to {stop} s around {event}, bins of {1000 * config.trials.bin_s:g} ms"


def _stimuli(config: Config) -> str:
    """When each one comes; a constant counts from the alignment event."""
    times = {name: s.onset for name, s in config.recordings.mapping.stimuli.items()}
    parts = [f"{n} at {t}" if isinstance(t, str) else f"{n} at {t:g} s" for n, t in times.items()]
    return "; ".join(parts) or "none mapped"


def _inputs(config: Config) -> str:
    """Groups of the first model that is fitted by gradient, and what drives each."""
    networks = [m.network for m in config.models.values() if not isinstance(m, RateModel)]
    parts = [
        f"{group.name} ({group.channels} channels{f', {group.stimulus}' if group.stimulus else ''})"
        for network in networks[:1]
        for group in network.inputs
    ]
    return ", ".join(parts)


def _model(config: Config, name: str) -> str:
    model = config.models[name]
    if isinstance(model, RateModel):
        return f"{name} (rate matching, {model.network.neurons} neurons)"
    matching = model.matching
    return f"{name} ({matching} trial matching)" if matching else f"{name} (no trial matching)"
