"""Named random streams: one integer seed, one independent stream per purpose.

Nothing in the package seeds a global generator; every random decision receives its
generator as an argument, so that one seed reproduces a run and two purposes never share draws.
"""

from __future__ import annotations

import zlib

import numpy as np


def seed_sequence(seed: int, *purpose: str | int) -> np.random.SeedSequence:
    """Independent seed for a purpose, e.g. ``seed_sequence(0, "split", session)``."""
    words = [zlib.crc32(str(word).encode()) for word in purpose]
    return np.random.SeedSequence([seed, *words])


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """Numpy generator of a purpose."""
    return np.random.default_rng(seed_sequence(seed, *purpose))


def integer_seed(seed: int, *purpose: str | int) -> int:
    """63-bit seed of a purpose, for libraries that take integers (torch)."""
    return int(seed_sequence(seed, *purpose).generate_state(1, np.uint64)[0] >> np.uint64(1))
