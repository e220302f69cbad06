"""Connectivity that the fits ended in."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from spiketwin.config import Config
from spiketwin.files import RunFiles
from spiketwin.network.description import read_description
from spiketwin.trials.stitching import TYPES


def connectivity_table(config: Config, files: RunFiles) -> pd.DataFrame:
    """Mean signed weight and share of synapses above zero between populations."""
    parts = []
    for model, seed in product(config.gradient_models, config.seeds):
        folder = files.fit(model, seed)
        arrays, areas = load_file(folder / "model.safetensors"), read_description(folder)["areas"]
        parts.append(_connectivity(arrays, areas).assign(model=model, seed=seed))
    return pd.concat(parts, ignore_index=True)


def _connectivity(arrays: dict[str, np.ndarray], areas: list[str]) -> pd.DataFrame:
    weights = (arrays["recurrent"] * arrays["sign"] * arrays["mask"]).sum(0)
    populations = [
        (area, kind, (arrays["area"] == k) & (arrays["inhibitory"] == (kind == "inhibitory")))
        for k, area in enumerate(areas)
        for kind in TYPES
    ]
    rows = []
    for (source, source_type, pre), (target, target_type, post) in product(populations, repeat=2):
        block = weights[np.ix_(post, pre)]
        allowed = arrays["mask"][np.ix_(post, pre)] > 0
        if block.size:
            values = block[allowed] if allowed.any() else np.zeros(1)
            share = float((np.abs(values) > 1e-4).mean())
            rows.append((source, source_type, target, target_type, float(values.mean()), share))
    names = ["source_area", "source_type", "target_area", "target_type", "mean_weight"]
    return pd.DataFrame(rows, columns=[*names, "share_nonzero"])
