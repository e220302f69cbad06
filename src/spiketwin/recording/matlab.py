"""MATLAB v7.3 files: structures and cells as dictionaries and lists; nothing is executed.

Such a file is HDF5: numbers are stored transposed, characters as code units, cells and arrays of
structures as references, empty arrays as their shape.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from spiketwin.errors import SpiketwinError


def open_matlab(path: Path) -> h5py.File:
    """The file, read-only.

    Raises
    ------
    SpiketwinError
        When it is not there, or not of version 7.3.
    """
    if not Path(path).is_file():
        raise SpiketwinError(f"{path} is missing")
    try:
        return h5py.File(path, "r")
    except OSError:
        raise SpiketwinError(
            f"{path} is no MATLAB v7.3 file; save it again with: save(..., '-v7.3')"
        ) from None


def entries(structure: h5py.Group, field: str) -> list[Any]:
    """References of a field, one per entry of the structure (read them with `value`).

    Raises
    ------
    SpiketwinError
        When there is no such field, or it does not hold one value per entry.
    """
    if field not in structure:
        there = ", ".join(sorted(structure)) or "none"
        raise SpiketwinError(f"{structure.file.filename}: no field {field!r}; fields: {there}")
    stored = structure[field]
    if h5py.check_ref_dtype(stored.dtype) is None:
        raise SpiketwinError(f"{structure.file.filename}: field {field!r} holds no cells")
    return list(stored[()].ravel(order="F"))


def value(file: h5py.File, reference: Any) -> Any:
    """What a reference leads to: str, array, or list."""
    stored = file[reference]
    kind = stored.attrs.get("MATLAB_class", b"").decode()
    if stored.attrs.get("MATLAB_empty", 0):
        return "" if kind == "char" else ([] if kind == "cell" else np.zeros(0))
    content = stored[()]
    if kind == "char":
        return "".join(chr(unit) for unit in content.ravel(order="F"))
    if h5py.check_ref_dtype(stored.dtype) is not None:
        return [value(file, inner) for inner in content.ravel(order="F")]
    return np.asarray(content).T
