"""Arrays and graphs of one size of problem on the card.

With spikes z of all delays and the input channels side by side (step, trial, source), the parts of
`kernels` make every step one matrix product and one launch:

    forward     I(t) = z(t) [W1 | W2 | W3]                 then `kernels.advance`
    backward    `kernels.retreat`, then      r(t) = [g1 | g1 | g2] [W1 ; W2 ; W1]^T
    at the end  dL/dW = sum_t z(t)^T [g1 | g2](t)
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from spiketwin.network.gpu import kernels
from spiketwin.network.gpu.products import product, three_parts
from spiketwin.network.gpu.size import Size
from spiketwin.network.inputs import Stimulation
from spiketwin.network.neurons import THRESHOLD
from spiketwin.network.prepared import Prepared
from spiketwin.network.spikes import SLOPE

BLOCK = 256


class Passes:
    """Forward and backward pass of one size; results stay in its arrays until the next run."""

    def __init__(self, size: Size, device: torch.device) -> None:
        self.size, self.device, self.turn = size, device, 0
        s = size
        rows = s.steps + max(s.delays)
        self.numbers = self._zeros(2, kind=torch.int64)
        self.weights = self._zeros(s.width, 3 * s.room, kind=torch.bfloat16)
        self.sources = self._zeros(rows, s.trials, s.width, kind=torch.bfloat16)
        self.product = self._zeros(s.trials, 3 * s.room)
        self.drive = self._zeros(s.trials, s.neurons)
        self.voltage, self.carried = self._zeros(s.trials, s.neurons), self._zeros(0)
        self.countdown = self._zeros(s.trials, s.neurons, kind=torch.int32)
        self.decay, self.noise, self.reset = (self._zeros(s.neurons) for _ in range(3))
        self.extra = self._zeros(len(s.bins) if s.perturbed else 0, s.neurons)
        self.readout = self._zeros(s.traces, s.neurons)
        self.probability = self._zeros(s.trials, len(s.bins), s.groups)
        self.baseline = self._zeros(s.groups)
        self.group = self._zeros(s.channels, kind=torch.int32)
        self.delays = torch.tensor(s.delays, dtype=torch.int32, device=device)
        self.counts = self._zeros(s.trials, s.bins[-1] + 1, s.neurons)
        self.slope = self._zeros(0)
        if s.learning:
            self._allocate_backward()
        self._forward: Callable[[], None] | None = None
        self._backward: Callable[[], None] | None = None

    def _allocate_backward(self) -> None:
        s = self.size
        window = len(s.bins)
        self.slope = self._zeros(window, s.trials, s.neurons)
        self.transposed = self._zeros(3 * s.room, s.recurrent, kind=torch.bfloat16)
        self.ring = max(s.delays) + 1
        self.returned = self._zeros(self.ring, s.trials, s.recurrent)
        self.outgoing = self._zeros(window, s.trials, 3 * s.room, kind=torch.bfloat16)
        self.to_counts = self._zeros(*self.counts.shape)
        self.to_projected = self._zeros(s.trials, window, s.traces)
        self.carried, self.to_drive, self.to_noise, self.to_reset = (
            self._zeros(s.trials, s.neurons) for _ in range(4)
        )
        self.to_weights = self._zeros(s.width, 2 * s.room)

    def _zeros(self, *shape: int, kind: torch.dtype = torch.float32) -> Tensor:
        return torch.zeros(shape, dtype=kind, device=self.device)

    def load(
        self, prepared: Prepared, stimulation: Stimulation, seed: int, first_trial: int
    ) -> None:
        """Copy network and stimuli to where the graphs read them."""
        s = self.size
        self.numbers.copy_(torch.tensor([seed, first_trial]))
        recurrent = prepared.recurrent.detach().view(len(s.delays), s.neurons, s.neurons)
        blocks = self.weights.view(s.width, 3, s.room)
        sources = blocks[: s.recurrent].view(len(s.delays), s.room, 3, s.room)
        channels = blocks[s.recurrent : s.recurrent + s.channels, :, : s.neurons]
        for k, part in enumerate(three_parts(recurrent)):
            sources[:, : s.neurons, k, : s.neurons] = part
        for k, part in enumerate(three_parts(prepared.input.detach())):
            channels[:, k] = part
        if s.learning:
            large, small = (blocks[: s.recurrent, k].T for k in (0, 1))
            self.transposed.copy_(torch.cat([large, small, large]))
        self._load_constants(prepared, stimulation)
        self.turn += 1

    def _load_constants(self, prepared: Prepared, stimulation: Stimulation) -> None:
        constants = prepared.constants
        pairs = (
            (self.drive, prepared.drive),
            (self.decay, constants.decay),
            (self.noise, prepared.noise),
            (self.reset, constants.reset),
            (self.extra, prepared.extra),
            (self.readout, prepared.readout),
            (self.probability, stimulation.probability),
            (self.baseline, stimulation.baseline),
            (self.group, stimulation.channels),
        )
        for target, values in pairs:
            target.copy_(values.detach())

    def forward(self) -> None:
        """Simulate what is loaded."""
        if self._forward is None:
            self._forward = captured(self._simulate)
        self._forward()

    def backward(self, to_counts: Tensor, to_projected: Tensor) -> None:
        """Gradients of what was simulated."""
        self.to_counts.copy_(to_counts)
        self.to_projected.copy_(to_projected[:, self.size.before :])
        if self._backward is None:
            self._backward = captured(self._differentiate)
        self._backward()

    def _simulate(self) -> None:
        s = self.size
        for array in (self.voltage, self.countdown, self.counts):
            array.zero_()
        quarter = (s.channels + 3) // 4
        if s.channels:
            kernels.sample_inputs[(s.steps, s.trials)](
                self.numbers, self.probability, self.baseline, self.group, self.sources,
                s.channels, s.groups, s.before, len(s.bins), quarter, s.trials, s.width,
                s.recurrent, BLOCK=_power(quarter),
            )  # fmt: skip
        kind, sharpness, rate, dampening = self._escape()
        for step in range(s.steps):
            product(self.sources[step], self.weights, self.product)
            kernels.advance[self._grid()](
                self.numbers, self.product, self.drive, self.extra, self.decay, self.noise,
                self.reset, self.voltage, self.countdown, self.sources, self.delays, self.slope,
                self.counts, step, self._bin(step), s.before, s.neurons, (s.neurons + 1) // 2,
                s.trials, self.counts.shape[1], THRESHOLD, sharpness, rate,
                dampening, s.refractory, width=s.width, room=s.room, matrices=len(s.delays),
                kind=kind, learning=s.learning,
                perturbed=s.perturbed, BLOCK=BLOCK,
            )  # fmt: skip

    def _differentiate(self) -> None:
        s = self.size
        for array in (self.carried, self.to_drive, self.to_noise, self.to_reset):
            array.zero_()
        for step in reversed(range(s.before, s.steps)):
            kernels.retreat[self._grid()](
                self.numbers, self.to_counts, self.to_projected, self.readout, self.returned,
                self.delays, self.slope, self.decay, self.reset, self.sources, self.carried,
                self.to_drive, self.to_noise, self.to_reset, self.outgoing, step,
                self._bin(step), s.before, s.steps, s.neurons, (s.neurons + 1) // 2, s.trials,
                self.counts.shape[1], self.ring, width=s.width, room=s.room,
                matrices=len(s.delays), traces=s.traces, BLOCK=BLOCK,
            )  # fmt: skip
            product(
                self.outgoing[step - s.before], self.transposed, self.returned[step % self.ring]
            )
        sources = self.sources[s.before : s.steps].flatten(0, 1)
        product(sources.T, self.outgoing.flatten(0, 1)[:, s.room :], self.to_weights)

    def _grid(self) -> tuple[int, int]:
        return self.size.trials, -(-self.size.room // BLOCK)

    def _bin(self, step: int) -> int:
        return self.size.bins[step - self.size.before] if step >= self.size.before else 0

    def _escape(self) -> tuple[int, float, float, float]:
        """The spike functions of `spikes` in numbers: kind, sharpness, rate, dampening."""
        step_ms, dampening = 1000 * self.size.step_s, self.size.dampening / THRESHOLD
        if self.size.kind == "logistic":
            temperature = self.size.temperature
            return 0, temperature, step_ms / 2, dampening * temperature * step_ms / 2
        return (1, 1 / SLOPE, step_ms, dampening) if self.size.kind == "exponential" else (
            2, 0.0, 1.0, dampening
        )  # fmt: skip

    def _spikes(self) -> Tensor:
        """(step, trial, neuron) of all steps, where the first delay has put them."""
        first, s = self.size.delays[0], self.size
        return self.sources[first : first + s.steps, :, : s.neurons]

    def projected(self) -> Tensor:
        """(trial, step, trace) spikes projected on the behaviour."""
        s = self.size
        if not s.traces:
            return self._zeros(s.trials, s.steps, 0)
        return (self._spikes().float() @ self.readout.T).transpose(0, 1).contiguous()

    def gradients(self, to_projected: Tensor) -> tuple[Tensor, ...]:
        """Of the recurrent and input weights, drive, noise, reset and read-out."""
        s = self.size
        weights = self.to_weights.view(s.width, 2, s.room).sum(1)
        recurrent = weights[: s.recurrent].view(len(s.delays), s.room, s.room)
        recurrent = recurrent[:, : s.neurons, : s.neurons].reshape(-1, s.neurons)
        channels = weights[s.recurrent : s.recurrent + s.channels, : s.neurons]
        readout = torch.einsum("bsk,sbj->kj", to_projected, self._spikes().float())
        totals = self.to_noise.sum(0), self.to_reset.sum(0)
        return recurrent, channels, self.to_drive.clone(), *totals, readout


def captured(work: Callable[[], None]) -> Callable[[], None]:
    """Run once, which compiles, and capture; the result replays (interpreted: runs again)."""
    if not torch.cuda.is_available():
        return work
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        work()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    replay: Callable[[], None] = graph.replay
    return replay


def _power(number: int) -> int:
    """The next power of two."""
    return 1 << max(number - 1, 15).bit_length()
