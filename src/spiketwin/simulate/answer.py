"""What perturbations did to the areas, for the terminal."""

from __future__ import annotations

import pandas as pd

from spiketwin.config import Perturbation
from spiketwin.files import RunFiles
from spiketwin.trials.simulation import Simulation, load_simulation


def perturbed_rates(
    files: RunFiles, model: str, seed: int, perturbations: list[Perturbation]
) -> pd.DataFrame:
    """Mean rate of every area (Hz) from the start of each perturbation to the end of the trials.

    Returns
    -------
    Two rows per perturbation, "left alone" and "perturbed"; a column per area.
    """
    rows = {}
    before = load_simulation(files.simulation(model, seed))
    for given in perturbations:
        after = load_simulation(files.perturbed(model, seed, given.name))
        rows[given.name, "left alone"] = _rates(before, given.window_s[0])
        rows[given.name, "perturbed"] = _rates(after, given.window_s[0])
    return pd.DataFrame(rows).T


def _rates(simulation: Simulation, since_s: float) -> pd.Series:
    """(area,) mean over trials, neurons and the bins from a time on."""
    bins = simulation.counts.shape[1]
    time = simulation.start_s + simulation.bin_s * (0.5 + pd.RangeIndex(bins).to_numpy())
    mean = simulation.counts[:, time >= since_s].mean((0, 1)) / simulation.bin_s
    by_neuron = simulation.stitching.sort_values("neuron")
    return pd.Series(mean).groupby(by_neuron["area"].to_numpy(dtype=str), sort=False).mean()
