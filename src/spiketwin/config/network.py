"""The recurrent spiking network: neurons, synapses, inputs, latent, read-out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from spiketwin.config.section import Count, Fraction, Name, NonNegative, Positive, Section


class InputGroup(Section):
    """Channels of Bernoulli spikes; a stimulus raises their rate for a short pulse."""

    name: Name
    stimulus: Name | None = None
    """Stimulus of the mapping that drives the group; absent: base rate only."""
    channels: Count = 100
    inhibitory_fraction: Fraction = 0.0
    """Share of the channels that inhibit (the last ones)."""
    base_rate_hz: NonNegative = 5.0
    latency_s: NonNegative = 0.004
    pulse_s: Positive = 0.010
    gain: NonNegative = 11.5
    """During a pulse of amplitude a the rate is base_rate_hz * (1 + gain * ln(1 + a))."""
    fluctuation: NonNegative = 0.0
    """S.d. of the log rate of the whole group, which then wanders inside every trial: neurons that
    read it vary together. 0: steady."""
    fluctuation_tau_s: Positive = 0.05
    """Correlation time of the wandering (Ornstein-Uhlenbeck)."""


class Latent(Section):
    """Trial-wise latent: xi ~ U(-1/2, 1/2)^dimensions, offset = W2 relu(W1 xi + b1)."""

    dimensions: Count = 5
    hidden: Count = 5
    scale: NonNegative = 0.5
    """Scale of W2 at the start, relative to the default initialisation."""


class Readout(Section):
    """Linear read-out of behaviour from the excitatory neurons of some areas."""

    areas: list[str] = []
    """Areas read; empty: all."""
    tau_s: Positive = 0.05


class Network(Section):
    """LIF neurons with escape noise (Sourmpis et al. 2023)."""

    step_s: Positive = 0.002
    tau_exc_s: Positive = 0.030
    tau_inh_s: Positive = 0.010
    refractory_s: NonNegative = 0.004
    adaptation: NonNegative = 0.0
    """Rise of the threshold (0.1) per unit of adaptation, a running mean of the spikes per step."""
    adaptation_tau_s: Positive = 0.5
    delays_s: list[Positive] = Field(default=[0.004], min_length=1)
    """One recurrent matrix per delay."""
    spike_function: Literal["logistic", "exponential", "deterministic", "rate"] = "logistic"
    """How neurons fire; `rate`: they send their firing rate instead of spikes and are never reset
    (simulated trials draw Poisson spikes from these rates). A control; runs in the plain loop."""
    temperature: Positive = 15.0
    dampening: Positive = 0.3
    """Factor on the surrogate derivative."""
    noise: NonNegative = 0.1
    """Membrane noise, in units of (threshold - rest) per sqrt(ms)."""
    train_noise: bool = False
    """Learn a noise gain per neuron."""
    dale: bool = True
    """Neurons excite or inhibit, never both."""
    local_inhibition: bool = True
    """Inhibitory synapses stay inside their area."""
    blocked: list[tuple[str, str]] = []
    """Pairs of areas, from and to, without synapses between them (where the circuit is known)."""
    prerun_s: NonNegative = 0.3
    """Simulated before the window, with base-rate input."""
    inputs: list[InputGroup] = []
    latent: Latent | None = Latent()
    readout: Readout = Readout()
    engine: Literal["auto", "torch", "numba", "triton"] = "auto"
    """What simulates: compiled kernels (numba on the CPU, triton on NVIDIA cards) or the plain loop
    (torch, any device)."""
