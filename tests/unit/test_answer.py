"""What perturbations do, as it is printed after a simulation."""

import numpy as np
import pandas as pd
import pytest

from spiketwin.config import Perturbation
from spiketwin.files import RunFiles
from spiketwin.simulate import perturbed_rates
from spiketwin.trials.simulation import Simulation, save_simulation


def _simulation(first: int, second: int) -> Simulation:
    """Neurons 0 and 1 of area a, 2 of area b; spikes per bin before and from time 0."""
    counts = np.zeros((2, 4, 3), np.uint8)
    counts[:, 2:, :2], counts[:, 2:, 2] = first, second
    counts[:, :2] = 7
    return Simulation(
        counts=counts,
        behaviour=np.zeros((2, 4, 0), np.float32),
        traces=(),
        trials=pd.DataFrame({"trial": [0, 1], "session": ["", ""]}),
        stimuli=pd.DataFrame({"trial": [0], "time_s": [0.0]}),
        stitching=pd.DataFrame({"neuron": [2, 0, 1], "area": ["b", "a", "a"]}),
        start_s=-0.02,
        bin_s=0.01,
    )


def test_rates_count_from_the_perturbation_on_beside_those_left_alone(tmp_path):
    files = RunFiles(tmp_path)
    save_simulation(_simulation(1, 2), files.simulation("m", 0))
    save_simulation(_simulation(0, 4), files.perturbed("m", 0, "p"))
    given = Perturbation(name="p", area="a", cells="inhibitory", current=1.0, window_s=(0.0, 0.02))
    table = perturbed_rates(files, "m", 0, [given])
    assert list(table.columns) == ["a", "b"]
    assert table.loc[("p", "left alone")].tolist() == pytest.approx([100.0, 200.0])
    assert table.loc[("p", "perturbed")].tolist() == pytest.approx([0.0, 400.0])


def test_an_empty_list_says_nothing(tmp_path):
    files = RunFiles(tmp_path)
    save_simulation(_simulation(1, 2), files.simulation("m", 0))
    assert perturbed_rates(files, "m", 0, []).empty
