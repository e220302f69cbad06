"""All ways to do recursive least squares against the direct solution of the normal equations."""

import numpy as np
import pytest
import torch

from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls import block, ridge, sequential, shared
from spiketwin.learning.rls.regressors import Regressors, Samples, groups_of

UNITS, ROWS, WIDTH, SAMPLES = 60, 7, 18, 400


def wired(generator, dtype, common=False, row_sum=0.01):
    """Rows with different numbers of inputs (or all the same), excitatory, inhibitory, outside."""
    number = np.full(ROWS, WIDTH) if common else generator.integers(WIDTH // 2, WIDTH + 1, ROWS)
    inputs = np.full((ROWS, WIDTH), UNITS)
    for row in range(ROWS):
        chosen = generator.choice(UNITS, number[row], replace=False)
        inputs[row, : number[row]] = inputs[0] if common and row else chosen
    used = np.arange(WIDTH) < number[:, None]
    sign = np.where(inputs % 3 == 0, -1.0, 1.0)
    outside = inputs >= UNITS - 5
    initial = np.where(used & ~outside, sign * (1.5 if common else 1.0), 0.0)
    if not common:
        initial *= generator.uniform(0.5, 1.5, initial.shape)
    return Regressors(
        inputs=inputs.astype(np.int32),
        number=number.astype(np.int32),
        ridge=np.where(outside, 1.0, 0.8).astype(dtype),
        group=groups_of(initial, ~outside),
        row_sum=row_sum,
        initial=initial.astype(dtype),
    )


def data(generator, dtype):
    """Filtered trains (the last unit is silent) and targets."""
    filtered = generator.gamma(1.0, 0.3, (SAMPLES, UNITS + 1))
    filtered[:, -1] = 0
    return filtered.astype(dtype), generator.normal(size=(SAMPLES, ROWS)).astype(dtype)


def direct(regressors, filtered, target):
    """Solution of each row's normal equations in float64."""
    found = regressors.initial.astype(float).copy()
    for row in range(regressors.rows):
        used = slice(0, regressors.number[row])
        x = filtered[:, regressors.inputs[row, used]].astype(float)
        initial, group = found[row, used].copy(), regressors.group[row, used]
        prior = np.diag(regressors.ridge[row, used].astype(float))
        for member in (group == 1, group == 2):
            prior += regressors.row_sum * np.outer(member, member)
        rest = target[:, row] - x @ initial
        found[row, used] = initial + np.linalg.solve(prior + x.T @ x, x.T @ rest)
    return found


def learned(method, regressors, filtered, target, size):
    """Weights after all samples, in blocks."""
    weights, memory = regressors.initial.copy(), method.start(regressors)
    for first in range(0, SAMPLES, size):
        part, wanted = filtered[first : first + size], target[first : first + size]
        error = np.einsum("rl,rls->sr", weights, regressors.gathered(part)) - wanted
        method.absorb(regressors, memory, weights, Samples(part, error.astype(weights.dtype)))
    return weights, memory


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-4)])
@pytest.mark.parametrize(
    "method, size",
    [(sequential, 1), (sequential, 8), (block, 16), (block, SAMPLES), (ridge, 50), (ridge, 400)],
)
def test_every_method_gives_the_regularised_least_squares(method, size, dtype, tolerance):
    generator = np.random.default_rng(1)
    regressors = wired(generator, dtype)
    filtered, target = data(generator, dtype)
    weights, _ = learned(method, regressors, filtered, target, size)
    expected = direct(regressors, filtered, target)
    change = np.abs(expected - regressors.initial).max()
    assert change > 0.1
    assert np.abs(weights - expected).max() < tolerance * np.abs(expected).max()


def test_large_blocks_under_several_threads_of_pytorch():
    """As where the package is called without its command line, which gives PyTorch one thread."""
    generator = np.random.default_rng(1)
    regressors = wired(generator, np.float64)
    filtered, target = data(generator, np.float64)
    torch.set_num_threads(2)
    try:
        weights, _ = learned(block, regressors, filtered, target, 200)
    finally:
        torch.set_num_threads(1)
    expected = direct(regressors, filtered, target)
    assert np.abs(weights - expected).max() < 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-9), (np.float32, 2e-3)])
@pytest.mark.parametrize(
    "method, size", [(sequential, 1), (sequential, 8), (block, 16), (ridge, 50), (shared, 1)]
)
def test_every_method_tells_the_gain_of_its_last_sample(method, size, dtype, tolerance):
    """x^T P x with P of all samples before: it says how far the weights follow this one."""
    generator = np.random.default_rng(6)
    regressors = wired(generator, dtype, common=method is shared, row_sum=0.05)
    filtered, target = data(generator, dtype)
    error = -target[:size]
    gain = method.absorb(
        regressors, method.start(regressors), regressors.initial.copy(),
        Samples(filtered[:size], error),
    )  # fmt: skip
    for row in range(ROWS):
        used = slice(0, regressors.number[row])
        x = filtered[:size, regressors.inputs[row, used]].astype(float)
        precision = regressors.precision(slice(row, row + 1))[0][used, used].astype(float)
        before = np.linalg.inv(precision + x[:-1].T @ x[:-1])
        assert gain[row] == pytest.approx(x[-1] @ before @ x[-1], rel=tolerance)


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_shared_inputs_share_one_covariance(dtype, tolerance):
    generator = np.random.default_rng(2)
    regressors = wired(generator, dtype, common=True)
    filtered, target = data(generator, dtype)
    weights, _ = learned(shared, regressors, filtered, target, 8)
    expected = direct(regressors, filtered, target)
    assert np.abs(weights - expected).max() < tolerance * np.abs(expected).max()


