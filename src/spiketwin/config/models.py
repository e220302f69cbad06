"""Losses and learning of a model; a model is a named variant of a run."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from spiketwin.config.network import Network
from spiketwin.config.section import Count, Fraction, NonNegative, Positive, Section
from spiketwin.config.trials import Scale


class NeuronLoss(Section):
    """Squared error of the z-scored PSTHs (T_neuron)."""

    weight: NonNegative = 1.0
    unbiased: bool = True
    """Subtract the sampling variance of the model's PSTH."""


class DispersionLoss(Section):
    """Squared error of the log Fano factors of single neurons, whose spike counts would otherwise
    vary several times as much from trial to trial as the recorded ones."""

    weight: NonNegative = 0.1
    """0: without it, as published. 0.3 where single trials are weakly modulated and fits long."""


class TrialLoss(Section):
    """Distance between the recorded and simulated single trials (T_trial)."""

    method: Literal[
        "none",
        "hard",
        "exact",
        "sinkhorn",
        "energy",
        "debiased",
        "likelihood",
        "spiket-gan",
        "spike-gan",
    ] = "debiased"
    """Distance between the trials, the spike trains of all units of matched trials (likelihood), or
    a discriminator that learns to tell simulated from recorded trials by their features
    (spiket-gan) or by their spikes (spike-gan)."""
    weight: NonNegative = 3.0
    within: Literal["all", "condition"] = "all"
    """Match over all trials of a session, or inside each condition."""
    behaviour: NonNegative = 1.0
    """Weight of each behaviour trace in the matched features, relative to one area; 0 = neural
    features only."""
    behaviour_gradient: Positive = 0.5
    """Weight of the gradient that the behaviour sends into the network, beside those of the neuron
    and the trial loss; a very small one trains the read-out only."""
    outcomes: NonNegative = 0.0
    """Weight of the distance in how much the behaviour looks like each outcome of a condition,
    beside the distance between trials; 0: none. 3 where a small part of the behaviour tells."""
    scales: list[Scale] | None = None
    """Time scales to match at; absent: those of `features`."""

    @model_validator(mode="after")
    def _discriminators_see_all(self) -> Self:
        if self.method.endswith("gan") and self.within == "condition":
            raise ValueError(f"method {self.method} compares all trials; take within: all")
        return self


class Losses(Section):
    """What the fit makes small."""

    neuron: NeuronLoss = NeuronLoss()
    trial: TrialLoss = TrialLoss()
    dispersion: DispersionLoss = DispersionLoss()
    combine: Literal["normalised", "projected", "sum"] = "normalised"
    """How the gradients of the losses at the spikes are combined: each divided by its running
    size, the same with conflicts projected away, or a plain weighted sum."""
    l1: NonNegative = 0.01
    """Weights shrink by this times the learning rate at every step."""
    sparsity: NonNegative = 0.0
    """Weights between areas and of the inputs shrink besides by this times the learning rate over
    the square root of the weight (Sourmpis et al. 2026), which leaves few of them; published: 0.006
    to 0.02."""


class GradientLearning(Section):
    """Back-propagation through time with surrogate gradients."""

    method: Literal["gradient"] = "gradient"
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the fit runs; simulations and analyses of a fitted model run on the CPU."""
    steps: Count = 600
    learning_rate: Positive = 3e-3
    beta2: Fraction = 0.99
    warmup: Fraction = 0.15
    """Share of the steps with rising learning rate (at least 30 steps)."""
    flat: Fraction = 0.40
    """Share of the steps after which the cosine decay begins."""
    final: Fraction = 0.05
    """Learning rate at the end, relative to its maximum."""
    batches: list[Count] = Field(default=[24, 48, 96], min_length=1)
    """Simulated trials per step, in equal shares of the steps."""
    cycle: list[list[str]] = Field(default=[[]], min_length=1)
    """Conditions whose training trials the steps simulate and compare with, one entry after the
    other; an empty one stands for all (published: all, go, no-go)."""
    balance_outcomes: bool = False
    """Compare a step with randomly chosen training trials of every session, such that outcomes are
    as frequent as in all sessions together."""
    prerun_s: NonNegative = 0.1
    """Pre-run during training."""
    calibration: int = Field(default=25, ge=0)
    """Forward passes that set the biases to the recorded rates before the first step."""
    wake: Fraction = 0.5
    """The bias of a neuron that fires less than this share of its recorded rate is raised until the
    losses, whose gradient is zero far below threshold, see it again; 0: never."""
    roulette: Fraction = 0.1
    """Tolerance of the gradient: spikes whose surrogate derivative is below this share of its scale
    take part at random, weighted such that the mean gradient stays right; 0 takes the exact one."""
    average: Fraction = 0.98
    """Decay of the weight average that is evaluated and saved."""
    evaluate_every: Count = 60
    """Steps between held-out scores."""
    evaluation_trials: Count = 400
    patience: Count = 1000
    """Stop after so many steps without a better held-out score."""
    checkpoint_s: Positive = 60.0
    """Seconds between checkpoints."""


class Model(Section):
    """A named variant: network, losses, learning."""

    network: Network = Network()
    losses: Losses = Losses()
    learning: GradientLearning = GradientLearning()

    @model_validator(mode="after")
    def _discriminators_see_all(self) -> Self:
        chosen = self.learning.cycle != [[]] or self.learning.balance_outcomes
        if self.losses.trial.method.endswith("gan") and chosen:
            raise ValueError(
                f"method {self.losses.trial.method} compares all trials; leave out learning.cycle "
                "and learning.balance_outcomes"
            )
        return self

    @property
    def matching(self) -> str:
        """Distance between trials that is made small; "" where none is."""
        trial = self.losses.trial
        return trial.method if trial.method != "none" and trial.weight > 0 else ""

    @property
    def matched_scales(self) -> list[Scale]:
        """Time scales that only this model's losses look at."""
        return self.losses.trial.scales or []

    @property
    def read_areas(self) -> list[str]:
        """Areas that the behaviour is read from; empty: all."""
        return self.network.readout.areas
