"""What a network is compared with: statistics of the recorded trials, taken once.

Trial features: per area of a session with enough units the population average, filtered at every
time scale and standardised with the training trials' mean and s.d. (T_trial of Sourmpis et al.
2023). A feature vector joins areas, scales and behaviour; entries are weighted such that Euclidean
distances are root-mean-square differences over areas (a behaviour trace counts as `behaviour`
areas), averaged over scales.

Filters average over several bins, and their weights are equal in groups of neighbouring bins.
Simulated spikes are therefore counted in these groups; nothing is lost, and there is less to do.
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
class Groups:
    """Neighbouring bins of a trial that all filters weigh equally.

    Attributes
    ----------
    of_bin : (bin,) int64, group of each bin.
    """

    of_bin: np.ndarray

    @classmethod
    def of(cls, *filters: np.ndarray) -> Groups:
        """Groups of filters, each (bin, anything)."""
        stacked = np.concatenate([f.reshape(len(f), -1) for f in filters], 1)
        new = (np.abs(np.diff(stacked, axis=0)) > 1e-7).any(1)
        return cls(np.concatenate([[0], new.cumsum()]).astype(np.int64))

    @property
    def lengths(self) -> np.ndarray:
        """(group,) number of bins."""
        return np.bincount(self.of_bin)

    def rows(self, values: np.ndarray) -> np.ndarray:
        """(group, ...) of (bin, ...): the row of each group's first bin."""
        return values[np.searchsorted(self.of_bin, np.arange(self.of_bin[-1] + 1))]

    def steps(self, per_bin: int) -> np.ndarray:
        """(step,) group of each simulation step."""
        return np.repeat(self.of_bin, per_bin)


@dataclass(frozen=True)
class SessionTarget:
    """One session's single trials as features.

    Attributes
    ----------
    session : name.
    columns : its columns of `TrialTargets.membership`, one per area.
    features : (trial, D) of the recorded trials.
    conditions : condition of each of these trials.
    """

    session: str
    columns: slice
    features: Tensor
    conditions: tuple[str, ...]


@dataclass(frozen=True)
class TrialTargets:
    """Single trials of all sessions that have an area with enough units.

    Attributes
    ----------
    sessions : targets.
    groups : bins in which simulated trials are given.
    membership : (neuron, area of a session) averages neurons into areas.
    windows : one (group, feature_time) filter per scale.
    lengths : (group,) bins of each group.
    mean, sd : (scale, area of a session) standardisation.
    behaviour : weight of each behaviour trace relative to an area.
    """

    sessions: tuple[SessionTarget, ...]
    groups: Groups
    membership: Tensor
    windows: tuple[Tensor, ...]
    lengths: Tensor
    mean: Tensor
    sd: Tensor
    behaviour: float

    def features(
        self, counts: Tensor, behaviour: Tensor, sessions: Sequence[SessionTarget] | None = None
    ) -> list[Tensor]:
        """Features (trial, D) of simulated trials as every session would see them.

        Parameters
        ----------
        counts : (trial, group, neuron) spikes.
        behaviour : (trial, group, trace) averages.
        sessions : some of the sessions; absent: all.
        """
        averages = (counts @ self.membership).transpose(1, 2)
        traces = (behaviour * self.lengths[:, None]).transpose(1, 2)
        return self._split(averages, traces, self.windows, sessions or self.sessions)

    def _split(
        self,
        averages: Tensor,
        traces: Tensor,
        windows: Sequence[Tensor],
        sessions: Sequence[SessionTarget],
    ) -> list[Tensor]:
        """Filter everything at once; share out by session."""
        areas = [
            (averages @ window - mean[:, None]) / sd[:, None]
            for window, mean, sd in zip(windows, self.mean, self.sd, strict=True)
        ]
        read = [traces @ window for window in windows] if self.behaviour > 0 else []
        return [self._joined([a[:, s.columns] for a in areas], read) for s in sessions]

    def _joined(self, areas: Sequence[Tensor], behaviour: Sequence[Tensor]) -> Tensor:
        """Areas (trial, area, time) and traces (trial, trace, time) of all scales as vectors."""
        width = float(areas[0].shape[1])
        width += self.behaviour * behaviour[0].shape[1] if behaviour else 0
        parts = []
        for k, values in enumerate(areas):
            scale = (len(areas) * width * values.shape[2]) ** -0.5
            parts.append(values.flatten(1) * scale)
            if behaviour:
                parts.append(behaviour[k].flatten(1) * (scale * self.behaviour**0.5))
        return torch.cat(parts, 1)


