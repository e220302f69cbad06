"""Whether it worked, model by model."""

from __future__ import annotations

from dataclasses import dataclass

from spiketwin.report import findings
from spiketwin.report.evidence import Evidence
from spiketwin.report.findings import Mark, Sentence


@dataclass(frozen=True)
class Verdict:
    """What to think of a model.

    Attributes
    ----------
    model : its name.
    mark, headline : in a few words.
    sentences : the findings.
    """

    model: str
    mark: Mark
    headline: str
    sentences: tuple[Sentence, ...]


def judge(evidence: Evidence, model: str) -> Verdict:
    """All findings about one model.

    Parameters
    ----------
    evidence : tables.
    model : name of a model of the run.
    """
    scales = evidence.scores.scales("energy distance")
    energy = [findings.energy(evidence.scores, model, scale) for scale in scales]
    spread = [findings.variability(evidence.scores, model, scale) for scale in scales]
    found = [
        *energy,
        *findings.unmatched(evidence, model),
        *spread,
        findings.single_neurons(evidence.scores, model),
        *findings.outcomes(evidence.outcomes, model),
        findings.psth(evidence.scores, model),
        findings.behaviour(evidence.scores, model),
        *findings.prediction(evidence.prediction, model),
        *(Sentence("fit", "poor", f"Warning: {text}.") for text in evidence.warnings[model]),
    ]
    sentences = tuple(sentence for sentence in found if sentence is not None)
    mark, headline = _headline(evidence, model, energy, spread)
    return Verdict(model, mark, headline, sentences)


def _headline(
    evidence: Evidence, model: str, energy: list[Sentence], spread: list[Sentence | None]
) -> tuple[Mark, str]:
    if not energy:
        return "note", "No area has enough units for single-trial scores."
    if evidence.nothing_to_match:
        return "note", "There is nothing to match in this recording: the skill says nothing."
    marks = [sentence.mark for sentence in energy]
    off = any(sentence is not None and sentence.mark != "good" for sentence in spread)
    if "poor" in marks:
        return "poor", "Not better than a trivial model without any shared variability."
    if "fair" in marks:
        return "fair", "Better than the trivial models, but far from another half of the data."
    far = "Far closer to recorded trials than trivial models are"
    near = all(
        evidence.scores.at_ceiling(model, s) for s in evidence.scores.scales("energy distance")
    )
    much = "Hardly to be told from recorded trials" if near else far
    return ("fair", f"{much}, but their variability is off.") if off else ("good", f"{much}.")
