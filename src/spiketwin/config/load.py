"""Reading a configuration: safe YAML, shared defaults merged into models, errors in one line."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from spiketwin.config.analysis import Analysis
from spiketwin.config.models import Model
from spiketwin.config.recordings import Recordings
from spiketwin.config.section import Name, Section
from spiketwin.config.trials import Features, TrialWindow
from spiketwin.errors import SpiketwinError

SHARED = ("network", "losses", "learning")
"""Top-level blocks that every model starts from."""


class Config(Section):
    """A run: recordings, trials, features, models, seeds."""

    run: Name
    """Name of the run; its results go to `results/RUN`."""
    description: str = ""
    """One sentence for the front page of the report."""
    recordings: Recordings
    trials: TrialWindow
    features: Features = Features()
    models: dict[Name, Model] = Field(min_length=1)
    """Named variants. In the file, `network`, `losses` and `learning` at the top level are what
    all models share; a model names only what differs."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Seeds of the fits."""
    analysis: Analysis = Analysis()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for name, model in self.models.items():
            _check_step(name, model, self.trials.bin_s)
            _check_delays(name, model, self.trials.window_s)
            _check_stimuli(name, model, set(self.recordings.mapping.stimuli))
        return self


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
    given["window_s"] = str(given.pop("window", "")).split(":")
    words = "-".join(str(given[key]) for key in ("area", "cells", "current") if key in given)
    return {"name": re.sub(r"[^\w.-]", "_", words) or "perturbation", **given}


def _check_step(name: str, model: Model, bin_s: float) -> None:
    ratio = bin_s / model.network.step_s
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6:
        raise ValueError(
            f"trials.bin_s {bin_s:g} s is not a multiple of network.step_s "
            f"{model.network.step_s:g} s of model {name!r}"
        )


def _check_delays(name: str, model: Model, window_s: tuple[float, float]) -> None:
    step_s, longest_s = model.network.step_s, window_s[1] - window_s[0]
    for delay_s in model.network.delays_s:
        steps = delay_s / step_s
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps or delay_s >= longest_s:
            raise ValueError(
                f"a delay of {delay_s:g} s in network.delays_s of model {name!r}; expected a "
                f"multiple of network.step_s {step_s:g} s below the {longest_s:g} s of "
                "trials.window_s"
            )


def _check_stimuli(name: str, model: Model, known: set[str]) -> None:
    for group in model.network.inputs:
        if group.stimulus is not None and group.stimulus not in known:
            raise ValueError(
                f"input {group.name!r} of model {name!r} names stimulus {group.stimulus!r}; "
                f"recordings.mapping.stimuli has: {', '.join(sorted(known)) or 'none'}"
            )


def merge(base: AnyMapping[str, Any], over: AnyMapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`, block by block."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def resolve(raw: AnyMapping[str, Any], source: str = "configuration") -> Config:
    """Check a configuration given as nested dictionaries.

    Raises
    ------
    SpiketwinError
        On an unknown key (naming the nearest valid one), a wrong type or an impossible value.
    """
    blocks = dict(raw)
    shared = {key: blocks.pop(key) for key in SHARED if key in blocks}
    models = blocks.get("models")
    if isinstance(models, dict):
        blocks["models"] = {name: merge(shared, model or {}) for name, model in models.items()}
    elif models is None:
        raise SpiketwinError(f"{source}: models: needed, a dictionary of named models")
    try:
        return Config.model_validate(blocks)
    except ValidationError as error:
        raise SpiketwinError(f"{source}: {_explain(error)}") from None


def read_config(path: Path) -> Config:
    """Read and check a YAML configuration."""
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpiketwinError(f"no configuration at {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpiketwinError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise SpiketwinError(
            f"{path}: expected a YAML dictionary with run, recordings, trials, models"
        )
    return resolve(raw, str(path))


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _explain(error: ValidationError) -> str:
    """First problem of a validation, in one line."""
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(problem['loc'])}"
    found = "" if problem["type"] == "missing" else f" (found {problem['input']!r:.80})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where or 'configuration'}: {message}{found if where else ''}"


def _nearest(location: tuple[int | str, ...]) -> str:
    """Nearest valid keys at the place of an unknown key."""
    keys = _keys_at(Config, [part for part in location[:-1]])
    close = difflib.get_close_matches(str(location[-1]), keys, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(keys)}" if keys else ""


def _keys_at(section: Any, path: list[int | str]) -> list[str]:
    """Keys of the section that a location of pydantic leads to."""
    sections = [section]
    for part in path:
        sections = [inner for outer in sections for inner in _inside(outer, part)]
    return sorted({key for found in sections for key in found.model_fields})


def _inside(section: Any, part: int | str) -> list[Any]:
    field = section.model_fields.get(part) if isinstance(part, str) else None
    return _sections(field.annotation) if field is not None else [section]


def _sections(annotation: Any) -> list[Any]:
    """All configuration sections that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [section for part in inner for section in _sections(part)]
