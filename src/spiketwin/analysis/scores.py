"""The table `scores`: every contender against the test trials, session by session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.energy import Estimate, groups_of, jackknifed, mean_estimate, skill
from spiketwin.analysis.matched import matched_scores
from spiketwin.analysis.references import PER_CONDITION, PSTH, mean_behaviour
from spiketwin.config import Config
from spiketwin.randomness import numpy_generator
from spiketwin.trials.features import window_behaviour

ALL_TRIALS, WITHIN = "all trials", "within condition"
LEAST_TRIALS = 10
"""Recorded trials of a condition below which it is left out of the comparison within conditions."""
MEAN_BEHAVIOUR = "mean behaviour per condition"
COLUMNS = [
    "contender", "seed", "session", "score", "scale", "area", "grouping", "reference", "value",
    "sd", "n",
]  # fmt: skip


@dataclass
class ScoreBook:
    """Collects rows, and the energy distances that skills are made of."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    distances: dict[tuple[str, ...], Estimate] = field(default_factory=dict)

    def add(self, contender: Contender, score: str, value: float, **labels: Any) -> None:
        """One row; labels left out are empty."""
        row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
        row.update(sd=float("nan"), n=0, session="all", grouping=ALL_TRIALS)
        row.update(contender=contender.name, seed=contender.seed, score=score, value=value)
        self.rows.append(row | labels)

    def add_estimates(
        self, contender: Contender, score: str, parts: dict[str, Estimate], **labels: Any
    ) -> Estimate:
        """A row per session and their mean, with spreads."""
        for session, part in parts.items():
            self.add(contender, score, part.value, sd=part.sd, session=session, **labels)
        mean = mean_estimate(list(parts.values()))
        self.add(contender, score, mean.value, sd=mean.sd, **labels)
        return mean

    def table(self) -> pd.DataFrame:
        """The rows with the skills, which need the references' distances."""
        return pd.DataFrame([*self.rows, *self._skills()], columns=COLUMNS)

    def _skills(self) -> list[dict[str, Any]]:
        rows = []
        for (name, seed, scale, grouping), distance in self.distances.items():
            for reference in (PSTH, PER_CONDITION):
                base = self.distances.get((reference, "-1", scale, grouping))
                if base is None or base.value <= 0:
                    continue
                found = skill(distance, base)
                rows.append(
                    {
                        **dict.fromkeys(COLUMNS, ""),
                        "contender": name,
                        "seed": int(seed),
                        "session": "all",
                        "score": "energy distance skill",
                        "scale": scale,
                        "grouping": grouping,
                        "reference": reference,
                        "value": found.value,
                        "sd": found.sd,
                        "n": 0,
                    }
                )
        return rows


def add_scores(
    book: ScoreBook, contender: Contender, sessions: Sequence[Session], config: Config
) -> None:
    """All scores of one contender."""
    for index, scale in enumerate(sessions[0].scales):
        _add_energy(book, contender, sessions, index, scale)
        _add_variance_ratio(book, contender, sessions, index, scale)
    _add_matched(book, contender, sessions, config)
    _add_behaviour(book, contender, sessions)


def _add_energy(
    book: ScoreBook, contender: Contender, sessions: Sequence[Session], index: int, scale: str
) -> None:
    for grouping, estimate in ((ALL_TRIALS, _over_all), (WITHIN, _within_conditions)):
        parts = {}
        for session in sessions:
            found = estimate(session, contender, index)
            if found is not None:
                parts[session.name] = found
        if parts:
            n = sum(len(contender.trials[name].trials) for name in parts)
            mean = book.add_estimates(
                contender, "energy distance", parts, scale=scale, grouping=grouping, n=n
            )
            book.distances[contender.name, str(contender.seed), scale, grouping] = mean


def _over_all(session: Session, contender: Contender, index: int) -> Estimate:
    x = session.vectors(contender.trials[session.name], index)
    y = session.vectors(session.test, index)
    return jackknifed(x, y, groups_of(len(y)))


