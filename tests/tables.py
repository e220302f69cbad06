"""Tables of a run that was never fitted: every table of docs/architecture.md, any size of run.

The first model is a good one, the others lack trial-to-trial variability.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spiketwin.config import Config, dump_config, resolve
from spiketwin.files import RunFiles, write_table, write_text

REFERENCES = {
    "other half of the data": -0.001,
    "trial shuffle": 0.016,
    "Poisson per condition, shared gain": 0.012,
    "Poisson per condition": 0.017,
    "PSTH-Poisson": 0.018,
    "flat Poisson": 0.93,
}
"""Energy distance of each reference."""

SCREENED = ("other half of the data", "flat Poisson", "PSTH-Poisson", "Poisson per condition")

TIME_S = np.linspace(-0.1, 0.3, 41)


@dataclass(frozen=True)
class Run:
    """What the made-up run looks like."""

    models: tuple[str, ...] = ("matched", "unmatched")
    seeds: tuple[int, ...] = (0,)
    sessions: int = 3
    areas: tuple[str, ...] = ("area-1", "area-2")
    outcomes: tuple[str, ...] = ("hit", "miss")
    scales: tuple[str, ...] = ("48 ms", "160 ms")
    behaviour: bool = True
    good: float = 0.0022
    """Energy distance of the first model."""
    references: float = 1.0
    """Factor on the energy distance of the trivial models."""
    variance_ratio: float = 1.02
    fano: float = 1.1
    """Of the first model; recorded neurons have 1."""
    warnings: tuple[str, ...] = ()


def configuration(run: Run) -> Config:
    """A configuration that fits the tables."""
    mapping: dict[str, Any] = {"behaviour": {"jaw": {"path": "processing/behavior/jaw"}}}
    without = {"losses": {"trial": {"method": "none"}}}
    return resolve(
        {
            "run": "made-up",
            "description": "A run <that> was never fitted & never will be.",
            "recordings": {
                "synthetic": {"sessions": run.sessions},
                "mapping": mapping if run.behaviour else {},
            },
            "trials": {"window_s": [-0.1, 0.3]},
            "features": {
                "scales": [
                    {"window_s": float(name.split()[0]) / 1000, "stride_s": 0.024}
                    for name in run.scales
                ]
            },
            "models": {name: without if k else {} for k, name in enumerate(run.models)},
            "seeds": list(run.seeds),
            "analysis": {
                "perturbations": [
                    {"name": "silence", "area": "area-1", "current": 0.5, "window_s": [0, 0.1]},
                    {
                        "name": "drive",
                        "area": "area-1",
                        "cells": "excitatory",
                        "current": 0.04,
                        "window_s": [0, 0.1],
                    },
                ]
            },
        }
    )


def make_run(
    folder: Path, run: Run = Run(), only: Collection[str] | None = None
) -> tuple[Config, RunFiles]:
    """Write tables (all, or those named), fits and notes of a run; equal runs give equal files."""
    config, files = configuration(run), RunFiles(folder)
    rng = np.random.default_rng(0)
    skipped = () if run.behaviour else JAW
    for name, maker in _MAKERS.items():
        if name in skipped or (only is not None and name not in only):
            continue
        write_table(files.table(name), maker(run, rng))
    _write_fits(run, files, rng)
    _write_trials(run, files)
    write_text(files.config, dump_config(config))
    write_text(files.notes, json.dumps({"session-0": ["no quality column: all units are kept"]}))
    return config, files


JAW = ("behaviour", "prediction", "prediction_trials")


def fits(run: Run) -> list[tuple[str, int]]:
    """Models and seeds."""
    return list(itertools.product(run.models, run.seeds))


def _contenders(run: Run) -> list[tuple[str, int]]:
    return [("data", -1), *fits(run), *((name, -1) for name in REFERENCES)]


def _bump(run: Run, contender: str, outcome: str) -> np.ndarray:
    """Response over time; the last outcome has none."""
    height = 25.0 if outcome != run.outcomes[-1] else 2.0
    height = 20.0 if outcome == "all" else height
    if contender not in ("data", run.models[0]):
        height = 20.0
    return 5 + height * np.exp(-(((TIME_S - 0.06) / 0.04) ** 2))


def _distance(run: Run, contender: str) -> float:
    if contender in REFERENCES:
        factor = 1.0 if contender == "other half of the data" else run.references
        return REFERENCES[contender] * factor
    return run.good * (1 if contender == run.models[0] else 40)


def _scores(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        row
        for contender, seed in _contenders(run)[1:]
        for row in _scores_of(run, contender, seed, rng)
    ]
    return pd.DataFrame(rows)


def _scores_of(
    run: Run, contender: str, seed: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    about = {"contender": contender, "seed": seed, "session": "all", "score": "", "scale": "",
             "area": "", "grouping": "all trials", "reference": "", "n": 400}  # fmt: skip
    factor = 1 + 0.05 * seed if seed > 0 else 1.0
    rows: list[dict[str, Any]] = []
    for k, scale in enumerate(run.scales):
        distance = _distance(run, contender) * (1 + k) * factor
        row = {**about, "scale": scale, "score": "energy distance"}
        rows.append({**row, "value": distance, "sd": 0.0015})
        rows += [
            {
                **row,
                "session": f"session-{s}",
                "value": distance + rng.normal(0, 0.001),
                "sd": 0.003,
            }
            for s in range(run.sessions)
        ]
        for name in ("PSTH-Poisson", "Poisson per condition"):
            skill = 1 - distance / (_distance(run, name) * (1 + k))
            rows.append(
                {
                    **row,
                    "score": "energy distance skill",
                    "reference": name,
                    "value": skill,
                    "sd": 0.03,
                }
            )
        ratio = run.variance_ratio if contender == run.models[0] else 0.7
        ratio = 1.0 if contender == "other half of the data" else ratio
        rows += [
            {**row, "score": "variance ratio", "area": area, "value": ratio + 0.02 * j, "sd": 0.04}
            for j, area in enumerate(["", *run.areas])
        ]
    psth = {"other half of the data": 0.586, "flat Poisson": 0.01}.get(contender, 0.58)
    fano = run.fano if contender == run.models[0] else 1.0
    rows.append({**about, "score": "Fano factor", "value": fano, "sd": math.nan})
    rows.append({**about, "score": "PSTH correlation", "value": psth, "sd": 0.01})
    rows.append({**about, "score": "PSTH correlation / ceiling", "value": psth / 0.586, "sd": 0.02})
    about_matched = {**about, "sd": 0.005, "scale": run.scales[0]}
    rows.append({**about_matched, "score": "matched Pearson", "value": 0.87})
    formula = {"other half of the data": 0.9, run.models[0]: 0.89}.get(contender, 0.6) / factor
    rows.append({**about_matched, "score": "matched Pearson (published formula)", "value": formula})
    if run.behaviour:
        jaw = 0.02 if contender == run.models[0] else 0.3
        rows.append({**about, "score": "behaviour energy distance", "value": jaw, "sd": 0.01})
        rows.append(
            {
                **about,
                "score": "behaviour energy distance skill",
                "reference": "mean behaviour per condition",
                "value": 1 - jaw / 0.4,
                "sd": 0.02,
            }
        )
    return rows


def _outcomes(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    methods = ["template", "data threshold", "published threshold"]
    methods += ["lick classifier"] if run.behaviour else []
    rows = []
    for (contender, seed), method in itertools.product(_contenders(run), methods):
        share = 0.8 if contender in ("data", run.models[0]) else 0.97
        others = (1 - share) / max(len(run.outcomes) - 1, 1)
        shares = [share, *[others] * (len(run.outcomes) - 1)]
        n = 50 * run.sessions if contender == "data" else 1200
        rows += [
            (contender, seed, method, outcome, round(part * n) / n, n)
            for outcome, part in zip(run.outcomes, shares, strict=True)
        ]
    return pd.DataFrame(rows, columns=["contender", "seed", "method", "outcome", "frequency", "n"])


def _activity(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for contender, seed in _contenders(run):
        for area, outcome in itertools.product(run.areas, ("all", *run.outcomes)):
            mean = _bump(run, contender, outcome) + rng.normal(0, 0.3, TIME_S.size)
            columns = {"time_s": TIME_S, "mean_hz": mean, "sem_hz": 0.8}
            parts.append(
                _labelled(columns, contender=contender, seed=seed, area=area, outcome=outcome)
            )
    return pd.concat(parts, ignore_index=True)


def _labelled(columns: dict[str, Any], **labels: Any) -> pd.DataFrame:
    return pd.DataFrame({**labels, **columns})


def _peaks(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for (contender, seed), session in itertools.product(_contenders(run), range(run.sessions)):
        active = rng.random(60) < (0.8 if contender in ("data", run.models[0]) else 1.0)
        for area in run.areas:
            second = area != run.areas[0]
            center = np.where(active | ~np.array(second), 45.0, 20.0)
            columns = {
                "trial": np.arange(60),
                "outcome": np.where(active, run.outcomes[0], run.outcomes[-1]),
                "peak_hz": np.maximum(center + rng.normal(0, 5, 60), 0),
            }
            labels = {"contender": contender, "seed": seed, "session": f"session-{session}"}
            parts.append(_labelled(columns, **labels, area=area))
    return pd.concat(parts, ignore_index=True)


def _neurons(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (contender, seed, neuron, "session-0", area, "excitatory", rng.gamma(2, 5), 0.6, 1.1, 0.9)
        for contender, seed in _contenders(run)
        for neuron, area in enumerate(np.repeat(run.areas, 20))
    ]
    names = "contender seed neuron session area cell_type rate_hz psth_correlation fano isi_cv"
    return pd.DataFrame(rows, columns=names.split())


def _psths(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for contender, seed in [("data", -1), *fits(run)]:
        for neuron, area in enumerate(np.repeat(run.areas, 12)):
            rate = _bump(run, contender, "all") * (0.5 + (neuron % 5) / 3) + rng.normal(
                0, 1, TIME_S.size
            )
            columns = {"time_s": TIME_S, "rate_hz": np.maximum(rate, 0)}
            parts.append(
                _labelled(columns, contender=contender, seed=seed, neuron=neuron, area=area)
            )
    return pd.concat(parts, ignore_index=True)


def _rasters(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts, units = [], 30 * len(run.areas)
    for contender, seed in [("data", -1), *fits(run)]:
        count = 6 * units * 3
        unit = rng.integers(units, size=count)
        evoked = rng.random(count) < 0.4
        columns = {
            "trial": rng.integers(6, size=count),
            "unit": unit,
            "area": np.asarray(run.areas, dtype=object)[unit // 30],
            "time_s": np.where(
                evoked, rng.normal(0.06, 0.02, count), rng.uniform(-0.1, 0.3, count)
            ),
        }
        parts.append(_labelled(columns, contender=contender, seed=seed))
    return pd.concat(parts, ignore_index=True).sort_values(["trial", "unit"], kind="stable")


def _modes(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (contender, seed, mode, 0.5 * 0.6**mode)
        for (contender, seed), mode in itertools.product(_contenders(run), range(12))
    ]
    return pd.DataFrame(rows, columns=["contender", "seed", "mode", "variance_fraction"])


def _correlations(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    kinds = [f"within {area}" for area in run.areas]
    kinds += [f"{a} - {b}" for a, b in itertools.combinations(run.areas, 2)]
    rows = [
        (contender, seed, f"session-{s}", kind, 400, 0.05 + rng.normal(0, 0.01), 0.1)
        for contender, seed in _contenders(run)
        for s, kind in itertools.product(range(run.sessions), kinds)
    ]
    names = ["contender", "seed", "session", "kind", "pairs", "mean", "sd"]
    return pd.DataFrame(rows, columns=names)


def _covariances(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    lags_s = 0.02 * np.arange(-5, 6)
    parts = []
    for (contender, seed), (a, b) in itertools.product(
        _contenders(run), itertools.combinations_with_replacement(run.areas, 2)
    ):
        strength = 0.0 if contender in REFERENCES else 0.06
        values = strength * np.exp(-np.abs(lags_s) / 0.05) + rng.normal(0, 0.002, len(lags_s))
        columns = {"lag_s": lags_s, "covariance": values}
        parts.append(_labelled(columns, contender=contender, seed=seed, first=a, second=b))
    return pd.concat(parts, ignore_index=True)


def _separation(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (contender, seed, score, value)
        for contender, seed in _contenders(run)
        for score, value in {"d'": 2.4}.items()
    ]
    return pd.DataFrame(rows, columns=["contender", "seed", "score", "value"])


def _behaviour(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for (contender, seed), outcome in itertools.product(
        [("data", -1), *fits(run)], ("all", *run.outcomes)
    ):
        mean = _bump(run, contender, outcome) / 5 - 1
        columns = {"time_s": TIME_S, "mean": mean, "sem": 0.2}
        parts.append(
            _labelled(columns, contender=contender, seed=seed, trace="jaw", outcome=outcome)
        )
    return pd.concat(parts, ignore_index=True)


def _prediction(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    values = {"matched": 0.55, "shuffled": -0.2, "condition mean": 0.1}
    rows = [
        (contender, seed, "jaw", predictor, outcome, score, value, 0.05, 50)
        for contender, seed in fits(run)
        for predictor, value in values.items()
        for outcome in ("all", *run.outcomes)
        for score in ("r2", "correlation", "mse")
    ]
    names = "contender seed trace predictor outcome score value sd n"
    return pd.DataFrame(rows, columns=names.split())


def _prediction_trials(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for contender, seed in fits(run):
        for trial in range(8):
            outcome = run.outcomes[trial % len(run.outcomes)]
            recorded = _bump(run, "data", outcome) / 5 + rng.normal(0, 0.3, TIME_S.size)
            columns = {
                "time_s": TIME_S,
                "recorded": recorded,
                "predicted": _bump(run, "data", outcome) / 5,
            }
            labels = {"contender": contender, "seed": seed, "trace": "jaw", "trial": trial}
            parts.append(_labelled(columns, **labels, outcome=outcome))
    return pd.concat(parts, ignore_index=True)


def _embedding(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for contender, seed in _contenders(run):
        label = rng.choice(len(run.outcomes), 150, p=_odds(len(run.outcomes)))
        columns = {
            "trial": np.arange(150),
            "outcome": np.asarray(run.outcomes, dtype=object)[label],
            "pc1": 4 * label + rng.normal(0, 1, 150),
            "pc2": rng.normal(0, 1.5, 150),
        }
        parts.append(_labelled(columns, contender=contender, seed=seed))
    return pd.concat(parts, ignore_index=True)


def _odds(count: int) -> np.ndarray:
    odds = 0.5 ** np.arange(count)
    return odds / odds.sum()


def _screening(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows: list[tuple[Any, ...]] = []
    matchable = run.references > 0.5
    for session in range(run.sessions):
        name = f"session-{session}"
        for area, scale in itertools.product(run.areas, run.scales):
            ratio = (8.0 if matchable else 1.0) + rng.normal(0, 0.05)
            rows.append((name, area, "co-variability over Poisson", scale, ratio, np.nan))
        for scale, who in itertools.product(run.scales, SCREENED):
            value = _distance(run, who) + rng.normal(0, 0.0005)
            rows.append((name, "", f"energy distance: {who}", scale, value, 0.003))
        rows.append((name, "", "split-half reliability of the PSTHs", "", 0.6, np.nan))
        rows.append((name, "", "something to match", "", float(matchable), np.nan))
    return pd.DataFrame(rows, columns=["session", "area", "quantity", "scale", "value", "sd"])


def _duplicates(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [("session-0", "12", "17", run.areas[0], 0.83)]
    return pd.DataFrame(rows, columns=["session", "unit_a", "unit_b", "area", "coincidence"])


def _connectivity(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    populations = list(itertools.product(run.areas, ("excitatory", "inhibitory")))
    rows = []
    for (model, seed), source, target in itertools.product(fits(run), populations, populations):
        if source[1] == "inhibitory" and source[0] != target[0]:
            continue
        sign = 1 if source[1] == "excitatory" else -1
        rows.append((model, seed, *source, *target, sign * rng.gamma(2, 0.05), 0.8))
    names = "model seed source_area source_type target_area target_type mean_weight share_nonzero"
    return pd.DataFrame(rows, columns=names.split())


def _states(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [("data", -1, "adjusted Rand index with active", "", 0.8, 300)]
    for contender, seed in [("data", -1), *fits(run)]:
        rows.append((contender, seed, "share active", "", rng.uniform(0.3, 0.5), 300))
        rows += [(contender, seed, "rate difference", a, rng.normal(1, 1), 300) for a in run.areas]
    return pd.DataFrame(rows, columns=["contender", "seed", "quantity", "area", "value", "n"])


def _currents(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    populations = itertools.product(fits(run), run.areas, ("excitatory", "inhibitory"), run.areas)
    for (model, seed), source, kind, target in populations:
        sign = 1 if kind == "excitatory" else -1
        course = pd.DataFrame({"time_s": TIME_S, "current": sign * rng.gamma(2, 0.1, len(TIME_S))})
        parts.append(
            course.assign(
                source_area=source, source_type=kind, target_area=target, model=model, seed=seed
            )
        )
    return pd.concat(parts, ignore_index=True)


def _perturbed_outcomes(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (
            model,
            seed,
            method,
            outcome,
            0.5,
            800,
            name,
            0.0 if name == "none" else rng.normal(0, 0.2),
        )
        for (model, seed), method, outcome, name in itertools.product(
            fits(run), ("template", "lick classifier"), run.outcomes, ("none", "silence", "drive")
        )
    ]
    names = "contender seed method outcome frequency n perturbation change"
    return pd.DataFrame(rows, columns=names.split())


def _perturbed_activity(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for (model, seed), area, name in itertools.product(
        fits(run), run.areas, ("none", "silence", "drive")
    ):
        course = pd.DataFrame(
            {"time_s": TIME_S, "mean_hz": rng.gamma(5, 1, len(TIME_S)), "sem_hz": 0.3}
        )
        parts.append(course.assign(contender=model, seed=seed, area=area, perturbation=name))
    return pd.concat(parts, ignore_index=True)


def _fits(run: Run, rng: np.random.Generator) -> pd.DataFrame:
    rows = [
        (
            model,
            seed,
            81.5,
            612.0,
            340,
            320,
            0.004,
            "all steps done",
            255000,
            "; ".join(run.warnings),
        )
        for model, seed in fits(run)
    ]
    names = "model seed seconds peak_mb steps best_step held_out stop parameters warnings"
    return pd.DataFrame(rows, columns=names.split())


_MAKERS = {
    "scores": _scores,
    "outcomes": _outcomes,
    "activity": _activity,
    "peaks": _peaks,
    "neurons": _neurons,
    "psths": _psths,
    "rasters": _rasters,
    "modes": _modes,
    "correlations": _correlations,
    "covariances": _covariances,
    "separation": _separation,
    "behaviour": _behaviour,
    "prediction": _prediction,
    "prediction_trials": _prediction_trials,
    "embedding": _embedding,
    "screening": _screening,
    "duplicates": _duplicates,
    "connectivity": _connectivity,
    "states": _states,
    "currents": _currents,
    "perturbed_outcomes": _perturbed_outcomes,
    "perturbed_activity": _perturbed_activity,
    "fits": _fits,
}


def _write_fits(run: Run, files: RunFiles, rng: np.random.Generator) -> None:
    for model, seed in fits(run):
        steps = np.arange(1, 341)
        held_out = np.where(steps % 20 == 0, 0.004 + 0.1 * np.exp(-steps / 60), np.nan)
        history = pd.DataFrame(
            {
                "step": steps,
                "learning_rate": 2e-3 * np.minimum(steps / 50, 1),
                "batch": np.where(steps < 170, 32, 64),
                "loss_neuron": 2 * np.exp(-steps / 80) + 0.3 + rng.normal(0, 0.02, 340),
                "loss_trial": 0.5 * np.exp(-steps / 80) if model == run.models[0] else np.nan,
                "loss_dispersion": 0.5 * np.exp(-steps / 80) if model == run.models[0] else np.nan,
                "rate_hz": 12 + rng.normal(0, 0.2, 340),
                "seconds": 0.2 * steps,
                "held_out": held_out,
            }
        )
        write_table(files.fit(model, seed) / "history.parquet", history)
        about = {
            "version": "0.1", "torch": "2.9", "seed": seed, "seconds": 81.5, "peak_mb": 612.0,
            "best_step": 320, "held_out": 0.004, "stop": "all steps done",
            "warnings": list(run.warnings),
        }  # fmt: skip
        write_text(files.fit(model, seed) / "model.json", json.dumps(about))


def _write_trials(run: Run, files: RunFiles) -> None:
    units = 30 * len(run.areas)
    rows = [
        (
            neuron,
            run.areas[neuron // 30],
            "excitatory",
            f"session-{neuron % run.sessions}",
            str(neuron),
            9.0,
        )
        for neuron in range(units)
    ]
    names = ["neuron", "area", "cell_type", "session", "unit", "rate_hz"]
    write_table(files.stitching, pd.DataFrame(rows, columns=names))
    for session in range(run.sessions):
        split = np.repeat(["train", "validation", "test"], [120, 30, 50])
        trials = pd.DataFrame(
            {"trial": np.arange(200), "condition": "stimulus", "outcome": "hit", "split": split}
        )
        write_table(files.trials(f"session-{session}") / "trials.parquet", trials)
