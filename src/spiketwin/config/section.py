"""What all parts of the configuration share: closed, frozen, described by their docstrings."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME = r"^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME)]
"""Names that become file names: letters, digits, ``_ . + -``, not starting with a dot."""

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A block of the configuration. Unknown keys are errors; values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False
    )
