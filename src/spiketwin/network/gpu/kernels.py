"""One time step on the card: everything that is not a matrix product.

The equations are those of `neurons`, the random numbers those of `kernels.randomness` (same
counter, same key), so that a run equals that of the CPU up to rounding. Neurons are padded to a
multiple of 64 ("room"); the padding never fires.

Matrix products run on the tensor cores in bfloat16 with sums in single precision. A spike is exact
in bfloat16, and a single-precision number is the sum of three bfloat16 numbers:

    x = x1 + x2 + x3,    x1 = bf16(x),  x2 = bf16(x - x1),  x3 = bf16(x - x1 - x2)

Currents use all three parts of the weights and are therefore those of single precision; gradients
use two parts of either factor, without the product of the small ones: a relative error near 2^-16.
"""

from __future__ import annotations

import triton
import triton.language as tl

NEURONS = tl.constexpr(0)
INPUTS = tl.constexpr(1)
ROUNDS = tl.constexpr(7)
LOGISTIC = tl.constexpr(0)
EXPONENTIAL = tl.constexpr(1)
UNIT = tl.constexpr(2.0**-24)
TURN = tl.constexpr(6.283185307179586)


@triton.jit
def _fraction(bits):
    """A uniform number in [0, 1) from 24 of the 32 bits."""
    return (bits >> 8).to(tl.int32).to(tl.float32) * UNIT


@triton.jit
def _philox(numbers, place, step, trial, stream):
    seed = tl.load(numbers)
    trial += tl.load(numbers + 1).to(tl.int32)
    c1, c2, c3 = place * 0 + step, place * 0 + trial, place * 0 + stream
    return tl.philox(seed, place.to(tl.uint32), c1.to(tl.uint32), c2.to(tl.uint32),
                     c3.to(tl.uint32), ROUNDS)  # fmt: skip


@triton.jit
def _normal(x0, x1, second):
    """Box and Muller's pair: its first number, or its second."""
    radius = tl.sqrt(-2.0 * tl.log(_fraction(x0) + UNIT))
    angle = _fraction(x1) * TURN
    return radius * tl.where(second, tl.sin(angle), tl.cos(angle))


@triton.jit
def sample_inputs(
    numbers, probability, baseline, group, sources, channels, groups, before, window, quarter,
    trials, width, column, BLOCK: tl.constexpr,
):  # fmt: skip
    """Write the input channels that fire in one step of one trial, sources (step, trial, width)."""
    step, trial = tl.program_id(0), tl.program_id(1)
    place = tl.arange(0, BLOCK)
    x0, x1, x2, x3 = _philox(numbers, place, step, trial, INPUTS)
    inside = step >= before
    row = (trial * window + tl.maximum(step - before, 0)) * groups
    target = sources + (step.to(tl.int64) * trials + trial) * width + column
    for part in tl.static_range(4):
        bits = x0 if part == 0 else (x1 if part == 1 else (x2 if part == 2 else x3))
        channel = place + part * quarter
        valid = (place < quarter) & (channel < channels)
        which = tl.load(group + channel, valid, other=0)
        chance = tl.load(baseline + which, valid, other=0.0)
        chance = tl.where(inside, tl.load(probability + row + which, valid, other=0.0), chance)
        fires = (_fraction(bits) < chance).to(tl.float32)
        tl.store(target + channel, fires.to(tl.bfloat16), valid)