def _within_conditions(session: Session, contender: Contender, index: int) -> Estimate | None:
    """Energy distance inside conditions, weighted by recorded trials; None for one condition."""
    trials = contender.trials[session.name]
    of_model, of_test = (t.conditions for t in (trials, session.test))
    conditions = [c for c in sorted(set(of_test)) if (of_test == c).sum() >= LEAST_TRIALS]
    if len(set(of_test)) < 2 or not conditions:
        return None
    x, y = session.vectors(trials, index), session.vectors(session.test, index)
    group = groups_of(len(y))
    parts, weights = [], []
    for condition in conditions:
        rows = of_test == condition
        if (of_model == condition).sum() > 1:
            parts.append(jackknifed(x[of_model == condition], y[rows], group[rows]))
            weights.append(rows.sum())
    return _weighted(parts, np.array(weights)) if parts else None


def _weighted(parts: list[Estimate], weights: np.ndarray) -> Estimate:
    share = weights / weights.sum()
    groups = min(len(part.replicates) for part in parts)
    replicates = sum(s * part.replicates[:groups] for s, part in zip(share, parts, strict=True))
    value = sum(s * part.value for s, part in zip(share, parts, strict=True))
    return Estimate(float(value), np.asarray(replicates))


def _add_variance_ratio(
    book: ScoreBook, contender: Contender, sessions: Sequence[Session], index: int, scale: str
) -> None:
    """Across-trial variance of the features over the recorded one, per area and pooled."""
    totals: dict[str, list[tuple[float, float]]] = {}
    for session in sessions:
        both = contender.trials[session.name], session.test
        variances = [session.by_area(t, index).var(0, ddof=1).mean(1) for t in both]
        for area, *pair in zip(session.features.areas, *variances, strict=True):
            totals.setdefault(area, []).append((float(pair[0]), float(pair[1])))
    pooled = [pair for pairs in totals.values() for pair in pairs]
    for area, pairs in {"": pooled, **totals}.items():
        model, data = np.array(pairs).sum(0)
        book.add(
            contender, "variance ratio", float(model / data), scale=scale, area=area, n=len(pairs)
        )


def _add_matched(
    book: ScoreBook, contender: Contender, sessions: Sequence[Session], config: Config
) -> None:
    """Matched scores at the first scale, mean over sessions."""
    found, sizes = [], []
    for session in sessions:
        x, y = session.vectors(contender.trials[session.name]), session.vectors(session.test)
        n = min(config.analysis.matched_trials, len(x), len(y))
        generator = numpy_generator(config.analysis.reference_seed, "matched", session.name)
        psth = session.vectors(session.train).mean(0)
        found.append(matched_scores(x, y, psth, n, generator))
        sizes.append(n)
    for score in found[0]:
        values = [one[score] for one in found]
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        mean, scale = float(np.mean(values)), sessions[0].scales[0]
        book.add(contender, score, mean, sd=spread, scale=scale, n=int(np.median(sizes)))


def _add_behaviour(book: ScoreBook, contender: Contender, sessions: Sequence[Session]) -> None:
    """Energy distance of the behaviour, and its skill over the mean of the condition."""
    if not sessions[0].recorded.traces:
        return
    parts, base = {}, {}
    for session in sessions:
        window = session.features.windows[0]
        y = _flat(window_behaviour(session.test.behaviour, window))
        x = _flat(window_behaviour(contender.trials[session.name].behaviour, window))
        conditions = session.test.conditions
        mean = _flat(window_behaviour(mean_behaviour(session.train, conditions), window))
        group = groups_of(len(y))
        parts[session.name], base[session.name] = (
            jackknifed(x, y, group),
            jackknifed(mean, y, group),
        )
    scale = sessions[0].scales[0]
    found = book.add_estimates(contender, "behaviour energy distance", parts, scale=scale)
    reference = mean_estimate(list(base.values()))
    gained = skill(found, reference)
    book.add(
        contender,
        "behaviour energy distance skill",
        gained.value,
        sd=gained.sd,
        scale=scale,
        reference=MEAN_BEHAVIOUR,
    )


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)
