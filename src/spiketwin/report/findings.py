"""Findings about one model: sentences with numbers, beside the ceiling and the trivial models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from spiketwin.config import Config
from spiketwin.figures import CEILING
from spiketwin.report.evidence import Evidence
from spiketwin.report.numbers import Measured, number
from spiketwin.report.scoreboard import TRIVIAL, Scoreboard

Mark = Literal["good", "fair", "poor", "note"]

GOOD_SKILL = 0.6
"""Share of the trivial model's energy distance that a good model removes."""
VARIANCE_RATIO = {"good": (0.9, 1.1), "fair": (0.85, 1.15)}
"""Limits of the variance ratio."""
FANO = {"good": 1.25, "fair": 2.0}
"""How many times larger or smaller the Fano factor of single neurons is."""
OUTCOME_ERROR = {"good": 0.05, "fair": 0.10}
WITHOUT_MATCHING = {"good": 4.0, "fair": 2.0}
"""How many times larger the energy distance of a model without trial matching is."""
PSTH_SHARE = {"good": 0.95, "fair": 0.65}
"""PSTH correlation over its ceiling."""


@dataclass(frozen=True)
class Sentence:
    """One finding.

    Attributes
    ----------
    topic : what it is about, two or three words.
    mark : how good it is; "note" where good and bad have no meaning.
    text : with its numbers.
    """

    topic: str
    mark: Mark
    text: str


def energy(scores: Scoreboard, model: str, scale: str) -> Sentence:
    """Energy distance and skill at one time scale."""
    topic, distance = f"single trials, {scale}", scores.distance(model, scale)
    if distance is None:
        return Sentence(topic, "poor", "The energy distance could not be computed.")
    parts = [_against(scores, model, reference, scale) for reference in TRIVIAL]
    listed = "; ".join(part for part in parts if part)
    ceiling = scores.distance(CEILING, scale)
    text = f"Energy distance {distance} (ceiling {ceiling}, expected 0); {listed}."
    return Sentence(topic, _energy_mark(scores, model, scale), text)


def _energy_mark(scores: Scoreboard, model: str, scale: str) -> Mark:
    if scores.nothing_to_match(scale):
        return "poor" if scores.beyond_trivial(model, scale) else "note"
    skills = _skills(scores, model, scale)
    worst = min(skills, key=lambda skill: skill.value, default=None)
    if worst is None or not worst.clearly_positive:
        return "poor"
    return "good" if worst.value >= GOOD_SKILL else "fair"


def _skills(scores: Scoreboard, model: str, scale: str) -> list[Measured]:
    name = "energy distance skill"
    found = [scores.find(model, name, scale, reference=reference) for reference in TRIVIAL]
    return [skill for skill in found if skill is not None]


def _against(scores: Scoreboard, model: str, reference: str, scale: str) -> str:
    """Distance of a reference, how many times larger it is, and the skill against it."""
    theirs, times = scores.distance(reference, scale), scores.times_larger(reference, model, scale)
    skill = scores.find(model, "energy distance skill", scale, reference=reference)
    if theirs is None:
        return ""
    if scores.nothing_to_match(scale):
        return f"{reference} {theirs}: no skill, there is nothing to match at this time scale"
    larger = f", {_times(*times)} the model's" if times else ""
    gained = f", skill {skill}" if skill else ", no skill: it is at the floor itself"
    return f"{reference} {theirs}{larger}{gained}"


def _times(factor: float, limited: bool) -> str:
    """A factor in words; `limited` when the model's distance is below the ceiling's spread."""
    return f"{'at least ' if limited else ''}{number(factor, 2)} times"


