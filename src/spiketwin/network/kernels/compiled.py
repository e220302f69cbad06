"""How kernels are compiled: without the interpreter's lock, kept on disk between runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from typing import Any

from numba import njit
from numba.core.caching import FunctionCache

FAST = {"contract", "nsz", "nnan", "ninf", "arcp"}
"""Fast-math flags that leave the order of operations alone."""


def compiled(function: Callable[..., Any]) -> Any:
    """Compile at the first call; on disk where a folder for it can be written."""
    return _compiled(function, FAST)


def reordered(function: Callable[..., Any]) -> Any:
    """`compiled`, and sums may be taken in another order, which vectorises them."""
    return _compiled(function, FAST | {"reassoc"})


def strict(function: Callable[..., Any]) -> Any:
    """`compiled`, and what is not a finite number stays so."""
    return _compiled(function, set())


def inlined(function: Callable[..., Any]) -> Any:
    """Compile into every caller."""
    return njit(inline="always", error_model="numpy", fastmath=FAST)(function)


def on_disk(kernel: Any) -> bool:
    """Whether the kernel was compiled before; True where nothing can be kept on disk."""
    if not isinstance(kernel._cache, _Cache):
        return True
    try:
        return bool(kernel._cache._cache_file._load_index())
    except Exception:  # whatever a damaged file makes of itself
        return False


_ELSEWHERE: list[Popen[bytes]] = []
PATIENCE_S = 60.0
"""Longest wait for another process; afterwards this one compiles what is missing."""


def expect(process: Popen[bytes]) -> None:
    """Another process compiles kernels that this one will need: `await_kernels` waits for it."""
    _ELSEWHERE.append(process)


def await_kernels() -> None:
    """Return when no other process compiles for this one any more."""
    while _ELSEWHERE:
        try:
            _ELSEWHERE.pop().wait(PATIENCE_S)
        except TimeoutExpired:
            _say("another process has been compiling kernels for a minute")


def _compiled(function: Callable[..., Any], fastmath: set[str]) -> Any:
    dispatcher: Any = njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    try:
        dispatcher._cache = _Cache(function)  # as `cache=True` does with its own class
    except RuntimeError:
        _say("there is no folder to keep compiled kernels in")
    else:
        _say_if_elsewhere(dispatcher._cache.cache_path)
    return dispatcher


def _say_if_elsewhere(folder: str) -> None:
    """Numba is silent about a NUMBA_CACHE_DIR that cannot be written."""
    wanted = os.environ.get("NUMBA_CACHE_DIR")
    if wanted and not Path(folder).is_relative_to(wanted):
        _say("NUMBA_CACHE_DIR cannot be written", f" ({wanted}); kernels are kept in {folder}")


class _Cache(FunctionCache):
    """A cache whose files may be broken or may not be written: kernels are compiled again then."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a damaged file makes of itself
            _say("compiled kernels cannot be read", f" ({self.cache_path}: {type(error).__name__})")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            self._save_anew(sig, data)
        except Exception as error:
            _say("compiled kernels cannot be written", f" ({self.cache_path}: {error})")

    def _save_anew(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            self.flush()
            super().save_overload(sig, data)


_SAID: set[str] = set()


def _say(what: str, where: str = "") -> None:
    """Say something once, whatever folder or file it was about."""
    if what in _SAID:
        return
    _SAID.add(what)
    print(
        f"{what}{where}; what is missing is compiled again (20 s); set NUMBA_CACHE_DIR to a "
        "folder that can be written",
        file=sys.stderr,
    )
