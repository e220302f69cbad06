"""The discriminator of spike trains against convolutions in plain loops (Sourmpis et al. 2023)."""

import numpy as np
import pytest
import torch

from spiketwin.config import Features, Scale
from spiketwin.losses import groups_of, trial_targets
from spiketwin.losses.adversarial import SPIKES, Adversary, adversary_of
from tests.artificial import two_area_trials

FEATURES = Features(
    scales=[Scale(window_s=0.02, stride_s=0.01)],
    psth=Scale(window_s=0.004, stride_s=0.002),
    min_units=2,
)


def convolved(seen: np.ndarray, weights: np.ndarray, offset: np.ndarray, stride: int) -> np.ndarray:
    """(trial, channel, position) of (trial, unit, bin)."""
    width = weights.shape[2]
    positions = (seen.shape[2] - width) // stride + 1
    found = np.zeros((len(seen), len(weights), positions))
    for position in range(positions):
        part = seen[:, :, position * stride : position * stride + width]
        for channel, kernel in enumerate(weights):
            found[:, channel, position] = (part * kernel).sum((1, 2)) + offset[channel]
    return found


def leaky(x: np.ndarray) -> np.ndarray:
    """Slope 0.2 below zero."""
    return np.where(x > 0, x, 0.2 * x)


def normalised(x: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Every channel over the trials and positions of the batch."""
    found = np.empty_like(x)
    for channel in range(x.shape[1]):
        part = x[:, channel]
        found[:, channel] = (part - part.mean()) / np.sqrt(part.var() + 1e-5)
        found[:, channel] = found[:, channel] * gain[channel] + offset[channel]
    return found


def probability(
    seen: np.ndarray, critics: dict[str, np.ndarray], draw: torch.Generator
) -> np.ndarray:
    """(trial,) that trials are recorded ones; dropout is drawn as the loss draws it."""
    for k, stride in enumerate((3, 4)):
        name = f"critic 0 filter {k}"
        seen = leaky(convolved(seen, critics[name], critics[f"{name} offset"], stride))
        seen = normalised(seen, critics[f"critic 0 gain {k}"], critics[f"critic 0 offset {k}"])
    flat = seen.reshape(len(seen), -1)
    flat = flat * (torch.rand(flat.shape, generator=draw).numpy() < 0.5) * 2
    hidden = leaky(flat @ critics["critic 0 layer 0"].T + critics["critic 0 layer 0 offset"])
    odds = hidden @ critics["critic 0 layer 1"].T + critics["critic 0 layer 1 offset"]
    return 1 / (1 + np.exp(-odds[:, 0]))


@pytest.fixture(scope="module")
def adversary() -> Adversary:
    """One session of 40 units, 20 training trials, 150 bins that the features tell apart."""
    train = two_area_trials(trials=40).split("train")
    groups = groups_of(train, FEATURES.psth, FEATURES.scales)
    targets = trial_targets(train, train, FEATURES, FEATURES.scales, 0.0, groups)
    return adversary_of(SPIKES, targets, train)


@pytest.fixture(scope="module")
def critics(adversary) -> dict[str, torch.Tensor]:
    """Discriminators away from their start, where gains are 1 and offsets 0."""
    draw = torch.Generator().manual_seed(3)
    return {
        name: value + 0.2 * torch.randn(value.shape, generator=draw)
        for name, value in adversary.start(draw).items()
    }


def test_sizes_are_the_published_ones(adversary):
    """32 channels of width 6, 32 of width 8 at strides 3 and 4, then 128 units and one."""
    shapes = {name: tuple(value.shape) for name, value in adversary.start(
        torch.Generator().manual_seed(0)
    ).items() if "filter" in name or "layer" in name}  # fmt: skip
    assert shapes["critic 0 filter 0"] == (32, 40, 6)
    assert shapes["critic 0 filter 1"] == (32, 32, 8)
    # 150 bins leave 49 positions, these 11.
    assert shapes["critic 0 layer 0"] == (128, 32 * 11)
    assert shapes["critic 0 layer 1"] == (1, 128)


def test_losses_of_the_spike_discriminator_agree_with_plain_loops(adversary, critics):
    simulated = torch.from_numpy(
        two_area_trials(draw=1, trials=24).sessions[0].counts[:12].astype("float32")
    ).transpose(1, 2)
    plain = {name: value.double().numpy() for name, value in critics.items()}
    recorded, made = adversary.recorded[0].double().numpy(), simulated.double().numpy()
    draw = torch.Generator().manual_seed(1)
    real, fake = probability(recorded, plain, draw), probability(made, plain, draw)
    seen = adversary.unmask([simulated], critics, torch.Generator().manual_seed(1)).item()
    expected = -(np.log(real).mean() + np.log(1 - fake).mean()) / 2
    assert seen == pytest.approx(expected, rel=1e-4)
    fake = probability(made, plain, torch.Generator().manual_seed(2))
    fooled = adversary.fool([simulated], critics, torch.Generator().manual_seed(2)).item()
    assert fooled == pytest.approx(-np.log(fake).mean(), rel=1e-4)
    assert fake.std() > 0.05
