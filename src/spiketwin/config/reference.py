"""The reference of all settings and their JSON schema, generated from the typed configuration.

    python -m spiketwin.config.reference

writes ``workflow/config/README.md`` and ``workflow/schemas/config.schema.json``.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType
from typing import Any

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from spiketwin.config.load import Config
from spiketwin.config.rates import TargetRun
from spiketwin.config.section import Section

INTRO = """# Settings

Generated from the typed configuration with `python -m spiketwin.config.reference`; do not edit.

A configuration is one YAML file: a run on recordings ([Config](#config)), or, if it has `targets`,
a run on given targets ([TargetRun](#targetrun)). Unknown keys are errors. `network`, `losses`,
`cue` and `learning` at the top level are what all models share; each entry of `models` says only
what differs. Times are in seconds, rates in hertz.
"""
COMMAND = "python -m spiketwin.config.reference"


def reference() -> str:
    """All settings as Markdown, one table per block."""
    done: list[type[Section]] = []
    waiting: list[type[Section]] = [Config, TargetRun]
    while waiting:
        section = waiting.pop(0)
        if section not in done:
            done.append(section)
            waiting += [s for f in section.model_fields.values() for s in _sections(f.annotation)]
    return INTRO + "".join(_table(section) for section in done)


def schema() -> str:
    """JSON schema of a resolved configuration, for editors."""
    either: TypeAdapter[Config | TargetRun] = TypeAdapter(Config | TargetRun)
    return json.dumps(either.json_schema(), indent=1) + "\n"


def _table(section: type[Section]) -> str:
    purpose = " ".join((section.__doc__ or "").split())
    rows = [_row(name, field) for name, field in section.model_fields.items()]
    head = "| key | type | default | meaning |\n|---|---|---|---|\n"
    return f"\n## {section.__name__}\n\n{purpose}\n\n{head}" + "".join(rows)


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{name}` | {_type(field.annotation)} | {_default(field)} | {meaning} |\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**needed**"
    value = field.default if field.default is not PydanticUndefined else None
    if isinstance(value, Section):
        return f"[{type(value).__name__}](#{type(value).__name__.lower()})"
    if isinstance(value, list) and value and isinstance(value[0], Section):
        return ", ".join(getattr(item, "name", type(item).__name__) for item in value)
    return "none" if value is None else f"`{json.dumps(value)}`"


def _type(annotation: Any) -> str:
    """Readable type, sections as links."""
    if annotation is NoneType:
        return "none"
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    origin = getattr(annotation, "__origin__", None)
    inner: tuple[Any, ...] = getattr(annotation, "__args__", ())
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"dictionary of {_type(inner[1])}"
    if origin is tuple:
        return " and ".join(_type(part) for part in inner)
    if hasattr(annotation, "__metadata__"):
        return _type(inner[0] if inner else annotation.__origin__)
    if inner:
        parts = [part for part in inner if part is not NoneType]
        return " or ".join(_type(p) if not isinstance(p, str) else f"`{p}`" for p in parts)
    return getattr(annotation, "__name__", str(annotation))


def _sections(annotation: Any) -> list[type[Section]]:
    """Sections that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [s for part in getattr(annotation, "__args__", ()) for s in _sections(part)]


def write(root: Path) -> None:
    """Write both files below the root of the project."""
    (root / "workflow/config/README.md").write_text(reference(), encoding="utf-8")
    (root / "workflow/schemas/config.schema.json").write_text(schema(), encoding="utf-8")


if __name__ == "__main__":
    write(Path.cwd())
