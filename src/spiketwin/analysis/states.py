"""States of the animal that no outcome tells: found by clustering the behaviour.

Movement that has nothing to do with the task ("active" and "quiet" trials of Esmaeili et al. 2021)
shows in what is left of the behaviour when the mean of the trial's outcome is subtracted. A mixture
of two Gaussians on its first principal components, fitted to the training trials of all sessions,
is kept where it explains them better than one Gaussian (Bayesian information criterion) and its
parts are apart,

    D = |m1 - m2| / sqrt((s1^2 + s2^2) / 2) > 2    along m1 - m2   (Ashman et al. 1994),

since outcomes of unequal spread alone make two Gaussians with one mean. The state with more
movement is called active. Simulated trials are assigned by the same mixture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.outcomes import Readers, behaviour_vectors
from spiketwin.recording.schema import LABEL
from spiketwin.trials.trialset import TrialSet

COMPONENTS = 3
LEAST_TRIALS = 40
LEAST_SEPARATION = 2.0
COLUMNS = ["contender", "seed", "quantity", "area", "value", "n"]


@dataclass(frozen=True)
class States:
    """How trials are told apart.

    Attributes
    ----------
    means : outcome -> mean behaviour (D,); "" stands for any other.
    components : principal components of what is left.
    mixture : of two Gaussians.
    active : which of them moves more.
    """

    means: Mapping[str, np.ndarray]
    components: PCA
    mixture: GaussianMixture
    active: int

    def is_active(self, behaviour: np.ndarray, outcomes: np.ndarray) -> np.ndarray:
        """(trial,) bool."""
        left = _left(behaviour, outcomes, self.means)
        found: np.ndarray = self.mixture.predict(self.components.transform(left)) == self.active
        return found


def find_states(sessions: Sequence[Session]) -> States | None:
    """States of the training trials; None without behaviour, with few trials or without states."""
    if not sessions[0].recorded.traces:
        return None
    x = np.concatenate([behaviour_vectors(s, s.train) for s in sessions])
    outcomes = np.concatenate([s.train.outcomes for s in sessions])
    if len(x) < LEAST_TRIALS:
        return None
    means = {name: x[outcomes == name].mean(0) for name in sorted(set(outcomes))}
    means[""] = x.mean(0)
    left = _left(x, outcomes, means)
    components = PCA(min(COMPONENTS, left.shape[1]), random_state=0).fit(left)
    points = components.transform(left)
    one, two = (GaussianMixture(k, n_init=5, random_state=0).fit(points) for k in (1, 2))
    if one.bic(points) <= two.bic(points) or separation(two) <= LEAST_SEPARATION:
        return None
    movement = np.abs(x).mean(1)
    first = two.predict(points) == 0
    if not first.any() or first.all():
        return None
    active = 0 if movement[first].mean() > movement[~first].mean() else 1
    return States(means, components, two, active)


def separation(mixture: GaussianMixture) -> float:
    """Ashman's D of a mixture of two Gaussians, along the line between their means."""
    difference = mixture.means_[0] - mixture.means_[1]
    length = float(np.linalg.norm(difference))
    along = difference / max(length, 1e-12)
    variances = [float(along @ covariance @ along) for covariance in mixture.covariances_]
    return length / max(float(np.mean(variances)), 1e-24) ** 0.5


def state_table(
    contender: Contender, readers: Readers, states: States | None, simulated: bool
) -> pd.DataFrame:
    """Share of active trials, and what the state does to the areas.

    Quantities: "share active", "rate difference" (active minus quiet trials, hertz, per area), and
    for recorded trials the agreement of the clusters with each label of the trial table ("adjusted
    Rand index with NAME").
    """
    if states is None:
        return pd.DataFrame(columns=COLUMNS)
    flags, rates = [], []
    rows: list[tuple[str, str, float, int]] = []
    for session in readers.sessions:
        trials = contender.trials[session.name]
        x = behaviour_vectors(session, trials)
        outcomes = _named(readers, x, trials) if simulated else trials.outcomes
        flags.append(states.is_active(x, outcomes))
        rates.append(_difference(session, trials, flags[-1]))
    every = np.concatenate(flags)
    rows.append(("share active", "", float(every.mean()), len(every)))
    for area in dict.fromkeys(area for found in rates for area in found):
        values = [found[area] for found in rates if area in found]
        rows.append(("rate difference", area, float(np.mean(values)), len(every)))
    if not simulated:
        rows += _agreement(contender, readers, every)
        rows.append(("separation", "", separation(states.mixture), len(every)))
    table = pd.DataFrame(rows, columns=COLUMNS[2:])
    return table.assign(contender=contender.name, seed=contender.seed)[COLUMNS]


def _named(readers: Readers, behaviour: np.ndarray, trials: TrialSet) -> np.ndarray:
    """Outcome of simulated trials by their behaviour, since that is what is left over from it."""
    if readers.lick is None:
        return np.full(len(behaviour), "")
    return readers.by_behaviour(behaviour, trials.conditions)


def _left(
    behaviour: np.ndarray, outcomes: np.ndarray, means: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Behaviour minus the mean of its outcome."""
    return behaviour - np.stack([means.get(name, means[""]) for name in outcomes])


def _difference(session: Session, trials: TrialSet, active: np.ndarray) -> dict[str, float]:
    """Mean rate of active minus quiet trials by area; none where one kind is missing."""
    if active.all() or not active.any():
        return {}
    mean = session.averages(trials).mean(2) / trials.bin_s
    difference = mean[active].mean(0) - mean[~active].mean(0)
    return dict(zip(session.features.areas, difference.tolist(), strict=True))


def _agreement(
    contender: Contender, readers: Readers, active: np.ndarray
) -> list[tuple[str, str, float, int]]:
    """With every label that all trials of all sessions have."""
    tables = [contender.trials[session.name].trials for session in readers.sessions]
    labels = [c for c in map(str, tables[0]) if c.startswith(LABEL) and all(c in t for t in tables)]
    found = []
    for column in labels:
        flag = np.concatenate([table[column].to_numpy(dtype=str) for table in tables])
        score = float(adjusted_rand_score(flag, active))
        name = f"adjusted Rand index with {column.removeprefix(LABEL)}"
        found.append((name, "", score, len(active)))
    return found
