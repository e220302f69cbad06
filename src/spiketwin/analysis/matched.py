"""Matched scores, for comparison with the literature; never the basis of a decision.

Equally many trials on both sides are paired by the Hungarian algorithm on the mean squared
difference of their features. The scores grow with the number of trials, and trivial models come
close to the ceiling.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

MOST_CHUNKS = 8


def matched_scores(
    x: np.ndarray, y: np.ndarray, psth: np.ndarray, n: int, generator: np.random.Generator
) -> dict[str, float]:
    """Scores of matched pairs, averaged over disjoint chunks of x.

    Parameters
    ----------
    x, y : compared and recorded trials, (trial, D).
    psth : (D,) features of the training PSTH, removed for one of the scores.
    n : trials on either side.
    generator : picks the trials.
    """
    order = generator.permutation(len(x))
    chunks = [order[k : k + n] for k in range(0, len(x) - n + 1, n)][:MOST_CHUNKS]
    scores = []
    for chunk in chunks:
        recorded = y[generator.permutation(len(y))[:n]]
        paired = x[chunk][assignment(x[chunk], recorded)]
        scores.append(
            {
                "matched squared error": float(((paired - recorded) ** 2).mean()),
                "matched Pearson": pearson(paired, recorded),
                "matched Pearson (published formula)": published(paired, recorded),
                "matched Pearson, PSTH removed": pearson(paired - psth, recorded - psth),
            }
        )
    return {name: float(np.mean([one[name] for one in scores])) for name in scores[0]}


def assignment(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Row of x for each row of y."""
    cost = (y**2).sum(1)[:, None] + (x**2).sum(1)[None, :] - 2 * y @ x.T
    return linear_sum_assignment(cost)[1]


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Mean correlation between the rows of x and y."""
    return _correlation(x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True))


def published(x: np.ndarray, y: np.ndarray) -> float:
    """The formula of the published code: both rows centred with the mean of y."""
    middle = y.mean(1, keepdims=True)
    return _correlation(x - middle, y - middle)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    norm = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    return float(np.mean((x * y).sum(1) / np.maximum(norm, 1e-12)))
