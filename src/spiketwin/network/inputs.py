"""Input channels: Bernoulli spikes whose rate a stimulus raises for a short pulse.

A channel fires with probability f dt per step, f = base rate; during a pulse of amplitude A
f = base * (1 + gain ln(1 + A)), capped at one spike per step (Sourmpis et al. 2023, methods).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from spiketwin.config import InputGroup


@dataclass(frozen=True)
class Stimulation:
    """Firing probabilities of the input groups for a batch of trials.

    Attributes
    ----------
    probability : (trial, step, group) float32 in the window.
    baseline : (group,) float32 before it.
    channels : (channel,) int64, group of each channel.
    """

    probability: Tensor
    baseline: Tensor
    channels: Tensor

    @property
    def trials(self) -> int:
        """Number of trials."""
        return self.probability.shape[0]

    def take(self, rows: np.ndarray | slice) -> Stimulation:
        """Stimulation of some of the trials."""
        return Stimulation(self.probability[rows], self.baseline, self.channels)


def channel_groups(groups: Sequence[InputGroup]) -> np.ndarray:
    """(channel,) group of each channel."""
    return np.repeat(np.arange(len(groups)), [group.channels for group in groups])


def channel_inhibits(groups: Sequence[InputGroup]) -> np.ndarray:
    """(channel,) bool; the last channels of a group are its inhibitory ones."""
    parts = []
    for group in groups:
        inhibitory = round(group.inhibitory_fraction * group.channels)
        parts.append(np.arange(group.channels) >= group.channels - inhibitory)
    return np.concatenate(parts) if parts else np.zeros(0, dtype=bool)


def stimulate(
    stimuli: pd.DataFrame,
    trials: int,
    groups: Sequence[InputGroup],
    start_s: float,
    steps: int,
    step_s: float,
) -> Stimulation:
    """Firing probabilities of all groups.

    Parameters
    ----------
    stimuli : columns ``trial`` (0 ... trials - 1), ``stimulus``, ``time_s`` (from the alignment
        event), ``amplitude``; overlapping pulses of one group do not add up, the stronger counts.
    trials, start_s, steps, step_s : number of trials, start of the window, its steps and their
        length.
    """
    baseline = np.array([group.base_rate_hz * step_s for group in groups], dtype=np.float32)
    probability = np.tile(baseline, (trials, steps, 1))
    for index, group in enumerate(groups):
        if group.stimulus is None:
            continue
        shown = stimuli[stimuli["stimulus"] == group.stimulus]
        _add_pulses(probability[:, :, index], shown, group, start_s, step_s)
    return Stimulation(
        torch.from_numpy(np.minimum(probability, 1.0)),
        torch.from_numpy(np.minimum(baseline, 1.0)),
        torch.from_numpy(channel_groups(groups)),
    )


def _add_pulses(
    probability: np.ndarray, shown: pd.DataFrame, group: InputGroup, start_s: float, step_s: float
) -> None:
    """Raise the (trial, step) probability of one group during its pulses, in place."""
    first = np.rint((shown["time_s"].to_numpy() + group.latency_s - start_s) / step_s).astype(int)
    length = max(1, round(group.pulse_s / step_s))
    raised = (
        group.base_rate_hz * step_s * (1 + group.gain * np.log1p(shown["amplitude"].to_numpy()))
    )
    for offset in range(length):
        step = first + offset
        inside = (step >= 0) & (step < probability.shape[1])
        rows = shown["trial"].to_numpy()[inside]
        np.maximum.at(probability, (rows, step[inside]), raised[inside].astype(np.float32))
