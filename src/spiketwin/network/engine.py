"""The compiled engine: forward and backward pass of whole trials behind one autograd function.

The kernels know events; the sum over the posts in the backward pass is a matrix product of a tile
of trials, which the linear algebra library does best. Threads share the trials.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.network.inputs import Stimulation
from spiketwin.network.kernels.forward import simulate as simulate_kernel
from spiketwin.network.kernels.layout import (
    DETERMINISTIC,
    EXPONENTIAL,
    LOGISTIC,
    Circuit,
    Course,
    Escape,
    Gradients,
    Incoming,
    Output,
)
from spiketwin.network.kernels.sampled import tile_back_sampled
from spiketwin.network.neurons import THRESHOLD, NeuronConstants
from spiketwin.network.prepared import Prepared, reach
from spiketwin.network.reuse import zeros
from spiketwin.network.spikes import SLOPE
from spiketwin.network.threads import threads, together
from spiketwin.network.tiles import tile_back
from spiketwin.network.workspace import Workspace

TILE = 100
"""Largest number of trials in one matrix product of the backward pass."""

TOGETHER = 50
"""Trials per worker below which workers share the products instead of the trials."""

SAMPLED_TILE = 40
"""Largest number of trials whose events are sorted together after a roulette."""


@dataclass(frozen=True)
class Plan:
    """What a run is besides its tensors.

    Attributes
    ----------
    escape : spike function.
    before : steps before the window.
    stimulation : input probabilities.
    bins : (step,) bin of each step.
    delays : steps of each delay.
    reach : (pre, 2) posts of each neuron.
    decay : (neuron,).
    extra : (step, neuron) current of a perturbation; empty without one.
    seed, first_trial : of the random numbers.
    """

    escape: Escape
    before: int
    stimulation: Stimulation
    bins: np.ndarray
    delays: tuple[int, ...]
    reach: np.ndarray
    decay: Tensor
    extra: Tensor
    seed: int
    first_trial: int


def simulate(
    prepared: Prepared,
    config: NetworkConfig,
    stimulation: Stimulation,
    before: int,
    bins: Tensor,
    seed: int,
    first_trial: int,
    roulette: float,
) -> tuple[Tensor, Tensor]:
    """As `loop.simulate`, with the numbers of `CounterDraws`, and the tolerance of the roulette."""
    plan = Plan(
        escape=_escape(config, prepared.constants, roulette),
        before=before,
        stimulation=stimulation,
        bins=bins.numpy(),
        delays=prepared.delays,
        reach=reach(prepared.mask),
        decay=prepared.constants.decay,
        extra=prepared.extra,
        seed=seed,
        first_trial=first_trial,
    )
    counts, projected = _Simulation.apply(
        prepared.recurrent,
        prepared.input,
        prepared.drive,
        prepared.noise,
        prepared.constants.reset,
        prepared.readout,
        plan,
    )
    return counts, projected


def _escape(config: NetworkConfig, constants: NeuronConstants, roulette: float) -> Escape:
    """The spike functions of `spikes` in numbers."""
    step_ms, dampening = 1000 * config.step_s, config.dampening / THRESHOLD
    kind, sharpness, rate = {
        "logistic": (LOGISTIC, config.temperature, step_ms / 2),
        "exponential": (EXPONENTIAL, 1 / SLOPE, step_ms),
        "deterministic": (DETERMINISTIC, 0.0, 1.0),
    }[config.spike_function]
    if kind == LOGISTIC:
        dampening *= config.temperature * step_ms / 2
    return Escape(
        kind=kind,
        threshold=THRESHOLD,
        sharpness=float(sharpness),
        rate=float(rate),
        dampening=float(dampening),
        refractory=constants.refractory,
        adaptation=float(constants.adaptation),
        keep=float(constants.keep),
        cut=float(roulette * dampening),
    )


class _Simulation(torch.autograd.Function):
    """Counts and projections of a run; no graph over time, no voltage and no noise stored."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        *tensors, plan = inputs
        circuit, course = _circuit(tensors, plan), _course(tensors[2], plan)
        learning = any(ctx.needs_input_grad)
        workspace = Workspace.of(circuit, plan.escape, course, learning)
        outputs = _outputs(circuit, course)
        output = Output(*(tensor.numpy() for tensor in outputs))
        workers = min(threads(), len(course.drive))
        written = workspace.events, workspace.surrogate, output
        together(
            lambda w: simulate_kernel(circuit, plan.escape, course, *written, w, workers), workers
        )
        ctx.kept = (circuit, course, workspace, plan)
        return outputs

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        circuit, course, workspace, plan = ctx.kept
        counts, projected = (gradient.detach().contiguous().numpy() for gradient in outer)
        incoming = Incoming(counts, np.ascontiguousarray(projected[:, plan.before :]))
        found = _backward(circuit, plan.escape, course, workspace, incoming)
        gradients = (
            found.recurrent, found.input, found.drive, found.noise, found.reset, found.readout
        )  # fmt: skip
        return (*(torch.from_numpy(gradient) for gradient in gradients), None)


