"""Features against independent implementations."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool1d

from spiketwin.config import Features, Scale
from spiketwin.errors import SpiketwinError
from spiketwin.trials.features import FeatureMap, window_matrix
from tests.artificial import two_area_session

F1 = Scale(window_s=0.012, stride_s=0.006)
F2 = Scale(window_s=0.048, stride_s=0.024, base_window_s=0.012, base_stride_s=0.006)


def _pooled(values: np.ndarray, window: int, stride: int) -> np.ndarray:
    pool = avg_pool1d(
        torch.tensor(values)[None], window, stride, (window - 1) // 2, count_include_pad=False
    )
    return pool[0].numpy()


@pytest.mark.parametrize(("bins", "f1", "f2"), [(700, 233, 58), (200, 67, 17)])
def test_filters_are_the_published_ones(bins, f1, f2):
    values = np.random.default_rng(0).random((3, bins))
    first = _pooled(values, 6, 3)
    second = _pooled(first, 8, 4)
    assert (first.shape[1], second.shape[1]) == (f1, f2)
    np.testing.assert_allclose(values @ window_matrix(bins, 0.002, F1), first, rtol=1e-5)
    np.testing.assert_allclose(values @ window_matrix(bins, 0.002, F2), second, rtol=1e-5)


@pytest.mark.parametrize(
    ("bin_s", "window_s", "stride_s"), [(0.01, 0.04, 0.02), (0.002, 0.16, 0.08)]
)
def test_windows_are_averages_of_the_bins_they_cover(bin_s, window_s, stride_s):
    bins = round(0.4 / bin_s)
    matrix = window_matrix(bins, bin_s, Scale(window_s=window_s, stride_s=stride_s))
    values = np.random.default_rng(0).random(bins)
    width, stride = round(window_s / bin_s), round(stride_s / bin_s)
    expected = []
    for k in range(matrix.shape[1]):
        first = k * stride - (width - 1) // 2
        expected.append(values[max(first, 0) : first + width].mean())
    np.testing.assert_allclose(values @ matrix, expected, rtol=1e-5)


def test_a_window_that_is_no_multiple_of_the_bin_names_the_keys():
    with pytest.raises(SpiketwinError, match=r"0.025 s is not a multiple.*trials.bin_s"):
        window_matrix(40, 0.01, Scale(window_s=0.025, stride_s=0.02))


def test_features_are_standardised_area_averages():
    session = two_area_session("s", 0)
    features = Features(scales=[F2], psth=F1)
    found = FeatureMap.of(session, features)
    counts = session.counts.astype(np.float32)
    standard = found.standardised(found.averages(counts))[0]
    assert found.areas == ("area1", "area2") and standard.shape[:2] == (120, 2)
    np.testing.assert_allclose(standard.mean((0, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(standard.std((0, 2)), 1, atol=1e-3)
    area2 = counts[:, :, (session.units["area"] == "area2").to_numpy()].mean(2)
    expected = _pooled(_pooled(area2, 6, 3), 8, 4)
    np.testing.assert_allclose(
        standard[:, 1], (expected - expected.mean()) / expected.std(), atol=1e-3
    )


def test_areas_with_too_few_units_have_no_features():
    session = two_area_session("s", 0)
    assert FeatureMap.of(session, Features(scales=[F2], min_units=21)).areas == ()
