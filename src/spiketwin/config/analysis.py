"""What is asked of fitted models: simulated trials, scores, perturbations."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from spiketwin.config.section import Count, Name, Positive, Section

Variant = Literal[
    "no TM",
    "hard TM",
    "soft TM",
    "spikeT-GAN",
    "MLE-like",
    "soft TM, recordings",
    "no TM, recordings",
]
"""Published models of trial matching (TM): of artificial data, and of recordings."""


class Perturbation(Section):
    """A current into some neurons of a fitted model for some time, as light would drive them."""

    name: Name
    area: str
    cells: Literal["excitatory", "inhibitory", "all"] = "inhibitory"
    current: float
    """In the unit of the threshold, which is 0.1; positive drives, negative holds back. Published
    powers: 0.1 to 1 for inhibitory cells (silences the area), 0.01 to 0.08 for excitatory ones."""
    window_s: tuple[float, float]
    """Start and stop, from the alignment event."""

    @model_validator(mode="after")
    def _window_rises(self) -> Self:
        if self.window_s[1] <= self.window_s[0]:
            start, stop = self.window_s
            raise ValueError(f"window_s must rise, found {start:g} to {stop:g}")
        return self


class Analysis(Section):
    """Simulated trials and scores."""

    simulated_trials: Count = 1200
    """Simulated trials per stimulus set (of a session, or of all where they agree)."""
    matched_trials: Count = 50
    """Trials on either side of the matched scores."""
    active_hz: Positive = 30.0
    """Published threshold of the peak area activity that makes a trial a hit."""
    outcome_area: str | None = None
    """Area whose peak activity tells hit from miss by threshold; absent: no threshold read-out."""
    active_outcome: str | None = None
    """Outcome in which this area is active."""
    simulation_nwb: bool = False
    """Also write the simulated trials as NWB, one file per session, in the recordings' layout."""
    perturbations: list[Perturbation] = []
    """Simulated for every fitted model, with the random numbers of its unperturbed trials."""
    published: dict[Name, Variant] = {}
    """Model -> variant of Sourmpis et al. (2023) whose published numbers stand beside its own in
    the table `published`."""
    reference_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.outcome_area is None) != (self.active_outcome is None):
            raise ValueError("give both outcome_area and active_outcome, or neither")
        return self

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [perturbation.name for perturbation in self.perturbations]
        if len(set(names)) < len(names):
            raise ValueError(f"perturbations need different names, found {', '.join(names)}")
        return self
