"""What `model.json` of a fit says; needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from spiketwin.errors import SpiketwinError

FORMAT = 1
"""Version of the files of a fitted model."""


def read_description(folder: Path) -> dict[str, Any]:
    """``model.json`` of a fit."""
    path = Path(folder) / "model.json"
    if not path.exists():
        raise SpiketwinError(f"no fitted model in {folder}; make it with: spiketwin fit")
    description = json.loads(path.read_text(encoding="utf-8"))
    if description.get("format") != FORMAT:
        raise SpiketwinError(
            f"{path} has format {description.get('format')!r}, expected {FORMAT}; "
            "delete it and fit again"
        )
    return description
