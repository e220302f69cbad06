"""Moving what holds tensors to another device."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TypeVar

import torch

Movable = TypeVar("Movable")


def on_device(value: Movable, device: torch.device) -> Movable:
    """A copy with all tensors on a device: tensors, data classes, tuples, lists, dictionaries."""
    moved: object = value
    if isinstance(value, torch.Tensor):
        moved = value.to(device)
    elif is_dataclass(value) and not isinstance(value, type):
        inside = {f.name: on_device(getattr(value, f.name), device) for f in fields(value)}
        moved = replace(value, **inside)
    elif isinstance(value, dict):
        moved = {key: on_device(item, device) for key, item in value.items()}
    elif type(value) in (tuple, list):
        moved = type(value)(on_device(item, device) for item in value)  # type: ignore[attr-defined,call-arg]
    return moved  # type: ignore[return-value]
