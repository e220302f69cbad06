"""Rate matching by recursive least squares: sparse networks, learning, given targets."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from spiketwin.config.network import InputGroup
from spiketwin.config.section import Count, Fraction, Name, NonNegative, Positive, Section
from spiketwin.config.sweeps import Sweep, points
from spiketwin.config.trials import Scale


class BalancedNetwork(Section):
    """Excitatory and inhibitory integrate-and-fire neurons with strong static and slow plastic
    synapses (Kim et al. 2023; Arthur et al. 2023)."""

    kind: Literal["balanced"] = "balanced"
    neurons: Count = 4096
    """Half of them excitatory."""
    static_inputs: int | None = Field(default=None, ge=0)
    """Mean number of static inputs from either class; absent: a tenth of the excitatory neurons."""
    plastic_inputs: Count | None = None
    """Plastic inputs from either class; absent: 2 sqrt(static_inputs)."""
    plastic_weights: tuple[float, float] | None = None
    """Initial weights of excitatory and inhibitory plastic inputs, in current times ms; absent:
    +- 10 / sqrt(plastic_inputs)."""
    drive: tuple[float, float] = (0.12, 0.08)
    """Constant input of excitatory and inhibitory neurons, times sqrt(static_inputs)."""
    feedforward: int = Field(default=0, ge=0)
    """Units outside, so many for each condition, that fire at slowly varying frozen rates in the
    window of their condition; all trained neurons read them."""
    inputs: list[InputGroup] = []
    """Recordings: units outside that tell all trained neurons about the stimuli, at the mean rates
    over the training trials of each condition; the signs of their weights are free."""
    spread_from: Literal["trained", "all"] = "all"
    """Excitatory neurons that plastic inputs may come from."""
    tau_fast_s: Positive = 0.003
    tau_slow_s: Positive = 0.150
    noise: NonNegative = 0.0
    """White noise in units of the threshold (0.65 where there are no static inputs)."""
    noise_in: Literal["membrane", "current"] = "membrane"
    """Where it enters; noise of the current stops while a neuron is refractory. Either is no part
    of the input that is learned and compared."""
    step_s: Positive = 0.0001

    @model_validator(mode="after")
    def _same_rates_in_every_trial(self) -> Self:
        for group in self.inputs:
            if group.fluctuation > 0:
                raise ValueError(
                    f"inputs: {group.name!r} wanders inside a trial, but rate matching takes mean "
                    "rates; leave fluctuation out"
                )
        return self


class FilteredNetwork(Section):
    """One class of neurons with plastic synapses only (Kim & Chow 2018)."""

    kind: Literal["theta", "lif", "izhikevich"] = "theta"
    neurons: Count = 500
    probability: float = Field(default=0.3, gt=0, le=1)
    """Of a synapse."""
    gain: NonNegative = 1.0
    """Standard deviation of the initial weights times sqrt(neurons times probability)."""
    zero_sum: bool = False
    """The initial weights of a neuron sum to zero."""
    inhibitory_fraction: float = Field(default=0.0, ge=0, lt=1)
    """Above 0: a balanced network of two classes, every neuron with the same number of inputs of
    either class; excitatory weights gain / sqrt(neurons times probability)."""
    inhibition: Positive = 5.0
    """Balanced network: size of inhibitory weights relative to excitatory ones."""
    drive: float = 0.0
    """Constant input of every neuron."""
    tau_slow_s: Positive = 0.020
    step_s: Positive = 0.001


def _network_kind(value: object) -> str:
    kind = value.get("kind", "balanced") if isinstance(value, dict) else getattr(value, "kind", "")
    return "balanced" if kind == "balanced" else "filtered"


RateNetwork = Annotated[
    Annotated[BalancedNetwork, Tag("balanced")] | Annotated[FilteredNetwork, Tag("filtered")],
    Discriminator(_network_kind),
]


class Cue(Section):
    """What precedes the window of a trial, and tells the conditions apart."""

    kind: Literal["frozen noise", "constant", "none"] = "frozen noise"
    """One random path, or one random constant from -amplitude to amplitude, per neuron and
    condition; the same in every trial."""
    duration_s: NonNegative = 0.2
    amplitude: Positive = 2.0
    lead_s: NonNegative = 0.8
    """Simulated before the cue, from a random state."""


class RlsLearning(Section):
    """Recursive least squares of every neuron's inputs, inside the trial (Kim & Chow 2018)."""

    method: Literal["rls"] = "rls"
    solver: Literal["sequential", "block", "ridge", "shared"] = "ridge"
    """Sample by sample; in blocks; without covariances, from sums that all neurons share, with a
    prior that may grow; with one covariance for all neurons, whose inputs must be the same."""
    block: Count | None = None
    """Learning instants per update (block, ridge); absent: a whole trial."""
    ridge: Positive = 0.12
    """Prior precision of the change of a weight."""
    ridge_feedforward: Positive = 1.0
    row_sum: NonNegative = 0.12
    """Prior precision of the change of a neuron's summed excitatory and inhibitory weights."""
    growth: NonNegative = 0.05
    """Growth of the prior with each update, relative to its beginning (solver ridge only)."""
    course_only: bool = False
    """Learn the course of drives and leave their mean over an update free (ridge): for
    targets around the mean input, whose rates then stay where they are."""
    dale: bool = False
    """Weights keep their signs (ridge)."""
    every_s: Positive = 0.010
    """Time between learning instants."""
    smoothing_s: NonNegative = 0.3
    """Running mean over the rates of recorded cells, from which targets are made."""
    weights_act: Literal["at the spike", "at once"] = "at the spike"
    """A spike acts with the weight it finds, or changed weights also act on what has arrived."""
    steps: Count = 100
    """Loops: one trial of every condition."""
    evaluate_every: Count = 10
    evaluation_trials: Count = 10
    """Trials of each condition whose average is compared with the targets."""
    patience: Count = 100
    """Stop after so many loops without a better trial-averaged correlation."""
    largest_rate_hz: Positive = 50.0
    """Mean rate at which learning counts as diverging."""
    checkpoint_s: Positive = 60.0

    @model_validator(mode="after")
    def _solver_can(self) -> Self:
        if self.solver != "ridge" and self.dale:
            raise ValueError("dale: true needs solver ridge")
        if self.course_only and (self.solver != "ridge" or self.block == 1):
            raise ValueError("course_only: true needs solver ridge, and a block above 1")
        return self


