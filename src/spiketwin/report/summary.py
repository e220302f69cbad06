"""The first lines of the report: did it work, and what to be careful about."""

from __future__ import annotations

from dataclasses import dataclass

from spiketwin.report.evidence import Evidence
from spiketwin.report.findings import Mark
from spiketwin.report.scoreboard import TRIVIAL, Scoreboard
from spiketwin.report.verdict import Verdict

FEW = 8
"""Longer lists are shortened."""


@dataclass(frozen=True)
class Summary:
    """Top of the page.

    Attributes
    ----------
    mark, headline : the run in one sentence.
    cautions : what limits the verdict.
    """

    mark: Mark
    headline: str
    cautions: tuple[str, ...]


def summarise(evidence: Evidence, verdicts: list[Verdict], small: list[str]) -> Summary:
    """The run in one sentence, and everything that limits it.

    Parameters
    ----------
    evidence : tables.
    verdicts : one per model; the headline is that of the first, whatever the test trials say.
    small : areas with too few units for single-trial scores.
    """
    cautions = (
        *_screened(evidence),
        *_few_units(evidence, small),
        *_same_input(evidence),
        *_unread_outcomes(evidence),
        *_behaviour(evidence),
        *_warned(evidence),
    )
    first = verdicts[0]
    mark = "note" if evidence.nothing_to_match else first.mark
    return Summary(mark, _headline(evidence, first), cautions)


def _headline(evidence: Evidence, first: Verdict) -> str:
    if evidence.nothing_to_match:
        return (
            "There is nothing to match in these recordings: trivial models describe single trials "
            "as well as another half of the data does. A skill says nothing here."
        )
    return f"{first.model}: {first.headline}{_skills(evidence.scores, first.model)}"


def _skills(scores: Scoreboard, model: str) -> str:
    """Skills at the first time scale, for the headline."""
    scales = scores.scales("energy distance skill")
    parts = [
        f"{skill} against {reference}"
        for reference in TRIVIAL
        if scales
        and not scores.nothing_to_match(scales[0])
        and (skill := scores.find(model, "energy distance skill", scales[0], reference=reference))
    ]
    return f" Energy-distance skill at {scales[0]}: {', '.join(parts)}." if parts else ""


def _screened(evidence: Evidence) -> list[str]:
    matchable = evidence.matchable
    missing = [str(session) for session in matchable.index[~matchable]]
    if not missing or evidence.nothing_to_match:
        return []
    return [
        f"Taken alone, {len(missing)} of {len(matchable)} sessions have too few trials or too "
        "little shared variability to tell trivial models from another half of the data; the "
        f"scores are means over sessions ({_some(missing)})."
    ]


def _few_units(evidence: Evidence, small: list[str]) -> list[str]:
    if not small:
        return []
    return [
        f"Below {evidence.config.features.min_units} units (features.min_units), so in the neuron "
        f"loss only and in no single-trial score: {_some(small)}."
    ]


def _same_input(evidence: Evidence) -> list[str]:
    """Conditions that nothing tells the networks of, whatever else they could do."""
    mapping, models = evidence.config.recordings.mapping, evidence.config.gradient_models
    named = {group.stimulus for model in models.values() for group in model.network.inputs}
    read = [stimulus for name, stimulus in mapping.stimuli.items() if name in named]
    differ = any(isinstance(value, str) for one in read for value in (one.onset, one.amplitude))
    if differ or not models or not mapping.trials.condition:
        return []
    return [
        f"All conditions ({' × '.join(mapping.trials.condition)}) send the network the same input, "
        "so that it cannot tell them apart: make a column the onset or amplitude of a stimulus "
        "(recordings.mapping.stimuli) and name that in network.inputs."
    ]


def _unread_outcomes(evidence: Evidence) -> list[str]:
    mapping, table = evidence.config.recordings.mapping, evidence.outcomes
    if not mapping.trials.outcome or table["contender"].isin([*evidence.config.models]).any():
        return []
    return [
        f"Outcomes ({' × '.join(mapping.trials.outcome)}) of simulated trials could not be read "
        "out: activity does not tell those of recorded trials apart, and there is neither a "
        "behaviour nor an analysis.outcome_area. Figures by outcome show recorded trials only."
    ]


def _behaviour(evidence: Evidence) -> list[str]:
    if evidence.config.recordings.mapping.behaviour:
        return []
    return ["No behaviour is mapped: there are no behaviour scores, predictions or figures."]


def _warned(evidence: Evidence) -> list[str]:
    return [
        f"Warning of the fit of {model}: {text}."
        for model, texts in evidence.warnings.items()
        for text in texts
    ]


def _some(names: list[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more
