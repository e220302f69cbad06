"""The score that chooses: energy distance to the validation trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from spiketwin.losses import SessionTarget, energy
from spiketwin.network import Network
from spiketwin.network.trialwise import simulate_like
from spiketwin.trials.trialset import TrialSet


@dataclass(frozen=True)
class HeldOutScore:
    """Mean over sessions of the unbiased energy distance, neural features only.

    Attributes
    ----------
    targets : validation trials as features.
    drives : for each target, the trials whose stimuli drive the simulation; sessions that share
        their stimuli share one entry (the same object) and one simulation.
    trials : simulated trials for each drive.
    prerun_s : pre-run of these simulations.
    seed : of these simulations; the same at every evaluation, so that scores differ by the
        parameters only.
    """

    targets: Sequence[SessionTarget]
    drives: Sequence[TrialSet]
    trials: int
    prerun_s: float
    seed: int

    def __call__(self, network: Network) -> float:
        """Score of a network; NaN where there is nothing to compare with."""
        simulated: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        distances = []
        for target, drive in zip(self.targets, self.drives, strict=True):
            if id(drive) not in simulated:
                made = simulate_like(network, drive, self.trials, self.seed, self.prerun_s)
                counts = torch.from_numpy(made.counts.astype("float32"))
                simulated[id(drive)] = counts, torch.from_numpy(made.behaviour)
            features = target.of(*simulated[id(drive)])
            distances.append(float(energy(features, target.features, torch.Generator())))
        return sum(distances) / len(distances) if distances else float("nan")
