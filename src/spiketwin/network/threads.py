"""Threads that share the work of compiled kernels, which run without the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch


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
    """``work(begin, stop)`` over equal shares of the items, one per thread of torch."""
    workers = max(1, min(torch.get_num_threads(), items))
    edges = [items * worker // workers for worker in range(workers + 1)]
    together(lambda worker: work(edges[worker], edges[worker + 1]), workers)
