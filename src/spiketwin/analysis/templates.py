"""Outcome templates: the mean activity of the training trials of every outcome.

Areas that do not tell the outcomes of their own training trials apart say nothing about outcomes:
a session's templates are usable where the balanced accuracy of the nearest one is at least 0.8,
each trial left out of its own template, and only trials counted whose condition leaves a choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from spiketwin.analysis.contenders import Session

LEAST_ACCURACY = 0.8
LEAST_TRIALS = 4

Possible = Mapping[str, frozenset[str]]
"""Condition -> outcomes that its training trials have."""


@dataclass(frozen=True)
class Templates:
    """Mean feature vectors of one session's training trials.

    Attributes
    ----------
    outcomes : names.
    vectors : (outcome, D).
    accuracy : balanced accuracy on training trials that their template was made without; trials
        whose condition allows one outcome only do not count.
    """

    outcomes: tuple[str, ...]
    vectors: np.ndarray
    accuracy: float

    @property
    def usable(self) -> bool:
        """The session tells its outcomes apart."""
        return len(self.outcomes) > 1 and self.accuracy >= LEAST_ACCURACY

    def label(self, features: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Outcome of the nearest template that each trial can have, (trial,) str.

        Parameters
        ----------
        features : (trial, D).
        allowed : (trial, outcome) bool.
        """
        return self._nearest(self._squares(features), allowed)

    def label_left_out(
        self, features: np.ndarray, outcome: np.ndarray, allowed: np.ndarray
    ) -> np.ndarray:
        """The same for the trials of the templates, each as if it were not among them."""
        squares = self._squares(features) + (features**2).sum(1)[:, None]
        for k, name in enumerate(self.outcomes):
            mine = outcome == name
            # Without x, the mean of n trials moves away from x by a factor of n / (n - 1).
            squares[mine, k] *= (mine.sum() / (mine.sum() - 1)) ** 2
        return self._nearest(squares, allowed)

    def _squares(self, features: np.ndarray) -> np.ndarray:
        """(trial, outcome) squared distances, but for the trial's own square."""
        squares: np.ndarray = (self.vectors**2).sum(1)[None, :] - 2 * features @ self.vectors.T
        return squares

    def _nearest(self, squares: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        return np.array(self.outcomes)[np.where(allowed, squares, np.inf).argmin(1)]


def templates_of(session: Session, possible: Possible) -> Templates:
    """Templates of a session."""
    outcome = session.train.outcomes
    names = tuple(n for n in sorted(set(outcome)) if (outcome == n).sum() >= LEAST_TRIALS)
    features = session.vectors(session.train)
    vectors = np.array([features[outcome == name].mean(0) for name in names])
    found = Templates(names, vectors, 0.0)
    if len(names) < 2:
        return found
    allowed = allowed_outcomes(names, session.train.conditions, possible)
    right = found.label_left_out(features, outcome, allowed) == outcome
    open_ = allowed.sum(1) > 1
    judged = [right[open_ & (outcome == name)] for name in names]
    shares = [float(trials.mean()) for trials in judged if len(trials)]
    return replace(found, accuracy=float(np.mean(shares)) if shares else 0.0)


def allowed_outcomes(
    names: Sequence[str], conditions: np.ndarray, possible: Possible
) -> np.ndarray:
    """(trial, name) bool: what each trial can be; everything where nothing is known."""
    rows = [[name in possible.get(str(c), ()) for name in names] for c in conditions]
    allowed = np.array(rows, dtype=bool).reshape(len(conditions), len(names))
    return allowed | ~allowed.any(1, keepdims=True)
