"""Stratified split of a session's trials into training, validation and test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spiketwin.config import Split
from spiketwin.randomness import numpy_generator

PARTS = ("train", "validation", "test")


def split_trials(trials: pd.DataFrame, split: Split, session: str) -> np.ndarray:
    """Part of every trial.

    Parameters
    ----------
    trials : columns ``condition`` and ``outcome``; their pairs are the classes.
    split : fractions and seed; classes below `min_class` are trained on only.
    session : name; together with the seed it fixes the split.

    Returns
    -------
    (trial,) "train", "validation" or "test".
    """
    generator = numpy_generator(split.seed, "split", session)
    labels = np.full(len(trials), "train", dtype=object)
    pairs = list(zip(trials["condition"], trials["outcome"], strict=True))
    for name in sorted(set(pairs)):
        rows = np.array([k for k, pair in enumerate(pairs) if pair == name])
        if len(rows) >= split.min_class:
            sizes = _sizes(len(rows), (split.train, split.validation, split.test))
            labels[generator.permutation(rows)] = np.repeat(PARTS, sizes)
    return labels.astype(str)


def _sizes(total: int, fractions: tuple[float, float, float]) -> list[int]:
    """Whole numbers in these proportions that add up (largest remainders)."""
    exact = total * np.array(fractions)
    sizes = np.floor(exact + 1e-9).astype(int)
    order = np.argsort(-(exact - sizes), kind="stable")
    sizes[order[: total - sizes.sum()]] += 1
    return [int(size) for size in sizes]
