"""Recursive least squares with one P for all neurons, where all have the same inputs and prior.

The classic form of FORCE learning with full rows: an update costs L^2 once and 2 N L, instead of
3 N L^2.
"""

from __future__ import annotations

import numpy as np
import torch

from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.regressors import Regressors, Samples

Memory = dict[str, torch.Tensor]


def start(regressors: Regressors) -> Memory:
    """``inverse`` (input, input)."""
    names = ("inputs", "ridge", "number", *(["group"] * (regressors.row_sum > 0)))
    for name in names:
        values = getattr(regressors, name)
        if (values != values[:1]).any():
            raise SpiketwinError(
                f"learning.solver shared needs the same {name} for every trained neuron; take "
                "sequential, block or ridge"
            )
    return {"inverse": torch.from_numpy(regressors.covariance(slice(0, 1))[0].copy())}


def absorb(
    regressors: Regressors, memory: Memory, weights: np.ndarray, samples: Samples
) -> np.ndarray:
    """Learn from one sample after the other, in place; see `sequential.absorb`."""
    if samples.scale is not None:
        raise SpiketwinError("learning.solver shared learns drives; for rates take sequential")
    inverse, before = memory["inverse"].numpy(), weights.copy()
    for filtered, error in zip(samples.filtered, samples.error, strict=True):
        x = filtered[regressors.inputs[0]]
        moved = error + (weights - before) @ x
        k = inverse @ x
        gain = x @ k
        weights -= np.outer(moved / (1 + gain), k)
        inverse -= np.outer(k / (1 + gain), k)
    return np.full(regressors.rows, gain)