def _circuit(tensors: list[Tensor], plan: Plan) -> Circuit:
    recurrent, inputs, _, noise, reset, readout = (
        tensor.detach().contiguous().numpy() for tensor in tensors
    )
    delays = np.array(plan.delays, dtype=np.int64)
    decay = plan.decay.detach().numpy()
    return Circuit(recurrent, plan.reach, delays, inputs, decay, noise, reset, readout)


def _course(drive: Tensor, plan: Plan) -> Course:
    stimulation = plan.stimulation
    groups = len(stimulation.baseline)
    first = np.searchsorted(stimulation.channels.numpy(), np.arange(groups + 1))
    return Course(
        before=plan.before,
        probability=stimulation.probability.contiguous().numpy(),
        baseline=stimulation.baseline.numpy(),
        first_channel=first.astype(np.int64),
        bin=plan.bins,
        drive=drive.detach().contiguous().numpy(),
        extra=plan.extra.numpy(),
        first_trial=plan.first_trial,
        key=np.uint64(plan.seed),  # type: ignore[arg-type]
    )


def _outputs(circuit: Circuit, course: Course) -> tuple[Tensor, Tensor]:
    """Counts and projections to be filled in."""
    trials, neurons = course.drive.shape
    steps, number = course.before + len(course.bin), torch.from_numpy(course.drive).dtype
    counts = zeros((trials, int(course.bin[-1]) + 1, neurons), number)
    return counts, torch.empty((trials, steps, len(circuit.readout)), dtype=number)


def _backward(
    circuit: Circuit, escape: Escape, course: Course, workspace: Workspace, incoming: Incoming
) -> Gradients:
    """Gradients of all trials; a worker has tiles of its own where there are enough trials."""
    trials, workers = len(course.drive), threads()
    exact = escape.cut == 0
    if exact and trials < workers * TOGETHER:
        return _backward_together(circuit, escape, course, workspace, incoming)
    tiles = _tiles(trials, workers, TILE if exact else SAMPLED_TILE)
    drive = np.zeros_like(course.drive)
    parts = [_zeros(circuit, drive) for _ in range(min(workers, len(tiles)))]

    def work(worker: int) -> None:
        mine = parts[worker]
        for tile in tiles[worker :: len(parts)]:
            if exact:
                tile_back(circuit, escape, course, workspace, incoming, [mine], tile)
            else:
                tile_back_sampled(
                    circuit, escape, course, workspace.events, workspace.surrogate, incoming,
                    mine, tile.start, len(tile),
                )  # fmt: skip

    together(work, len(parts))
    return _total(parts, ("recurrent", "input", "noise", "reset", "readout"))


def _backward_together(
    circuit: Circuit, escape: Escape, course: Course, workspace: Workspace, incoming: Incoming
) -> Gradients:
    """Few trials: all workers on one tile, so that products stay large."""
    trials = len(course.drive)
    first = _zeros(circuit, np.zeros_like(course.drive))
    parts = [first]
    for _ in range(min(threads(), trials) - 1):
        own = _zeros(circuit, first.drive)
        parts.append(own._replace(recurrent=first.recurrent, input=first.input))
    tile_back(circuit, escape, course, workspace, incoming, parts, range(trials))
    return _total(parts, ("noise", "reset", "readout"))


def _total(parts: list[Gradients], names: tuple[str, ...]) -> Gradients:
    """Sum of the workers' gradients; arrays that are not named are shared."""
    for part in parts[1:]:
        for name in names:
            getattr(parts[0], name)[...] += getattr(part, name)
    return parts[0]


def _tiles(trials: int, workers: int, largest: int) -> list[range]:
    """Equal tiles, at least one per worker."""
    number = -(-trials // (workers * largest)) * workers
    edges = np.linspace(0, trials, number + 1).astype(int)
    return [range(a, b) for a, b in pairwise(edges) if b > a]


def _zeros(circuit: Circuit, drive: np.ndarray) -> Gradients:
    return Gradients(
        recurrent=np.zeros_like(circuit.recurrent),
        input=np.zeros_like(circuit.input),
        noise=np.zeros_like(circuit.noise),
        reset=np.zeros_like(circuit.reset),
        readout=np.zeros_like(circuit.readout),
        drive=drive,
    )
