"""Clustering finds the movement that no outcome tells, and only where there is some."""

from dataclasses import replace

import numpy as np
import pytest

from spiketwin.analysis.contenders import Contender, sessions_of
from spiketwin.analysis.outcomes import train_readers
from spiketwin.analysis.states import find_states, state_table
from spiketwin.config import resolve
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials
from tests.artificial import two_area_session

CONFIG = resolve(
    {
        "run": "r",
        "recordings": {"synthetic": {}, "mapping": {}},
        "trials": {"window_s": [-0.1, 0.2]},
        "features": {"scales": [{"window_s": 0.048, "stride_s": 0.024}], "min_units": 10},
        "models": {"twin": {}},
    }
)


def _moving(draw: int, share: float):
    """A session in which the animal moves on some trials: jaw displaced, area2 fires more."""
    session = two_area_session(f"s{draw}", draw, trials=200)
    generator = np.random.default_rng(100 + draw)
    active = generator.random(200) < share
    jaw = session.behaviour + (active * generator.normal(1.2, 0.2, 200))[:, None, None]
    jaw = jaw + generator.normal(0, 0.1, session.behaviour.shape)
    more = active[:, None, None] * (session.units["area"] == "area2").to_numpy() * 0.01
    counts = session.counts + (generator.random(session.counts.shape) < more)
    labelled = session.trials.assign(**{"label active": active.astype(str)})
    return replace(
        session, behaviour=jaw.astype(np.float32), counts=counts.astype(np.uint8), trials=labelled
    )


def _tables(share: float):
    recorded = tuple(_moving(draw, share) for draw in range(2))
    twins = [_moving(draw + 10, share) for draw in range(2)]
    stitching = recorded[0].units.assign(session="s0")
    sessions = sessions_of(Trials(recorded, stitching), CONFIG)
    window = window_matrix(150, 0.002, CONFIG.features.psth)
    readers = train_readers(sessions, window, CONFIG.analysis)
    states = find_states(sessions)
    data = Contender("data", -1, {s.name: s.test for s in sessions})
    twin = Contender("twin", 0, {s.name: t for s, t in zip(sessions, twins, strict=True)})
    return [
        state_table(data, readers, states, simulated=False),
        state_table(twin, readers, states, simulated=True),
    ]


def _value(table, quantity, area=""):
    (value,) = table[(table["quantity"] == quantity) & (table["area"] == area)]["value"]
    return value


def test_states_are_found_and_agree_with_the_label():
    data, twin = _tables(0.4)
    assert _value(data, "adjusted Rand index with active") > 0.9
    for table in (data, twin):
        assert _value(table, "share active") == pytest.approx(0.4, abs=0.1)
        assert _value(table, "rate difference", "area2") == pytest.approx(5, abs=1.5)
        assert abs(_value(table, "rate difference", "area1")) < 1.5


def test_no_states_are_found_where_there_are_none():
    data, twin = _tables(0.0)
    assert data.empty and twin.empty