def trial_targets(
    reference: Trials,
    trials: Trials,
    features: Features,
    scales: Sequence[Scale],
    behaviour: float,
    groups: Groups,
) -> TrialTargets:
    """Targets of all sessions that have an area with enough units.

    Parameters
    ----------
    reference : training trials; they fix the standardisation.
    trials : trials to compare with (training, or validation for the held-out score).
    features, scales : settings; the scales to compare at.
    behaviour : weight of each behaviour trace relative to an area.
    groups : bins in which simulated trials are given, see `groups_of`.
    """
    maps = [FeatureMap.of(session, features, scales) for session in reference.sessions]
    pairs = [
        (mapping, session)
        for mapping, session in zip(maps, trials.sessions, strict=True)
        if mapping.areas and len(session.trials)
    ]
    windows = maps[0].windows
    targets = TrialTargets(
        sessions=(),
        groups=groups,
        membership=_tensor(_membership(pairs, len(trials.stitching))),
        windows=tuple(_tensor(groups.rows(window)) for window in windows),
        lengths=_tensor(groups.lengths),
        mean=_tensor(_joined_columns([mapping.mean for mapping, _ in pairs], len(windows))),
        sd=_tensor(_joined_columns([mapping.sd for mapping, _ in pairs], len(windows))),
        behaviour=behaviour if trials.sessions[0].traces else 0.0,
    )
    return replace(targets, sessions=_sessions(targets, pairs, [_tensor(w) for w in windows]))


def _membership(pairs: Sequence[tuple[FeatureMap, TrialSet]], neurons: int) -> np.ndarray:
    columns = [np.zeros((neurons, 0), dtype=np.float32)]
    for mapping, session in pairs:
        scattered = np.zeros((neurons, len(mapping.areas)), dtype=np.float32)
        scattered[session.units["neuron"].to_numpy()] = mapping.membership
        columns.append(scattered)
    return np.concatenate(columns, 1)


def _joined_columns(parts: Sequence[np.ndarray], rows: int) -> np.ndarray:
    return np.concatenate([np.zeros((rows, 0), dtype=np.float32), *parts], 1)


def _sessions(
    targets: TrialTargets,
    pairs: Sequence[tuple[FeatureMap, TrialSet]],
    windows: Sequence[Tensor],
) -> tuple[SessionTarget, ...]:
    """Recorded trials as features, on the bins they were counted in."""
    found, column = [], 0
    for mapping, session in pairs:
        columns = slice(column, column + len(mapping.areas))
        column = columns.stop
        target = SessionTarget(
            session.session, columns, torch.empty(0), tuple(session.trials["condition"])
        )
        neurons = torch.from_numpy(session.units["neuron"].to_numpy(dtype=np.int64, copy=True))
        averages = (_tensor(session.counts) @ targets.membership[neurons]).transpose(1, 2)
        traces = _tensor(session.behaviour).transpose(1, 2)
        (features,) = targets._split(averages, traces, windows, [target])
        found.append(replace(target, features=features))
    return tuple(found)


@dataclass(frozen=True)
class RateTarget:
    """Trial-averaged rates of all model neurons.

    Attributes
    ----------
    window : (group, time) filter.
    psth : (time, neuron) recorded spikes per bin.
    sd : (neuron,) s.d. over time, 1 where it is nearly 0.
    rate_hz : (neuron,) recorded rate, before the event where the window has such bins.
    before : (group,) groups that `rate_hz` counts.
    before_s : their duration.
    """

    window: Tensor
    psth: Tensor
    sd: Tensor
    rate_hz: Tensor
    before: Tensor
    before_s: float


def rate_target(trials: Trials, psth: Scale, groups: Groups) -> RateTarget:
    """Trial-averaged rates of the stitched units.

    Units whose PSTH varies by less than half a spike per second keep their scale in counts
    (Sourmpis et al. 2023, code): they would otherwise be fitted to noise.
    """
    first = trials.sessions[0]
    window = window_matrix(first.counts.shape[1], first.bin_s, psth)
    mean = _mean_counts(trials)
    filtered = torch.from_numpy(window).T @ mean
    sd = filtered.std(0, unbiased=False)
    sd = torch.where(sd < 0.5 * first.bin_s, 1.0, sd)
    before = _before(first)
    return RateTarget(
        window=_tensor(groups.rows(window)),
        psth=filtered,
        sd=sd,
        rate_hz=mean[torch.from_numpy(before)].mean(0) / first.bin_s,
        before=torch.from_numpy(groups.rows(before)),
        before_s=float(before.sum() * first.bin_s),
    )


def groups_of(trials: Trials, psth: Scale, scales: Sequence[Scale]) -> Groups:
    """Bins that the PSTH filter, the filters of all scales and the pre-stimulus rate tell apart."""
    first = trials.sessions[0]
    windows = [window_matrix(first.counts.shape[1], first.bin_s, s) for s in (psth, *scales)]
    return Groups.of(*windows, _before(first).astype(np.float32))


def _before(session: TrialSet) -> np.ndarray:
    """(bin,) bins before the event; all where the window has none."""
    before = session.time_s < 0
    return before if before.any() else np.ones_like(before)


def _mean_counts(trials: Trials) -> Tensor:
    """Spikes per bin averaged over trials, (bin, neuron), gathered from all sessions."""
    bins = trials.sessions[0].counts.shape[1]
    gathered = np.zeros((bins, len(trials.stitching)), dtype=np.float32)
    for session in trials.sessions:
        gathered[:, session.units["neuron"].to_numpy()] = session.counts.mean(0, dtype=np.float64)
    return torch.from_numpy(gathered)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
