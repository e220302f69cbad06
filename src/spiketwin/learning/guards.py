"""Guard against rate explosion in the first steps.

A hot start can throw the network into a state with the right mean rate but meaningless PSTHs from
which it does not return; and channels that a stimulus drives for long can overdrive a small
network before it has learned anything. Within the first steps the guard notices and the fit starts
again, with half the learning rate, twice the warm-up and half the input weights.
"""

from __future__ import annotations

import math

from spiketwin.errors import SpiketwinError
from spiketwin.learning.protocol import Record
from spiketwin.network import Network

WATCHED_STEPS = 50
LARGEST_LOSS = 10.0
"""Neuron loss in units of that of the first step, or of 1 where that is larger: 1 is the loss of
constant rates of the right size, since the PSTHs are z-scored, but averages over very many trials
are z-scored by so little noise that a calibrated network begins far above it."""
LARGEST_RATE = 2.0
"""Factor between simulated and recorded mean rate."""
MOST_RESTARTS = 3


def exploded(record: Record, rate_hz: float, first_loss: float) -> bool:
    """The step shows the signs of an explosion.

    Parameters
    ----------
    record : of the step.
    rate_hz : mean recorded rate.
    first_loss : neuron loss of the first step.
    """
    if record.step > WATCHED_STEPS:
        return False
    off = abs(math.log(max(record.rate_hz, 1e-9) / max(rate_hz, 1e-9)))
    largest = LARGEST_LOSS * max(first_loss, 1.0)
    return record.loss_neuron > largest or off > math.log(LARGEST_RATE)


def gentler(network: Network, restarts: int) -> Network:
    """The network at a start, its inputs weaker after every restart."""
    return network.with_parameters({"input": network.parameters["input"] * 0.5**restarts})


def check_restarts(restarts: int) -> None:
    """Give up when starting again does not help."""
    if restarts > MOST_RESTARTS:
        raise SpiketwinError(
            f"the rates exploded or broke down in the first {WATCHED_STEPS} steps, {restarts} "
            "times in a row with ever weaker inputs; give network.inputs that a stimulus drives a "
            "smaller gain or fewer channels, or lower learning.learning_rate"
        )
