"""Outcomes as the behaviour tells them.

    p(x) = softmax(W x + b)   over the outcomes that trials of a condition have
    L    = sum_c n_c / n E(p of the simulated trials of c, p of the recorded trials of c)

x is the filtered behaviour of a trial, (W, b) a logistic regression on the training trials of
condition c, n_c of which are compared with, E the energy distance (`matching.energy`), n the sum
of n_c over the conditions of the simulated trials.

Whether the animal licks is a small part of what trials vary in. Matched as whole trials alone, a
jaw may open half way in many trials where the animal's opens in a few or not at all; p takes only
which outcome a trial looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Scale
from spiketwin.errors import SpiketwinError
from spiketwin.losses.groups import Groups
from spiketwin.losses.targets import filtered_traces
from spiketwin.network import float_tensor
from spiketwin.trials.features import window_behaviour, window_matrix
from spiketwin.trials.trialset import Trials

STRENGTH = 10.0
"""Inverse regularisation times the number of trials: weak enough to tell outcomes apart, strong
enough that p still changes for a behaviour between two of them."""
STILL = 0.01
"""Least standard deviation of a feature, relative to the largest."""
MOST = 2000
"""Recorded trials of a condition that simulated ones are compared with."""


@dataclass(frozen=True)
class Likeness:
    """What the trials of one condition look like.

    Attributes
    ----------
    weights : (D, outcome) of the filtered behaviour.
    offset : (outcome,).
    recorded : (trial, outcome) probabilities of the recorded trials.
    spread : mean distance between two of these trials.
    """

    weights: Tensor
    offset: Tensor
    recorded: Tensor
    spread: Tensor

    def probabilities(self, behaviour: Tensor) -> Tensor:
        """(trial, outcome) of filtered behaviour (trial, D)."""
        return (behaviour @ self.weights + self.offset).softmax(1)

    def distance(self, behaviour: Tensor) -> Tensor:
        """Energy distance of simulated trials, at least two, from the recorded ones."""
        simulated = self.probabilities(behaviour)
        across = _distances(simulated, self.recorded).mean()
        return 2 * across - _spread(simulated) - self.spread


def _distances(x: Tensor, y: Tensor) -> Tensor:
    """(n, m) between probabilities; products of matrices would lose those that nearly agree."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _spread(x: Tensor) -> Tensor:
    """Mean distance between two different rows."""
    return _distances(x, x).sum() / max(len(x) * (len(x) - 1), 1)


@dataclass(frozen=True)
class OutcomeTargets:
    """What the behaviour of the training trials says about outcomes.

    Attributes
    ----------
    conditions : by name; those with more than one outcome.
    window : (group, feature_time) filter.
    lengths : (group,) bins of each group.
    """

    conditions: Mapping[str, Likeness]
    window: Tensor
    lengths: Tensor

    def read(self, behaviour: Tensor) -> Tensor:
        """Filtered behaviour (trial, D) of averages (trial, group, trace)."""
        return filtered_traces(behaviour, self.lengths, self.window).flatten(1)


def outcome_loss(behaviour: Tensor, conditions: np.ndarray, targets: OutcomeTargets) -> Tensor:
    """Distance in what trials look like, mean over conditions.

    Parameters
    ----------
    behaviour : (trial, group, trace) averages of simulated trials.
    conditions : (trial,) str; those with one trial do not count.
    targets : of the training trials.
    """
    read, total, trials = targets.read(behaviour), behaviour.new_zeros(()), 0
    for name, likeness in targets.conditions.items():
        mine = torch.from_numpy(np.flatnonzero(conditions == name))
        if len(mine) > 1:
            total = total + len(likeness.recorded) * likeness.distance(read[mine])
            trials += len(likeness.recorded)
    return total / max(trials, 1)


def outcome_targets(train: Trials, scale: Scale, groups: Groups) -> OutcomeTargets:
    """Targets of the training trials of all sessions together.

    Parameters
    ----------
    train : training trials.
    scale : time scale of the behaviour.
    groups : bins in which simulated trials are given.

    Raises
    ------
    SpiketwinError
        When no behaviour is mapped, or no condition has two outcomes.
    """
    first = train.sessions[0]
    window = window_matrix(first.counts.shape[1], first.bin_s, scale)
    condition = np.concatenate([s.conditions for s in train.sessions])
    outcome = np.concatenate([s.outcomes for s in train.sessions])
    known = {str(c): (condition == c) & (outcome != "") for c in np.unique(condition)}
    chosen = {c: rows for c, rows in known.items() if len(set(outcome[rows])) > 1}
    if not first.traces or not chosen:
        lacking = "no condition has two outcomes" if first.traces else "no behaviour is mapped"
        raise SpiketwinError(
            f"losses.trial.outcomes compares what the behaviour says about outcomes, but "
            f"{lacking}; set it to 0, or see recordings.mapping"
        )
    read = [
        window_behaviour(s.behaviour, window).reshape(len(s.trials), -1) for s in train.sessions
    ]
    x = np.concatenate(read)
    return OutcomeTargets(
        conditions={c: _likeness(x[rows], outcome[rows]) for c, rows in chosen.items()},
        window=float_tensor(groups.rows(window)),
        lengths=float_tensor(groups.lengths),
    )


def _likeness(x: np.ndarray, outcome: np.ndarray) -> Likeness:
    """Of the trials of one condition."""
    # Only fits with this loss wait for the import.
    from sklearn.linear_model import LogisticRegression

    mean, sd = x.mean(0), x.std(0)
    # A moment at which the recorded behaviour is still must not decide for simulated ones.
    sd = np.maximum(sd, max(STILL * sd.max(), 1e-6))
    scaled = (x - mean) / sd
    fitted = LogisticRegression(C=STRENGTH / len(x), max_iter=2000).fit(scaled, outcome)
    coefficients, offset = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        # One set of weights stands for the second outcome; the first has none.
        coefficients, offset = np.vstack([0 * coefficients, coefficients]), np.append(0, offset)
    weights = (coefficients / sd).T
    recorded = float_tensor(fitted.predict_proba(scaled[:: -(-len(x) // MOST)]))
    return Likeness(
        weights=float_tensor(weights),
        offset=float_tensor(offset - mean @ weights),
        recorded=recorded,
        spread=_spread(recorded),
    )
