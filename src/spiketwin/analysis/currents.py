"""Recurrent current that each area receives from each area in the course of a trial.

    I_ab(t) = mean_{j in a} 1/2 sum_d sum_{i in b} W^d_ji s_i <z_i(t - d)>

with the spikes averaged over simulated trials: current is linear in them, so that this is the mean
of the current itself (up to the width of a bin). In units of the threshold (0.1).
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from spiketwin.config import Config
from spiketwin.files import RunFiles
from spiketwin.network.description import read_description
from spiketwin.trials.simulation import Simulation, load_simulation
from spiketwin.trials.stitching import TYPES

THRESHOLD = 0.1


def current_table(config: Config, files: RunFiles) -> pd.DataFrame:
    """Columns model, seed, source_area, source_type, target_area, time_s, current."""
    parts = []
    for model, seed in product(config.gradient_models, config.seeds):
        folder, network = files.fit(model, seed), config.gradient_models[model].network
        arrays, areas = load_file(folder / "model.safetensors"), read_description(folder)["areas"]
        simulation = load_simulation(files.simulation(model, seed))
        delays = [delay / simulation.bin_s for delay in network.delays_s]
        per_bin = network.step_s / simulation.bin_s
        parts.append(
            _currents(arrays, areas, simulation, delays, per_bin).assign(model=model, seed=seed)
        )
    return pd.concat(parts, ignore_index=True)


def _currents(
    arrays: dict[str, np.ndarray],
    areas: list[str],
    simulation: Simulation,
    delays: list[float],
    per_bin: float,
) -> pd.DataFrame:
    """Of one network; `delays` in bins, `per_bin` bins per step."""
    spikes = simulation.counts.mean(0, dtype=float) * per_bin
    weights = arrays["recurrent"] * arrays["mask"] * arrays["sign"] / (2 * THRESHOLD)
    time_s = simulation.start_s + simulation.bin_s * (np.arange(len(spikes)) + 0.5)
    rows = []
    for a, source, kind in ((a, s, k) for a, s in enumerate(areas) for k in TYPES):
        pre = (arrays["area"] == a) & (arrays["inhibitory"] == (kind == "inhibitory"))
        for b, target in enumerate(areas):
            post = weights[:, arrays["area"] == b].mean(1)[:, pre]
            current = sum(_later(spikes[:, pre] @ w, d) for w, d in zip(post, delays, strict=True))
            course = pd.DataFrame({"time_s": time_s, "current": current})
            rows.append(course.assign(source_area=source, source_type=kind, target_area=target))
    return pd.concat(rows, ignore_index=True)


def _later(course: np.ndarray, bins: float) -> np.ndarray:
    """A course (bin,) shifted to later times; before its start the first value."""
    at = np.arange(len(course))
    return np.interp(at - bins, at, course)
