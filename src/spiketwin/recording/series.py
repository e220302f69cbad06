"""Objects of a file by path: behaviour series and event series, wherever a lab put them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.recording.columns import nearest

ROOTS = ("processing", "acquisition", "stimulus", "analysis", "scratch")
CONTAINERS = (
    "time_series", "spatial_series", "data_interfaces", "containers", "pose_estimation_series",
)  # fmt: skip


def series(nwb: Any) -> Iterator[tuple[str, Any]]:
    """Path and object of every series and table below the roots."""
    for root in ROOTS:
        for name, value in (getattr(nwb, root, None) or {}).items():
            yield from _below(f"{root}/{name}", value)


def _below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    inner = _children(value)
    if inner:
        for name, child in inner.items():
            yield from _below(f"{path}/{name}", child)
    else:
        yield path, value


def _children(value: Any) -> dict[str, Any]:
    """Named objects inside a container; empty for series and tables."""
    if hasattr(value, "data") or hasattr(value, "colnames"):
        return {}
    for attribute in CONTAINERS:
        found = getattr(value, attribute, None)
        if found is not None and hasattr(found, "items") and len(found):
            return dict(found.items())
    return {}


def find(nwb: Any, path: str, key: str) -> Any:
    """The object at a path.

    Raises
    ------
    SpiketwinError
        When there is none; names those there are.
    """
    known = dict(series(nwb))
    wanted = path.strip("/")
    if wanted not in known:
        raise SpiketwinError(f"nothing at {path!r}; series: {nearest(wanted, known)}; change {key}")
    return known[wanted]


def sample_times(value: Any) -> np.ndarray:
    """Times of the samples of a series, (sample,) float64 seconds."""
    if getattr(value, "timestamps", None) is not None:
        return np.asarray(value.timestamps[:], dtype=float)
    if not getattr(value, "rate", None):
        return np.zeros(0)
    start = float(value.starting_time or 0.0)
    return start + np.arange(len(value.data)) / float(value.rate)


def event_times(nwb: Any, path: str, key: str) -> np.ndarray:
    """Times of the events of an event series."""
    return sample_times(find(nwb, path, key))
