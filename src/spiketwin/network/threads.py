"""Threads that share the work of compiled kernels, which run without the interpreter's lock.

Kernels do nearly all the work of a process, and PyTorch's own operations between them are small.
With several threads each, the two pools wait for one another with busy processors: a step took 1.4
times as long, on a shared machine 10 times. So the kernels get the threads and PyTorch one, unless
PyTorch does the work: the plain loop, discriminators, Sinkhorn iterations.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import torch


@dataclass
class _Allowed:
    """What was allowed to this process; None: as many as PyTorch takes."""

    threads: int | None = None


_ALLOWED = _Allowed()


def set_threads(number: int) -> None:
    """Let the compiled kernels of this process take so many threads."""
    _ALLOWED.threads = number
    torch.set_num_threads(1)


def threads() -> int:
    """Threads for compiled kernels."""
    return _ALLOWED.threads or torch.get_num_threads()


def leave_to_torch() -> None:
    """From now on PyTorch takes the threads: its operations are the work."""
    torch.set_num_threads(threads())


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    """Workers whose own matrix products take one thread each; all can wait for one another."""
    return ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))


def together(work: Callable[[int], None], workers: int) -> None:
    """Run ``work(0)`` ... ``work(workers - 1)`` at the same time; one alone needs no thread."""
    if workers == 1:
        work(0)
        return
    for done in [_pool(workers).submit(work, worker) for worker in range(workers)]:
        done.result()


def shared(work: Callable[[int, int], None], items: int) -> None:
    """``work(begin, stop)`` over equal shares of the items, one per thread."""
    workers = max(1, min(threads(), items))
    edges = [items * worker // workers for worker in range(workers + 1)]
    together(lambda worker: work(edges[worker], edges[worker + 1]), workers)
