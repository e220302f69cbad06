"""Trial loss: distance between recorded and simulated single trials, averaged over sessions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spiketwin.losses.matching import MINIMUM_TRIALS, TRIAL_DISTANCES
from spiketwin.losses.targets import SessionTarget, TrialTargets


def trial_loss(
    counts: Tensor,
    behaviour: Tensor,
    conditions: Sequence[str],
    targets: TrialTargets,
    method: str,
    within_condition: bool,
    generator: torch.Generator,
) -> Tensor:
    """Mean distance over sessions.

    Parameters
    ----------
    counts, behaviour : simulated trials, (trial, group, neuron) and (trial, group, trace).
    conditions : condition of each simulated trial.
    targets : recorded trials; sessions with too few trials of a condition are left out of it.
    method : name in `TRIAL_DISTANCES`.
    within_condition : compare trials of the same condition only; conditions are weighted by the
        number of recorded trials.
    generator : picks subsets where the numbers of trials differ.
    """
    total = counts.new_zeros(())
    features = targets.features(counts, behaviour)
    for simulated, session in zip(features, targets.sessions, strict=True):
        total = total + _session_distance(
            simulated, conditions if within_condition else None, session, method, generator
        )
    return total / max(len(features), 1)


def _session_distance(
    simulated: Tensor,
    conditions: Sequence[str] | None,
    session: SessionTarget,
    method: str,
    generator: torch.Generator,
) -> Tensor:
    distance, least = TRIAL_DISTANCES[method], MINIMUM_TRIALS[method]
    if conditions is None:
        return distance(simulated, session.features, generator)
    total, weight = simulated.new_zeros(()), 0
    for condition in sorted(set(session.conditions)):
        x = simulated[_rows(conditions, condition)]
        y = session.features[_rows(session.conditions, condition)]
        if min(len(x), len(y)) >= least:
            total = total + len(y) * distance(x, y, generator)
            weight += len(y)
    return total / max(weight, 1)


def _rows(conditions: Sequence[str], condition: str) -> Tensor:
    return torch.tensor([k for k, name in enumerate(conditions) if name == condition]).long()