@triton.jit(do_not_specialize=["step", "bin"])
def advance(
    numbers, product, drive, extra, decay, noise, reset, voltage, countdown, sources, delays,
    slope, counts, step, bin, before, neurons, half, trials, bins,
    threshold, sharpness, rate, dampening, refractory,
    width: tl.constexpr, room: tl.constexpr, matrices: tl.constexpr, kind: tl.constexpr,
    learning: tl.constexpr, perturbed: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Advance some neurons of one trial by one step, and hand their spikes to later steps."""
    trial = tl.program_id(0)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    valid, held = j < neurons, j < room
    at = trial * neurons + j
    second = j >= half
    x0, x1, x2, x3 = _philox(numbers, tl.where(second, j - half, j), step, trial, NEURONS)
    uniform = _fraction(tl.where(second, x3, x2))
    arriving = product + trial * 3 * room + j
    current = tl.load(arriving + room, held, other=0.0)
    current += tl.load(arriving + 2 * room, held, other=0.0)
    current += tl.load(arriving, held, other=0.0)
    current += tl.load(drive + at, valid, other=0.0)
    if perturbed:
        inside = valid & (j * 0 + step >= before)
        current += tl.load(extra + (step - before) * neurons + j, inside, other=0.0)
    v = tl.load(voltage + at, valid, other=0.0) * tl.load(decay + j, valid, other=0.0) + current
    v += tl.load(noise + j, valid, other=0.0) * _normal(x0, x1, second)
    waiting = tl.load(countdown + at, valid, other=1)
    ready = waiting == 0
    excess = (v - threshold) / threshold
    if kind == LOGISTIC:
        chance = 1.0 / (1.0 + tl.exp(-sharpness * excess))
        fires = uniform < chance * rate
        gradient = chance * (1.0 - chance) * dampening
    else:
        if kind == EXPONENTIAL:
            fires = uniform < tl.exp(tl.minimum(excess * sharpness, 80.0)) * rate
        else:
            fires = excess > 0.0
        gradient = dampening * tl.maximum(1.0 - tl.abs(excess), 0.0)
    fires = fires & ready & valid
    spike = fires.to(tl.float32)
    v -= tl.load(reset + j, valid, other=0.0) * spike
    tl.store(voltage + at, v, valid)
    tl.store(countdown + at, tl.where(fires, refractory, tl.maximum(waiting - 1, 0)), valid)
    for k in range(matrices):
        later = (step + tl.load(delays + k)).to(tl.int64)
        target = sources + (later * trials + trial) * width + k * room + j
        tl.store(target, spike.to(tl.bfloat16), held)
    if step >= before:
        counted = counts + (trial * bins + bin).to(tl.int64) * neurons + j
        tl.store(counted, tl.load(counted, valid, other=0.0) + spike, valid)
        if learning:
            kept = slope + ((step - before).to(tl.int64) * trials + trial) * neurons + j
            tl.store(kept, tl.where(ready, gradient, 0.0), valid)


@triton.jit(do_not_specialize=["step", "bin"])
def retreat(
    numbers, to_counts, to_projected, readout, returned, delays, slope, decay, reset, sources,
    carried, to_drive, to_noise, to_reset, outgoing, step, bin, before, total, neurons, half,
    trials, bins, ring,
    width: tl.constexpr, room: tl.constexpr, matrices: tl.constexpr, traces: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Gradient at the voltages of one step, from those of later steps.

    With the gradient g' that later voltages send back, and the gradient s at the spikes,

        g = g' + (s - reset g') dz/dv,    s = losses + sum_d (W^d)^T g(t + d)
    """
    trial = tl.program_id(0)
    j = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    valid, held = j < neurons, j < room
    at = trial * neurons + j
    at_spike = tl.load(
        to_counts + (trial * bins + bin).to(tl.int64) * neurons + j, valid, other=0.0
    )
    for k in range(traces):
        row = (trial * (total - before) + step - before) * traces + k
        at_spike += tl.load(to_projected + row) * tl.load(
            readout + k * neurons + j, valid, other=0.0
        )
    for k in range(matrices):
        later = step + tl.load(delays + k)
        slot = ((later % ring) * trials + trial).to(tl.int64) * (matrices * room) + k * room + j
        at_spike += tl.load(returned + slot, valid & (j * 0 + later < total), other=0.0)
    back = tl.load(carried + at, valid, other=0.0)
    inside = (step - before).to(tl.int64) * trials + trial
    derivative = tl.load(slope + inside * neurons + j, valid, other=0.0)
    g = back + (at_spike - tl.load(reset + j, valid, other=0.0) * back) * derivative
    # The spikes of this step, where the shortest delay has put them.
    fired = (step + tl.load(delays)).to(tl.int64)
    spike = tl.load(sources + (fired * trials + trial) * width + j, held, other=0.0)
    second = j >= half
    x0, x1, _x2, _x3 = _philox(numbers, tl.where(second, j - half, j), step, trial, NEURONS)
    total_drive = tl.load(to_drive + at, valid, other=0.0) + g
    total_noise = tl.load(to_noise + at, valid, other=0.0) + g * _normal(x0, x1, second)
    total_reset = tl.load(to_reset + at, valid, other=0.0) - back * spike.to(tl.float32)
    tl.store(to_drive + at, total_drive, valid)
    tl.store(to_noise + at, total_noise, valid)
    tl.store(to_reset + at, total_reset, valid)
    tl.store(carried + at, tl.load(decay + j, valid, other=0.0) * g, valid)
    large = g.to(tl.bfloat16)
    small = (g - large.to(tl.float32)).to(tl.bfloat16)
    sent = outgoing + inside * (3 * room) + j
    tl.store(sent, large, held)
    tl.store(sent + room, large, held)
    tl.store(sent + 2 * room, small, held)
