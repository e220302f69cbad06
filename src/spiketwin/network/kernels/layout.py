"""What the kernels work on.

Compilers vectorise loops over the rows of one array far better than loops over many arrays, so
that everything a neuron has during a run lies in one scratch array, (row, neuron).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

ROWS = 14
"""Rows of the forward scratch array."""

(
    VOLTAGE, COUNTDOWN, CURRENT, NORMAL, UNIFORM, TICKET, DRIVE, DECAY, NOISE, RESET, SPIKE, SLOPE,
    ADAPTATION, BEND,
) = range(ROWS)  # fmt: skip
"""`COUNTDOWN`: steps until a neuron may fire again; `TICKET`: numbers of the roulette; `SLOPE` and
`BEND`: derivatives of the spike with respect to voltage and (sign changed) adaptation."""

LOGISTIC, EXPONENTIAL, DETERMINISTIC = 0, 1, 2


class Circuit(NamedTuple):
    """The network, ready for the kernels.

    Attributes
    ----------
    recurrent : (delay * pre, post), with sign, 1/2 and (1 - decay).
    reach : (pre, 2) int32, the posts of each neuron lie in [first, last).
    delays : (delay,) int64, steps.
    input : (channel, post), like `recurrent`.
    decay, noise, reset : (neuron,).
    readout : (trace, neuron), with 1/2.
    """

    recurrent: np.ndarray
    reach: np.ndarray
    delays: np.ndarray
    input: np.ndarray
    decay: np.ndarray
    noise: np.ndarray
    reset: np.ndarray
    readout: np.ndarray


class Escape(NamedTuple):
    """The spike function in numbers.

    Attributes
    ----------
    kind : `LOGISTIC`, `EXPONENTIAL` or `DETERMINISTIC`.
    threshold : of the voltage.
    sharpness : temperature of the logistic, 1 / slope of the exponential function.
    rate : factor on the escape rate.
    dampening : factor of the surrogate derivative with respect to the voltage.
    refractory : steps without spikes after a spike.
    adaptation : rise of the threshold per unit of adaptation; 0: fixed thresholds.
    keep : factor of the adaptation per step.
    cut : roulette, smaller derivatives are kept now and then only; 0: all are kept.
    """

    kind: int
    threshold: float
    sharpness: float
    rate: float
    dampening: float
    refractory: int
    adaptation: float
    keep: float
    cut: float


class Course(NamedTuple):
    """What happens when, for a batch of trials.

    Attributes
    ----------
    before : steps before the window.
    probability : (trial, step, group) spike probability of the input channels in the window.
    baseline : (group,) before it.
    first_channel : (group + 1,) int64, channels of a group lie side by side.
    bin : (step,) int64, bin of each step of the window.
    drive : (trial, neuron) constant current.
    extra : (step, neuron) current of a perturbation in the window; empty without one.
    first_trial : number of the first trial, for the random numbers.
    key : uint64, seed.
    """

    before: int
    probability: np.ndarray
    baseline: np.ndarray
    first_channel: np.ndarray
    bin: np.ndarray
    drive: np.ndarray
    extra: np.ndarray
    first_trial: int
    key: int


class Events(NamedTuple):
    """Spikes of a batch as lists.

    Attributes
    ----------
    neurons : (trial, room) int32, indices of the neurons that fire, step after step.
    neurons_end : (trial, step + 1) int64, where each step's entries begin and the next one's.
    channels, channels_end : the same of the input channels.
    """

    neurons: np.ndarray
    neurons_end: np.ndarray
    channels: np.ndarray
    channels_end: np.ndarray


class Surrogate(NamedTuple):
    """Derivatives of the spikes of the window, written forward and read backward.

    Without roulette a step has one entry per neuron; with it a step has a list of *sites*, the
    neurons whose derivative is kept.

    Attributes
    ----------
    slope : (trial, room), with respect to the voltage; no trials when no gradient is wanted.
    bend : (trial, room), with respect to the adaptation, sign changed; no room without adaptation.
    site : (trial, room) int32, neuron of each entry; no room without roulette.
    end : (trial, step + 1) int64, where each step's sites begin and the next one's.
    """

    slope: np.ndarray
    bend: np.ndarray
    site: np.ndarray
    end: np.ndarray


class Output(NamedTuple):
    """What a run gives.

    Attributes
    ----------
    counts : (trial, bin, neuron).
    projected : (trial, step, trace), steps before the window included.
    """

    counts: np.ndarray
    projected: np.ndarray


class Incoming(NamedTuple):
    """Gradients of the loss with respect to what a run gives.

    Attributes
    ----------
    counts : (trial, bin, neuron).
    projected : (trial, step of the window, trace).
    """

    counts: np.ndarray
    projected: np.ndarray


class Gradients(NamedTuple):
    """Gradients a worker adds up, shaped like the circuit's arrays; ``drive`` is (trial, neuron)
    and shared, since every trial has one worker."""

    recurrent: np.ndarray
    input: np.ndarray
    noise: np.ndarray
    reset: np.ndarray
    readout: np.ndarray
    drive: np.ndarray
