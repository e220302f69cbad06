"""How recordings become trials: window, bins, split, stitching, features."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from spiketwin.config.section import Count, Fraction, NonNegative, Positive, Section


class Split(Section):
    """Stratified split of each session's trials; fixed by seed and session."""

    train: Positive = 0.50
    validation: NonNegative = 0.15
    test: Positive = 0.35
    seed: int = Field(default=0, ge=0)
    min_class: Count = 5
    """Classes (condition x outcome) with fewer trials stay in training only."""

    @model_validator(mode="after")
    def _sums_to_one(self) -> Self:
        total = self.train + self.validation + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"train + validation + test must be 1, found {total:g}")
        return self


class Stitching(Section):
    """Which recorded unit each model neuron stands for."""

    neurons_per_area: Count | Literal["all"] | dict[str, Count | Literal["all"]] = "all"
    """Model neurons of each area, or of some areas by name; `all` takes every unit there is."""
    excitatory_fraction: Fraction = 0.8
    """Share of excitatory neurons where a number of neurons is given and types are known; where
    types are unknown the other units, those of the highest rate, count as inhibitory."""
    min_rate_hz: NonNegative = 0.0
    """Units with a lower rate in the trial window are left out."""
    max_rate_hz: Positive = 1000.0
    """Units with a higher rate in the trial window are left out."""
    seed: int = Field(default=0, ge=0)


class TrialWindow(Section):
    """Cutting recordings into trials."""

    window_s: tuple[float, float]
    """Start and stop of the window around the alignment event. A trial is kept if all kept units
    were observed over the whole of it (`obs_intervals` of the file, where it has them); units are
    dropped where that keeps more unit-trials."""
    bin_s: Positive = 0.002
    """Bin width; a multiple of the network's step."""
    normalise: Literal["none", "baseline"] = "baseline"
    """Behaviour traces: as they are, or minus the session's pre-event mean over its s.d."""
    split: Split = Split()
    stitching: Stitching = Stitching()
    drop_duplicates: bool = True
    """Leave out units that are the same cell sorted twice (one of each pair stays)."""

    @model_validator(mode="after")
    def _window_is_bins(self) -> Self:
        start, stop = self.window_s
        if stop <= start:
            raise ValueError(f"window_s must rise, found {start:g} to {stop:g}")
        bins = (stop - start) / self.bin_s
        if abs(bins - round(bins)) > 1e-6 * max(1.0, bins):
            raise ValueError(
                f"the window of {stop - start:g} s is not a multiple of bin_s {self.bin_s:g} s"
            )
        return self

    @property
    def bins(self) -> int:
        """Number of bins of a trial."""
        return round((self.window_s[1] - self.window_s[0]) / self.bin_s)


class Scale(Section):
    """A time scale of the features: averages over `window_s` every `stride_s`."""

    window_s: Positive
    stride_s: Positive
    base_window_s: Positive | None = None
    """First average over this window (published filter F1: 0.012) ..."""
    base_stride_s: Positive | None = None
    """... every so many seconds (0.006); `window_s` then averages these (F2)."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.base_window_s is None) != (self.base_stride_s is None):
            raise ValueError("give both base_window_s and base_stride_s, or neither")
        return self

    @property
    def name(self) -> str:
        """Label in tables, e.g. ``48 ms``."""
        return f"{1000 * self.window_s:g} ms"


class Features(Section):
    """What of a trial is matched and scored."""

    scales: list[Scale] = [
        Scale(window_s=0.040, stride_s=0.020),
        Scale(window_s=0.160, stride_s=0.080),
    ]
    """Scores name the scale they were taken at; the first one selects the model."""
    psth: Scale = Scale(window_s=0.020, stride_s=0.010)
    """Filter of the trial-averaged rates (neuron loss, PSTH correlation)."""
    min_units: Count = 10
    """Areas with fewer units in a session give the neuron loss only."""
