"""What the least squares of each trained neuron see: its inputs, and the prior on their weights.

    w_n = argmin_w  1/2 sum_k (y_k - w.x_k)^2 + 1/2 (w - w_0)^T Lambda (w - w_0)
    Lambda = diag(ridge) + row_sum (1_E 1_E^T + 1_I 1_I^T)

(Kim & Chow 2018; Kim et al. 2023). The penalty is on the change from the initial weights w_0, not
on their size. 1_E and 1_I mark recurrent inputs whose initial weight is positive or negative: their
sums stay near where they were, which protects the balance of excitation and inhibition.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spiketwin.errors import SpiketwinError

UNGROUPED, POSITIVE, NEGATIVE = 0, 1, 2
"""Groups of inputs whose sum is held."""


@dataclass(frozen=True)
class Regressors:
    """Inputs of the trained neurons; rows are trained neurons.

    Attributes
    ----------
    inputs : (row, input) int32, presynaptic unit of each weight. Rows with fewer inputs are filled
        up with the number of a unit that never fires.
    number : (row,) int32, inputs of each row.
    ridge : (row, input) precision of the prior for each weight.
    group : (row, input) int8, `UNGROUPED`, `POSITIVE` or `NEGATIVE`.
    row_sum : precision of the prior on the sums of the groups.
    initial : (row, input) weights the prior is centred on.
    """

    inputs: np.ndarray
    number: np.ndarray
    ridge: np.ndarray
    group: np.ndarray
    row_sum: float
    initial: np.ndarray

    def __post_init__(self) -> None:
        used = self.used()
        if not (self.ridge[used] > 0).all():
            raise SpiketwinError(
                f"the prior of a weight is {self.ridge[used].min():g}; expected more than 0 "
                "(learning.ridge, learning.ridge_feedforward)"
            )
        if self.row_sum < 0:
            raise SpiketwinError(f"learning.row_sum is {self.row_sum:g}; expected 0 or more")

    @property
    def rows(self) -> int:
        """Trained neurons."""
        return len(self.inputs)

    @property
    def width(self) -> int:
        """Inputs of the row that has most."""
        return self.inputs.shape[1]

    def used(self) -> np.ndarray:
        """(row, input) bool, inputs that are no filling."""
        found: np.ndarray = np.arange(self.width) < self.number[:, None]
        return found

    def gathered(self, filtered: np.ndarray) -> np.ndarray:
        """(row, input, sample) regressors from (sample, unit) filtered trains."""
        return np.ascontiguousarray(filtered.T)[self.inputs]

    def precision(self, rows: slice, growth: float = 1.0) -> np.ndarray:
        """(row, input, input) Lambda of some rows, times `growth`."""
        group = self.group[rows]
        same = (group[:, :, None] == group[:, None, :]) & (group[:, :, None] != UNGROUPED)
        found = same * np.asarray(growth * self.row_sum, self.initial.dtype)
        diagonal = np.arange(self.width)
        found[:, diagonal, diagonal] += growth * self.ridge[rows]
        return found

    def covariance(self, rows: slice) -> np.ndarray:
        """(row, input, input) inverse of Lambda in closed form.

        A group of n inputs whose ridge is r has the inverse
        (1 / r) (I - row_sum / (r + n row_sum) 1 1^T).
        """
        group, ridge = self.group[rows], self.ridge[rows].astype(float)
        found = np.zeros((len(group), self.width, self.width), self.initial.dtype)
        for member in (group == POSITIVE, group == NEGATIVE):
            size = member.sum(1)
            shared = np.where(member, ridge, np.nan)
            level = np.where(size > 0, np.nanmean(np.where(size[:, None], shared, 1.0), 1), 1.0)
            pull = self.row_sum / (level * (level + size * self.row_sum))
            found -= pull[:, None, None] * (member[:, :, None] & member[:, None, :])
        diagonal = np.arange(self.width)
        found[:, diagonal, diagonal] += 1 / ridge
        return found


def groups_of(initial: np.ndarray, recurrent: np.ndarray) -> np.ndarray:
    """(row, input) groups by the sign of the initial weight; a weight of 0 belongs to neither.

    Parameters
    ----------
    initial : (row, input) initial weights.
    recurrent : (row, input) bool, False for feed-forward inputs, which belong to neither.
    """
    signed = np.where(initial > 0, POSITIVE, np.where(initial < 0, NEGATIVE, UNGROUPED))
    return np.where(recurrent, signed, UNGROUPED).astype(np.int8)


@dataclass(frozen=True)
class Samples:
    """What a few learning instants bring.

    Attributes
    ----------
    filtered : (sample, unit) filtered spike trains; the last unit, which fills rows up, is 0.
    error : (sample, row) prediction minus target at the weights before these samples.
    scale : (sample, row) factor on the regressors (derivative of the rate; 1 for drives).
    """

    filtered: np.ndarray
    error: np.ndarray
    scale: np.ndarray | None = None

    def centred(self) -> Samples:
        """Without the means over the samples: least squares with an offset of their own.

        Spikes are noisy regressors, which pulls learned inputs towards zero; what a mean loses this
        way is sought in ever larger weights, and the network drifts to higher rates.
        """
        return replace(
            self,
            filtered=self.filtered - self.filtered.mean(0),
            error=self.error - self.error.mean(0),
        )
