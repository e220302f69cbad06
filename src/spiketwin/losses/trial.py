"""Trial loss: distance between recorded and simulated single trials, averaged over sessions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spiketwin.losses.halves import debiased_of_all
from spiketwin.losses.matching import MINIMUM_TRIALS, TRIAL_DISTANCES
from spiketwin.losses.signals import SignalTargets
from spiketwin.losses.targets import SessionTarget, TrialTargets


def trial_loss(
    counts: Tensor,
    behaviour: Tensor,
    conditions: Sequence[str],
    targets: TrialTargets | SignalTargets,
    method: str,
    within_condition: bool,
    generator: torch.Generator,
) -> Tensor:
    """Mean distance over the sessions that have enough trials.

    Parameters
    ----------
    counts, behaviour : simulated trials, (trial, group, neuron) and (trial, group, trace).
    conditions : condition of each simulated trial.
    targets : recorded trials; sessions with too few trials (of a condition) are left out (of it).
    method : name in `TRIAL_DISTANCES`.
    within_condition : compare trials of the same condition only; conditions are weighted by the
        number of recorded trials.
    generator : picks subsets where the numbers of trials differ.
    """
    pairs: list[tuple[Tensor, Tensor]] = []
    weights: list[tuple[int, int]] = []
    features, sessions = targets.features(counts, behaviour), 0
    for simulated, session in zip(features, targets.sessions, strict=True):
        found = [(simulated, session.features)]
        if within_condition:
            found = _by_condition(simulated, conditions, session)
        found = [(x, y) for x, y in found if min(len(x), len(y)) >= MINIMUM_TRIALS[method]]
        trials = sum(len(y) for _, y in found)
        pairs += found
        weights += [(len(y), trials) for _, y in found]
        sessions += bool(found)
    if not pairs:
        return counts.new_zeros(())
    shares = [part / (trials * sessions) for part, trials in weights]
    return _distances(pairs, method, generator) @ counts.new_tensor(shares)


def _distances(
    pairs: Sequence[tuple[Tensor, Tensor]], method: str, generator: torch.Generator
) -> Tensor:
    """Distance of every pair of simulated and recorded trials, (pair,)."""
    if method == "debiased":
        simulated, recorded = zip(*pairs, strict=True)
        return debiased_of_all(simulated, recorded, generator)
    return torch.stack([TRIAL_DISTANCES[method](x, y, generator) for x, y in pairs])


def _by_condition(
    simulated: Tensor, conditions: Sequence[str], session: SessionTarget
) -> list[tuple[Tensor, Tensor]]:
    """Trials of each condition."""
    return [
        (
            simulated[_rows(conditions, condition)],
            session.features[_rows(session.conditions, condition)],
        )
        for condition in sorted(set(session.conditions))
    ]


def _rows(conditions: Sequence[str], condition: str) -> Tensor:
    return torch.tensor([k for k, name in enumerate(conditions) if name == condition]).long()
