"""Trial losses that a discriminator learns, one discriminator per session (Sourmpis et al. 2023).

    D maximises log D(data) + log(1 - D(model)); the network minimises -log D(model)

spikeT-GAN: D sees the trial features of the other trial losses; D -> 128 -> 64 -> 1, leaky (0.2).
spike-GAN: D sees the spikes of every unit; two convolutions over time (32 channels, width 6 and
stride 3, then width 8 and stride 4), each with a leaky unit and batch normalisation, then dropout
(1/2) -> 128 -> 1. Time is counted in the bins that the features tell apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from spiketwin.errors import SpiketwinError
from spiketwin.losses.targets import TrialTargets
from spiketwin.network import Parameters
from spiketwin.trials.trialset import Trials

FEATURES, SPIKES = "spiket-gan", "spike-gan"
GANS = (FEATURES, SPIKES)
LEAK, KEPT = 0.2, 0.5
HIDDEN = {FEATURES: (128, 64), SPIKES: (128,)}
CHANNELS, KERNELS = 32, ((6, 3), (8, 4))


@dataclass(frozen=True)
class Adversary:
    """Discriminators of all sessions: what they see, and how they judge.

    Attributes
    ----------
    kind : `FEATURES` or `SPIKES`.
    targets : sessions and features.
    neurons : of each session, the neurons that stand for its units.
    recorded : of each session, what its discriminator sees of the recorded trials.
    """

    kind: str
    targets: TrialTargets
    neurons: tuple[Tensor, ...]
    recorded: tuple[Tensor, ...]

    def views(self, counts: Tensor, behaviour: Tensor) -> list[Tensor]:
        """What every discriminator sees of simulated trials.

        Parameters
        ----------
        counts, behaviour : (trial, group, neuron) and (trial, group, trace).
        """
        if self.kind == SPIKES:
            return [counts[:, :, neurons].transpose(1, 2) for neurons in self.neurons]
        return [_unscaled(features) for features in self.targets.features(counts, behaviour)]

    def start(self, generator: torch.Generator) -> Parameters:
        """Discriminators before the first step."""
        found: Parameters = {}
        for session, seen in enumerate(self.recorded):
            width = seen.shape[1]
            if self.kind == SPIKES:
                sizes = _filtered(seen.shape[2])
                for k, (kernel, _) in enumerate(KERNELS):
                    inputs = width if k == 0 else CHANNELS
                    shape = (CHANNELS, inputs, kernel)
                    found |= _layer(f"critic {session} filter {k}", shape, generator)
                    found[f"critic {session} gain {k}"] = torch.ones(CHANNELS)
                    found[f"critic {session} offset {k}"] = torch.zeros(CHANNELS)
                width = CHANNELS * sizes
            for k, units in enumerate((*HIDDEN[self.kind], 1)):
                found |= _layer(f"critic {session} layer {k}", (units, width), generator)
                width = units
        return {name: value.to(self.recorded[0]) for name, value in found.items()}

    def fool(self, views: Sequence[Tensor], critics: Parameters, draw: torch.Generator) -> Tensor:
        """Loss of the network, mean over sessions."""
        losses = []
        for session, view in enumerate(views):
            judged = self._judge(view, critics, session, draw)
            losses.append(functional.softplus(-judged).mean())
        return torch.stack(losses).mean()

    def unmask(self, views: Sequence[Tensor], critics: Parameters, draw: torch.Generator) -> Tensor:
        """Loss of the discriminators, sum over sessions."""
        losses = []
        for session, (view, recorded) in enumerate(zip(views, self.recorded, strict=True)):
            real = self._judge(recorded, critics, session, draw)
            made = self._judge(view, critics, session, draw)
            losses.append(functional.softplus(-real).mean() + functional.softplus(made).mean())
        return torch.stack(losses).sum() / 2

    def _judge(
        self, seen: Tensor, critics: Parameters, session: int, draw: torch.Generator
    ) -> Tensor:
        """Log odds that trials are recorded ones."""
        if self.kind == SPIKES:
            for k, (_, stride) in enumerate(KERNELS):
                name = f"critic {session} filter {k}"
                seen = functional.conv1d(
                    seen, critics[name], critics[f"{name} offset"], stride=stride
                )
                gain, offset = (critics[f"critic {session} {n} {k}"] for n in ("gain", "offset"))
                seen = functional.leaky_relu(seen, LEAK)
                seen = functional.batch_norm(seen, None, None, gain, offset, training=True)
            seen = seen.flatten(1)
            kept = torch.rand(seen.shape, generator=draw) < KEPT
            seen = seen * kept.to(seen) / KEPT
        last = len(HIDDEN[self.kind])
        for k in range(last + 1):
            name = f"critic {session} layer {k}"
            seen = functional.linear(seen, critics[name], critics[f"{name} offset"])
            seen = functional.leaky_relu(seen, LEAK) if k < last else seen
        return seen[:, 0]


def adversary_of(kind: str, targets: TrialTargets, trials: Trials) -> Adversary:
    """Discriminators for the sessions of the targets.

    Parameters
    ----------
    kind : `FEATURES` or `SPIKES`.
    targets, trials : of the training trials.
    """
    by_name = {session.session: session for session in trials.sessions}
    neurons, spikes = [], []
    of_bin = torch.from_numpy(targets.groups.of_bin)
    for target in targets.sessions:
        session = by_name[target.session]
        neurons.append(torch.from_numpy(session.units["neuron"].to_numpy(dtype="int64", copy=True)))
        counts = torch.from_numpy(session.counts.astype("float32")).transpose(1, 2)
        grouped = counts.new_zeros(*counts.shape[:2], int(of_bin[-1]) + 1)
        spikes.append(grouped.index_add(2, of_bin, counts))
    if kind == SPIKES and not _filtered(int(of_bin[-1]) + 1):
        raise SpiketwinError(
            f"losses.trial.method spike-gan needs more than {int(of_bin[-1]) + 1} bins that the "
            "features tell apart; take a longer window or a finer psth filter"
        )
    features = [_unscaled(target.features) for target in targets.sessions]
    return Adversary(kind, targets, tuple(neurons), tuple(spikes if kind == SPIKES else features))


def _unscaled(features: Tensor) -> Tensor:
    """Features of size 1 each, of vectors whose distances are root mean squares."""
    return features * features.shape[1] ** 0.5


def _filtered(length: int) -> int:
    """What the convolutions leave of a length; at least one filter must fit."""
    for kernel, stride in KERNELS:
        length = max((length - kernel) // stride + 1, 0)
    return length


def _layer(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Parameters:
    """Weights and offsets, uniform within 1 / sqrt(inputs)."""
    inputs = 1
    for size in shape[1:]:
        inputs *= size
    bound = inputs**-0.5
    draw = [(torch.rand(s, generator=generator) * 2 - 1) * bound for s in (shape, shape[:1])]
    return {name: draw[0], f"{name} offset": draw[1]}
