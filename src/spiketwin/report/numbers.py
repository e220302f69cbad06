"""Numbers as text: as many digits as their spread allows."""

from __future__ import annotations

import math
from dataclasses import dataclass

MISSING = "–"


@dataclass(frozen=True)
class Measured:
    """A score with its spread.

    Attributes
    ----------
    value : mean over seeds.
    sd : the larger of the spread over trials and that over seeds; NaN where unknown.
    seeds : number of seeds.
    """

    value: float
    sd: float
    seeds: int = 1

    @property
    def clearly_positive(self) -> bool:
        """More than two standard deviations above zero."""
        return self.value > 2 * (self.sd if math.isfinite(self.sd) else 0.0)

    def __str__(self) -> str:
        return with_spread(self.value, self.sd)


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits, without an exponent where it can be avoided."""
    if not math.isfinite(value):
        return MISSING
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return _signed(f"{value:.{digits - 1}e}")
    decimals = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    return _signed(f"{value:.{min(max(decimals, 0), 6)}f}")


def with_spread(value: float, sd: float) -> str:
    """``value ± sd``, rounded to two digits of the spread."""
    if not math.isfinite(value):
        return MISSING
    if not math.isfinite(sd) or sd <= 0:
        return number(value)
    decimals = min(max(1 - math.floor(math.log10(sd)), 0), 6)
    return f"{_signed(f'{value:.{decimals}f}')} ± {sd:.{decimals}f}"


def _signed(text: str) -> str:
    """A typographic minus, and no negative zero."""
    if text.startswith("-") and float(text) == 0:
        return text[1:]
    return text.replace("-", "−")
