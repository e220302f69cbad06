"""The compiled engine: forward and backward pass of whole trials behind one autograd function.

The kernels know events; the sum over the posts in the backward pass is a matrix product of a tile
of trials, which the linear algebra library does best. Threads share the trials.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
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
from spiketwin.network.neurons import THRESHOLD
from spiketwin.network.prepared import Prepared, reach
from spiketwin.network.spikes import SLOPE
from spiketwin.network.tiles import tile_back
from spiketwin.network.workspace import Workspace

TILE = 100
"""Largest number of trials in one matrix product of the backward pass."""


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
    seed, first_trial : of the random numbers.
    """

    escape: Escape
    before: int
    stimulation: Stimulation
    bins: np.ndarray
    delays: tuple[int, ...]
    reach: np.ndarray
    decay: Tensor
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
) -> tuple[Tensor, Tensor]:
    """As `loop.simulate`, with the numbers of `CounterDraws`."""
    plan = Plan(
        escape=_escape(config, prepared.constants.refractory),
        before=before,
        stimulation=stimulation,
        bins=bins.numpy(),
        delays=prepared.delays,
        reach=reach(prepared.mask),
        decay=prepared.constants.decay,
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


def _escape(config: NetworkConfig, refractory: int) -> Escape:
    """The spike functions of `spikes` in numbers."""
    step_ms, dampening = 1000 * config.step_s, config.dampening / THRESHOLD
    kind, sharpness, rate = {
        "logistic": (LOGISTIC, config.temperature, step_ms / 2),
        "exponential": (EXPONENTIAL, 1 / SLOPE, step_ms),
        "deterministic": (DETERMINISTIC, 0.0, 1.0),
    }[config.spike_function]
    if kind == LOGISTIC:
        dampening *= config.temperature * step_ms / 2
    return Escape(kind, THRESHOLD, float(sharpness), float(rate), float(dampening), refractory)


class _Simulation(torch.autograd.Function):
    """Counts and projections of a run; no graph over time, no voltage and no noise stored."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, Tensor]:
        *tensors, plan = inputs
        circuit, course = _circuit(tensors, plan), _course(tensors[2], plan)
        learning = any(ctx.needs_input_grad)
        workspace = Workspace.of(circuit, course, plan.escape.refractory, learning)
        output = _output(circuit, course, workspace)
        workers = min(torch.get_num_threads(), len(course.drive))
        _together(
            lambda w: simulate_kernel(
                circuit, plan.escape, course, workspace.events, output, w, workers
            ),
            workers,
        )
        ctx.kept = (circuit, course, workspace, plan)
        return torch.from_numpy(output.counts), torch.from_numpy(output.projected)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        circuit, course, workspace, plan = ctx.kept
        counts, projected = (gradient.detach().contiguous().numpy() for gradient in outer)
        incoming = Incoming(counts, np.ascontiguousarray(projected[:, plan.before :]))
        found = _backward(circuit, course, workspace, incoming)
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
        first_trial=plan.first_trial,
        key=np.uint64(plan.seed),  # type: ignore[arg-type]
    )


def _output(circuit: Circuit, course: Course, workspace: Workspace) -> Output:
    trials, neurons = course.drive.shape
    steps, number = course.before + len(course.bin), course.drive.dtype
    return Output(
        counts=np.zeros((trials, int(course.bin[-1]) + 1, neurons), number),
        projected=np.empty((trials, steps, len(circuit.readout)), number),
        slope=workspace.slope,
    )


def _backward(
    circuit: Circuit, course: Course, workspace: Workspace, incoming: Incoming
) -> Gradients:
    """Gradients of all trials; every worker adds up its own, but for the drive."""
    trials = len(course.drive)
    workers = min(torch.get_num_threads(), trials)
    tiles = _tiles(trials, workers)
    workers = min(workers, len(tiles))
    drive = np.zeros_like(course.drive)
    parts = [_zeros(circuit, drive) for _ in range(workers)]

    def work(worker: int) -> None:
        with torch.no_grad():
            for tile in tiles[worker::workers]:
                tile_back(circuit, course, workspace, incoming, parts[worker], tile)

    _together(work, workers)
    for part in parts[1:]:
        for total, more in zip(parts[0][:-1], part[:-1], strict=True):
            total += more
    return parts[0]


def _tiles(trials: int, workers: int) -> list[range]:
    """Equal tiles, at least one per worker."""
    number = -(-trials // (workers * TILE)) * workers
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


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(initializer=torch.set_num_threads, initargs=(1,))


def _together(work: Callable[[int], None], workers: int) -> None:
    """Run the workers at the same time; one alone needs no thread."""
    if workers == 1:
        work(0)
        return
    for done in [_pool().submit(work, worker) for worker in range(workers)]:
        done.result()
