"""Predicates of the mapping: which rows of a table to keep."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from spiketwin.config import Predicate
from spiketwin.config.recordings import Value
from spiketwin.errors import SpiketwinError
from spiketwin.recording.columns import numbers, require, text, values

SHOWN = 5
"""Values of a column that an error lists."""


def kept(table: Any, predicates: Sequence[Predicate], key: str) -> np.ndarray:
    """Rows that all predicates keep, (row,) bool.

    Parameters
    ----------
    table : NWB table.
    predicates : what to keep.
    key : configuration key of the predicates, for errors.
    """
    keep = np.ones(len(table), dtype=bool)
    for predicate in predicates:
        keep &= _keeps(table, predicate, key)
    if predicates and not keep.any():
        columns = "; ".join(_found(table, name) for name in sorted({p.column for p in predicates}))
        raise SpiketwinError(f"no row of {table.name!r} is kept by {key} ({columns})")
    return keep


def kept_value(predicates: Sequence[Predicate]) -> Value:
    """A value that all predicates of one column keep.

    Raises
    ------
    SpiketwinError
        When none is found.
    """
    lows = [p.minimum for p in predicates if p.minimum is not None]
    highs = [p.maximum for p in predicates if p.maximum is not None]
    candidates: list[Value] = [value for p in predicates for value in p.accept or []]
    candidates += [low + more for low in lows for more in (0, 1)]
    candidates += [high - less for high in highs for less in (0, 1)]
    candidates += [(low + high) / 2 for low in lows for high in highs]
    for value in [*candidates, *([] if lows or highs else ["simulated"])]:
        if all(_keeps_value(predicate, value) for predicate in predicates):
            return value
    raise SpiketwinError(
        f"no value of column {predicates[0].column!r} is kept by all its predicates; change "
        "recordings.mapping"
    )


def _keeps_value(predicate: Predicate, value: Value) -> bool:
    label = text(value)
    if predicate.accept is not None and label not in map(text, predicate.accept):
        return False
    if label in map(text, predicate.reject or []):
        return False
    if predicate.minimum is None and predicate.maximum is None:
        return True
    low = -math.inf if predicate.minimum is None else predicate.minimum
    high = math.inf if predicate.maximum is None else predicate.maximum
    return not isinstance(value, str) and low <= value <= high


def _found(table: Any, column: str) -> str:
    """A column and its commonest values."""
    counts = Counter(text(value) for value in values(table, column))
    listed = ", ".join(value or repr("") for value, _ in counts.most_common(SHOWN))
    return f"{column} has {listed}{', ...' if len(counts) > SHOWN else ''}"


def _keeps(table: Any, predicate: Predicate, key: str) -> np.ndarray:
    require(table, predicate.column, key)
    labels = np.array([text(value) for value in values(table, predicate.column)], dtype=object)
    keep = np.ones(len(labels), dtype=bool)
    if predicate.accept is not None:
        keep &= np.isin(labels, [text(value) for value in predicate.accept])
    if predicate.reject is not None:
        keep &= ~np.isin(labels, [text(value) for value in predicate.reject])
    if predicate.minimum is not None:
        keep &= numbers(table, predicate.column, key) >= predicate.minimum
    if predicate.maximum is not None:
        keep &= numbers(table, predicate.column, key) <= predicate.maximum
    return keep
