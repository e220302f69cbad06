"""What a network is compared with: statistics of the recorded trials, taken once.

Trial features: per area of a session with enough units the population average, filtered at every
time scale and standardised with the training trials' mean and s.d. (T_trial of Sourmpis et al.
2023). A feature vector joins areas, scales and behaviour; entries are weighted such that Euclidean
distances are root-mean-square differences over areas (a behaviour trace counts as `behaviour`
areas), averaged over scales.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Features, Scale
from spiketwin.trials.features import FeatureMap, window_matrix
from spiketwin.trials.trialset import Trials, TrialSet


@dataclass(frozen=True)
class SessionTarget:
    """One session's single trials as features.

    Attributes
    ----------
    session : name.
    neurons : (unit,) model neurons that stand for its units.
    membership : (unit, area) averages units into areas.
    windows : one (bin, feature_time) filter per scale.
    mean, sd : (scale, area) standardisation.
    behaviour : weight of each behaviour trace relative to an area.
    features : (trial, D) of the recorded trials.
    conditions : condition of each of these trials.
    """

    session: str
    neurons: Tensor
    membership: Tensor
    windows: tuple[Tensor, ...]
    mean: Tensor
    sd: Tensor
    behaviour: float
    features: Tensor
    conditions: tuple[str, ...]

    def of(self, counts: Tensor, behaviour: Tensor) -> Tensor:
        """Features (trial, D) of simulated trials.

        Parameters
        ----------
        counts : (trial, bin, neuron) of the whole network.
        behaviour : (trial, bin, trace).
        """
        averages = counts[:, :, self.neurons] @ self.membership
        return _flat(self, averages.transpose(1, 2), behaviour.transpose(1, 2))


def _flat(target: SessionTarget, averages: Tensor, behaviour: Tensor) -> Tensor:
    """Join areas (trial, area, bin), traces (trial, trace, bin) and scales."""
    parts = []
    width = averages.shape[1] + target.behaviour * behaviour.shape[1]
    for window, mean, sd in zip(target.windows, target.mean, target.sd, strict=True):
        scale = (len(target.windows) * width * window.shape[1]) ** -0.5
        areas = (averages @ window - mean[:, None]) / sd[:, None]
        parts.append(areas.flatten(1) * scale)
        if target.behaviour > 0:
            parts.append((behaviour @ window).flatten(1) * (scale * target.behaviour**0.5))
    return torch.cat(parts, 1)


@dataclass(frozen=True)
class RateTarget:
    """Trial-averaged rates of all model neurons.

    Attributes
    ----------
    window : (bin, time) filter.
    psth : (time, neuron) recorded spikes per bin.
    sd : (neuron,) s.d. over time, 1 where it is nearly 0.
    rate_hz : (neuron,) recorded rate, before the event where the window has such bins.
    before : (bin,) bins that `rate_hz` counts.
    """

    window: Tensor
    psth: Tensor
    sd: Tensor
    rate_hz: Tensor
    before: Tensor


@dataclass(frozen=True)
class Targets:
    """Everything the losses compare with."""

    rates: RateTarget
    sessions: tuple[SessionTarget, ...]


def session_targets(
    reference: Trials,
    trials: Trials,
    features: Features,
    scales: Sequence[Scale],
    behaviour: float,
) -> tuple[SessionTarget, ...]:
    """Targets of all sessions that have an area with enough units.

    Parameters
    ----------
    reference : training trials; they fix the standardisation.
    trials : trials to compare with (training, or validation for the held-out score).
    features, scales : settings; the scales to compare at.
    behaviour : weight of each behaviour trace relative to an area.
    """
    found = []
    for standard, session in zip(reference.sessions, trials.sessions, strict=True):
        mapping = FeatureMap.of(standard, features, scales)
        if mapping.areas and len(session.trials):
            found.append(_session_target(mapping, session, behaviour))
    return tuple(found)


def _session_target(mapping: FeatureMap, session: TrialSet, behaviour: float) -> SessionTarget:
    target = SessionTarget(
        session=session.session,
        neurons=torch.tensor(session.units["neuron"].to_numpy(dtype=np.int64)),
        membership=_tensor(mapping.membership),
        windows=tuple(_tensor(window) for window in mapping.windows),
        mean=_tensor(mapping.mean),
        sd=_tensor(mapping.sd),
        behaviour=behaviour if session.traces else 0.0,
        features=torch.empty(0),
        conditions=tuple(session.trials["condition"]),
    )
    averages = _tensor(session.counts) @ target.membership
    recorded = _flat(target, averages.transpose(1, 2), _tensor(session.behaviour).transpose(1, 2))
    return replace(target, features=recorded)


def rate_target(trials: Trials, psth: Scale) -> RateTarget:
    """Trial-averaged rates of the stitched units.

    Units whose PSTH varies by less than half a spike per second keep their scale in counts
    (Sourmpis et al. 2023, code): they would otherwise be fitted to noise.
    """
    first = trials.sessions[0]
    window = _tensor(window_matrix(first.counts.shape[1], first.bin_s, psth))
    mean = _mean_counts(trials)
    filtered = window.T @ mean
    sd = filtered.std(0, unbiased=False)
    sd = torch.where(sd < 0.5 * first.bin_s, 1.0, sd)
    before = torch.from_numpy(first.time_s < 0)
    if not before.any():
        before = torch.ones_like(before)
    return RateTarget(window, filtered, sd, mean[before].mean(0) / first.bin_s, before)


def _mean_counts(trials: Trials) -> Tensor:
    """Spikes per bin averaged over trials, (bin, neuron), gathered from all sessions."""
    bins = trials.sessions[0].counts.shape[1]
    gathered = np.zeros((bins, len(trials.stitching)), dtype=np.float32)
    for session in trials.sessions:
        gathered[:, session.units["neuron"].to_numpy()] = session.counts.mean(0, dtype=np.float64)
    return torch.from_numpy(gathered)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
