"""From the command line to the first step: `spiketwin fit` with a single step.

    python benchmarks/startup.py

Contenders: `warm`, compiled kernels lie on disk; `cold`, they do not. The times hold the start of
Python, the imports, reading the trials, the forward passes of the calibration, one step, and
writing the model.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from contest import Measured, contest, parser

EXAMPLE = Path(__file__).parents[1] / "workflow" / "config" / "example.yaml"


def start(given: argparse.Namespace, folder: Path, cold: bool) -> Measured:
    """Time one process."""
    command = [sys.executable, "-m", "spiketwin.cli", "fit", *_options(folder)]
    command += ["--model", "matched", "--seed", "0", "--threads", str(given.threads), "--fresh"]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **({"NUMBA_CACHE_DIR": cache} if cold else {})}
        before = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        wall = time.perf_counter() - before
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpu_s": used.ru_utime + used.ru_stime,
        "wall_s": wall,
        "peak_mb": used.ru_maxrss / 2**10,
    }


def _options(folder: Path) -> list[str]:
    return ["--config", str(folder / "config.yaml"), "--results", str(folder / "results")]


def prepared(folder: Path) -> None:
    """Trials of the embedded example and a configuration of one step."""
    config = yaml.safe_load(EXAMPLE.read_text())
    config["recordings"]["folder"] = str(folder / "data")
    config["models"] = {"matched": {"learning": {"steps": 1, "evaluation_trials": 2}}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    for stage in ("synthesize", "prepare"):
        command = [sys.executable, "-m", "spiketwin.cli", stage, *_options(folder)]
        subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Run the contest."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--folder", type=Path, help="where the example was prepared before")
    given = options.parse_args()
    if given.folder:
        measure = {n: lambda n=n: start(given, given.folder, n == "cold") for n in ("warm", "cold")}
        contest(given, measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder))
        sys.argv += ["--folder", folder]
        given.folder = Path(folder)
        start(given, given.folder, cold=False)
        contest(given, {"warm": lambda: {}, "cold": lambda: {}})


if __name__ == "__main__":
    main()
