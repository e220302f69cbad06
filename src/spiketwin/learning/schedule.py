"""Learning rate and batch size over the course of a fit."""

from __future__ import annotations

import math

from spiketwin.config import GradientLearning

LEAST_WARMUP = 30
"""Steps of rising learning rate at least; shorter ones let the rates explode."""


def learning_rate(step: int, config: GradientLearning, warmup_factor: float = 1.0) -> float:
    """Learning rate of a step (from 0): linear warm-up, flat, cosine decay."""
    warmup = max(LEAST_WARMUP, config.warmup * config.steps) * warmup_factor
    rising = min(1.0, (step + 1) / warmup)
    flat = config.flat * config.steps
    progress = min(1.0, max(0.0, (step - flat) / max(config.steps - flat, 1)))
    decayed = config.final + (1 - config.final) * (1 + math.cos(math.pi * progress)) / 2
    return config.learning_rate * rising * decayed


def batch_size(step: int, config: GradientLearning) -> int:
    """Simulated trials of a step (from 0): the batches in equal shares of the steps."""
    return config.batches[min(step * len(config.batches) // config.steps, len(config.batches) - 1)]
