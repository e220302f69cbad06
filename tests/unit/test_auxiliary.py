"""Recorded cells with auxiliary neurons, and shuffling what lies between the cells."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import lfilter

from spiketwin.config import resolve_targets
from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.fit import rate_task
from spiketwin.learning.rls.given import assembled_run
from spiketwin.learning.rls.rule import compare
from spiketwin.network.sparse.course import Window
from spiketwin.network.sparse.lesions import shuffled
from spiketwin.network.sparse.plain import dense_plastic
from spiketwin.trials.patterns import auxiliary_rates, ornstein_uhlenbeck
from spiketwin.trials.targets import RATE


def run(folder, neurons=60, drive=0.5, **targets):
    """20 of 30 recorded cells; the first ten are silent."""
    rates = np.random.default_rng(0).gamma(2, 5, (41, 30))
    rates[:, :10] = 0.1
    np.savez(folder / "t.npz", rates=rates)
    raw = {
        "run": "r",
        "targets": {"pattern": "file", "file": str(folder / "t.npz"), "arrays": {"a": "rates"},
                    "cells": 20, **targets},
        "network": {"kind": "theta", "neurons": neurons, "drive": drive},
        "cue": {"kind": "none", "lead_s": 0.05},
        "learning": {"method": "rls", "every_s": 0.02, "evaluation_trials": 2},
        "models": {"m": {}},
    }  # fmt: skip
    return resolve_targets(raw)


def test_auxiliary_rates_are_filtered_rectified_roots():
    settings = (3, 400.0, 10.0, np.random.default_rng(1), 50.0)
    found = auxiliary_rates(*settings)
    paths = ornstein_uhlenbeck(3, 650.0, 10.0, np.random.default_rng(1), 800.0, 0.1)
    share = 1 - np.exp(-10 / 50)
    rates = 100 * np.sqrt(np.maximum(paths, 0)) / np.pi
    start = (1 - share) * rates[:1]
    expected = lfilter([share], [1, share - 1], rates, axis=0, zi=start)[0][-40:]
    np.testing.assert_allclose(found, expected)
    many = auxiliary_rates(20_000, 100.0, 10.0, np.random.default_rng(2), 50.0)
    # E sqrt([x]+) / pi for Gaussian x of s.d. .1 sqrt(40), in spikes per 10 ms.
    assert many.mean() == pytest.approx(100 * 0.411 * np.sqrt(0.632) / np.pi, rel=0.05)


def test_the_busiest_cells_come_first_and_auxiliaries_behind_them(tmp_path):
    made = assembled_run(run(tmp_path, auxiliary=2.0), "m", 0)
    alone = assembled_run(run(tmp_path, neurons=20), "m", 0)
    assert made.targets.cells == 60 and made.targets.wanted == 20
    np.testing.assert_array_equal(made.targets.values[:, :, :20], alone.targets.values)
    assert alone.targets.mean_rate_hz().min() > 0.05 and alone.targets.auxiliary == 0
    for given, message in (
        ({"cells": 31}, "targets.cells is 31, but the file has 30 cells"),
        ({"auxiliary": 1.0}, "targets for 40 cells, but 60 trained neurons"),
    ):
        with pytest.raises(SpiketwinError, match=message):
            assembled_run(run(tmp_path, **given), "m", 0)


def test_auxiliaries_do_not_count_in_the_held_out_score(tmp_path):
    settings = run(tmp_path, auxiliary=2.0)
    made = assembled_run(settings, "m", 0)
    values = made.targets.values.copy()
    values[:, :, 20:] = values[:, ::-1, 20:]
    other = replace(made, targets=replace(made.targets, values=values))
    scores = [rate_task("m", settings.models["m"], x, "", 0).score for x in (made, other)]
    assert scores[0](made.network) == scores[1](made.network)
    counted = replace(other, targets=replace(other.targets, auxiliary=0))
    score = rate_task("m", settings.models["m"], counted, "", 0).score
    assert score(made.network) != scores[0](made.network)


def test_neurons_below_threshold_learn_their_rates_too(tmp_path):
    made = assembled_run(run(tmp_path, neurons=20, drive=-0.05), "m", 0)
    window = Window(made.network, made.course, 0, 0)
    error, slope = compare(
        made.network, window, 0 * made.network.weights, made.targets.values[0, 0], RATE
    )
    assert (slope > 0.1).all() and error.std() > 0


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_only_a_share_of_the_weights_between_cells_changes_places(tmp_path, share):
    network = assembled_run(run(tmp_path, auxiliary=2.0), "m", 0).network
    before = dense_plastic(network)[:, :60]
    after = dense_plastic(shuffled(network, 20, share, np.random.default_rng(0)))[:, :60]
    changed = before != after
    assert not changed[20:].any() and not changed[:, 20:].any()
    assert changed.sum() == pytest.approx(share * (before[:20, :20] != 0).sum(), rel=0.1)
    np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
