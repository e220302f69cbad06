"""Who is compared with the test trials: fitted models, another half of the data, trivial models."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from spiketwin.analysis.references import REFERENCES, reference_trials
from spiketwin.config import Config
from spiketwin.files import RunFiles
from spiketwin.randomness import numpy_generator
from spiketwin.trials.features import FeatureMap
from spiketwin.trials.simulation import Simulation, load_simulation
from spiketwin.trials.trialset import Trials, TrialSet

REFERENCE_TRIALS = 400


@dataclass(frozen=True)
class Session:
    """One session's recorded trials and its features.

    Attributes
    ----------
    recorded : all kept trials.
    features : fixed by the training trials.
    scales : names of the time scales.
    """

    recorded: TrialSet
    features: FeatureMap
    scales: tuple[str, ...]
    _averages: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Name of the session."""
        return self.recorded.session

    @cached_property
    def train(self) -> TrialSet:
        """Training trials."""
        return self.recorded.where(split="train")

    @cached_property
    def validation(self) -> TrialSet:
        """Validation trials."""
        return self.recorded.where(split="validation")

    @cached_property
    def test(self) -> TrialSet:
        """Test trials."""
        return self.recorded.where(split="test")

    def by_area(self, trials: TrialSet, scale: int = 0) -> np.ndarray:
        """Standardised neural features (trial, area, time)."""
        features: np.ndarray = self.features.standardised(self.averages(trials))[scale]
        return features

    def vectors(self, trials: TrialSet, scale: int = 0) -> np.ndarray:
        """Standardised neural features as vectors (trial, D)."""
        return self.by_area(trials, scale).reshape(len(trials.counts), -1)

    def rates_hz(self, trials: TrialSet, window: np.ndarray) -> np.ndarray:
        """Area rates (trial, area, time) through a filter (bin, time)."""
        rates: np.ndarray = self.averages(trials) @ window / trials.bin_s
        return rates

    def averages(self, trials: TrialSet) -> np.ndarray:
        """Population averages (trial, area, bin), taken once while the trials are in memory."""
        key = id(trials)
        if key not in self._averages:
            self._averages[key] = self.features.averages(trials.counts)
            weakref.finalize(trials, self._averages.pop, key)
        return self._averages[key]


@dataclass(frozen=True)
class Contender:
    """Trials to compare, session by session.

    Attributes
    ----------
    name, seed : as in the tables.
    trials : session name -> trials with that session's units.
    """

    name: str
    seed: int
    trials: dict[str, TrialSet]


def sessions_of(trials: Trials, config: Config) -> list[Session]:
    """Sessions that have an area with enough units, and test trials."""
    scales = tuple(scale.name for scale in config.features.scales)
    found = []
    for recorded in trials.sessions:
        features = FeatureMap.of(recorded.where(split="train"), config.features)
        if features.areas and (recorded.trials["split"] == "test").sum() > 1:
            found.append(Session(recorded, features, scales))
    return found


def contenders(sessions: Sequence[Session], config: Config, files: RunFiles) -> Iterator[Contender]:
    """Models (every seed), then the references; one at a time to bound the memory."""
    for model in config.models:
        for seed in config.seeds:
            simulation = load_simulation(files.simulation(model, seed))
            views = {s.name: view_like(simulation, s) for s in sessions}
            yield Contender(model, seed, views)
    for name in REFERENCES:
        yield reference(name, sessions, config.analysis.reference_seed)


def view_like(simulation: Simulation, session: Session) -> TrialSet:
    """Simulated trials of a session in the mixture of conditions of its test trials."""
    return simulation.view(session.name, session.test.conditions)


def reference(name: str, sessions: Sequence[Session], seed: int) -> Contender:
    """One reference for all sessions."""
    made = {}
    for session in sessions:
        generator = numpy_generator(seed, name, session.name)
        made[session.name] = reference_trials(
            name, session.train, session.test, REFERENCE_TRIALS, generator
        )
    return Contender(name, -1, made)
