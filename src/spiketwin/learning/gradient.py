"""Back-propagation through time with surrogate gradients and trial matching.

Each step simulates a batch of trials with stimuli drawn from the training trials, combines the
gradients of the neuron and the trial loss at the simulated trials, and takes an Adam step; weights
then shrink by l1 times the learning rate and return to their constraints. A running average of the
parameters is what is scored and saved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import GradientLearning, Losses
from spiketwin.learning import adam
from spiketwin.learning.calibration import calibrate
from spiketwin.learning.guards import check_restarts, exploded
from spiketwin.learning.protocol import FitState, Record
from spiketwin.learning.schedule import batch_size, learning_rate
from spiketwin.losses import GradientSizes, Targets, combine, neuron_loss, trial_loss
from spiketwin.network import Activity, Network, Parameters, Stimulation, clip, observe, run
from spiketwin.randomness import integer_seed, numpy_generator


@dataclass(frozen=True)
class GradientFitter:
    """Fits by gradient descent.

    Attributes
    ----------
    learning, losses : settings.
    targets : statistics of the training trials.
    pool : stimulation of the training trials of all sessions.
    conditions : condition of each of these trials.
    bin_s : bin width of the trials.
    seed : seed of the fit.
    """

    learning: GradientLearning
    losses: Losses
    targets: Targets
    pool: Stimulation
    conditions: np.ndarray
    bin_s: float
    seed: int

    @property
    def steps(self) -> int:
        """Number of steps of the whole fit."""
        return self.learning.steps

    def start(self, network: Network) -> FitState:
        """Calibrated network, fresh optimiser."""
        return self._start(network, restarts=0)

    def step(self, network: Network, state: FitState) -> tuple[FitState, Record]:
        """One optimisation step; starts again when the rates explode."""
        rows = self._batch(state)
        generator = torch.Generator().manual_seed(self._seed("step", state))
        trained = {
            name: state.parameters[name].clone().requires_grad_() for name in network.trained
        }
        current = network.with_parameters({**state.parameters, **trained})
        activity = run(current, self.pool.take(rows), generator, self.learning.prerun_s)
        losses, copies = self._losses(current, activity, rows, generator)
        gradients, sizes = self._gradients(losses, copies, activity.spikes, trained, state)
        record = self._record(state, activity, losses)
        after = self._descend(network, state, gradients, record.learning_rate, sizes)
        return self._guarded(network, after, record)

    def _seed(self, purpose: str, state: FitState) -> int:
        restarts = int(state.numbers["restarts"])
        return integer_seed(self.seed, purpose, restarts, state.step)

    def _start(self, network: Network, restarts: int) -> FitState:
        bias, error = network.parameters["bias"], float("nan")
        if self.learning.calibration:
            bias, error = calibrate(
                network,
                self.pool,
                self.targets.rates,
                self.bin_s,
                self.learning.calibration,
                self.learning.prerun_s,
                self.seed,
            )
        parameters = {**network.parameters, "bias": bias}
        trained = {name: parameters[name] for name in network.trained}
        numbers = {"restarts": float(restarts), "calibration error": error}
        return FitState(0, parameters, parameters, adam.start(trained), numbers)

    def _batch(self, state: FitState) -> np.ndarray:
        """Training trials whose stimuli drive this step."""
        generator = numpy_generator(self._seed("batch", state))
        return generator.integers(self.pool.trials, size=batch_size(state.step, self.learning))

    def _losses(
        self, network: Network, activity: Activity, rows: np.ndarray, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Losses of a batch; the copies of the spikes that counts and behaviour were read from."""
        for_counts, for_behaviour = (activity.spikes.detach().requires_grad_() for _ in range(2))
        counts = observe(network, replace(activity, spikes=for_counts), self.bin_s).counts
        behaviour = observe(network, replace(activity, spikes=for_behaviour), self.bin_s).behaviour
        losses = {"neuron": neuron_loss(counts, self.targets.rates, self.losses.neuron.unbiased)}
        trial = self.losses.trial
        if trial.method != "none" and self.targets.sessions:
            losses["trial"] = trial_loss(
                counts,
                behaviour,
                list(self.conditions[rows]),
                self.targets.sessions,
                trial.method,
                trial.within == "condition",
                generator,
            )
        return losses, (for_counts, for_behaviour)

    def _gradients(
        self,
        losses: dict[str, Tensor],
        copies: tuple[Tensor, Tensor],
        spikes: Tensor,
        trained: Parameters,
        state: FitState,
    ) -> tuple[Parameters, GradientSizes]:
        """Gradient of every trained parameter: combined at the spikes, then back through time.

        The read-out acts after the spikes, so that its parameters get their gradient on the way.
        """
        after = [name for name in trained if name.startswith("readout")]
        before = [name for name in trained if not name.startswith("readout")]
        wanted = [*copies, *(trained[name] for name in after)]
        found = {
            n: torch.autograd.grad(loss, wanted, allow_unused=True) for n, loss in losses.items()
        }
        sources = {name: parts[0] for name, parts in found.items() if parts[0] is not None}
        if "trial" in found and found["trial"][1] is not None:
            sources["behaviour"] = found["trial"][1]
        combined, sizes = combine(sources, self._weights(), _sizes(state), self.losses.combine)
        through_time = torch.autograd.grad(spikes, [trained[n] for n in before], combined)
        gradients = dict(zip(before, through_time, strict=True))
        for k, name in enumerate(after):
            parts = [found[n][2 + k] for n in found if found[n][2 + k] is not None]
            gradients[name] = sum(parts, torch.zeros_like(trained[name]))
        return gradients, sizes

    def _weights(self) -> dict[str, float]:
        trial = self.losses.trial
        neuron = self.losses.neuron.weight
        return {"neuron": neuron, "trial": trial.weight, "behaviour": trial.behaviour_gradient}

    def _record(self, state: FitState, activity: Activity, losses: dict[str, Tensor]) -> Record:
        restarts = state.numbers["restarts"]
        rate = learning_rate(state.step, self.learning, 2.0**restarts) / 2**restarts
        spikes_per_bin = float(activity.spikes.detach().mean()) * self._steps_per_bin(activity)
        return Record(
            step=state.step + 1,
            learning_rate=rate,
            batch=len(activity.spikes),
            loss_neuron=float(losses["neuron"].detach()),
            loss_trial=float(losses["trial"].detach()) if "trial" in losses else float("nan"),
            rate_hz=spikes_per_bin / self.bin_s,
        )

    def _steps_per_bin(self, activity: Activity) -> float:
        return activity.spikes.shape[1] / self.targets.rates.window.shape[0]

    def _descend(
        self,
        network: Network,
        state: FitState,
        gradients: Parameters,
        rate: float,
        sizes: GradientSizes,
    ) -> FitState:
        """Adam, shrinkage, constraints, running average."""
        changed, memory = adam.update(
            state.parameters, gradients, state.memory, rate, self.learning.beta2, state.step + 1
        )
        for name in ("recurrent", "input"):
            changed[name] = _shrunk(changed[name], rate * self.losses.l1)
        parameters = clip(network, {**state.parameters, **changed})
        decay = min(self.learning.average, (1 + state.step) / (10 + state.step))
        evaluated = {
            name: state.evaluated[name].lerp(value, 1 - decay) for name, value in parameters.items()
        }
        numbers = {**state.numbers, **_size_numbers(sizes)}
        return FitState(state.step + 1, parameters, evaluated, memory, numbers)

    def _guarded(
        self, network: Network, state: FitState, record: Record
    ) -> tuple[FitState, Record]:
        """The state, or a gentler start when the rates explode."""
        rate_hz = float(self.targets.rates.psth.mean()) / self.bin_s
        if not exploded(record, rate_hz):
            return state, record
        restarts = int(state.numbers["restarts"]) + 1
        check_restarts(restarts)
        return self._start(network, restarts), record


def _shrunk(weights: Tensor, amount: float) -> Tensor:
    """Weights moved towards zero, never across it."""
    return weights - weights.sign() * torch.minimum(weights.abs(), weights.new_tensor(amount))


def _sizes(state: FitState) -> GradientSizes:
    """Running gradient sizes kept among the state's numbers."""
    pairs = [(key, value) for key, value in state.numbers.items() if key.startswith("size ")]
    calls = [(key, value) for key, value in state.numbers.items() if key.startswith("calls ")]
    return GradientSizes(
        {key.removeprefix("size "): value for key, value in pairs},
        {key.removeprefix("calls "): int(value) for key, value in calls},
    )


def _size_numbers(sizes: GradientSizes) -> dict[str, float]:
    means = {f"size {name}": value for name, value in sizes.mean.items()}
    return means | {f"calls {name}": float(value) for name, value in sizes.calls.items()}
