"""The gradient combiner against an implementation in plain loops (Sourmpis et al. 2023)."""

import numpy as np
import pytest
import torch

from spiketwin.losses.combine import GradientSizes, SpikeGradients, combine

NAMES = ("neuron", "dispersion", "trial")
WEIGHTS = {"neuron": 1.0, "dispersion": 0.3, "trial": 2.0, "behaviour": 0.7}
LENGTHS = np.array([1, 3, 2, 2])
READOUT = np.random.default_rng(9).normal(size=(2, 5))


def drawn(step: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Gradients at the counts (trial, bin, neuron) and at the projections (trial, step, trace)."""
    generator = np.random.default_rng(step)
    shared = generator.normal(size=(3, 4, 5))
    signs = {"neuron": 1.0, "dispersion": -0.8, "trial": -0.5}
    counts = {
        name: 10.0**k * (sign * shared + 0.6 * generator.normal(size=shared.shape))
        for k, (name, sign) in enumerate(signs.items())
    }
    return counts, generator.normal(size=(3, 8, 2))


def size(gradient: np.ndarray) -> float:
    """Sum over trials and neurons of the mean square over time, (trial, step, neuron)."""
    trials, steps, neurons = gradient.shape
    total = 0.0
    for b in range(trials):
        for j in range(neurons):
            total += sum(gradient[b, t, j] ** 2 for t in range(steps)) / steps
    return total


def freed(parts: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every gradient without what opposes another one, bin by bin (Yu et al. 2020)."""
    found = {}
    for name, part in parts.items():
        part = part.copy()
        for other in parts:
            for t in range(part.shape[1]):
                mine, theirs = part[:, t].ravel(), parts[other][:, t].ravel()
                if other != name and mine @ theirs < 0:
                    part[:, t] -= (mine @ theirs) / (theirs @ theirs) * parts[other][:, t]
        found[name] = part
    return found


def plain(steps: int, method: str) -> tuple[np.ndarray, np.ndarray]:
    """What the last of some steps sends on to the counts and to the projections."""
    observed: dict[str, list[float]] = {name: [] for name in WEIGHTS}
    for step in range(steps):
        counts, projected = drawn(step)
        for name in NAMES:
            # All steps of a bin have its gradient.
            observed[name].append(size(np.repeat(counts[name], LENGTHS, axis=1)))
        observed["behaviour"].append(size(projected @ READOUT))
    factor = dict(WEIGHTS)
    if method != "sum":
        for name, sizes in observed.items():
            share = [0.999 ** (steps - 1 - k) for k in range(steps)]
            factor[name] /= np.sqrt(np.average(sizes, weights=share))
    parts = {name: factor[name] * counts[name] for name in NAMES}
    parts = freed(parts) if method == "projected" else parts
    return sum(parts.values()), factor["behaviour"] * projected


@pytest.mark.parametrize("method", ["normalised", "projected", "sum"])
@pytest.mark.parametrize("steps", [1, 3])
def test_combined_gradients_agree_with_plain_loops(method, steps):
    sizes = GradientSizes()
    for step in range(steps):
        counts, projected = drawn(step)
        gradients = SpikeGradients(
            {name: torch.from_numpy(counts[name]) for name in NAMES},
            torch.from_numpy(LENGTHS).double(),
            torch.from_numpy(projected),
            torch.from_numpy(READOUT),
        )
        found = combine(gradients, WEIGHTS, sizes, method)
        sizes = found.sizes
    to_counts, to_projected = plain(steps, method)
    np.testing.assert_allclose(found.counts.numpy(), to_counts, rtol=1e-9)
    np.testing.assert_allclose(found.projected.numpy(), to_projected, rtol=1e-9)


def test_the_seeded_gradients_oppose_each_other():
    """Otherwise the projected method would be tested on nothing."""
    with_conflicts, without = (plain(1, method)[0] for method in ("normalised", "projected"))
    assert np.abs(with_conflicts - without).max() > 0.1 * np.abs(with_conflicts).max()
