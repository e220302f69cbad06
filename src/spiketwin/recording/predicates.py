"""Predicates of the mapping: which rows of a table to keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from spiketwin.config import Predicate
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
