"""Input rates that wander inside a trial."""

import numpy as np
import pandas as pd
import torch

from spiketwin.config import InputGroup
from spiketwin.config import Network as NetworkConfig
from spiketwin.network.draws import CounterDraws
from spiketwin.network.fluctuations import paths, wandering
from spiketwin.network.inputs import stimulate

STEP_S = 0.002


def _stimulation(config: NetworkConfig, trials: int, steps: int = 150):
    nothing = pd.DataFrame({"trial": [], "stimulus": [], "time_s": [], "amplitude": []})
    return stimulate(nothing, trials, config.inputs, 0.0, steps, STEP_S)


def _config(**group) -> NetworkConfig:
    steady = InputGroup(name="steady", channels=3)
    return NetworkConfig(inputs=[steady, InputGroup(name="restless", channels=2, **group)])


def test_paths_are_stationary_with_unit_variance_and_their_correlation_time():
    normal = torch.randn(4000, 201, generator=torch.Generator().manual_seed(0))
    x = paths(normal, STEP_S, 0.05).numpy()
    assert np.abs(x.var(0) - 1).max() < 0.15 and abs(x.var() - 1) < 0.03
    for lag in (5, 25, 50):
        found = (x[:, :-lag] * x[:, lag:]).mean()
        assert abs(found - np.exp(-lag * STEP_S / 0.05)) < 0.03


def test_only_restless_groups_wander_and_their_mean_rate_stays():
    config = _config(base_rate_hz=10.0, fluctuation=0.8)
    before = _stimulation(config, 3000)
    after = wandering(before, config, CounterDraws(5))
    assert torch.equal(after.probability[:, :, 0], before.probability[:, :, 0])
    rates = after.probability[:, :, 1] / before.probability[:, :, 1]
    assert abs(float(rates.mean()) - 1) < 0.03
    assert abs(float(rates.log().std()) - 0.8) < 0.02
    steady = _config()
    assert wandering(_stimulation(steady, 2), steady, CounterDraws(5)).probability.shape[0] == 2


def test_paths_depend_on_seed_and_trial_only():
    config = _config(fluctuation=1.0)
    whole = wandering(_stimulation(config, 6), config, CounterDraws(7)).probability
    part = wandering(_stimulation(config, 2), config, CounterDraws(7, first_trial=4)).probability
    other = wandering(_stimulation(config, 6), config, CounterDraws(8)).probability
    assert torch.equal(whole[4:], part)
    assert not torch.equal(whole, other)
    assert not torch.equal(whole[0, :, 1], whole[1, :, 1])


def test_rates_never_exceed_one_spike_per_step():
    config = _config(base_rate_hz=200.0, fluctuation=2.0)
    assert (
        float(wandering(_stimulation(config, 50), config, CounterDraws(1)).probability.max()) <= 1
    )