def unmatched(evidence: Evidence, model: str) -> list[Sentence]:
    """How much larger the energy distance is without trial matching."""
    if not _matches_trials(evidence.config, model):
        text = "Fitted without trial matching, for comparison."
        return [Sentence("trial matching", "note", text)]
    scores, found = evidence.scores, []
    others = [name for name in evidence.config.models if not _matches_trials(evidence.config, name)]
    for other in others:
        for scale in scores.scales("energy distance"):
            times, theirs = scores.times_larger(other, model, scale), scores.distance(other, scale)
            if times and theirs and not scores.nothing_to_match(scale):
                mark = _large(times[0])
                text = (
                    f"Without trial matching ({other}) the energy distance at {scale} is {theirs}: "
                    f"{_times(*times)} this model's."
                )
                found.append(Sentence("trial matching", mark, text))
    return found


def _large(times: float) -> Mark:
    if times >= WITHOUT_MATCHING["good"]:
        return "good"
    return "fair" if times >= WITHOUT_MATCHING["fair"] else "poor"


def _matches_trials(config: Config, model: str) -> bool:
    return bool(config.models[model].matching)


def variability(scores: Scoreboard, model: str, scale: str) -> Sentence | None:
    """Variance of simulated trials over that of recorded ones."""
    pooled = scores.find(model, "variance ratio", scale)
    if pooled is None:
        return None
    ratios, others = (_ratios(scores, name, scale) for name in (model, CEILING))
    listed = ", ".join(f"{area} {number(ratios[area])}" for area in list(ratios)[1:])
    text = (
        f"Single-trial variance is {pooled} of the recorded one at {scale} ({listed})."
        f"{_off(ratios, others)}"
    )
    return Sentence("variability", _within(ratios, others), text)


def _ratios(scores: Scoreboard, name: str, scale: str) -> dict[str, float]:
    """Variance ratios of all areas together, then of each."""
    areas = ["", *scores.areas("variance ratio")]
    found = {area: scores.find(name, "variance ratio", scale, area) for area in areas}
    return {area or "all areas together": ratio.value for area, ratio in found.items() if ratio}


def single_neurons(scores: Scoreboard, model: str) -> Sentence | None:
    """Fano factors of single neurons beside those of the recording."""
    mine, recorded = (scores.find(name, "Fano factor") for name in (model, CEILING))
    if mine is None or recorded is None:
        return None
    times = max(mine.value / recorded.value, recorded.value / mine.value)
    mark: Mark = "poor"
    if times <= FANO["fair"]:
        mark = "good" if times <= FANO["good"] else "fair"
    more = "more" if mine.value > recorded.value else "less"
    warning = f" Warning: single neurons vary {more} than recorded ones." if mark == "poor" else ""
    text = f"Spike counts of single neurons: {mine} (recorded {recorded}).{warning}"
    return Sentence("Fano factor", mark, text)


def _within(ratios: dict[str, float], others: dict[str, float]) -> Mark:
    marks: tuple[Mark, ...] = ("good", "fair")
    return next((mark for mark in marks if not any(_sides(ratios, others, mark))), "poor")


def _sides(
    ratios: dict[str, float], others: dict[str, float], mark: Mark
) -> tuple[list[str], list[str]]:
    """Where there is too little and where too much variability.

    Another half of the data is off by chance too, or by drift: as far as it, a model may go."""
    low, high = VARIANCE_RATIO[mark]
    little = [name for name, r in ratios.items() if r < min(low, others.get(name, low))]
    much = [name for name, r in ratios.items() if r > max(high, others.get(name, high))]
    return little, much


def _off(ratios: dict[str, float], others: dict[str, float]) -> str:
    """A warning that says where there is too little and where too much variability."""
    little, much = _sides(ratios, others, "good")
    low, high = VARIANCE_RATIO["good"]
    parts = [
        f"too {word} variability in {', '.join(names)} ({side} {limit:g} and {side} another half "
        "of the data)"
        for word, side, limit, names in (
            ("little", "below", low, little),
            ("much", "above", high, much),
        )
        if names
    ]
    return f" Warning: {'; '.join(parts)}." if parts else ""