class Pattern(Section):
    """Given targets: what the trained cells should do, without trials."""

    pattern: Literal[
        "phased sines",
        "sines",
        "sine products",
        "rate network",
        "ornstein-uhlenbeck",
        "innate",
        "file",
    ] = "phased sines"
    """Drives for every neuron (published artificial targets; innate: those of a trial of the
    untrained network itself), or rates from a file."""
    measure: Literal["drive", "rate", "filtered"] = "drive"
    """Artificial targets: match the synaptic drive, or the rate that it would cause, or let the
    filtered spike trains, which other neurons receive, follow the course of that rate."""
    conditions: Count = 1
    """Artificial targets: how many sets."""
    window_s: Positive = 1.0
    """Artificial targets: length."""
    tau_s: Positive = 0.2
    """ornstein-uhlenbeck: correlation time."""
    distinct: float = Field(default=1.0, gt=0, le=1)
    """Share of the neurons with a target of its own; the others repeat these."""
    file: str | None = None
    """file: an npz with one (instant, cell) array of rates in hertz per condition."""
    arrays: dict[Name, str] = {}
    """file: condition -> name of its array."""
    instant_s: Positive = 0.02
    """file: time between instants."""
    cells: Count | None = None
    """file: so many cells, those of the largest mean rate; absent: all."""
    auxiliary: NonNegative = 0.0
    """file: so many more neurons per cell, which follow rates made from slow random paths (Kim &
    Chow 2018, Fig 5)."""

    @model_validator(mode="after")
    def _file_is_named(self) -> Self:
        if self.pattern == "file" and (self.file is None or not self.arrays):
            raise ValueError("pattern file needs file and arrays (condition: name of its array)")
        if self.pattern != "file" and (self.cells is not None or self.auxiliary):
            raise ValueError(f"pattern {self.pattern} is for all neurons; drop cells and auxiliary")
        if self.pattern in ("file", "innate") and self.measure != "drive":
            raise ValueError(f"pattern {self.pattern} says itself what is matched; drop measure")
        return self


