"""How kernels are compiled: without the interpreter's lock, kept on disk between runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
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


PATIENCE_S = 60.0
"""Longest wait for a kernel that another process compiles; this one compiles it then, too."""


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
    """A cache for several processes, whose files may be broken or may not be written.

    Fits that start together would all compile the same kernels. The first one locks a kernel until
    it is on disk; the others wait and load it. The locks of a process that dies are released.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        file = Path(self.cache_path, f"{self._impl.filename_base}.lock")
        self._lock = FileLock(file, timeout=PATIENCE_S, thread_local=False)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = self._load(sig, target_context)
        if found is None and self._claim():
            found = self._load(sig, target_context)
            if found is not None:
                self._lock.release()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            self._save_anew(sig, data)
        except Exception as error:
            _say("compiled kernels cannot be written", f" ({self.cache_path}: {error})")
        self._lock.release()

    def _load(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:  # whatever a damaged file makes of itself
            _say("compiled kernels cannot be read", f" ({self.cache_path}: {type(error).__name__})")
            return None

    def _claim(self) -> bool:
        """Whether this process may compile the kernel alone, others having finished."""
        try:
            self._lock.acquire()
        except Timeout:
            _once(f"another process has been compiling for {PATIENCE_S:.0f} s: compiled here, too")
        except Exception:  # a folder that cannot be written
            pass
        return self._lock.is_locked

    def _save_anew(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            self.flush()
            super().save_overload(sig, data)


_SAID: set[str] = set()


def _say(what: str, where: str = "") -> None:
    """Say something once, whatever folder or file it was about."""
    advice = "set NUMBA_CACHE_DIR to a folder that can be written"
    _once(what, f"{where}; what is missing is compiled again (20 s); {advice}")


def _once(what: str, more: str = "") -> None:
    if what not in _SAID:
        _SAID.add(what)
        print(what + more, file=sys.stderr)
