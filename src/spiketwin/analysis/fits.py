"""Facts of the fits."""

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
