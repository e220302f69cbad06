"""How kernels are compiled: without the interpreter's lock, kept on disk between runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from numba import njit

FAST = {"contract", "nsz", "nnan", "ninf", "arcp"}
"""Fast-math flags that leave the order of operations alone."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile at the first call; on disk where a folder for it can be written."""
    return _compiled(function, FAST)


def reordered(function: Callable[..., Any]) -> Any:
    """`compiled`, and sums may be taken in another order, which vectorises them."""
    return _compiled(function, FAST | {"reassoc"})


def _compiled(function: Callable[..., Any], fastmath: set[str]) -> Any:
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        _say_once()
        return njit(**options)(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into every caller."""
    return njit(inline="always", error_model="numpy", fastmath=FAST)(function)


def _say_once(said: list[bool] = []) -> None:  # noqa: B006
    if not said:
        print(
            "no folder to keep compiled kernels in, so that every run compiles them again (20 s); "
            "set NUMBA_CACHE_DIR to a folder that can be written",
            file=sys.stderr,
        )
        said.append(True)
