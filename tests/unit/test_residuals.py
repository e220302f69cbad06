"""What is left of single trials without the mean of their condition."""

import numpy as np

from spiketwin.analysis.residuals import residuals


def test_integer_counts_lose_the_whole_mean_of_their_condition():
    counts = np.array([[1], [2], [7]], dtype=np.uint16)
    left = residuals(counts, np.array(["a", "a", "b"]))
    np.testing.assert_allclose(left, [[-0.5], [0.5], [0.0]])


def test_precision_is_kept():
    for dtype in (np.float32, np.float64):
        assert residuals(np.ones((3, 2), dtype), np.array(["a", "a", "b"])).dtype == dtype
