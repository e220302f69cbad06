"""Facts of the fits, and the connectivity they ended in."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from safetensors.numpy import load_file

from spiketwin.config import Config, TargetRun
from spiketwin.files import RunFiles
from spiketwin.network.description import read_description


def fit_table(config: Config | TargetRun, files: RunFiles) -> pd.DataFrame:
    """One row per fit."""
    rows = []
    for model, seed in product(config.models, config.seeds):
        about = read_description(files.fit(model, seed))
        arrays = load_file(files.fit(model, seed) / "model.safetensors")
        facts = {key: about[key] for key in ("seconds", "peak_mb", "steps", "best_step", "stop")}
        rows.append(
            {
                "model": model,
                "seed": seed,
                **facts,
                "held_out": about["held_out"] if about["held_out"] is not None else np.nan,
                "parameters": _parameters(arrays, about),
                "warnings": " ".join(about["warnings"]),
            }
        )
    return pd.DataFrame(rows)


STRUCTURE = {"mask", "sign", "input_sign", "read", "area", "inhibitory"}


def _parameters(arrays: dict[str, np.ndarray], about: dict[str, Any]) -> int:
    """Trained numbers; absent synapses, and weights of neurons that are not read, do not count."""
    if "number" in arrays:
        return int(arrays["number"].sum())
    fixed = STRUCTURE if about["network"]["train_noise"] else {*STRUCTURE, "noise_gain"}
    used = {"recurrent": arrays["mask"], "readout_weight": arrays["read"]}
    trained = {name: values for name, values in arrays.items() if name not in fixed}
    return sum(
        int(np.broadcast_to(used.get(name, 1), values.shape).sum())
        for name, values in trained.items()
    )


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
        for kind in ("excitatory", "inhibitory")
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
