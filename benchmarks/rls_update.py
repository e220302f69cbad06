"""One update of recursive least squares for many neurons: every storage against the memory's speed.

    python benchmarks/rls_update.py

Contender ``limit`` reads and writes, in place, as many bytes as the packed covariances have, which
an exact update cannot beat. The others: ``sequential`` (exact, packed, one sweep), ``block`` (64
samples at a time, given per sample), ``ridge`` (no covariance; one solution per 100 samples, given
per sample), ``shared`` (one covariance for all neurons), ``numpy`` (einsum, outer products).
"""

from __future__ import annotations

import numpy as np
from contest import Stopwatch, contest, parser

from spiketwin.learning.rls import block, ridge, sequential, shared
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.threads import set_threads

TYPES = {"float32": np.float32, "float64": np.float64}


def problem(given, common):
    """Random inputs out of four times as many units, uniform prior."""
    generator = np.random.default_rng(0)
    units, shape = 4 * given.inputs, (given.neurons, given.inputs)
    drawn = generator.random((1 if common else given.neurons, units)).argsort(1)
    inputs = np.broadcast_to(np.sort(drawn[:, : given.inputs], 1), shape)
    dtype = TYPES[given.precision]
    return Regressors(
        inputs=np.ascontiguousarray(inputs, np.int32),
        number=np.full(given.neurons, given.inputs, np.int32),
        ridge=np.full(shape, 0.8, dtype),
        group=np.zeros(shape, np.int8),
        row_sum=0.0,
        initial=np.zeros(shape, dtype),
    )


def samples(given, number):
    """Filtered trains of 5 Hz and errors."""
    generator = np.random.default_rng(1)
    dtype = TYPES[given.precision]
    filtered = generator.gamma(1.0, 0.005, (number, 4 * given.inputs + 1)).astype(dtype)
    error = generator.normal(size=(number, given.neurons)).astype(dtype)
    return Samples(filtered, error)


def learner(given, method, size, repeats, common=False):
    """Time of one sample in blocks of `size`."""

    def measure():
        set_threads(given.threads)
        regressors, part = problem(given, common), samples(given, size)
        weights, memory = regressors.initial.copy(), method.start(regressors)
        method.absorb(regressors, memory, weights, part)
        with Stopwatch() as watch:
            for _ in range(repeats):
                method.absorb(regressors, memory, weights, part)
        return watch.report(repeats * size)

    return measure


@compiled
def _touch(values):
    for i in range(len(values)):
        values[i] += 1


def limit(given):
    """Read and write the packed covariances once."""

    def measure():
        packed = given.neurons * given.inputs * (given.inputs + 1) // 2
        values = np.zeros(packed, TYPES[given.precision])
        _touch(values)
        with Stopwatch() as watch:
            for _ in range(20):
                _touch(values)
        return watch.report(20)

    return measure


def with_numpy(given):
    """The textbook update, all neurons at once."""

    def measure():
        regressors, part = problem(given, False), samples(given, 1)
        p = np.stack([np.eye(given.inputs, dtype=TYPES[given.precision])] * given.neurons)
        weights = regressors.initial.copy()
        with Stopwatch() as watch:
            for _ in range(2):
                x = part.filtered[0][regressors.inputs]
                k = np.einsum("nab,nb->na", p, x)
                gain = 1 / (1 + np.einsum("na,na->n", x, k))
                weights -= (gain * part.error[0])[:, None] * k
                p -= gain[:, None, None] * k[:, :, None] * k[:, None, :]
        return watch.report(2)

    return measure


if __name__ == "__main__":
    options = parser(__doc__.splitlines()[0])
    options.set_defaults(threads=1)
    options.add_argument("--neurons", type=int, default=1000)
    options.add_argument("--inputs", type=int, default=400)
    options.add_argument("--precision", choices=TYPES, default="float32")
    given = options.parse_args()
    contest(
        given,
        {
            "limit": limit(given),
            "sequential": learner(given, sequential, 1, 20),
            "block": learner(given, block, 64, 2),
            "ridge": learner(given, ridge, 100, 1),
            "shared": learner(given, shared, 1, 20, common=True),
            "numpy": with_numpy(given),
        },
    )