def outcomes(outcomes: pd.DataFrame, model: str) -> list[Sentence]:
    """Frequency of every outcome beside the data's, one sentence per read-out."""
    found = []
    for method, rows in outcomes.groupby("method", sort=False):
        means = rows.groupby(["contender", "outcome"], sort=False)["frequency"].mean()
        data, ours = (means.xs(name) if name in means else None for name in ("data", model))
        if data is None or ours is None:
            continue
        error = float((ours - data).abs().max())
        listed = ", ".join(
            f"{outcome} {number(ours.get(outcome, float('nan')))} (data {number(data[outcome])})"
            for outcome in data.index
        )
        text = f"Outcomes by {method}: {listed}; largest error {number(error, 2)}."
        mark: Mark = "note" if method == "published threshold" else _small(error)
        found.append(Sentence("outcomes", mark, text))
    return found


def _small(error: float) -> Mark:
    if error <= OUTCOME_ERROR["good"]:
        return "good"
    return "fair" if error <= OUTCOME_ERROR["fair"] else "poor"


def psth(scores: Scoreboard, model: str) -> Sentence | None:
    """Trial-averaged rates of single neurons."""
    ours, ceiling = (scores.find(name, "PSTH correlation") for name in (model, CEILING))
    share = scores.find(model, "PSTH correlation / ceiling")
    if ours is None or ceiling is None or share is None:
        return None
    if not ceiling.clearly_positive:
        text = (
            f"PSTH correlation {ours}. That of another half of the data is {ceiling}, not clearly "
            "above zero: there are too few trials, or nothing changes in their course."
        )
        return Sentence("single neurons", "note", text)
    mark: Mark = "good" if share.value >= PSTH_SHARE["good"] else "poor"
    if mark == "poor" and share.value >= PSTH_SHARE["fair"]:
        mark = "fair"
    text = f"PSTH correlation {ours}, {share} of the ceiling (other half of the data {ceiling})."
    return Sentence("single neurons", mark, text)


def behaviour(scores: Scoreboard, model: str) -> Sentence | None:
    """Distribution of the simulated movement."""
    name = "behaviour energy distance"
    rows = scores.overall[scores.overall["score"] == f"{name} skill"]
    if rows.empty:
        return None
    reference, scale = rows["reference"].iloc[0], rows["scale"].iloc[0]
    skill = scores.find(model, f"{name} skill", scale, reference=reference)
    distance, ceiling = (scores.find(who, name, scale) for who in (model, CEILING))
    if skill is None or distance is None:
        return None
    mark: Mark = "good" if skill.value >= GOOD_SKILL else "poor"
    if mark == "poor" and skill.clearly_positive:
        mark = "fair"
    text = (
        f"Energy distance of the movement {distance} (ceiling {ceiling}), skill {skill} against "
        f"{reference}."
    )
    return Sentence("behaviour", mark, text)


def prediction(prediction: pd.DataFrame, model: str) -> list[Sentence]:
    """Movement of held-out trials predicted from neural activity, one sentence per trace."""
    chosen = prediction[
        (prediction["contender"] == model)
        & (prediction["outcome"] == "all")
        & (prediction["score"] == "r2")
    ]
    found = []
    for trace, rows in chosen.groupby("trace", sort=False):
        values = rows.groupby("predictor")["value"].mean()
        spreads = rows.groupby("predictor")["sd"].mean()
        if "matched" not in values:
            continue
        listed = {k: str(Measured(values[k], spreads[k])) for k in values.index}
        others = [values[k] for k in values.index if k != "matched"]
        text = (
            f"Recorded {trace} of held-out trials predicted from neural activity alone: "
            f"R² {listed.pop('matched')} ({', '.join(f'{k} {v}' for k, v in listed.items())})."
        )
        mark: Mark = "good" if all(values["matched"] > other for other in others) else "poor"
        found.append(Sentence("prediction", mark, text))
    return found
