"""Single trials as the filtered spike trains of all units: the trial-matched likelihood-like loss.

With F the filter of a time scale, of the recorded trials y, the simulated ones x of a session

    s_j(t) = F [y_j > 0],    m_j, d_j its mean and s.d. over trials and time
    L = mean over Hungarian pairs, units j, times t of [ (F x_j - m_j)/d_j - (s_j - m_j)/d_j ]^2

for equally many trials, drawn at random (`loss_trial_matched_mle` of Sourmpis et al. 2023, code;
`matching.hard` on these vectors). It differs from the published code in three things:

* Published networks enter with their firing probabilities, here with their spikes and the spikes'
  surrogate gradient; the engine gives no probabilities.
* The published code takes [F y > 0], any spike within a window, and compares it with the mean
  number of spikes per bin; that is met at about twenty times the recorded rates.
* The published loss is the sum over sessions, here it is their mean, as for every other loss.

It is no likelihood. Of a unit that fires c +- sqrt(v) times in a window and that nothing predicts,
a square is least at c^2 / (c^2 + v) of the recorded rate, for spikes as well as for firing
probabilities that are all or nothing from step to step, as those of noisy membranes are.

Behaviour traces count as `behaviour` units each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from spiketwin.losses.targets import SessionTarget, TrialTargets
from spiketwin.network import float_tensor
from spiketwin.trials.trialset import Trials


@dataclass(frozen=True)
class UnitSignals:
    """Units of one session and their standardisation.

    Attributes
    ----------
    neurons : (unit,) neurons that stand for them.
    mean, sd : (scale, unit) of the recorded signals.
    """

    neurons: Tensor
    mean: Tensor
    sd: Tensor


@dataclass(frozen=True)
class SignalTargets:
    """Recorded single trials as signals of all units; the counterpart of `TrialTargets`.

    Attributes
    ----------
    areas : the same sessions as area averages; gives filters and the weight of the behaviour.
    sessions : signals as features, (trial, D).
    units : of each session.
    """

    areas: TrialTargets
    sessions: tuple[SessionTarget, ...]
    units: tuple[UnitSignals, ...]

    @property
    def lengths(self) -> Tensor:
        """(group,) bins of each group."""
        return self.areas.lengths

    def features(self, counts: Tensor, behaviour: Tensor) -> list[Tensor]:
        """Signals (trial, D) of simulated trials as every session would see them.

        Parameters
        ----------
        counts, behaviour : (trial, group, neuron) spikes and (trial, group, trace) averages.
        """
        return [self.signals(counts[:, :, units.neurons], behaviour, units) for units in self.units]

    def signals(self, counts: Tensor, behaviour: Tensor, units: UnitSignals) -> Tensor:
        """Signals (trial, D) of the units of a session, from counts (trial, group, unit)."""
        trains = counts.transpose(1, 2)
        filtered = [
            (trains @ window - mean[:, None]) / sd[:, None]
            for window, mean, sd in zip(self.areas.windows, units.mean, units.sd, strict=True)
        ]
        return self.areas.joined(filtered, self.areas.read(behaviour))

    def only(self, chosen: Mapping[str, np.ndarray]) -> SignalTargets:
        """The same with the chosen rows of the recorded trials of each session."""
        sessions = tuple(target.take(chosen[target.session]) for target in self.sessions)
        return replace(self, sessions=sessions)


def signal_targets(reference: Trials, trials: Trials, areas: TrialTargets) -> SignalTargets:
    """Signals of the sessions of other targets.

    Parameters
    ----------
    reference : training trials; they fix the standardisation.
    trials, areas : trials to compare with, and the same as area averages.
    """
    of_bin = torch.from_numpy(areas.groups.of_bin)
    before, now = ({s.session: s for s in part.sessions} for part in (reference, trials))
    targets = SignalTargets(areas, (), ())
    sessions, units = [], []
    for target in areas.sessions:
        session = now[target.session]
        neurons = torch.from_numpy(session.units["neuron"].to_numpy(dtype="int64", copy=True))
        found = _standard(before[target.session].counts, neurons, areas.windows, of_bin)
        counts = _grouped(session.counts > 0, of_bin)
        behaviour = _grouped(session.behaviour, of_bin) / areas.lengths[:, None]
        features = targets.signals(counts, behaviour, found)
        sessions.append(replace(target, features=features))
        units.append(found)
    return replace(targets, sessions=tuple(sessions), units=tuple(units))


def _standard(
    counts: np.ndarray, neurons: Tensor, windows: Sequence[Tensor], of_bin: Tensor
) -> UnitSignals:
    """Mean and s.d. of every unit's signals; 1 for a unit that never fires."""
    trains = _grouped(counts > 0, of_bin).transpose(1, 2)
    filtered = [trains @ window for window in windows]
    mean = torch.stack([signal.mean((0, 2)) for signal in filtered])
    sd = torch.stack([signal.std((0, 2), unbiased=False) for signal in filtered])
    return UnitSignals(neurons, mean, torch.where(sd < 1e-6, 1.0, sd))


def _grouped(values: np.ndarray, of_bin: Tensor) -> Tensor:
    """Sums (trial, group, ...) over the bins of each group."""
    bins = float_tensor(values)
    total = bins.new_zeros(len(bins), int(of_bin[-1]) + 1, bins.shape[2])
    return total.index_add(1, of_bin, bins)
