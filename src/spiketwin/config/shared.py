"""What the models of a run share: blocks at the top level of a configuration file."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Any

from spiketwin.config.sweeps import models_of


def merge(base: AnyMapping[str, Any], over: AnyMapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, block by block."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def with_targets(blocks: AnyMapping[str, Any]) -> Any:
    """Models, those of sweeps among them, with what they take from the targets of the run."""
    models, given = blocks.get("models"), blocks.get("targets")
    if "sweeps" in blocks:
        models = {**(models or {}), **merge(models_of(blocks["sweeps"]), models or {})}
    if not isinstance(models, dict) or not isinstance(given, dict):
        return models
    pattern, found = given.get("pattern"), dict(models)
    for name, model in models.items():
        own = model.get("targets") if isinstance(model, dict) else None
        if isinstance(own, dict) and own.get("pattern", pattern) == pattern:
            found[name] = {**model, "targets": merge(given, own)}
    return found