def test_different_inputs_cannot_share():
    with pytest.raises(SpiketwinError, match="the same inputs for every trained neuron"):
        shared.start(wired(np.random.default_rng(0), np.float64))


def test_the_covariances_of_both_recursions_agree():
    generator = np.random.default_rng(3)
    regressors = wired(generator, np.float64)
    filtered, target = data(generator, np.float64)
    _, one = learned(sequential, regressors, filtered, target, 1)
    _, many = learned(block, regressors, filtered, target, 40)
    found = sequential.covariances(regressors, one)
    np.testing.assert_allclose(found, many["inverse"].numpy(), atol=1e-12)


def test_a_scaled_regressor_is_a_scaled_column():
    """Rates: the regressor of each neuron is multiplied by the slope of its rate."""
    generator = np.random.default_rng(4)
    regressors = wired(generator, np.float64)
    filtered, error = data(generator, np.float64)
    scale = generator.uniform(0.2, 2, error.shape)
    weights, memory = regressors.initial.copy(), sequential.start(regressors)
    blocked, blocks = regressors.initial.copy(), block.start(regressors)
    samples = Samples(filtered[:30], error[:30], scale[:30])
    sequential.absorb(regressors, memory, weights, samples)
    block.absorb(regressors, blocks, blocked, samples)
    np.testing.assert_allclose(weights, blocked, atol=1e-11)
    x = regressors.gathered(filtered[:30]) * scale[:30].T[:, None, :]
    for row in range(ROWS):
        used = slice(0, regressors.number[row])
        prior = regressors.precision(slice(row, row + 1))[0][used, used]
        gram = prior + x[row, used] @ x[row, used].T
        moved = np.linalg.solve(gram, x[row, used] @ -error[:30, row])
        np.testing.assert_allclose(weights[row, used] - regressors.initial[row, used], moved)


def test_a_growing_prior_is_that_of_the_last_block():
    generator = np.random.default_rng(5)
    regressors = wired(generator, np.float64)
    filtered, target = data(generator, np.float64)
    weights, memory = regressors.initial.copy(), ridge.start(regressors)
    for first in range(0, SAMPLES, 100):
        part = filtered[first : first + 100]
        error = np.einsum("rl,rls->sr", weights, regressors.gathered(part))
        error -= target[first : first + 100]
        ridge.absorb(regressors, memory, weights, Samples(part, error), growth=0.5)
    grown = Regressors(
        regressors.inputs,
        regressors.number,
        2.5 * regressors.ridge,
        regressors.group,
        2.5 * regressors.row_sum,
        regressors.initial,
    )
    np.testing.assert_allclose(weights, direct(grown, filtered, target), atol=1e-10)


def test_centred_samples_give_least_squares_with_an_offset_for_every_block():
    generator = np.random.default_rng(6)
    regressors = wired(generator, np.float64)
    filtered, target = data(generator, np.float64)
    weights, memory = regressors.initial.copy(), ridge.start(regressors)
    size = 100
    for first in range(0, SAMPLES, size):
        part = filtered[first : first + size]
        error = np.einsum("rl,rls->sr", weights, regressors.gathered(part))
        error -= target[first : first + size] + first  # a level that no weights can follow
        ridge.absorb(regressors, memory, weights, Samples(part, error).centred())
    blocks = np.kron(np.eye(SAMPLES // size), np.ones((size, 1)))
    for row in range(ROWS):
        used = slice(0, regressors.number[row])
        x = np.hstack([filtered[:, regressors.inputs[row, used]], blocks])
        prior = np.zeros((x.shape[1], x.shape[1]))
        n = regressors.number[row]
        prior[:n, :n] = regressors.precision(slice(row, row + 1))[0][used, used]
        initial = regressors.initial[row, used]
        rest = target[:, row] - x[:, :n] @ initial
        moved = np.linalg.solve(prior + x.T @ x, x.T @ rest)[:n]
        np.testing.assert_allclose(weights[row, used], initial + moved, atol=1e-10)


def test_a_prior_must_be_positive():
    regressors = wired(np.random.default_rng(0), np.float64)
    with pytest.raises(SpiketwinError, match="prior of a weight is 0; expected more than 0"):
        Regressors(
            regressors.inputs,
            regressors.number,
            0 * regressors.ridge,
            regressors.group,
            0.0,
            regressors.initial,
        )
