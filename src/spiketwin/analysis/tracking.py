"""How well networks fitted by rate matching follow given targets.

    single     Pearson correlation over time of the input of one trial (smoothed) with its target
    averaged   the same for the average over trials: what learning can reach when spikes are noisy

Components: time courses of the first principal components of all cells (centred over time). |r|
between those of the targets, of the trained neurons, and of inhibitory neurons that were not
trained, says whether the dynamics as a whole are those asked for and whether they spread (Kim et
al. 2023).
"""

from __future__ import annotations

from collections import defaultdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from spiketwin.analysis.fits import fit_table
from spiketwin.analysis.recall import AVERAGED, SINGLE, lesion_score
from spiketwin.analysis.sweeps import sweep_table
from spiketwin.config import TargetRun
from spiketwin.files import RunFiles, read_arrays, read_or_explain, write_table
from spiketwin.trials.targets import odd_points, smoothed

COMPONENTS = 2
RATE_SMOOTHING_S = 0.3
"""Running mean over rates before their components are taken, that of the published recordings."""


def analyse_targets(run: TargetRun, files: RunFiles) -> None:
    """Write the tables `tracking`, `recall`, `trajectories`, `divergence`, `sweeps` and `fits` of a
    run on given targets."""
    parts: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for model, seed in product(run.models, run.seeds):
        folder = files.fit(model, seed)
        stored = read_or_explain(read_arrays, folder / "tracking.npz", "simulate")
        cells = cell_table(stored)
        recall = recall_table(stored, cells, folder)
        made = {
            "tracking": cells,
            "recall": pd.concat([recall, lesion_table(stored, run)], ignore_index=True),
            "divergence": divergence_table(stored),
            "trajectories": trajectory_table(stored),
        }
        for name, table in made.items():
            parts[name].append(table.assign(model=model, seed=seed))
    tables = {name: pd.concat(some, ignore_index=True) for name, some in parts.items()}
    tables["sweeps"] = sweep_table(run, tables["recall"])
    for name, table in tables.items():
        write_table(files.table(name), table, csv=name in ("recall", "sweeps"))
    write_table(files.table("fits"), fit_table(run, files), csv=True)


