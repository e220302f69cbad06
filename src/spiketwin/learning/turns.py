"""What a step simulates and compares with: conditions in turn, outcomes as frequent as everywhere.

Step k takes the training trials of the conditions cycle[k mod n]: their stimuli drive the network,
and their PSTHs and single trials are what it is compared with (Sourmpis et al. 2023, code: all
trials, go, no-go). Balanced, a step takes of the c_o trials that a session has of outcome o

    n_o = round(n f_o),    n = min_o c_o / f_o

at random, where f_o is the frequency of the outcome in the sessions together; outcomes that the
session lacks stay out. The PSTHs are those of the mean draw: each trial weighs n_o / c_o.
Everything but the draw is computed once. Features are standardised by all training trials.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from spiketwin.config import Features, Model, TrialLoss
from spiketwin.errors import SpiketwinError
from spiketwin.losses import (
    Groups,
    RateTarget,
    SignalTargets,
    TrialTargets,
    rate_target,
    signal_targets,
    trial_targets,
)
from spiketwin.trials.trialset import Trials


@dataclass(frozen=True)
class Balance:
    """Trials of one session to draw from.

    Attributes
    ----------
    rows : (trial,) rows of the pool.
    classes : of every outcome, its trials and how many of them to take.
    """

    rows: np.ndarray
    classes: tuple[tuple[np.ndarray, int], ...]

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Some trials (positions among `rows`, rising) with balanced outcomes."""
        taken = [generator.permutation(trials)[:number] for trials, number in self.classes]
        return np.sort(np.concatenate([np.zeros(0, np.int64), *taken]))

    @property
    def weights(self) -> np.ndarray:
        """(trial,) share of each trial in the mean draw."""
        found = np.zeros(len(self.rows))
        for trials, number in self.classes:
            found[trials] = number / len(trials)
        return found / max(found.sum(), 1.0)


@dataclass(frozen=True)
class Turn:
    """What one entry of the cycle compares with.

    Attributes
    ----------
    rates, targets : trial-averaged rates and single trials.
    rows : (trial,) rows of the pool whose stimuli may drive the network.
    balances : by session, where outcomes are balanced.
    """

    rates: RateTarget
    targets: TrialTargets | SignalTargets
    rows: np.ndarray
    balances: Mapping[str, Balance] = field(default_factory=dict)

    def drawn(self, generator: np.random.Generator) -> Turn:
        """The turn with the trials of one step; all where nothing is balanced."""
        if not self.balances:
            return self
        chosen = {name: balance.draw(generator) for name, balance in self.balances.items()}
        rows = [balance.rows[chosen[name]] for name, balance in self.balances.items()]
        return replace(self, rows=np.concatenate(rows), targets=self.targets.only(chosen))


def turns_of(
    train: Trials, rates: RateTarget, model: Model, features: Features, groups: Groups
) -> tuple[Turn, ...]:
    """The turns of a fit.

    Parameters
    ----------
    train, rates : training trials and their averages.
    model, features : settings.
    groups : bins in which simulated trials are given.

    Raises
    ------
    SpiketwinError
        When the cycle names a condition that no training trial has.
    """
    known = sorted({str(c) for session in train.sessions for c in session.trials["condition"]})
    found = []
    for conditions in model.learning.cycle:
        strange = sorted(set(conditions) - set(known))
        if strange:
            raise SpiketwinError(
                f"learning.cycle names condition {strange[0]!r}, which no training trial has; "
                f"conditions: {', '.join(known)}"
            )
        found.append(_turn(train, rates, conditions or known, model, features, groups))
    return tuple(found)


def _turn(
    train: Trials,
    rates: RateTarget,
    conditions: list[str],
    model: Model,
    features: Features,
    groups: Groups,
) -> Turn:
    kept = [np.flatnonzero(s.trials["condition"].isin(conditions)) for s in train.sessions]
    mine = Trials(
        tuple(s.take(rows) for s, rows in zip(train.sessions, kept, strict=True)), train.stitching
    )
    offsets = np.cumsum([0, *(len(s.trials) for s in train.sessions)])
    pooled = [rows + offset for rows, offset in zip(kept, offsets, strict=False)]
    balances = balances_of(mine, pooled) if model.learning.balance_outcomes else {}
    if balances or sum(map(len, kept)) < offsets[-1]:
        weights = [balance.weights for balance in balances.values()]
        rates = rate_target(mine, features.psth, groups, weights or None)
    targets = _targets(train, mine, model.losses.trial, features, groups)
    return Turn(rates, targets, np.concatenate(pooled), balances)


def _targets(
    train: Trials, trials: Trials, loss: TrialLoss, features: Features, groups: Groups
) -> TrialTargets | SignalTargets:
    """Single trials as the trial loss looks at them."""
    scales = loss.scales or features.scales
    areas = trial_targets(train, trials, features, scales, loss.behaviour, groups)
    return signal_targets(train, trials, areas) if loss.method == "likelihood" else areas


def balances_of(trials: Trials, rows: list[np.ndarray]) -> dict[str, Balance]:
    """How to draw trials of every session with the outcomes of all of them.

    Parameters
    ----------
    trials : of all sessions.
    rows : of each session, (trial,) rows of the pool.
    """
    outcomes = [session.outcomes for session in trials.sessions]
    names, numbers = np.unique(np.concatenate(outcomes), return_counts=True)
    frequency = dict(zip(names.tolist(), (numbers / numbers.sum()).tolist(), strict=True))
    return {
        session.session: Balance(mine, _classes(outcome, frequency))
        for session, outcome, mine in zip(trials.sessions, outcomes, rows, strict=True)
    }


def _classes(
    outcome: np.ndarray, frequency: Mapping[str, float]
) -> tuple[tuple[np.ndarray, int], ...]:
    """Trials of every outcome, and how many to take."""
    members = {name: np.flatnonzero(outcome == name) for name in sorted(set(outcome.tolist()))}
    total = min((len(rows) / frequency[name] for name, rows in members.items()), default=0.0)
    return tuple((rows, round(total * frequency[name])) for name, rows in members.items())
