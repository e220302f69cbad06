"""Columns of NWB tables as arrays: bytes decoded, ragged columns kept apart, names checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np

from spiketwin.errors import SpiketwinError


def text(value: Any) -> str:
    """A label as text: bytes decoded, whole numbers without a point."""
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace").strip()
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names, the one most like `name` first."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    ordered = close + [other for other in names if other not in close]
    return ", ".join(ordered) or "none"


def require(table: Any, name: str, key: str) -> None:
    """Raise unless the table has the column.

    Parameters
    ----------
    table : NWB table.
    name : column asked for.
    key : configuration key that names it.
    """
    if name not in table.colnames:
        raise SpiketwinError(
            f"no column {name!r} in table {table.name!r}; it has: {nearest(name, table.colnames)}; "
            f"change {key}"
        )


def is_ragged(table: Any, name: str) -> bool:
    """The column holds a list per row."""
    return type(table[name]).__name__ == "VectorIndex"


def values(table: Any, name: str) -> np.ndarray:
    """A plain column, (row,); strings as an object array of text."""
    data = np.asarray(table[name].data[:])
    if data.dtype.kind in "OSU":
        return np.array([text(value) for value in data], dtype=object)
    return data


def ragged(table: Any, name: str) -> list[np.ndarray]:
    """A ragged column as one array per row."""
    column = table[name]
    ends = np.asarray(column.data[:], dtype=int)
    flat = np.asarray(column.target.data[:])
    return np.split(flat, ends[:-1])


def numbers(table: Any, name: str, key: str) -> np.ndarray:
    """A plain numeric column as float64; numbers written as text are read, 'N/A' becomes NaN.

    Raises
    ------
    SpiketwinError
        When the column is missing, ragged or holds something else.
    """
    require(table, name, key)
    if is_ragged(table, name):
        raise SpiketwinError(
            f"column {name!r} holds lists, expected one number per row; change {key}"
        )
    found = values(table, name)
    if found.dtype.kind in "fiub":
        return found.astype(float)
    return np.array([_number(value, name, key) for value in found])


def _number(value: str, name: str, key: str) -> float:
    if value.lower() in {"", "n/a", "na", "nan", "none"}:
        return float("nan")
    try:
        return float(value)
    except ValueError:
        raise SpiketwinError(
            f"column {name!r} holds {value!r}, expected numbers; change {key}"
        ) from None
