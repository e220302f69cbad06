"""Progress of a fit: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import math
import sys

from tqdm import tqdm

from spiketwin.learning.checkpoint import Progress

LOG_SHARE = 20
"""Lines in a log over a whole fit."""


class Display:
    """Shows loss, held-out score and time left."""

    def __init__(self, name: str, steps: int, done: int) -> None:
        self._steps = steps
        self._every = max(1, steps // LOG_SHARE)
        self._name = name
        self._bar = tqdm(total=steps, initial=done, desc=name, disable=not sys.stderr.isatty())

    def show(self, progress: Progress) -> None:
        """Show the newest step."""
        text = _text(progress)
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(progress.state.step - self._bar.n)
        if self._bar.disable and progress.state.step % self._every == 0:
            left = f"{_seconds_left(progress, self._steps):.0f} s left"
            step = f"step {progress.state.step}/{self._steps}"
            print(f"{self._name}: {step}, {text}, {left}", file=sys.stderr, flush=True)

    def say(self, sentence: str) -> None:
        """One line above the bar, or in the log."""
        tqdm.write(f"{self._name}: {sentence}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()


def _text(progress: Progress) -> str:
    newest = progress.history[-1]
    losses = f"neuron {newest['loss_neuron']:.3g}"
    if math.isfinite(newest["loss_trial"]):
        losses += f", trial {newest['loss_trial']:.3g}"
    if math.isfinite(progress.best_score):
        losses += f", best held-out {progress.best_score:.4f}"
    return losses


def _seconds_left(progress: Progress, steps: int) -> float:
    done = max(progress.state.step, 1)
    return progress.seconds / done * (steps - done)
