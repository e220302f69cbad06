"""Single trials that a network is compared with, as features taken once.

Trial features: per area of a session with enough units the population average, filtered at every
time scale and standardised with the training trials' mean and s.d. (T_trial of Sourmpis et al.
2023). A feature vector joins areas, scales and behaviour; entries are weighted such that Euclidean
distances are root-mean-square differences over areas (a behaviour trace counts as `behaviour`
areas), averaged over scales.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Features, Scale
from spiketwin.losses.counts import population_averages
from spiketwin.losses.groups import Groups
from spiketwin.network import float_tensor
from spiketwin.trials.features import FeatureMap
from spiketwin.trials.trialset import Trials, TrialSet


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

    def take(self, rows: np.ndarray) -> SessionTarget:
        """Some of the recorded trials."""
        conditions = tuple(self.conditions[row] for row in rows)
        return replace(self, features=self.features[torch.from_numpy(rows)], conditions=conditions)


@dataclass(frozen=True)
class TrialTargets:
    """Single trials of all sessions that have an area with enough units.

    Attributes
    ----------
    sessions : targets.
    groups : bins in which simulated trials are given.
    column : (neuron,) area of a session that each neuron belongs to.
    share : (neuron,) its weight in the average over the area; 0 where it belongs nowhere.
    windows : one (group, feature_time) filter per scale.
    lengths : (group,) bins of each group.
    mean, sd : (scale, area of a session) standardisation.
    behaviour : weight of each behaviour trace relative to an area.
    """

    sessions: tuple[SessionTarget, ...]
    groups: Groups
    column: Tensor
    share: Tensor
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
        averages = self.averages(counts).transpose(1, 2)
        return self._split(averages, self.windows, self.read(behaviour), sessions or self.sessions)

    def read(self, behaviour: Tensor) -> list[Tensor]:
        """Filtered traces of every scale, (trial, trace, time); none where they do not count.

        Parameters
        ----------
        behaviour : (trial, group, trace) averages.
        """
        windows = self.windows if self.behaviour > 0 else ()
        return [filtered_traces(behaviour, self.lengths, window) for window in windows]

    def only(self, chosen: Mapping[str, np.ndarray]) -> TrialTargets:
        """The same with the chosen rows of the recorded trials of each session."""
        sessions = tuple(target.take(chosen[target.session]) for target in self.sessions)
        return replace(self, sessions=sessions)

    def averages(self, counts: Tensor) -> Tensor:
        """Averages over the areas of all sessions, (trial, group, area of a session)."""
        return population_averages(counts, self.column, self.share, self.mean.shape[1])

    def _split(
        self,
        averages: Tensor,
        windows: Sequence[Tensor],
        read: Sequence[Tensor],
        sessions: Sequence[SessionTarget],
    ) -> list[Tensor]:
        """Filter everything at once; share out by session."""
        areas = [
            (averages @ window - mean[:, None]) / sd[:, None]
            for window, mean, sd in zip(windows, self.mean, self.sd, strict=True)
        ]
        shares = [_shared_out(values, sessions) for values in areas]
        return [self.joined(parts, read) for parts in zip(*shares, strict=True)]

    def joined(self, areas: Sequence[Tensor], behaviour: Sequence[Tensor]) -> Tensor:
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


def filtered_traces(behaviour: Tensor, lengths: Tensor, window: Tensor) -> Tensor:
    """Filtered traces (trial, trace, time) of averages over groups.

    Parameters
    ----------
    behaviour : (trial, group, trace).
    lengths : (group,) bins of each group.
    window : (group, time) filter.
    """
    return (behaviour * lengths[:, None]).transpose(1, 2) @ window


def _shared_out(areas: Tensor, sessions: Sequence[SessionTarget]) -> Sequence[Tensor]:
    """The columns of each session, whose order is that of the columns.

    One split sends back one gradient; slices would each send one of the size of the whole.
    """
    edges = [0]
    for session in sessions:
        edges += [session.columns.start, session.columns.stop]
    sizes = np.diff([*edges, areas.shape[1]]).tolist()
    return areas.split(sizes, 1)[1::2]


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
    membership = _membership(pairs, len(trials.stitching))
    targets = TrialTargets(
        sessions=(),
        groups=groups,
        column=torch.from_numpy(_columns(membership)),
        share=float_tensor(membership.max(1, initial=0)),
        windows=tuple(float_tensor(groups.rows(window)) for window in windows),
        lengths=float_tensor(groups.lengths),
        mean=float_tensor(_joined_columns([mapping.mean for mapping, _ in pairs], len(windows))),
        sd=float_tensor(_joined_columns([mapping.sd for mapping, _ in pairs], len(windows))),
        behaviour=behaviour if trials.sessions[0].traces else 0.0,
    )
    return replace(targets, sessions=_sessions(targets, pairs, [float_tensor(w) for w in windows]))


def _membership(pairs: Sequence[tuple[FeatureMap, TrialSet]], neurons: int) -> np.ndarray:
    """(neuron, area of a session), averages neurons; every neuron lies in one session's area."""
    columns = [np.zeros((neurons, 0), dtype=np.float32)]
    for mapping, session in pairs:
        scattered = np.zeros((neurons, len(mapping.areas)), dtype=np.float32)
        scattered[session.units["neuron"].to_numpy()] = mapping.membership
        columns.append(scattered)
    return np.concatenate(columns, 1)


def _columns(membership: np.ndarray) -> np.ndarray:
    return membership.argmax(1) if membership.shape[1] else np.zeros(len(membership), np.int64)


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
        averages = population_averages(
            float_tensor(session.counts),
            targets.column[neurons],
            targets.share[neurons],
            targets.mean.shape[1],
        )
        traces = float_tensor(session.behaviour).transpose(1, 2)
        read = [traces @ window for window in windows] if targets.behaviour > 0 else []
        (features,) = targets._split(averages.transpose(1, 2), windows, read, [target])
        found.append(replace(target, features=features))
    return tuple(found)