def cell_table(stored: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row per condition and trained cell."""
    rows, wanted = [], len(stored["trained"]) - stored["auxiliary"]
    auxiliary = np.arange(len(stored["trained"])) >= wanted
    for k, condition in enumerate(stored["conditions"]):
        rows.append(
            pd.DataFrame(
                {
                    "condition": condition,
                    "cell": np.arange(len(stored["trained"])),
                    "auxiliary": auxiliary,
                    "single": stored["single"][k].mean(0),
                    "averaged": stored["averaged"][k],
                    "rate_hz": stored["rates_hz"][k][:, stored["trained"]].mean(0),
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def recall_table(stored: dict[str, np.ndarray], cells: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """One row per condition and score; auxiliary cells count in no correlation but their own."""
    arrays, rows = load_file(folder / "model.safetensors"), []
    untrained = np.ones(len(stored["inhibitory"]), bool)
    untrained[stored["trained"]] = False
    for k, condition in enumerate(stored["conditions"]):
        both, rates = cells[cells["condition"] == condition], stored["rates_hz"][k]
        mine, helping = both[~both["auxiliary"]], both[both["auxiliary"]]
        targets, inputs = (stored[name][k][:, : len(mine)] for name in ("targets", "inputs"))
        found = {
            SINGLE: float(mine["single"].mean()),
            AVERAGED: float(mine["averaged"].mean()),
            "median trial-averaged correlation": float(mine["averaged"].median()),
            "mean rate (Hz)": float(rates.mean()),
            "mean rate of trained neurons (Hz)": float(mine["rate_hz"].mean()),
            "root mean squared error": float(np.sqrt(np.mean((inputs - targets) ** 2))),
        }
        if len(helping):
            found["trial-averaged correlation, auxiliary"] = float(helping["averaged"].mean())
        found |= _components(targets, inputs, "trained neurons")
        others = untrained & stored["inhibitory"]
        if others.sum() > 10:
            points = odd_points(RATE_SMOOTHING_S, stored["time_s"][1])
            smooth = smoothed(rates[None, :, others], points)[0]
            found |= _components(inputs, smooth, "untrained inhibitory")
        rows += [{"condition": condition, "score": name, "value": v} for name, v in found.items()]
    rows += [
        {"condition": "all", "score": name, "value": v} for name, v in _weights(arrays).items()
    ]
    return pd.DataFrame(rows)


def lesion_table(stored: dict[str, np.ndarray], run: TargetRun) -> pd.DataFrame:
    """Rows of `recall` for silenced neurons, shuffled weights and spectral radii."""
    found = []
    asked = {"deleted": run.analysis.deleted, "shuffled": run.analysis.shuffled}
    for (name, shares), (k, condition) in product(asked.items(), enumerate(stored["conditions"])):
        for share, value in zip(shares, stored[name][k], strict=True):
            found.append((condition, lesion_score(name, share), value))
    if "spectral_radius" in stored:
        names = ("spectral radius before learning", "spectral radius")
        radii = zip(names, stored["spectral_radius"], strict=True)
        found += [("all", name, float(value)) for name, value in radii]
    table = pd.DataFrame(found, columns=["condition", "score", "value"])
    return table.astype({"value": float})


def divergence_table(stored: dict[str, np.ndarray]) -> pd.DataFrame:
    """Difference that one spike less makes, over time; empty where it was not asked for."""
    courses = stored.get("divergence", np.zeros((2, 0)))
    time_s = stored["time_s"][len(stored["time_s"]) - courses.shape[1] :]
    parts = [
        pd.DataFrame({"stage": stage, "time_s": time_s, "difference": course})
        for stage, course in zip(("before learning", "after learning"), courses, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def components(courses: np.ndarray) -> np.ndarray:
    """(component, instant) time courses of the first principal components of (instant, cell)."""
    centred = courses - courses.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    found: np.ndarray = (left[:, :COMPONENTS] * sizes[:COMPONENTS]).T
    return found


def _components(reference: np.ndarray, courses: np.ndarray, name: str) -> dict[str, float]:
    pairs = zip(components(reference), components(courses), strict=True)
    return {
        f"component {k + 1}, {name}": float(abs(np.corrcoef(a, b)[0, 1]))
        for k, (a, b) in enumerate(pairs)
    }


def _weights(arrays: dict[str, np.ndarray]) -> dict[str, float]:
    """Shares of recurrent weights whose sign contradicts the class of their source."""
    size = len(arrays["inhibitory"])
    used = np.arange(arrays["inputs"].shape[1]) < arrays["number"][:, None]
    recurrent = used & (arrays["inputs"] < size)
    inhibits = np.append(arrays["inhibitory"], np.zeros(arrays["inputs"].max() + 1 - size, bool))
    inhibits = inhibits[arrays["inputs"]]
    if not (inhibits & recurrent).any():
        return {}
    weights = arrays["weights"]
    return {
        "excitatory weights below zero": float((weights < 0)[recurrent & ~inhibits].mean()),
        "inhibitory weights above zero": float((weights > 0)[recurrent & inhibits].mean()),
    }


def trajectory_table(stored: dict[str, np.ndarray]) -> pd.DataFrame:
    """Targets, averages and one trial of a few cells."""
    rows, time_s = [], stored["time_s"]
    for k, condition in enumerate(stored["conditions"]):
        for place, cell in enumerate(stored["examples"]):
            courses = {
                "target": stored["targets"][k][:, cell],
                "average": stored["inputs"][k][:, cell],
                "trial": stored["example_trials"][k][:, place],
            }
            rows += [
                pd.DataFrame(
                    {
                        "condition": condition,
                        "cell": cell,
                        "curve": name,
                        "time_s": time_s,
                        "input": values,
                    }
                )
                for name, values in courses.items()
            ]
    return pd.concat(rows, ignore_index=True)
