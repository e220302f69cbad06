"""Back-propagation through time with surrogate gradients and trial matching.

Each step simulates a batch of trials with stimuli drawn from the training trials (of some
conditions in turn, see `turns`), combines the gradients of the neuron and the trial loss at the
simulated trials, and takes an Adam step; weights then shrink (by l1 and sparsity times the learning
rate) and return to their constraints. A running average of the parameters is what is scored and
saved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import GradientLearning, Losses
from spiketwin.learning import adam, adversary
from spiketwin.learning.backward import through_time
from spiketwin.learning.calibration import calibrate
from spiketwin.learning.descent import Descent, descended
from spiketwin.learning.guards import check_restarts, exploded, gentler
from spiketwin.learning.protocol import FitState, Record
from spiketwin.learning.schedule import batch_size, learning_rate
from spiketwin.learning.turns import Turn
from spiketwin.learning.waking import woken
from spiketwin.losses import (
    GANS,
    Adversary,
    GradientSizes,
    OutcomeTargets,
    RateTarget,
    SpikeGradients,
    combine,
    dispersion_loss,
    neuron_loss,
    outcome_loss,
    trial_loss,
)
from spiketwin.network import (
    Activity,
    Network,
    Parameters,
    Run,
    Stimulation,
    behaviour,
    observed,
    projection,
    run,
)
from spiketwin.randomness import integer_seed, numpy_generator


@dataclass(frozen=True)
class GradientFitter:
    """Fits by gradient descent.

    Attributes
    ----------
    learning, losses : settings.
    rates : trial-averaged rates of the training trials.
    turns : what steps compare with, in turn.
    pool : stimulation of the training trials of all sessions.
    conditions : condition of each of these trials.
    bins : (step,) group of bins of each simulation step.
    bin_s : bin width of the trials.
    seed : seed of the fit.
    outcomes : what the behaviour says about outcomes, where it is compared.
    adversary : discriminators, where these are the trial loss.
    """

    learning: GradientLearning
    losses: Losses
    rates: RateTarget
    turns: tuple[Turn, ...]
    pool: Stimulation
    conditions: np.ndarray
    bins: np.ndarray
    bin_s: float
    seed: int
    outcomes: OutcomeTargets | None = None
    adversary: Adversary | None = None

    @property
    def steps(self) -> int:
        """Number of steps of the whole fit."""
        return self.learning.steps

    def start(self, network: Network) -> FitState:
        """Calibrated network, fresh optimiser."""
        return self._start(network, restarts=0)

    def step(self, network: Network, state: FitState) -> tuple[FitState, Record]:
        """One optimisation step; starts again when the rates explode."""
        turn, seed = self._turn(state), self._seed("step", state)
        rows = self._batch(state, turn)
        trained = {
            name: state.parameters[name].clone().requires_grad_() for name in network.trained
        }
        current = network.with_parameters({**state.parameters, **trained})
        how = Run(seed, self.bins, self.learning.prerun_s, roulette=self.learning.roulette)
        activity = run(current, self.pool.take(rows), how)
        losses, outputs = self._losses(current, activity, rows, turn, state)
        gradients, sizes = self._gradients(losses, outputs, activity, current, state)
        after = self._descend(network, state, gradients, self._rate(state), sizes)
        after = self._woken(after, activity, turn, self._rate(state))
        if self.adversary is not None:
            after = self._unmasked(self.adversary, current, outputs, state, after)
        return self._guarded(network, after, self._record(state, activity, losses))

    def _seed(self, purpose: str, state: FitState) -> int:
        restarts = int(state.numbers["restarts"])
        return integer_seed(self.seed, purpose, restarts, state.step)

    def _start(self, network: Network, restarts: int) -> FitState:
        network = gentler(network, restarts)
        bias, error = network.parameters["bias"], float("nan")
        if self.learning.calibration:
            bias, error = calibrate(
                network,
                self.pool,
                self.rates,
                self.bins,
                self.learning.calibration,
                self.learning.prerun_s,
                self.seed,
            )
        parameters = {**network.parameters, "bias": bias}
        trained = {name: parameters[name] for name in network.trained}
        numbers = {"restarts": float(restarts), "calibration error": error}
        memory = adam.start(trained)
        if self.adversary is not None:
            memory |= adversary.start(self.adversary, integer_seed(self.seed, "critics"))
        return FitState(0, parameters, parameters, memory, numbers)

    def _unmasked(
        self,
        critics: Adversary,
        network: Network,
        outputs: Activity,
        state: FitState,
        after: FitState,
    ) -> FitState:
        """The state after the discriminators have learned from the batch."""
        with torch.no_grad():
            views = critics.views(outputs.counts, behaviour(network, outputs))
        rate, seed = self._rate(state), self._seed("critics", state)
        beta2 = self.learning.beta2
        memory = adversary.learned(critics, views, after.memory, state.step, rate, beta2, seed)
        return replace(after, memory=memory)

    def _woken(self, state: FitState, activity: Activity, turn: Turn, rate: float) -> FitState:
        """The state after silent neurons were woken; rates are spikes per bin."""
        simulated = activity.counts.detach().sum(1).mean(0) * (self.bin_s / self._window_s())
        recorded = turn.rates.psth.mean(0)
        return woken(state, simulated, recorded, self.learning.wake, rate)

    def _turn(self, state: FitState) -> Turn:
        """Training trials that this step is about."""
        turn = self.turns[state.step % len(self.turns)]
        return turn.drawn(numpy_generator(self._seed("balance", state)))

    def _batch(self, state: FitState, turn: Turn) -> np.ndarray:
        """Training trials whose stimuli drive this step."""
        generator = numpy_generator(self._seed("batch", state))
        size = batch_size(state.step, self.learning)
        return turn.rows[generator.integers(len(turn.rows), size=size)]

    def _losses(
        self,
        network: Network,
        activity: Activity,
        rows: np.ndarray,
        turn: Turn,
        state: FitState,
    ) -> tuple[dict[str, Tensor], Activity]:
        """Losses of a batch, and the detached activity whose gradients they have."""
        # Where these are drawn from expected spikes, the gradient passes straight to the latter.
        counts = observed(network, activity, self._seed("spikes", state)).requires_grad_()
        projected = activity.projected.detach().requires_grad_()
        outputs = replace(activity, counts=counts, projected=projected)
        losses = {"neuron": neuron_loss(counts, turn.rates, self.losses.neuron.unbiased)}
        if self.losses.dispersion.weight and len(counts) > 1:
            losses["dispersion"] = dispersion_loss(counts, turn.rates.log_fano)
        trial, conditions = self.losses.trial, self.conditions[rows]
        read = behaviour(network, outputs)
        draw = torch.Generator().manual_seed(self._seed("step", state))
        if self.adversary is not None:
            views = self.adversary.views(counts, read)
            critics = adversary.critics_of(state.memory)
            losses["trial"] = self.adversary.fool(views, critics, draw)
        elif trial.method not in ("none", *GANS) and turn.targets.sessions:
            within = trial.within == "condition"
            losses["trial"] = trial_loss(
                counts, read, list(conditions), turn.targets, trial.method, within, draw
            )
        if self.outcomes is not None:
            looks = outcome_loss(read, conditions, self.outcomes)
            losses["trial"] = losses.get("trial", 0.0) + trial.outcomes * looks
        return losses, outputs

    def _gradients(
        self,
        losses: dict[str, Tensor],
        outputs: Activity,
        activity: Activity,
        network: Network,
        state: FitState,
    ) -> tuple[Parameters, GradientSizes]:
        """Gradient of every trained parameter: combined at the spikes, then back through time."""
        after = [n for n in network.trained if n in ("readout_gain", "readout_offset")]
        before = [n for n in network.trained if n not in after]
        wanted = [outputs.counts, outputs.projected, *(network.parameters[n] for n in after)]
        # A trial loss that found too few trials to compare is a plain zero.
        found = {
            n: torch.autograd.grad(loss, wanted, allow_unused=True)
            for n, loss in losses.items()
            if loss.requires_grad
        }
        at_spikes = SpikeGradients(
            counts={name: parts[0] for name, parts in found.items() if parts[0] is not None},
            lengths=outputs.lengths,
            projected=found["trial"][1] if "trial" in found else None,
            readout=projection(network).detach(),
        )
        sizes = GradientSizes.of(state.numbers)
        combined = combine(at_spikes, self._weights(), sizes, self.losses.combine)
        gradients = through_time(activity, network, before, combined)
        for k, name in enumerate(after):
            parts = [found[n][2 + k] for n in found if found[n][2 + k] is not None]
            gradients[name] = sum(parts, torch.zeros_like(network.parameters[name]))
        return gradients, combined.sizes

    def _weights(self) -> dict[str, float]:
        trial = self.losses.trial
        return {
            "neuron": self.losses.neuron.weight,
            "dispersion": self.losses.dispersion.weight,
            "trial": trial.weight,
            "behaviour": trial.behaviour_gradient,
        }

    def _record(self, state: FitState, activity: Activity, losses: dict[str, Tensor]) -> Record:
        counts = activity.counts.detach()
        return Record(
            step=state.step + 1,
            learning_rate=self._rate(state),
            batch=len(counts),
            loss_neuron=float(losses["neuron"].detach()),
            loss_trial=_value(losses, "trial"),
            loss_dispersion=_value(losses, "dispersion"),
            rate_hz=float(counts.sum(1).mean()) / self._window_s(),
        )

    def _rate(self, state: FitState) -> float:
        """Learning rate of the step; gentler after every restart."""
        gentler = 2.0 ** state.numbers["restarts"]
        return learning_rate(state.step, self.learning, gentler) / gentler

    def _window_s(self) -> float:
        return float(self.turns[0].targets.lengths.sum()) * self.bin_s

    def _descend(
        self,
        network: Network,
        state: FitState,
        gradients: Parameters,
        rate: float,
        sizes: GradientSizes,
    ) -> FitState:
        """Adam, shrinkage, constraints, running average."""
        how = Descent(
            rate=rate,
            beta2=self.learning.beta2,
            shrinkage=rate * self.losses.l1,
            sparsity=rate * self.losses.sparsity,
            decay=min(self.learning.average, (1 + state.step) / (10 + state.step)),
        )
        parameters, evaluated, memory = descended(network, state, gradients, how)
        numbers = {**state.numbers, **sizes.numbers}
        return FitState(state.step + 1, parameters, evaluated, memory, numbers)

    def _guarded(
        self, network: Network, state: FitState, record: Record
    ) -> tuple[FitState, Record]:
        """The state, or a gentler start when rates that were right explode."""
        turn = (state.step - 1) % len(self.turns)
        rate_hz = float(self.turns[turn].rates.psth.mean()) / self.bin_s
        first = state.numbers.get(f"first loss {turn}", record.loss_neuron)
        if not self.learning.calibration or not exploded(record, rate_hz, first):
            return replace(state, numbers={**state.numbers, f"first loss {turn}": first}), record
        restarts = int(state.numbers["restarts"]) + 1
        check_restarts(restarts)
        return self._start(network, restarts), record


def _value(losses: dict[str, Tensor], name: str) -> float:
    return float(losses[name].detach()) if name in losses else float("nan")
