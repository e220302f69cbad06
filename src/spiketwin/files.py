"""Where results lie, and how files appear: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from spiketwin.errors import SpiketwinError

T = TypeVar("T")


@dataclass(frozen=True)
class RunFiles:
    """Paths of a run below `results/<run>`."""

    root: Path

    @property
    def config(self) -> Path:
        """Resolved configuration."""
        return self.root / "config.yaml"

    @property
    def stitching(self) -> Path:
        """Which recorded unit each model neuron stands for."""
        return self.root / "stitching.parquet"

    @property
    def notes(self) -> Path:
        """What was guessed, dropped or looked suspicious while the trials were made (JSON)."""
        return self.root / "notes.json"

    @property
    def report(self) -> Path:
        """What a person opens."""
        return self.root / "report.html"

    def trials(self, session: str) -> Path:
        """Folder of a session's trials."""
        return self.root / "trials" / session

    def fit(self, model: str, seed: int) -> Path:
        """Folder of a fit."""
        return self.root / "fits" / model / f"seed-{seed}"

    def simulation(self, model: str, seed: int) -> Path:
        """Simulated trials of a fit."""
        return self.fit(model, seed) / "simulation.npz"

    def perturbed(self, model: str, seed: int, perturbation: str) -> Path:
        """The same trials of a fit with a perturbation."""
        return self.fit(model, seed) / f"perturbed-{perturbation}.npz"

    def table(self, name: str) -> Path:
        """A tidy table; `.csv` lies beside it."""
        return self.root / "tables" / f"{name}.parquet"

    def figure(self, name: str, suffix: str = "svg") -> Path:
        """A figure."""
        return self.root / "figures" / f"{name}.{suffix}"


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name when the block succeeds.

    Raises
    ------
    SpiketwinError
        When the folder cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
        os.close(handle)
    except OSError as error:
        raise SpiketwinError(
            f"cannot write {path}: {error.strerror}; choose another results folder"
        ) from None
    try:
        yield Path(name)
        Path(name).chmod(0o644)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with appearing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_table(path: Path, table: pd.DataFrame, csv: bool = False) -> None:
    """Write a table as Parquet, and as CSV beside it for people."""
    with appearing(path) as partial:
        table.to_parquet(partial, index=False)
    if csv:
        with appearing(Path(path).with_suffix(".csv")) as partial:
            table.to_csv(partial, index=False)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as a compressed npz without pickles."""
    with appearing(path) as partial, partial.open("wb") as handle:
        np.savez_compressed(handle, **arrays)  # type: ignore[arg-type]


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of an npz; nothing is unpickled."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def read_or_explain(read: Callable[[Path], T], path: Path, maker: str) -> T:
    """Read a result of an earlier stage, or say which command makes it."""
    if not Path(path).exists():
        raise SpiketwinError(f"{path} is missing; make it with: spiketwin {maker}")
    return read(path)


def code_digest(package: Path, rooms: Iterable[str]) -> str:
    """What rooms of a package (folders or files, paths relative to it) consist of, as a short hash.

    A rule of the workflow that has it among its parameters runs again when its code changes.

    Raises
    ------
    FileNotFoundError
        When there is no such room.
    """
    digest = hashlib.sha256()
    for room in rooms:
        for file in _sources(package / room):
            digest.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _sources(place: Path) -> list[Path]:
    if not place.exists():
        raise FileNotFoundError(place)
    files = [place] if place.is_file() else sorted(place.rglob("*.*"))
    return [file for file in files if file.suffix in CODE]


CODE = (".py", ".csv", ".j2", ".css")
"""What a package is made of: programs, the tables and the templates that they read."""
