"""What a run gives does not depend on how its trials are shared out: threads, tiles, batches."""

import pytest
import torch

from spiketwin.network import engine, set_threads
from tests.random_networks import (
    NETWORKS,
    assert_agrees_with_autograd,
    assert_close,
    gradients,
    random_network,
    run_on,
)

TRIALS = 7
SIZES = {"a": 20, "b": 31}
FEW, MANY = 1, 10**6
"""Values of `TOGETHER`: workers have tiles of their own, or share the products."""


@pytest.fixture
def tiles(monkeypatch):
    """(workers, trials) of every tile of the exact backward pass, as they are worked on."""
    found, tile_back = [], engine.tile_back

    def spy(*run_and_tile):
        *_, workers, tile = run_and_tile
        found.append((len(workers), len(tile)))
        tile_back(*run_and_tile)

    monkeypatch.setattr(engine, "tile_back", spy)
    return found


@pytest.mark.parametrize(
    ("threads", "tile", "sizes"), [(1, 100, [7]), (1, 3, [2, 2, 3]), (2, 2, [1, 2, 2, 2])]
)
@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_workers_with_tiles_of_their_own_have_autograds_gradient(
    monkeypatch, tiles, settings, threads, tile, sizes
):
    monkeypatch.setattr(engine, "TOGETHER", FEW)
    monkeypatch.setattr(engine, "TILE", tile)
    set_threads(threads)
    network = random_network(torch.float64, SIZES, **settings)
    assert_agrees_with_autograd(network, 1e-10, trials=TRIALS)
    assert sorted(tiles) == [(1, size) for size in sizes]


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_workers_that_share_the_products_have_autograds_gradient(
    monkeypatch, tiles, settings, threads
):
    monkeypatch.setattr(engine, "TOGETHER", MANY)
    set_threads(threads)
    network = random_network(torch.float64, SIZES, **settings)
    assert_agrees_with_autograd(network, 1e-10, trials=TRIALS)
    assert tiles == [(threads, TRIALS)]


def _sampled(monkeypatch, network, threads, tile):
    """Counts and gradients after a roulette, and the sizes of the tiles."""
    sizes, tile_back = [], engine.tile_back_sampled

    def spy(*run_and_tile):
        sizes.append(run_and_tile[-1])
        tile_back(*run_and_tile)

    set_threads(threads)
    with monkeypatch.context() as patched:
        patched.setattr(engine, "SAMPLED_TILE", tile)
        patched.setattr(engine, "tile_back_sampled", spy)
        activity = run_on(network, "numba", TRIALS, roulette=0.1)
        return activity.counts, gradients(network, activity), sorted(sizes)


@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_sampled_gradient_does_not_depend_on_tiles_or_threads(monkeypatch, settings):
    network = random_network(torch.float64, SIZES, **settings)
    counts, expected, sizes = _sampled(monkeypatch, network, 1, 40)
    assert sizes == [TRIALS]
    exact = gradients(network, run_on(network, "numba", TRIALS))["bias"]
    assert (expected["bias"] - exact).norm() > 1e-4 * exact.norm()
    cases = {(1, 3): [2, 2, 3], (1, 1): [1] * 7, (2, 40): [3, 4], (2, 2): [1, 2, 2, 2]}
    for (threads, tile), of_tiles in cases.items():
        again, found, sizes = _sampled(monkeypatch, network, threads, tile)
        assert sizes == of_tiles
        assert torch.equal(again, counts)
        assert_close(found, expected, 1e-12)


@pytest.mark.parametrize(
    ("engine_name", "roulette"), [("numba", 0.0), ("numba", 0.1), ("torch", 0.0)]
)
@pytest.mark.parametrize("settings", NETWORKS.values(), ids=NETWORKS)
def test_batch_in_two_parts_has_the_same_spikes_and_gradients_that_add_up(
    settings, engine_name, roulette
):
    network = random_network(torch.float64, SIZES, **settings)

    def part(first, last):
        rows = slice(first, last)
        activity = run_on(network, engine_name, TRIALS, rows, first_trial=first, roulette=roulette)
        return activity.counts, gradients(network, activity, first)

    (whole, expected), (early, one), (late, other) = (
        part(*edges) for edges in ((0, 7), (0, 4), (4, 7))
    )
    assert torch.equal(torch.cat([early, late]), whole)
    assert_close({name: one[name] + other[name] for name in one}, expected, 1e-12)