class RateModel(Section):
    """A variant fitted by rate matching: a sparse network, its cues, its learning."""

    network: RateNetwork = BalancedNetwork()
    cue: Cue = Cue()
    learning: RlsLearning = RlsLearning()
    targets: Pattern | None = None
    """Absent: those of the run (runs on given targets only)."""

    @property
    def matching(self) -> str:
        """No distance between trials is made small."""
        return ""

    @property
    def matched_scales(self) -> list[Scale]:
        """No time scale of trials is looked at."""
        return []

    @property
    def read_areas(self) -> list[str]:
        """No behaviour is read."""
        return []

    @model_validator(mode="after")
    def _instants_are_steps(self) -> Self:
        steps = self.learning.every_s / self.network.step_s
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps:
            raise ValueError(
                f"learning.every_s {self.learning.every_s:g} s is not a multiple of network.step_s "
                f"{self.network.step_s:g} s"
            )
        return self


class RateAnalysis(Section):
    """What is asked of fitted rate models."""

    trials: Count = 20
    """Simulated trials of each condition."""
    smoothing_s: NonNegative = 0.1
    """Running mean over the input of a neuron before it is compared with its target."""
    examples: Count = 8
    """Cells in the figure."""
    deleted: list[Annotated[float, Field(gt=0, lt=1)]] = []
    """Shares of the neurons that are silenced after learning, one after the other."""
    shuffled: list[Annotated[float, Field(gt=0, le=1)]] = []
    """Shares of the weights between cells (not auxiliary ones) that are shuffled after learning."""
    learned: Fraction = 0.8
    """Single-trial correlation from which on targets count as learned (capacity, in sweeps over
    `targets.window_s`)."""
    divergence: bool = False
    """Take one spike out of a trial, before and after learning, and follow the difference."""


class TargetRun(Section):
    """A run on given targets instead of recordings."""

    run: Name
    """Name of the run; its results go to `results/RUN`."""
    description: str = ""
    targets: Pattern
    """What all models follow that do not say otherwise. A model's `targets` name only what
    differs; those of another pattern share nothing."""
    models: dict[Name, RateModel] = Field(min_length=1)
    """Named variants. `network`, `cue` and `learning` at the top level are what all share."""
    sweeps: dict[Name, Sweep] = {}
    """Named grids: setting (`network.neurons`) -> values. Every point becomes a model with the
    name of the sweep and its values; at most two settings have several."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Seeds of the fits: wiring, cues, targets, trials."""
    analysis: RateAnalysis = RateAnalysis()

    @model_validator(mode="after")
    def _models_can(self) -> Self:
        for name, model in self.models.items():
            if not isinstance(model.network, BalancedNetwork):
                continue
            if self.targets_of(name).measure != "drive":
                raise ValueError(
                    f"model {name!r}: rates of artificial patterns are for theta neurons; the "
                    "balanced network takes drives, or rates from a file"
                )
            if model.network.inputs:
                raise ValueError(f"model {name!r}: network.inputs needs recordings with stimuli")
        return self

    @property
    def named(self) -> list[str]:
        """Models that are no points of a sweep."""
        swept = {model for name, sweep in self.sweeps.items() for model in points(name, sweep)}
        return [name for name in self.models if name not in swept]

    def targets_of(self, model: str) -> Pattern:
        """Targets of a model: its own, or those of the run."""
        return self.models[model].targets or self.targets
