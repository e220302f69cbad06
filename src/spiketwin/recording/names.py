"""Names of sessions, which become names of files."""

from __future__ import annotations

import re

from spiketwin.config.section import NAME
from spiketwin.errors import SpiketwinError


def check_name(session: str) -> None:
    """Refuse a name that cannot be one of a session."""
    if not re.fullmatch(NAME, session):
        raise SpiketwinError(
            f"session name {session!r}: use letters, digits and _ . + -, not starting with a dot"
        )


def as_name(text: str, other: str = "-") -> str:
    """A session name that resembles the text, with `other` in the place of strange letters."""
    return re.sub(r"[^A-Za-z0-9_.+-]", other, text).lstrip(".") or "session"
