"""Elementary functions in single precision that compilers can vectorise, and their double forms.

Polynomials of the Cephes library (Moshier 1989). `numba` compiles calls of the mathematical library
one number at a time; these stay inside vector loops and are as exact as single precision allows.
In double precision, which the tests of the gradient use, the library's own functions are called.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import float32, types, uint32
from numba.extending import intrinsic, overload

from spiketwin.network.kernels.compiled import inlined

F = np.float32


@intrinsic
def as_float(typing: Any, bits: Any) -> Any:
    """The float32 with these 32 bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return float32(uint32), generate


@intrinsic
def as_bits(typing: Any, value: Any) -> Any:
    """The 32 bits of a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return uint32(float32), generate


@inlined
def _exp32(x: float) -> float:
    """exp(x) for |x| < 87."""
    whole = np.floor(x * F(1.44269504088896341) + F(0.5))
    x = x - whole * F(0.693359375) + whole * F(2.12194440e-4)
    y = F(1.9875691500e-4)
    y = y * x + F(1.3981999507e-3)
    y = y * x + F(8.3334519073e-3)
    y = y * x + F(4.1665795894e-2)
    y = y * x + F(1.6666665459e-1)
    y = y * x + F(5.0000001201e-1)
    y = y * x * x + x + F(1)
    return y * as_float(np.uint32(np.int32(whole) + np.int32(127)) << np.uint32(23))


def exponential(x: float) -> float:
    """exp(x); arguments beyond +-87 are cut there in single precision."""
    return math.exp(x)


@overload(exponential, inline="always")
def _exponential(x):  # type: ignore[no-untyped-def]
    if x == types.float32:
        return lambda x: _exp32(min(max(x, F(-87)), F(87)))
    return lambda x: math.exp(x)


@inlined
def logarithm(x: float) -> float:
    """Natural logarithm of a positive, normal float32."""
    bits = as_bits(x)
    exponent = F(np.int32(bits >> np.uint32(23)) - np.int32(126))
    mantissa = as_float((bits & np.uint32(0x007FFFFF)) | np.uint32(0x3F000000))
    small = mantissa < F(0.707106781186547524)
    exponent = exponent - F(1) if small else exponent
    x = (mantissa + mantissa if small else mantissa) - F(1)
    z = x * x
    y = F(7.0376836292e-2)
    y = y * x + F(-1.1514610310e-1)
    y = y * x + F(1.1676998740e-1)
    y = y * x + F(-1.2420140846e-1)
    y = y * x + F(1.4249322787e-1)
    y = y * x + F(-1.6668057665e-1)
    y = y * x + F(2.0000714765e-1)
    y = y * x + F(-2.4999993993e-1)
    y = y * x + F(3.3333331174e-1)
    y = y * x * z + exponent * F(-2.12194440e-4) - F(0.5) * z
    return x + y + exponent * F(0.693359375)


@inlined
def sine_cosine(turns: float) -> tuple[float, float]:
    """sin and cos of 2 pi times a float32 in [0, 1)."""
    quarter = np.floor(turns * F(4) + F(0.5))
    x = (turns * F(4) - quarter) * F(math.pi / 2)
    z = x * x
    s = F(-1.9515295891e-4) * z + F(8.3321608736e-3)
    s = (s * z - F(1.6666654611e-1)) * z * x + x
    c = F(2.443315711809948e-5) * z - F(1.388731625493765e-3)
    c = (c * z + F(4.166664568298827e-2)) * z * z - F(0.5) * z + F(1)
    which = np.int32(quarter) & np.int32(3)
    swap = (which & np.int32(1)) != 0
    sine, cosine = (c, s) if swap else (s, c)
    sine = -sine if which >= 2 else sine
    cosine = -cosine if which == 1 or which == 2 else cosine
    return sine, cosine
