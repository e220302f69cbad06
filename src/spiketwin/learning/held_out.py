"""The score that chooses: energy distance to the validation trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from spiketwin.losses import TrialTargets, energy
from spiketwin.network import Network
from spiketwin.network.trialwise import simulate_like
from spiketwin.trials.trialset import TrialSet, mixed_like


@dataclass(frozen=True)
class HeldOutScore:
    """Mean over sessions of the unbiased energy distance; a behaviour trace counts as one area.

    Attributes
    ----------
    targets : validation trials as features.
    drives : trials whose stimuli drive a simulation, and which sessions of the targets it is
        compared with; those that share their stimuli share a simulation.
    bins : (step,) group of each simulation step.
    trials : simulated trials for each drive.
    prerun_s : pre-run of these simulations.
    seed : of these simulations; the same at every evaluation, so that scores differ by the
        parameters only.
    """

    targets: TrialTargets
    drives: Sequence[tuple[TrialSet, tuple[int, ...]]]
    bins: np.ndarray
    trials: int
    prerun_s: float
    seed: int

    def __call__(self, network: Network) -> float:
        """Score of a network; NaN where there is nothing to compare with."""
        distances = []
        for drive, places in self.drives:
            counts, behaviour, conditions = self._simulated(network, drive)
            sessions = [self.targets.sessions[place] for place in places]
            features = self.targets.features(counts, behaviour, sessions)
            for target, seen in zip(sessions, features, strict=True):
                mine = seen[mixed_like(conditions, np.array(target.conditions))]
                distances.append(float(energy(mine, target.features, torch.Generator())))
        return sum(distances) / len(distances) if distances else float("nan")

    def _simulated(
        self, network: Network, drive: TrialSet
    ) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
        """Counts, behaviour and conditions of the simulated trials."""
        made = simulate_like(network, drive, self.trials, self.seed, self.prerun_s, self.bins)
        counts = torch.from_numpy(made.counts.astype("float32"))
        device = network.sign.device
        conditions = drive.conditions[made.rows]
        return counts.to(device), torch.from_numpy(made.behaviour).to(device), conditions
