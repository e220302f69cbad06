"""Perturbations given on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import ValidationError

from spiketwin.config.analysis import Perturbation
from spiketwin.config.load import Config, explain, resolve
from spiketwin.errors import SpiketwinError


def with_perturbations(config: Config, texts: Sequence[str]) -> Config:
    """With perturbations given as text, ``area=A,cells=inhibitory,current=0.5,window=0:0.1``.

    Raises
    ------
    SpiketwinError
        When a text is no perturbation.
    """
    raw = config.model_dump(mode="json")
    raw["analysis"]["perturbations"] += [_perturbation(text) for text in texts]
    return resolve(raw) if texts else config


def _perturbation(text: str) -> dict[str, object]:
    pairs = [part.partition("=") for part in text.split(",")]
    given: dict[str, object] = {key.strip(): value.strip() for key, _, value in pairs}
    if "window" in given:
        given["window_s"] = str(given.pop("window")).split(":")
    words = "-".join(str(given[key]) for key in ("area", "cells", "current") if key in given)
    found = {"name": re.sub(r"[^\w.-]", "_", words) or "perturbation", **given}
    try:
        return Perturbation.model_validate(found).model_dump(mode="json")
    except ValidationError as error:
        problem = explain(error, Perturbation).removeprefix("configuration: ")
        raise SpiketwinError(
            f"--perturb {text!r}: {problem.replace('window_s', 'window')}; expected "
            "area=A,cells=inhibitory,current=0.5,window=START:STOP (s)"
        ) from None
