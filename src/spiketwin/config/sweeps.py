"""Sweeps: grids of settings, each point of which becomes a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any

from pydantic import Field

from spiketwin.errors import SpiketwinError

Sweep = Annotated[dict[str, Annotated[list[int | float], Field(min_length=1)]], Field(min_length=1)]
"""Setting of a model (`network.neurons`) -> values."""
LARGEST = 2
"""Settings that may have several values: more do not fit into a panel."""


def points(name: str, sweep: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Settings of every model of a sweep, by the name of the model: that of the sweep and the
    values of the settings that vary."""
    found = {}
    for values in product(*sweep.values()):
        point = dict(zip(sweep, values, strict=True))
        words = [f"{key.rpartition('.')[2]}-{point[key]:.12g}" for key in varied(sweep)]
        found["+".join([name, *words])] = point
    return found


def varied(sweep: Mapping[str, Sequence[float]]) -> list[str]:
    """Settings with several values, in their order."""
    return [key for key, values in sweep.items() if len(values) > 1]


def models_of(sweeps: object) -> dict[str, Any]:
    """What each model of the sweeps of a configuration file sets, as nested dictionaries.

    Raises
    ------
    SpiketwinError
        When a sweep is no grid of numbers, or varies too much.
    """
    if not isinstance(sweeps, Mapping):
        raise SpiketwinError(f"sweeps: expected named grids of settings (found {sweeps!r:.80})")
    found: dict[str, Any] = {}
    for name, sweep in sweeps.items():
        _check(name, sweep)
        found |= {model: _nested(point) for model, point in points(name, sweep).items()}
    return found


def _check(name: str, sweep: object) -> None:
    if not isinstance(sweep, Mapping):
        raise SpiketwinError(f"sweeps.{name}: expected settings and their values")
    for key, values in sweep.items():
        good = isinstance(values, list) and values and all(map(_is_number, values))
        if not good:
            raise SpiketwinError(
                f"sweeps.{name}.{key}: expected a list of numbers (found {values!r:.80})"
            )
    if len(varied(sweep)) > LARGEST:
        raise SpiketwinError(
            f"sweeps.{name} varies {', '.join(varied(sweep))}; at most {LARGEST} settings can have "
            "several values"
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _nested(point: Mapping[str, float]) -> dict[str, Any]:
    """``{"a.b": 1}`` as ``{"a": {"b": 1}}``."""
    found: dict[str, Any] = {}
    for key, value in point.items():
        *blocks, last = key.split(".")
        inner = found
        for block in blocks:
            inner = inner.setdefault(block, {})
            if not isinstance(inner, dict):
                raise SpiketwinError(f"sweeps: {key} is part of a setting that has a value itself")
        inner[last] = value
    return found
