"""Contenders on the same inputs, each in a process of its own, in turn; medians over rounds.

A benchmark script calls `contest`; the script is started again for every measurement with
``--contender NAME`` and then prints one JSON object, see `Stopwatch.report`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

Measured = dict[str, float]


class Stopwatch:
    """CPU seconds of all threads, wall seconds, and the largest memory of this process."""

    def __enter__(self) -> Stopwatch:
        self.cpu, self.wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu = time.process_time() - self.cpu
        self.wall = time.perf_counter() - self.wall

    @classmethod
    def nothing(cls) -> Stopwatch:
        """A watch that has measured nothing yet."""
        watch = cls()
        watch.cpu = watch.wall = 0.0
        return watch

    def add(self, other: Stopwatch) -> None:
        """Add what another watch measured."""
        self.cpu += other.cpu
        self.wall += other.wall

    def report(self, repeats: int = 1) -> Measured:
        """What one repetition took."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        megabytes = peak / (2**20 if sys.platform == "darwin" else 2**10)
        return {"cpu_s": self.cpu / repeats, "wall_s": self.wall / repeats, "peak_mb": megabytes}


def parser(description: str, rounds: int = 3) -> argparse.ArgumentParser:
    """Options that every benchmark has; 0 rounds: seeds or sizes take their place."""
    found = argparse.ArgumentParser(description=description)
    found.add_argument("--json", action="store_true", help="print one JSON object")
    if rounds:
        text = "measurements of each contender"
        found.add_argument("--rounds", type=int, default=rounds, help=text)
    found.add_argument("--threads", type=int, default=2, help="threads of each contender")
    found.add_argument("--only", nargs="+", metavar="NAME", help="run these contenders only")
    found.add_argument("--contender", help=argparse.SUPPRESS)
    return found


def contest(
    given: argparse.Namespace, contenders: Mapping[str, Callable[[], Measured]]
) -> dict[str, Measured] | None:
    """Run one contender (in the child), or all of them in turn and print the medians.

    Parameters
    ----------
    given : parsed options.
    contenders : name -> what to measure.

    Returns
    -------
    Medians of every contender; None in a child.
    """
    if given.contender:
        print(json.dumps(contenders[given.contender]()))
        return None
    names = chosen(given, list(contenders))
    found: dict[str, list[Measured]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name in names:
            found[name].append(measured(name))
    medians = {name: _medians(runs) for name, runs in found.items()}
    print(json.dumps(medians) if given.json else table(medians))
    return medians


def chosen(given: argparse.Namespace, names: Sequence[str]) -> list[str]:
    """The contenders that are asked for, or all; ends the script where one does not exist."""
    unknown = set(given.only or ()) - set(names)
    if unknown:
        raise SystemExit(
            f"no contender {', '.join(sorted(unknown))}; there are: {', '.join(names)}"
        )
    return [name for name in names if not given.only or name in given.only]


def measured(name: str, *options: str) -> Measured:
    """Start this script again for one contender and read what it prints."""
    command = [sys.executable, *sys.argv, "--contender", name, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: Measured = json.loads(done.stdout.splitlines()[-1])
    return found


def _medians(runs: Sequence[Measured]) -> Measured:
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def table(medians: Mapping[str, Measured]) -> str:
    """Markdown table; ratios of CPU time to the first contender."""
    keys = list(next(iter(medians.values())))
    first = next(iter(medians.values()))["cpu_s"]
    rows = [
        f"| {name} | "
        + " | ".join(f"{run[k]:.3g}" for k in keys)
        + f" | {run['cpu_s'] / first:.3f} |"
        for name, run in medians.items()
    ]
    head = f"| contender | {' | '.join(keys)} | cpu / first |"
    return "\n".join([_machine(), "", head, "|---" * (len(keys) + 2) + "|", *rows])


def _machine() -> str:
    import numba
    import torch

    return (
        f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numba {numba.__version__}"
    )


def _processor() -> str:
    if sys.platform.startswith("linux"):
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
        return names[0] if names else platform.machine()
    return platform.processor() or platform.machine()
